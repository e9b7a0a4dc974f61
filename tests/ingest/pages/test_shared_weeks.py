"""A week that two structures share, on the screens: one page for the family, and each crèche its own days."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from contracts.base import Event
from contracts.confirmations import AdmissionConfirmed, AdmissionRefused
from contracts.placements import PlacementEnding
from contracts.proposals import (
    Half,
    HalfConfirmed,
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalExpired,
    ProposalRefused,
    ProposalWithdrawn,
)
from contracts.releases import WithdrawalGiven
from contracts.requests import RequestAmended, RequestRegistered
from contracts.tasks import TaskOpened
from contracts.vocabulary import (
    Answer,
    DepartureReason,
    RefusalReason,
    Slot,
    TaskKind,
    VacancyKind,
    Weekday,
    WithdrawalReason,
)
from services.bus.links import contact_token
from services.cli import report
from services.ingest.declare.releases import TakingBackBody, withdraw_proposal
from services.ingest.declare.replies import record_reply
from services.ingest.problems import Refused
from services.ingest.projection import tables as seen
from services.ingest.queries.directory import named_structures
from services.ingest.queries.overview import overview
from services.ingest.queries.places import held_in
from tests.ingest.pages.reading import faults, once, words
from tests.ingest.pages.test_amendments import changed
from tests.ingest.pages.town import Town
from tests.ingest.people import COORDINATOR, CRECHE, ELSEWHERE, NOW, OTHER, OTHER_DIRECTOR, TUESDAY, act, later
from tests.ingest.proposals import LINK_KEY, accepted, delivered, event, made, placed, released, sent
from tests.ingest.proposals import facts as message

WHOLE, HALF, REQUEST, CONTACT = "O-31", "O-31-2", "R-31", "F-R-31-c1"
THURSDAY = Slot(day=Weekday.THU, start=TUESDAY.start, end=TUESDAY.end)
LINK = f"/p/{contact_token(LINK_KEY, WHOLE, CONTACT)}"
OTHER_HALF = Half(half=HALF, structure=OTHER, section=ELSEWHERE, slots=(THURSDAY,))
OFFERED = (
    made(WHOLE, REQUEST, code="4831", rank=None, other_half=OTHER_HALF),
    released(WHOLE),
    sent(WHOLE, contact=CONTACT),
    delivered(WHOLE).model_copy(update={"about": message(WHOLE, CONTACT)}),
    event(ProposalDeadlineSet, WHOLE, counted_from=NOW, deadline=later(hours=34)),
)
YES = (*OFFERED, accepted(WHOLE))
ONE_SAID = (*YES, event(HalfConfirmed, WHOLE, half=HALF, structure=OTHER))
DATES = {"adaptation": "2026-11-12", "premier_jour": "2026-11-17"}


def _placed(half: str, structure: str, section: str, day: Slot, first: date) -> Event:
    where = {"structure": structure, "section": section, "slots": (day,), "first_full_day": first}
    return placed(WHOLE, half).model_copy(update={"request": REQUEST, **where})


GIVEN = (
    *ONE_SAID,
    _placed(WHOLE, CRECHE, "S-cailloux-grands", TUESDAY, date(2026, 11, 17)),
    _placed(HALF, OTHER, ELSEWHERE, THURSDAY, date(2026, 11, 19)),
)


def late_at(structure: str) -> Event:
    about = {"proposal": WHOLE, "request": REQUEST, "structure": structure, "detail": ""}
    return event(TaskOpened, "T-31", kind=TaskKind.LATE_CONFIRMATION, **about)


async def told(town: Town, *events: Event) -> None:
    await town._family(31)
    await town.hear(*events)


REFUSED = event(ProposalRefused, WHOLE, reason=RefusalReason.STAFF_SHORTAGE, structure=OTHER)
TAKEN_BACK = event(
    ProposalWithdrawn, WHOLE, reason=WithdrawalReason.STAFF_SHORTAGE, after_yes=False, family_knew=True
)  # fmt: skip


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (OFFERED, ("Deux places sont proposées ensemble", "Votre réponse vaut pour les deux.", "ces deux places")),
        (YES, ("Votre OUI est noté", "vous appellent", "quand les deux ont confirmé")),
        (ONE_SAID, ("a confirmé.", "n'a pas encore répondu.")),
        (GIVEN, ("Les deux places sont à vous", "vous attendent.", "17\u00a0novembre", "19\u00a0novembre")),
        ((*OFFERED, TAKEN_BACK), ("Ces deux places ne sont plus disponibles", "une des deux structures")),
        ((*YES, REFUSED), ("Ces deux places ne sont plus disponibles", "L'autre place ne suffit pas seule.")),
        ((*OFFERED, event(ProposalExpired, WHOLE, deadline=NOW)), ("Le délai est passé", "sont libérées")),
        (
            (*OFFERED, event(ProposalDeclined, WHOLE, answer=Answer.NON, answered_by="F")),
            ("Les deux places vont à d'autres enfants.",),
        ),
    ],
)
async def test_the_family_reads_of_both_structures_on_one_page(
    town: Town, events: tuple[Event, ...], says: tuple[str, ...]
) -> None:
    await told(town, *events)
    page = await town.client.get(LINK)
    shown = words(page.text)
    assert page.status_code == 200
    assert [said for said in says if said not in shown] == []


async def test_each_creche_sees_its_own_days_and_no_name_of_the_other(town: Town) -> None:
    await told(town, *YES)
    for who, own, name in (("director", "mardi", "Tilleuls"), ("other_director", "jeudi", "Cailloux")):
        client = await town.signed_in(who)
        shown = words((await client.get("/creche/a-confirmer")).text)
        assert f"Le {own}, de" in shown and "Une autre structure accueille l'enfant les autres jours." in shown
        assert name not in shown.partition("À confirmer")[2]


async def test_the_second_creche_confirms_its_half_and_waits_for_the_first(town: Town) -> None:
    await told(town, *YES)
    client = await town.signed_in("other_director")
    form = await client.get(f"/creche/a-confirmer/{HALF}")
    assert form.status_code == 200
    answer = await client.post(f"/creche/a-confirmer/{HALF}", data=DATES)
    assert answer.status_code == 303
    told_her = words((await client.get(answer.headers["location"])).text)
    assert "La famille voit les dates quand les deux structures ont confirmé." in told_her
    (said,) = await town.said(AdmissionConfirmed)
    assert (said.subject, said.proposal, said.structure) == (WHOLE, WHOLE, OTHER)
    await town.hear(ONE_SAID[-1])
    shown = words((await client.get("/creche/a-confirmer")).text)
    assert "Vous avez confirmé." in shown and "Appelez-les" not in shown, "nobody is left to call"
    assert "votre confirmation" not in words((await client.get("/creche")).text), "nothing is left to do there"
    assert (await client.get(f"/creche/a-confirmer/{HALF}")).status_code == 409


async def test_a_refusal_says_which_structure_refuses(town: Town) -> None:
    await told(town, *YES)
    client = await town.signed_in("director")
    await client.post(f"/creche/a-confirmer/{WHOLE}/refuser", data={"motif": "age", "mots": "à voir"})
    (said,) = await town.said(AdmissionRefused)
    assert (said.proposal, said.structure) == (WHOLE, CRECHE)


async def test_a_half_belongs_to_its_structure_and_takes_no_answer(town: Town) -> None:
    await told(town, *OFFERED)
    with pytest.raises(Refused):
        await town.write(record_reply, act(COORDINATOR), HALF, Answer.OUI)
    body = TakingBackBody(reason=WithdrawalReason.STAFF_SHORTAGE)
    await town.write(withdraw_proposal, act(OTHER_DIRECTOR), HALF, body)
    (said,) = await town.said(WithdrawalGiven)
    assert (said.subject, said.proposal) == (WHOLE, WHOLE)


async def test_both_places_are_held_and_the_proposal_is_counted_once(town: Town) -> None:
    before = await town.guichet.database.read(overview, COORDINATOR, NOW)
    await told(town, *OFFERED)
    held = await town.guichet.database.read(held_in, ELSEWHERE, VacancyKind.REGULAR.value)
    assert [hold.slots for hold in held] == [(THURSDAY,)]
    after = await town.guichet.database.read(overview, COORDINATOR, NOW)
    assert _count(after) == _count(before) + 1


def _count(view: dict[str, Any]) -> int:
    return sum(view["proposals"].values())


async def test_the_guichet_sees_both_halves_and_confirms_for_whoever_is_late(town: Town) -> None:
    late = late_at(CRECHE)
    await told(town, *ONE_SAID, late)
    client = await town.signed_in("coordinator")
    file = (await client.get(f"/guichet/dossier/{REQUEST}")).text
    assert "jeudi, de" in words(file) and "L'autre structure n'a pas encore répondu." in words(file)
    assert f"/creche/a-confirmer/{WHOLE}" in file and f"/creche/a-confirmer/{HALF}" not in file
    tasks = (await client.get("/guichet")).text
    assert f'href="/creche/a-confirmer/{WHOLE}"' in tasks


async def test_the_task_about_the_second_structure_opens_its_half(town: Town) -> None:
    late = late_at(OTHER)
    await told(town, *YES, late)
    client = await town.signed_in("coordinator")
    assert f'href="/creche/a-confirmer/{HALF}"' in (await client.get("/guichet")).text


@pytest.mark.parametrize(("structure", "named"), [(CRECHE, "Cailloux"), (OTHER, "Tilleuls")])
async def test_the_task_about_a_refusal_says_which_of_the_two_structures_refused(
    town: Town, structure: str, named: str
) -> None:
    about = {"proposal": WHOLE, "request": REQUEST, "structure": structure, "detail": ""}
    refused = event(TaskOpened, "T-31", kind=TaskKind.STRUCTURE_REFUSED, **about)
    await told(town, *YES, REFUSED.model_copy(update={"structure": structure}), refused)
    page = words((await (await town.signed_in("coordinator")).get("/guichet")).text)
    assert re.findall(r"(Cailloux|Tilleuls)[\w ()]* a refusé\.", page) == [named]


async def test_what_was_prepared_is_released_as_one(town: Town) -> None:
    await told(town, OFFERED[0])
    client = await town.signed_in("coordinator")
    shown = (await client.get("/guichet")).text
    assert "Semaine partagée" in words(shown)
    assert f'value="{WHOLE}"' in shown and f'value="{HALF}"' not in shown


async def test_a_departure_from_one_of_the_two_is_announced_there(town: Town) -> None:
    await told(town, *GIVEN)
    client = await town.signed_in("other_director")
    shown = (await client.get("/creche/departs")).text
    assert f'/creche/depart/{HALF}"' in shown and f'/creche/depart/{WHOLE}"' not in shown
    rows = await town.guichet.database.read(lambda tx: list(tx.execute(seen.placements.select()).mappings()))
    assert {row["id"]: row["structure"] for row in rows if row["request"] == REQUEST} == {WHOLE: CRECHE, HALF: OTHER}


async def test_the_guichet_asks_for_another_place_in_place_of_either_half(town: Town) -> None:
    """For the whole week in one of the two, it is that one's place that the new request gives up."""
    await told(town, *GIVEN)
    client = await town.signed_in("coordinator")
    file = (await client.get(f"/guichet/dossier/{REQUEST}")).text
    for half in (WHOLE, HALF):
        assert f'href="/guichet/demande?place={half}"' in file
        assert (await client.get(f"/guichet/demande?place={half}")).status_code == 200
    leaving = {"last_day": later(hours=24 * 40).date(), "reason": DepartureReason.MOVED}
    await town.hear(event(PlacementEnding, HALF, structure=OTHER, section=ELSEWHERE, **leaving))
    file = (await client.get(f"/guichet/dossier/{REQUEST}")).text
    assert f"place={WHOLE}" in file and f"place={HALF}" not in file


