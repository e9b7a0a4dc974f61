"""A crèche's screens: two taps post a place, each fault stands beside its field, and nothing is done twice."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any

import httpx2
import pytest

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused, DepartureAnnounced
from contracts.vacancies import VacancyChanged, VacancyOpened, VacancyReconfirmed, VacancyWithdrawn
from contracts.vocabulary import Period, Slot, VacancyKind, Weekday, WithdrawalReason
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.pages.absences import ORDINARY_DAY, Part, hours_of
from services.ingest.pages.creches import _by_section
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.town import TOMORROW, WEEK, Town, proposal_in
from tests.ingest.people import BEBES, DIRECTOR, GRANDS, OTHER_DIRECTOR, TODAY, act, vacancy_body
from tests.ingest.proposals import accepted, made, released


@pytest.fixture
async def director(town: Town) -> httpx2.AsyncClient:
    return await town.signed_in("director")


def links(page: httpx2.Response, start: str) -> list[str]:
    return list(dict.fromkeys(target for target in read(page.text).targets if target.startswith(start)))


async def test_yesterdays_post_is_posted_again_in_two_taps(town: Town, director: httpx2.AsyncClient) -> None:
    home = await director.get("/creche")
    (model,) = links(home, "/creche/reprendre/")
    asked = await director.get(model)
    assert "Mardi 3\u00a0novembre, de\u00a08\u00a0h\u00a0à\u00a012\u00a0h" in words(asked.text)
    form = {"une_fois": once(asked.text)}
    for _ in range(2):
        posted = await director.post(model, data=form)
        assert posted.headers["location"] == "/creche?fait=publie"
    (opened,) = await town.said(VacancyOpened)
    assert opened.slots == (Slot(day=TOMORROW, start=time(8), end=time(12)),)
    assert (opened.kind, opened.section, opened.places) == (VacancyKind.OCCASIONAL, GRANDS, 1)
    again = await director.get(posted.headers["location"])
    assert "Place publiée." in words(again.text)
    assert links(again, "/creche/reprendre/") == [], "what is posted for tomorrow is not proposed again"


async def test_still_free_is_one_tap_for_one_and_one_for_all(town: Town, director: httpx2.AsyncClient) -> None:
    home = await director.get("/creche")
    assert "2\u00a0places ne sont plus proposées." in words(home.text)
    asked = home.text.partition('aria-labelledby="encore"')[2].partition("</section>")[0]
    assert "Du lundi" in words(f"<main>{asked}</main>"), "two places of the same hours differ by their dates"
    (one, _) = sorted(set(re.findall(r'action="(/creche/place/[^"]+/toujours-libre)"', home.text)))
    assert (await director.post(one)).status_code == 303
    assert len(await town.said(VacancyReconfirmed)) == 1
    assert (await director.post("/creche/toujours-libres")).headers["location"] == "/creche?fait=confirme_libre"
    assert len(await town.said(VacancyReconfirmed)) == 2
    assert "Toujours libre\u00a0?" not in words((await director.get("/creche")).text)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "1\u00a0libre sur\u00a01"),
        (1, "jusqu'à 1\u00a0place libre, 1\u00a0proposition."),
        (3, "jusqu'à 1\u00a0place libre, 3\u00a0propositions."),
        (4, "4\u00a0propositions."),
    ],
)
async def test_children_on_other_days_of_one_place_are_not_added_up(quiet_town: Town, days: int, said: str) -> None:
    """One place for four days is 0 free and 4 proposed where four children take a day each: 4 of 1 is no count."""
    some = "Aucune place libre à tous ces horaires, sur\u00a01. Selon les jours et les heures\u00a0: "
    start = Period(start=TODAY, end=date(2027, 8, 1))
    opened = vacancy_body(section=BEBES, slots=WEEK, places=1, period=start)
    vacancy = await quiet_town.write(open_vacancy, act(DIRECTOR), opened)
    wanted = [{"section": BEBES, "slots": (slot,), "period": start} for slot in WEEK[:days]]
    await quiet_town.hear(*[made(f"O-{n}", f"R-{n}", code=f"77{n:02}", **facts) for n, facts in enumerate(wanted)])
    director = await quiet_town.signed_in("director")
    shown = words((await director.get("/creche")).text)
    assert (some + said if days else said) in shown
    one = words((await director.get(f"/creche/place/{vacancy}")).text)
    assert (", à tous ces horaires" in one) == (days > 0)
    assert "Propositions en cours " in one, "children of one place on other days are proposals, and no more places"


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ((time(8, 30), time(17)), "des heures restent libres, 2\u00a0propositions."),
        ((time(7, 30), time(18, 30)), "0\u00a0libre sur\u00a02, 2\u00a0proposées"),
        (None, "jusqu'à 2\u00a0places libres, 2\u00a0propositions."),
    ],
)
async def test_hours_left_at_the_edges_of_the_days_are_no_place(
    quiet_town: Town, hours: tuple[time, time] | None, said: str
) -> None:
    """Two places of two long days: two children at 8.30 on both, then at all hours, then on one of the days only."""
    start = Period(start=TODAY, end=date(2027, 8, 1))
    week = [Slot(day=slot.day, start=time(7, 30), end=time(18, 30)) for slot in WEEK[:2]]
    opened = vacancy_body(section=BEBES, slots=week, places=2, period=start)
    await quiet_town.write(open_vacancy, act(DIRECTOR), opened)
    taken = [Slot(day=slot.day, start=hours[0], end=hours[1]) for slot in week] if hours else week[:1]
    wanted: dict[str, Any] = {"section": BEBES, "slots": tuple(taken), "period": start}
    await quiet_town.hear(*[made(f"O-{n}", f"R-{n}", code=f"77{n:02}", **wanted) for n in range(2)])
    shown = words((await (await quiet_town.signed_in("director")).get("/creche")).text)
    assert said in shown
    assert ("places libres" in shown) == (hours is None)


async def test_a_proposal_at_the_hours_of_two_posts_is_said_of_both_together_and_of_neither_alone(
    quiet_town: Town,
) -> None:
    """Two free of two beside one proposal: the director asks which of both lies."""
    start = Period(start=TODAY, end=date(2027, 8, 1))
    for places in (1, 2):
        opened = vacancy_body(section=BEBES, slots=WEEK[:places], places=places, period=start)
        two = await quiet_town.write(open_vacancy, act(DIRECTOR), opened)
    director = await quiet_town.signed_in("director")
    assert "2\u00a0libres sur\u00a02" in words((await director.get("/creche")).text)
    await quiet_town.hear(made("O-1", "R-1", code="7700", section=BEBES, slots=WEEK[:1], period=start))
    shown = words((await director.get("/creche")).text)
    both = "Avec les autres places à ces heures\u00a0: "
    assert f"1\u00a0place publiée. {both}2\u00a0places libres, 1\u00a0proposition." in shown
    assert f"2\u00a0places publiées. {both}2\u00a0places libres, 1\u00a0proposition." in shown
    assert "libres sur" not in shown
    one = words((await director.get(f"/creche/place/{two}")).text)
    assert "Avec les autres places à ces heures 2\u00a0places libres, 1\u00a0proposition" in one
    assert "Encore libres" not in one


def test_sections_come_by_age_as_elsewhere_and_not_by_their_letters() -> None:
    facts = {"kind": "regular", "period": Period(start=TODAY)}
    rows = [{"section_name": n, "age_from_months": a, **facts} for n, a in (("Grands", 24), ("Zébulons", 2))]
    assert [name for name, _ in _by_section(rows)] == ["Zébulons", "Grands"]


async def test_a_withdrawal_counts_families_that_were_written_to_and_each_once(quiet_town: Town) -> None:
    start = Period(start=TODAY, end=date(2027, 8, 1))
    opened = vacancy_body(section=BEBES, slots=WEEK, places=2, period=start)
    vacancy = await quiet_town.write(open_vacancy, act(DIRECTOR), opened)
    families = ("F-1", "F-1", "F-2", "F-3")
    facts = [{"family": family, "section": BEBES, "slots": (WEEK[n],)} for n, family in enumerate(families)]
    await quiet_town.hear(*[made(f"O-{n}", f"R-{n}", code=f"77{n:02}", period=start, **f) for n, f in enumerate(facts)])
    director = await quiet_town.signed_in("director")
    path = f"/creche/place/{vacancy}"
    assert "Aucune famille n'a encore reçu de SMS" in words((await director.get(path)).text)
    await quiet_town.hear(released("O-0"), released("O-1"))
    assert "Jusqu'à 1\u00a0famille sera prévenue par SMS." in words((await director.get(path)).text)
    await quiet_town.hear(released("O-2"))
    assert "Jusqu'à 2\u00a0familles seront prévenues par SMS." in words((await director.get(path)).text)


REGULAR = {
    "section": GRANDS,
    "jours": ["mon", "tue"],
    "de": "08:00",
    "a": "17:30",
    "places": "2",
    "debut": "2026-11-16",
    "fin": "2027-07-31",
}


async def test_a_regular_place_is_posted_with_its_days(town: Town, director: httpx2.AsyncClient) -> None:
    page = await director.get("/creche/publier/reguliere")
    posted = await director.post("/creche/publier/reguliere", data={**REGULAR, "une_fois": once(page.text)})
    assert posted.status_code == 303, faults(posted.text)
    (opened,) = await town.said(VacancyOpened)
    assert [slot.day for slot in opened.slots] == [Weekday.MON, Weekday.TUE]
    assert (opened.period.start, opened.period.end) == (date(2026, 11, 16), date(2027, 8, 1))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"de": ""}, ["de"]),
        ({"a": "07:00"}, ["a"]),
        ({"jours": []}, ["jours"]),
        ({"places": "beaucoup"}, ["places"]),
        ({"places": "99"}, ["places"]),
        ({"section": ""}, ["section"]),
        ({"debut": "2020-01-01"}, ["debut"]),
        ({"fin": "2026-11-01"}, ["fin"]),
        ({"a": "20:00"}, ["de"]),
        ({"debut": "bientôt", "de": "?"}, ["de", "debut"]),
    ],
)
async def test_a_fault_stands_beside_its_field_and_keeps_what_was_typed(
    town: Town, director: httpx2.AsyncClient, changes: dict[str, Any], fields: list[str]
) -> None:
    page = await director.post("/creche/publier/reguliere", data={**REGULAR, **changes})
    assert page.status_code == 422
    assert list(dict.fromkeys(faults(page.text))) == fields
    assert set(fields) <= set(read(page.text).ids), "a link of the summary leads nowhere"
    assert all(f'id="{field}-faute"' in page.text for field in fields)
    assert 'value="17:30"' in page.text or changes.get("a")
    assert await town.said(VacancyOpened) == []


async def test_french_dates_and_hours_are_read_too(town: Town, director: httpx2.AsyncClient) -> None:
    typed = {**REGULAR, "debut": "16/11/2026", "fin": "31.07.2027", "de": "8h", "a": "17 h 30"}
    assert (await director.post("/creche/publier/reguliere", data=typed)).status_code == 303
    (opened,) = await town.said(VacancyOpened)
    assert (opened.period.start, opened.slots[0].start, opened.slots[0].end) == (
        date(2026, 11, 16),
        time(8),
        time(17, 30),
    )


async def test_an_on_call_place_rests_on_the_agreement_chosen(town: Town, director: httpx2.AsyncClient) -> None:
    page = await director.get("/creche/publier/astreinte")
    agreement = re.findall(r'<option value="(A-[^"]+)"', page.text)[0]
    form = {**REGULAR, "accord": agreement, "fin": ""}
    assert (await director.post("/creche/publier/astreinte", data=form)).status_code == 303
    (opened,) = await town.said(VacancyOpened)
    assert (opened.kind, opened.agreement, opened.section) == (VacancyKind.ON_CALL, agreement, GRANDS)
    assert opened.period.end == date(2027, 9, 1), "the place ends with its agreement"
    refused = await director.post("/creche/publier/astreinte", data={**form, "accord": ""})
    assert faults(refused.text) == ["accord"]


async def test_an_absence_tomorrow_is_a_place_for_that_day_only(town: Town, director: httpx2.AsyncClient) -> None:
    page = await director.get("/creche/absence")
    assert "Un enfant est absent mardi 3\u00a0novembre\u00a0?" in words(page.text)
    form = {"section": BEBES, "moment": "matin", "debut": "2026-11-03", "places": "1", "une_fois": once(page.text)}
    assert (await director.post("/creche/absence", data=form)).status_code == 303
    (opened,) = await town.said(VacancyOpened)
    assert opened.slots == (Slot(day=TOMORROW, start=time(7, 30), end=time(12)),)
    refused = await director.post("/creche/absence", data={**form, "moment": "", "section": ""})
    assert sorted(faults(refused.text)) == ["moment", "section"]


@pytest.mark.parametrize(
    ("part", "hours"),
    [
        (Part.DAY, ORDINARY_DAY),
        (Part.MORNING, (time(8), time(12))),
        (Part.AFTERNOON, (time(13, 30), time(18))),
    ],
)
def test_half_days_lie_within_the_opening_hours(part: Part, hours: tuple[time, time]) -> None:
    assert hours_of(part, ORDINARY_DAY) == hours


async def test_places_left_are_changed_and_a_place_is_taken_back_for_a_reason(
    town: Town, director: httpx2.AsyncClient
) -> None:
    place = links(await director.get("/creche"), "/creche/place/")[0]
    assert (await director.post(place, data={"places": "1"})).headers["location"] == "/creche?fait=modifie"
    assert [event.places for event in await town.said(VacancyChanged)] == [1]
    assert faults((await director.post(place, data={"places": "-1"})).text) == ["places"]
    assert faults((await director.post(f"{place}/retirer", data={})).text) == ["motif"]
    gone = await director.post(f"{place}/retirer", data={"motif": "closure"})
    assert gone.headers["location"] == "/creche?fait=retire"
    assert [event.reason for event in await town.said(VacancyWithdrawn)] == [WithdrawalReason.CLOSURE]
    assert (await director.get(place)).status_code == 404


async def test_a_structure_sees_a_child_after_the_oui_only_and_never_its_points(
    town: Town, director: httpx2.AsyncClient
) -> None:
    waiting = words((await director.get("/creche/a-confirmer")).text)
    assert "Jeanne, 21\u00a0mois" in waiting
    assert "06 39 98 20 08" in waiting
    for path in ("/creche", "/creche/a-confirmer", f"/creche/a-confirmer/{proposal_in('accepted')}", "/creche/departs"):
        page = words((await director.get(path)).text)
        assert not re.search(r"points|Parent isolé|conseill|rang|Inès|Lina", page), path
    assert (await director.get(f"/creche/a-confirmer/{proposal_in('delivered')}")).status_code in (404, 409)


async def test_another_structure_sees_and_decides_nothing_of_it(town: Town) -> None:
    other = await town.signed_in("other_director")
    assert OTHER_DIRECTOR.structure != "S-cailloux"
    assert "Aucune famille n'attend." in words((await other.get("/creche/a-confirmer")).text)
    path = f"/creche/a-confirmer/{proposal_in('accepted')}"
    form = {"adaptation": "2026-11-10", "premier_jour": "2026-11-16"}
    assert (await other.post(path, data=form)).status_code == 404
    assert (await other.get(f"/creche/depart/{proposal_in('confirmed')}")).status_code == 404
    assert await town.said(AdmissionConfirmed) == []


async def test_an_admission_is_confirmed_with_its_dates(town: Town, director: httpx2.AsyncClient) -> None:
    path = f"/creche/a-confirmer/{proposal_in('accepted')}"
    wrong = await director.post(path, data={"adaptation": "2026-11-16", "premier_jour": "2026-11-10"})
    assert faults(wrong.text) == ["premier_jour"]
    half = {"adaptation": "2026-11-10", "premier_jour": "2026-11-16", "rendez_vous": "2026-11-05", "heure": ""}
    assert faults((await director.post(path, data=half)).text) == ["heure"]
    done = await director.post(path, data={**half, "heure": "09:30"})
    assert done.headers["location"] == "/creche/a-confirmer?fait=admission"
    (confirmed,) = await town.said(AdmissionConfirmed)
    assert (confirmed.adaptation_start, confirmed.first_full_day) == (date(2026, 11, 10), date(2026, 11, 16))
    assert confirmed.appointment is not None
    assert confirmed.appointment.isoformat() == "2026-11-05T08:30:00+00:00", "half past nine on the French clock"


async def test_a_place_of_single_days_brings_its_dates_and_one_of_every_week_leaves_them_to_say(
    town: Town, director: httpx2.AsyncClient
) -> None:
    day = Slot(day=TOMORROW, start=time(8), end=time(12))
    await town.hear(made("O-day", "R-1", slots=(day,), kind=VacancyKind.OCCASIONAL), released("O-day"))
    await town.hear(accepted("O-day"))
    page = await director.get("/creche/a-confirmer/O-day")
    assert page.text.count(f'value="{TOMORROW.isoformat()}"') == 2
    assert "Période" not in words(page.text), "the weeks of the request are no days of this child"
    weekly = await director.get(f"/creche/a-confirmer/{proposal_in('accepted')}")
    assert 'type="date" value=""' in weekly.text
    assert "Période" in words(weekly.text)


async def test_a_refusal_has_a_reason_of_the_list_and_health_is_none(town: Town, director: httpx2.AsyncClient) -> None:
    path = f"/creche/a-confirmer/{proposal_in('accepted')}/refuser"
    page = await director.get(path)
    assert "La santé ou le handicap ne sont jamais un motif." in words(page.text)
    assert "Un vaccin non justifié non plus" in words(page.text)
    admission = words((await director.get(path.removesuffix("/refuser"))).text)
    assert "Admettez l'enfant à titre provisoire, trois mois." in admission
    assert faults((await director.post(path, data={"motif": "handicap"})).text) == ["motif"]
    done = await director.post(path, data={"motif": "staff_shortage", "mots": "Deux arrêts maladie dans l'équipe."})
    assert done.status_code == 303
    (refused,) = await town.said(AdmissionRefused)
    assert refused.reason.value == "staff_shortage"
    assert "arrêts" not in refused.model_dump_json()


async def test_a_departure_is_announced(town: Town, director: httpx2.AsyncClient) -> None:
    (path,) = links(await director.get("/creche/departs"), "/creche/depart/")
    assert faults((await director.post(path, data={"motif": "school"})).text) == ["dernier_jour"]
    assert faults((await director.post(path, data={"motif": "", "dernier_jour": "2027-03-31"})).text) == ["motif"]
    done = await director.post(path, data={"motif": "moved", "dernier_jour": "2027-03-31"})
    assert done.headers["location"] == "/creche/departs?fait=depart"
    (left,) = await town.said(DepartureAnnounced)
    assert (left.last_day, left.reason.value) == (date(2027, 3, 31), "moved")


async def test_a_structure_that_has_posted_nothing_is_told_what_to_do(quiet_town: Town) -> None:
    director = await quiet_town.signed_in("director")
    assert "Aucune place n'est publiée." in words((await director.get("/creche")).text)
    assert "Aucune famille n'attend." in words((await director.get("/creche/a-confirmer")).text)
    assert "Aucun accueil en cours par le guichet." in words((await director.get("/creche/departs")).text)
