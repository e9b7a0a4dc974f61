"""Good rows are taken once, bad rows come back with their reason, and nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from contracts.requests import RequestAmended, RequestRegistered
from contracts.siblings import SiblingsAsked
from contracts.structures import StructurePublished
from contracts.vacancies import VacancyChanged, VacancyOpened
from contracts.vocabulary import ClosingReason, StaffMethod
from services.bus import outbox
from services.ingest import store
from services.ingest.actors import Actor, Role
from services.ingest.declare.requests import ClosingBody, amend_request, close_request
from services.ingest.files import Summary, import_file, imported, rejects_csv
from services.ingest.guichet import Guichet
from services.territory import Territory
from services.territory.faults import with_faults
from services.territory.files import TownFile, requests_csv, structures_csv
from services.vault import child_first_name, contacts_of, phone_for_people, tables
from tests.ingest.files import town
from tests.ingest.people import said

NOBODY = Actor("P-directrice", Role.STRUCTURE, town.NAME, structure="S-ailleurs")


def changed(file: TownFile, row: int, cells: Mapping[str, str]) -> TownFile:
    """The file with these cells of one row written anew."""
    written = list(file.rows[row])
    for column, text in cells.items():
        written[file.columns.index(column)] = text
    return replace(file, rows=(*file.rows[:row], tuple(written), *file.rows[row + 1 :]))


def only(file: TownFile, row: int) -> TownFile:
    return replace(file, rows=(file.rows[row],))


def why(summary: Summary) -> dict[int, set[tuple[str, str]]]:
    """(column, code) by line."""
    return {
        rejected.line.number: {(problem.field, problem.code) for problem in rejected.problems}
        for rejected in summary.rejected
    }


async def taken(guichet: Guichet, kind: str, file: TownFile, **options: object) -> Summary:
    return await import_file(guichet, town.act(), kind, file.encoded(), **options)  # type: ignore[arg-type]


async def count(guichet: Guichet, event: type[object]) -> int:
    return len(await guichet.database.read(said, event))  # type: ignore[arg-type]


async def test_structures_are_published_as_their_file_says(guichet: Guichet, tiny: Territory) -> None:
    events = {event.subject: event for event in await guichet.database.read(said, StructurePublished)}
    assert set(events) == {structure.id for structure in tiny.structures}
    for structure in tiny.structures:
        told = {name: getattr(events[structure.id], name) for name in structure.said()}
        assert told == structure.said()


async def test_vacancies_are_opened_as_their_file_says(guichet: Guichet, tiny: Territory) -> None:
    agreements = await town.sign_agreements(guichet.database, tiny)
    summary = await taken(guichet, "vacancies", town.places_file(tiny, agreements))
    assert (summary.taken, summary.rejected) == (len(tiny.vacancies), ())
    events = {event.subject: event for event in await guichet.database.read(said, VacancyOpened)}
    for vacancy in tiny.vacancies:
        facts = {**vacancy.said(), "agreement": agreements.get(vacancy.agreement or ""), "said_by": town.COORDINATOR.id}
        assert {name: getattr(events[vacancy.id], name) for name in facts} == facts


async def test_requests_are_registered_as_their_file_says(guichet: Guichet, tiny: Territory) -> None:
    summary = await taken(guichet, "requests", requests_csv(tiny))
    assert (summary.taken, summary.rejected) == (len(tiny.requests), ())
    events = {event.subject: event for event in await guichet.database.read(said, RequestRegistered)}
    for request in tiny.requests:
        told = {name: getattr(events[request.id], name) for name in request.said() if name != "criteria"}
        assert told == {name: value for name, value in request.said().items() if name != "criteria"}
        assert set(events[request.id].criteria) == set(request.criteria)  # type: ignore[attr-defined]


async def test_people_go_to_the_vault_and_nowhere_else(guichet: Guichet, tiny: Territory) -> None:
    await taken(guichet, "requests", requests_csv(tiny))
    bodies = b"".join(row.body for row in await guichet.database.read(outbox.after, 0, 1000))
    for family in tiny.families:
        kept = await guichet.vault.read(contacts_of, guichet.keyring, family.id)
        assert [contact.phone for contact in kept] == [contact.phone for contact in family.contacts]
        assert not any(contact.name.encode() in bodies for contact in family.contacts)
    request = next(r for r in tiny.requests if r.is_born)
    assert await guichet.vault.read(child_first_name, guichet.keyring, request.id)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
async def test_the_same_file_in_another_encoding_is_the_same_file(
    guichet: Guichet, tiny: Territory, encoding: str
) -> None:
    file = requests_csv(tiny)
    assert (await taken(guichet, "requests", file)).taken == len(file.rows)
    again = await import_file(guichet, town.act(), "requests", file.encoded(encoding))
    assert (again.taken, again.known) == (0, len(file.rows))


async def test_a_file_imported_twice_says_everything_once(guichet: Guichet, tiny: Territory) -> None:
    file = requests_csv(tiny)
    await taken(guichet, "requests", file)
    before = await count(guichet, object)
    again = await taken(guichet, "requests", file)
    assert (again.read, again.taken, again.known, again.rejected) == (len(file.rows), 0, len(file.rows), ())
    assert await count(guichet, object) == before


async def test_without_the_memory_of_rows_a_second_import_would_say_everything_again(
    guichet: Guichet, tiny: Territory
) -> None:
    file = requests_csv(tiny)
    await taken(guichet, "requests", file)
    await guichet.database.write(lambda tx: tx.execute(imported.rows.delete()) and None)
    await taken(guichet, "requests", file)
    assert await count(guichet, RequestAmended) == len(file.rows)


async def test_an_old_file_does_not_undo_what_the_guichet_changed_since(guichet: Guichet, tiny: Territory) -> None:
    file, request = requests_csv(tiny), tiny.requests[0]
    await taken(guichet, "requests", file)
    row = await guichet.database.read(store.find, store.requests, request.id)
    assert row is not None
    need = town.need_of(row["need"]).model_copy(update={"travel_minutes": 90})
    await guichet.database.write(amend_request, town.act(), request.id, need)
    await taken(guichet, "requests", file)
    row = await guichet.database.read(store.find, store.requests, request.id)
    assert row is not None and row["need"]["travel_minutes"] == 90


async def test_a_row_that_changed_amends_its_request(guichet: Guichet, tiny: Territory) -> None:
    file = requests_csv(tiny)
    await taken(guichet, "requests", file)
    newer = changed(file, 0, {"Trajet (minutes)": "45", "Téléphone 1": "06 39 98 11 22"})
    summary = await taken(guichet, "requests", newer)
    assert (summary.taken, summary.known) == (1, len(file.rows) - 1)
    (event,) = await guichet.database.read(said, RequestAmended)
    assert (event.subject, event.travel_minutes) == (tiny.requests[0].id, 45)  # type: ignore[attr-defined]
    contacts = await guichet.vault.read(contacts_of, guichet.keyring, tiny.requests[0].family)
    assert phone_for_people(contacts[0].phone or "") == "06 39 98 11 22"


async def test_a_row_may_change_and_change_back(guichet: Guichet, tiny: Territory) -> None:
    file = only(requests_csv(tiny), 0)
    newer = changed(file, 0, {"Trajet (minutes)": "45"})
    for version in (file, newer, file, newer):
        later = town.act(now=town.NOW + timedelta(minutes=await count(guichet, RequestAmended) + 1))
        assert (await import_file(guichet, later, "requests", version.encoded())).taken == 1
    assert await count(guichet, RequestAmended) == 3


async def test_a_closed_request_is_not_opened_again_by_a_file(guichet: Guichet, tiny: Territory) -> None:
    file, request = only(requests_csv(tiny), 0), tiny.requests[0]
    await taken(guichet, "requests", file)
    closing = ClosingBody(reason=ClosingReason.MOVED_AWAY)
    await guichet.database.write(close_request, town.act(), request.id, closing)
    assert (await taken(guichet, "requests", file)).known == 1
    summary = await taken(guichet, "requests", changed(file, 0, {"Trajet (minutes)": "45"}))
    assert why(summary) == {2: {("Demande", "closed")}}


@pytest.mark.parametrize(("column", "other"), [("Famille", "F-autre"), ("Enfant", "E-autre")])
async def test_a_request_stays_with_the_family_and_the_child_that_it_came_with(
    guichet: Guichet, tiny: Territory, column: str, other: str
) -> None:
    file = only(requests_csv(tiny), 0)
    await taken(guichet, "requests", file)
    summary = await taken(guichet, "requests", changed(file, 0, {column: other}))
    assert why(summary) == {2: {(column, "other_family")}}
    assert await guichet.vault.read(contacts_of, guichet.keyring, "F-autre") == ()


async def test_the_last_row_of_a_family_says_how_to_reach_it(guichet: Guichet, tiny: Territory) -> None:
    """Twins, say: two rows of one import with the same family."""
    file, family = requests_csv(tiny), tiny.requests[0].family
    again = changed(only(file, 1), 0, {"Famille": family, "Contact 1": "Maxence Exemple"})
    both = replace(file, rows=(file.rows[0], again.rows[0]))
    assert (await taken(guichet, "requests", both)).taken == 2
    assert (await guichet.vault.read(contacts_of, guichet.keyring, family))[0].name == "Maxence Exemple"


async def test_a_vacancy_that_has_fewer_places_is_changed(guichet: Guichet, tiny: Territory) -> None:
    file = town.places_file(tiny, await town.sign_agreements(guichet.database, tiny))
    await taken(guichet, "vacancies", file)
    row = next(n for n, vacancy in enumerate(tiny.vacancies) if vacancy.places > 1)
    await taken(guichet, "vacancies", changed(file, row, {"Nombre": "1"}))
    (event,) = await guichet.database.read(said, VacancyChanged)
    assert (event.subject, event.places) == (tiny.vacancies[row].id, 1)  # type: ignore[attr-defined]


async def test_a_vacancy_with_another_week_is_another_vacancy(guichet: Guichet, tiny: Territory) -> None:
    file = town.places_file(tiny, await town.sign_agreements(guichet.database, tiny))
    await taken(guichet, "vacancies", file)
    row = next(n for n, vacancy in enumerate(tiny.vacancies) if vacancy.kind == "regular")
    summary = await taken(guichet, "vacancies", changed(file, row, {"Public": "Parcours d'insertion"}))
    assert why(summary) == {row + 2: {("Public", "not_changeable")}}


@pytest.mark.parametrize("kind", ["structures", "vacancies", "requests"])
async def test_a_dry_run_says_what_would_happen_and_writes_nothing(empty: Guichet, tiny: Territory, kind: str) -> None:
    file: TownFile = structures_csv(tiny)
    if kind != "structures":
        await taken(empty, "structures", file)
        agreements = await town.sign_agreements(empty.database, tiny)
        file = requests_csv(tiny) if kind == "requests" else town.places_file(tiny, agreements)
    broken, faults = with_faults(file, 0.3, 7)
    before = await count(empty, object)
    tried = await taken(empty, kind, broken, dry_run=True)
    assert await count(empty, object) == before
    assert await empty.vault.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(tables.contacts))) == 0
    done = await taken(empty, kind, broken)
    assert (tried.taken, why(tried)) == (done.taken, why(done))
    assert done.taken > 0 and len(done.rejected) >= len(faults)


@pytest.mark.parametrize("seed", [3, 7, 11])
@pytest.mark.parametrize("kind", ["vacancies", "requests"])
async def test_every_broken_row_comes_back_and_every_good_one_is_taken(
    guichet: Guichet, tiny: Territory, kind: str, seed: int
) -> None:
    agreements = await town.sign_agreements(guichet.database, tiny)
    file = requests_csv(tiny) if kind == "requests" else town.places_file(tiny, agreements)
    broken, faults = with_faults(file, 0.5, seed)
    summary = await taken(guichet, kind, broken)
    assert set(why(summary)) == {fault.line for fault in faults}
    assert summary.taken + len(faults) == summary.read == len(file.rows)


@pytest.mark.parametrize("seed", [3, 7, 11])
async def test_a_structure_with_a_broken_row_comes_back_whole(empty: Guichet, tiny: Territory, seed: int) -> None:
    file = structures_csv(tiny)
    broken, faults = with_faults(file, 0.3, seed)
    summary = await taken(empty, "structures", broken)
    spoilt = {file.rows[fault.line - 2][0] for fault in faults}
    assert set(why(summary)) == {n + 2 for n, row in enumerate(file.rows) if row[0] in spoilt}
    published = {event.subject for event in await empty.database.read(said, StructurePublished)}
    assert published == {row[0] for row in file.rows} - spoilt


async def test_rejects_name_line_column_rule_and_remedy(guichet: Guichet, tiny: Territory) -> None:
    file = changed(only(requests_csv(tiny), 0), 0, {"Début": "31/02/2027", "Téléphone 1": "06 12", "Né": "bientôt"})
    summary = await taken(guichet, "requests", file)
    (rejected,) = summary.rejected
    assert {problem.field for problem in rejected.problems} == {"Début", "Né"}
    assert "Début\u00a0: La date «\u00a031/02/2027\u00a0» n'existe pas." in rejected.reason
    assert "Écrivez jour/mois/année" in rejected.remedy


async def test_the_rejects_file_can_be_put_right_and_imported(guichet: Guichet, tiny: Territory) -> None:
    file = requests_csv(tiny)
    broken = changed(file, 1, {"Accueil adapté": "peut-être"})
    rejects = rejects_csv(await taken(guichet, "requests", broken))
    assert rejects.startswith(b"\xef\xbb\xbfMotif du rejet;Que faire;Demande;")
    still = await import_file(guichet, town.act(), "requests", rejects)
    assert (still.read, len(still.rejected), still.unread) == (1, 1, ())
    right = rejects.decode("utf-8-sig").replace("peut-être", file.rows[1][file.columns.index("Accueil adapté")])
    assert (await import_file(guichet, town.act(), "requests", right.encode())).taken == 1
    again = await taken(guichet, "requests", file)
    assert (again.taken, again.known) == (0, len(file.rows))


async def test_a_rejected_cell_that_is_a_formula_leaves_as_a_text_and_comes_back_as_it_was(
    guichet: Guichet, tiny: Territory
) -> None:
    formula = '=HYPERLINK("http://exemple.fr")'
    broken = changed(
        only(requests_csv(tiny), 0), 0, {"Né": "bientôt", "Prénom": formula, "Téléphone 1": "+33639980101"}
    )
    first = await taken(guichet, "requests", broken)
    rejects = rejects_csv(first).decode("utf-8-sig")
    assert "\"'=HYPERLINK(" in rejects and ";'+33639980101;" in rejects
    (rejected,) = (await import_file(guichet, town.act(), "requests", rejects.encode())).rejected
    assert {formula, "+33639980101"} <= set(rejected.line.cells)


async def test_what_a_program_reads_of_an_import_repeats_no_cell(guichet: Guichet, tiny: Territory) -> None:
    file = changed(only(requests_csv(tiny), 0), 0, {"Contact 1": "Zéphyrine", "Né": "bientôt"})
    summary = await taken(guichet, "requests", file)
    assert "Zéphyrine" not in str(summary.as_json())
    assert summary.as_json()["rejects"][0]["line"] == 2


async def test_a_child_who_seems_registered_already_is_taken_and_said(guichet: Guichet, tiny: Territory) -> None:
    """Of another family in the file, of an earlier import, and above in the same file; its own row again is none."""
    file = only(requests_csv(tiny), 0)
    again = changed(file, 0, {"Demande": "R-encore", "Famille": "F-encore", "Enfant": "E-encore"})
    third = changed(file, 0, {"Demande": "R-trois", "Famille": "F-trois", "Enfant": "E-trois"})
    first = await taken(guichet, "requests", file)
    dry = await taken(guichet, "requests", again, dry_run=True)
    both = await taken(guichet, "requests", replace(again, rows=(*again.rows, *third.rows)))
    assert (first.warned, both.taken, both.rejected) == ((), 2, ())
    assert [row["requests"] for row in dry.as_json()["warnings"]] == [[tiny.requests[0].id]]
    assert [(row.line, row.requests) for row in both.warned] == [
        (2, (tiny.requests[0].id,)),
        (3, (tiny.requests[0].id, "R-encore")),
    ]
    twin = await taken(guichet, "requests", changed(file, 0, {"Naissance": "02/02/2026"}))
    assert twin.warned == ()


async def test_twins_of_one_family_are_no_duplicates_without_the_column_that_joins_them(
    guichet: Guichet, tiny: Territory
) -> None:
    """In one file, and in one after the other; the same first name under a second id is said all the same."""
    first = changed(only(requests_csv(tiny), 0), 0, {"Prénom": "Zoé", "Avec": "", "Ensemble": ""})
    own = {"Demande": "R-jumeau", "Enfant": "E-jumeau"}
    twin, again = (changed(first, 0, {**own, "Prénom": name}) for name in ("Noé", "zoé"))
    both = await taken(guichet, "requests", replace(first, rows=(*first.rows, *twin.rows)), dry_run=True)
    same = await taken(guichet, "requests", replace(first, rows=(*first.rows, *again.rows)), dry_run=True)
    assert (both.warned, [row.line for row in same.warned]) == ((), [3])
    await taken(guichet, "requests", first)
    later = await taken(guichet, "requests", twin, dry_run=True)
    doubled = await taken(guichet, "requests", again, dry_run=True)
    assert (later.warned, [row.requests for row in doubled.warned]) == ((), [(tiny.requests[0].id,)])


async def test_an_identifier_counts_once_in_a_file(guichet: Guichet, tiny: Territory) -> None:
    file = only(requests_csv(tiny), 0)
    summary = await taken(guichet, "requests", replace(file, rows=file.rows * 2))
    assert (summary.taken, why(summary)) == (1, {3: {("Demande", "twice_in_file")}})


async def test_a_family_that_waits_since_the_past_keeps_its_seniority(guichet: Guichet, tiny: Territory) -> None:
    row = next(n for n, request in enumerate(tiny.requests) if request.kind == "regular" and request.is_born)
    file = changed(only(requests_csv(tiny), row), 0, {"Début": "01/09/2026", "Fin": ""})
    summary = await taken(guichet, "requests", file)
    assert summary.rejected == ()
    (event,) = await guichet.database.read(said, RequestRegistered)
    assert (event.since.isoformat(), event.period.start) == ("2026-09-01", town.TODAY)  # type: ignore[attr-defined]


async def test_a_number_whose_zero_excel_took_is_read(guichet: Guichet, tiny: Territory) -> None:
    file = changed(only(requests_csv(tiny), 0), 0, {"Téléphone 1": "639981122"})
    await taken(guichet, "requests", file)
    contacts = await guichet.vault.read(contacts_of, guichet.keyring, tiny.requests[0].family)
    assert contacts[0].phone == "+33639981122"


async def test_a_role_that_may_not_gets_every_row_back(guichet: Guichet, tiny: Territory) -> None:
    before = await count(guichet, object)
    summary = await import_file(guichet, town.act(NOBODY), "requests", requests_csv(tiny).encoded())
    assert (summary.taken, len(summary.rejected)) == (0, len(tiny.requests))
    assert await count(guichet, object) == before


async def test_progress_is_told_up_to_the_last_row(guichet: Guichet, tiny: Territory) -> None:
    told: list[tuple[int, int]] = []
    await taken(guichet, "requests", requests_csv(tiny), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(tiny.requests), len(tiny.requests))


async def test_no_fingerprint_can_be_made_without_the_key(guichet: Guichet, tiny: Territory) -> None:
    await taken(guichet, "requests", only(requests_csv(tiny), 0))
    kept = await guichet.database.read(lambda tx: list(tx.scalars(sa.select(imported.rows.c.fingerprint))))
    cells = [("Demande", tiny.requests[0].id)]
    assert imported.fingerprint(b"a" * 32, cells) != imported.fingerprint(b"b" * 32, cells)
    assert all(len(fingerprint) == 64 for fingerprint in kept)


def brother_and_sister(tiny: Territory) -> TownFile:
    """Two rows of one invented family."""
    file = requests_csv(tiny)
    regular = [n for n, row in enumerate(file.rows) if row[file.columns.index("Type")] == "Demande régulière"]
    one, other = regular[:2]
    two = replace(file, rows=(file.rows[one], file.rows[other]))
    family = two.rows[0][two.columns.index("Famille")]
    return changed(two, 1, {"Famille": family})


async def test_the_last_row_of_siblings_asks_for_them_together_and_once(guichet: Guichet, tiny: Territory) -> None:
    file = brother_and_sister(tiny)
    names = [row[file.columns.index("Demande")] for row in file.rows]
    wish = {"Ensemble": "Dans la même structure | Les mêmes jours"}
    both = changed(changed(file, 0, {"Avec": names[1], **wish}), 1, {"Avec": names[0], **wish})
    for _ in range(2):
        summary = await taken(guichet, "requests", both)
        assert summary.rejected == ()
    (asked,) = await guichet.database.read(said, SiblingsAsked)
    assert (asked.requests, len(asked.together)) == (tuple(sorted(names)), 2)


async def test_siblings_without_a_wish_and_too_many_days_come_back_with_their_column(
    guichet: Guichet, tiny: Territory
) -> None:
    file = brother_and_sister(tiny)
    names = [row[file.columns.index("Demande")] for row in file.rows]
    wrong = changed(file, 0, {"Avec": names[1], "Ensemble": ""})
    assert why(await taken(guichet, "requests", wrong)) == {2: {("Ensemble", "wish_wanted")}}
    days = changed(file, 0, {"Une partie aide": "oui", "Jours minimum": "9"})
    assert why(await taken(guichet, "requests", days)) == {2: {("Jours minimum", "days_wanted")}}


async def test_a_file_ranks_as_many_structures_as_the_page_does(guichet: Guichet, tiny: Territory) -> None:
    one, other = (structure.id for structure in tiny.structures[:2])
    first = changed(requests_csv(tiny), 0, {"Vœu 1": one, **{f"Vœu {n}": "" for n in range(2, 6)}})
    asked = replace(first, columns=(*first.columns, "Vœu 20"), rows=((*first.rows[0], other),))
    summary = await taken(guichet, "requests", asked)
    assert (summary.rejected, summary.unread) == ((), ())
    (told,) = await guichet.database.read(said, RequestRegistered)
    assert [wish.structure for wish in told.wishes] == [one, other]


async def test_two_structures_in_the_week_are_read_and_refused_where_only_one_is_wished(
    guichet: Guichet, tiny: Territory
) -> None:
    file = brother_and_sister(tiny)
    one, other = (structure.id for structure in tiny.structures[:2])
    wished = {f"Vœu {n}": "" for n in range(2, 6)}
    shared = changed(file, 0, {**wished, "Vœu 1": f"{one} / {other}", "Deux structures": "oui"})
    assert (await taken(guichet, "requests", only(shared, 0))).rejected == ()
    (told,) = await guichet.database.read(said, RequestRegistered)
    assert told.accepts_split
    alone = only(changed(file, 0, {**wished, "Vœu 1": one, "Deux structures": "oui"}), 0)
    assert why(await taken(guichet, "requests", alone)) == {2: {("Deux structures", "two_wishes_wanted")}}


async def test_how_far_a_family_would_go_is_read_and_refused_where_it_is_no_distance(
    guichet: Guichet, tiny: Territory
) -> None:
    first = only(requests_csv(tiny), 0)
    far = changed(first, 0, {"Partout (minutes)": "20"})
    assert (await taken(guichet, "requests", far)).rejected == ()
    (told,) = await guichet.database.read(said, RequestRegistered)
    assert told.within_minutes == 20
    wrong = changed(first, 0, {"Partout (minutes)": "121"})
    assert why(await taken(guichet, "requests", wrong)) == {2: {("Partout (minutes)", "minutes_wanted")}}


NEW = ("Débuts par semaine", "Gestionnaire", "Adultes présents", "Enfants présents", "Taux d'encadrement", "PEDT")
STAFF = {
    "Débuts par semaine": "2",
    "Gestionnaire": "M-ville",
    "Adultes présents": "lundi 8h-18h, mardi 8h-18h = 4 | mercredi 8h-12h = 2",
    "Enfants présents": "lundi 8h-18h = 3 + 7 | mardi 8h-18h = nés 03/11/2025, 12/05/2024",
    "Taux d'encadrement": "1 pour 6 enfants",
    "PEDT": "non",
}


def one_structure(tiny: Territory) -> TownFile:
    file = structures_csv(tiny)
    key = file.columns.index("Structure")
    return replace(file, rows=tuple(row for row in file.rows if row[key] == file.rows[0][key]))


def with_staff(tiny: Territory, cells: Mapping[str, str]) -> TownFile:
    """One structure's rows with the later columns, these cells in each."""
    file, new = one_structure(tiny), tuple(cells.get(column, "") for column in NEW)
    return replace(file, columns=(*file.columns, *NEW), rows=tuple((*row, *new) for row in file.rows))