@pytest.mark.parametrize(
    ("days", "leaves"),
    [((TUESDAY, THURSDAY), "{first} et {second}"), ((TUESDAY,), "{first}")],
    ids=["both halves", "one half"],
)
async def test_a_family_reads_which_of_its_two_places_another_one_would_end(
    town: Town, days: tuple[Slot, ...], leaves: str
) -> None:
    await told(town, *GIVEN)
    moves = made("O-32", "R-3", code="4912", replaces=WHOLE, slots=days)
    await town.hear(moves, released("O-32"), sent("O-32", contact="F-R-3-c1"), delivered("O-32"))
    names = await town.guichet.database.read(named_structures, [CRECHE, OTHER])
    page = words((await town.client.get(f"/p/{contact_token(LINK_KEY, 'O-32', 'F-R-3-c1')}")).text)
    wanted = leaves.format(first=names[CRECHE], second=names[OTHER])
    assert f"Votre place actuelle {wanted}\u00a0:" in " ".join(page.split(" "))


async def test_the_report_of_a_territory_counts_a_shared_week_once(town: Town) -> None:
    before = await town.guichet.database.read(report._ingest_side)
    await told(town, *OFFERED)
    after = await town.guichet.database.read(report._ingest_side)
    assert sum(after["proposals"].values()) == sum(before["proposals"].values()) + 1


REGISTRATION = {
    "nom": "Personne inventée", "tel": "06 39 98 30 00", "prenom": "Inventé", "naissance": "2025-01-05",
    "commune": "03185", "type": "regular", "jours": ["mon", "tue"], "de": "08:00", "a": "17:00", "trajet": "0",
    "debut": "2026-12-01", "souplesse": "0", "minimum": "1", "voeu1": CRECHE, "voeu2": OTHER, "partage": "oui",
}  # fmt: skip


async def test_the_guichet_registers_that_two_structures_would_do(town: Town) -> None:
    client = await town.signed_in("coordinator")
    page = await client.get("/guichet/demande")
    assert "Deux structures dans la semaine, si rien d'autre n'est possible" in words(page.text)
    form = {**REGISTRATION, "une_fois": once(page.text)}
    checked = await client.post("/guichet/demande", data={**form, "etape": "verifier"})
    assert "Oui, si rien d'autre n'est possible" in words(checked.text)
    done = await client.post("/guichet/demande", data={**form, "etape": "enregistrer"})
    assert done.status_code == 303
    (said,) = await town.said(RequestRegistered)
    assert said.accepts_split is True
    file = words((await client.get(done.headers["location"])).text)
    assert "Deux structures Dans la semaine, si rien d'autre n'est possible" in " ".join(file.split())