async def last_published(guichet: Guichet) -> StructurePublished:
    event = (await guichet.database.read(said, StructurePublished))[-1]
    assert isinstance(event, StructurePublished)
    return event


async def test_staff_manager_and_starts_come_from_the_file_and_stay_where_it_has_no_such_column(
    guichet: Guichet, tiny: Territory
) -> None:
    async def imported_after(minutes: int, file: TownFile) -> StructurePublished:
        act = town.act(now=town.NOW + timedelta(minutes=minutes))
        assert not (await import_file(guichet, act, "structures", file.encoded())).rejected
        return await last_published(guichet)

    first = await imported_after(1, with_staff(tiny, STAFF))
    assert (first.manager, {section.starts_per_week for section in first.sections}) == ("M-ville", {2})
    assert first.staffing is not None and first.staffing.method is StaffMethod.ONE_IN_SIX
    assert [(len(row.slots), row.adults) for row in first.staffing.on_duty] == [(2, 4), (1, 2)]
    assert [(row.younger, row.older, row.born) for row in first.staffing.present] == [
        (3, 7, ()), (0, 0, (date(2024, 5, 12), date(2025, 11, 3))),
    ]  # fmt: skip
    older = one_structure(tiny)
    for n in range(len(older.rows)):
        older = changed(older, n, {"Adresse": "2 rue de l'Essai"})
    kept = await imported_after(2, older)
    assert kept.address == "2 rue de l'Essai"
    assert (kept.manager, kept.staffing, kept.sections) == (first.manager, first.staffing, first.sections)
    empty = await imported_after(3, with_staff(tiny, {}))
    assert (empty.manager, empty.staffing, {row.starts_per_week for row in empty.sections}) == (None, None, {None})


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"Débuts par semaine": "0"}, ("Débuts par semaine", "no_starts")),
        ({"Gestionnaire": "La Ville !"}, ("Gestionnaire", "not_an_id")),
        ({"Adultes présents": "lundi 8h-18h"}, ("Adultes présents", "number_wanted")),
        ({"Adultes présents": "lundi 8h-18h = quatre"}, ("Adultes présents", "not_a_number")),
        ({**STAFF, "Enfants présents": "lundi 8h-18h = 7"}, ("Enfants présents", "two_numbers_wanted")),
        ({**STAFF, "Enfants présents": "mardi 8h-18h = né 03/11/2062"}, ("Enfants présents", "born_in_future")),
        ({"PEDT": "oui"}, ("Adultes présents", "staff_wanted")),
        ({**STAFF, "Taux d'encadrement": "1 pour 9"}, ("Taux d'encadrement", "not_in_list")),
    ],
)
async def test_wrong_staff_comes_back_with_its_column(
    empty: Guichet, tiny: Territory, cells: dict[str, str], found: tuple[str, str]
) -> None:
    summary = await taken(empty, "structures", with_staff(tiny, cells))
    assert found in set[tuple[str, str]]().union(*why(summary).values())