@pytest.mark.parametrize(
    "changes", [{"voeu2": ""}, {"type": "occasional", "fin": "2026-12-08"}], ids=["one wish", "single days"]
)
async def test_a_week_that_cannot_be_shared_is_refused_beside_the_box(town: Town, changes: dict[str, str]) -> None:
    client = await town.signed_in("coordinator")
    once_only = once((await client.get("/guichet/demande")).text)
    form = {**REGISTRATION, **changes, "une_fois": once_only, "etape": "verifier"}
    answer = await client.post("/guichet/demande", data=form)
    assert answer.status_code == 422
    assert "partage" in faults(answer.text)


async def test_nobody_accepts_it_without_saying_so(town: Town) -> None:
    client = await town.signed_in("coordinator")
    form = {**REGISTRATION, "une_fois": once((await client.get("/guichet/demande")).text), "etape": "enregistrer"}
    del form["partage"]
    await client.post("/guichet/demande", data=form)
    (said,) = await town.said(RequestRegistered)
    assert said.accepts_split is False


async def test_a_family_may_think_again_of_two_structures(town: Town) -> None:
    said = await changed(town, "coordinator", "/guichet/dossier/R-3/modifier", partage="oui", voeu2=OTHER)
    assert isinstance(said, RequestAmended) and said.accepts_split is True
