"""Which places a round may hand out, and what is held of them, row by row in memory: all are invented."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.campaigns import PlaceHeld
from contracts.requests import NeedFacts, RequestRegistered
from contracts.vocabulary import Period, VacancyKind, Weekday
from services.calendar import at
from services.matcher import store
from services.matcher import tables as t
from services.matcher.campaigns import HOLD, IN_FORCE, OPEN, Campaign
from services.matcher.memory import Memory
from services.matcher.offered import Intake, Places, is_believed, places
from services.matcher.policy import policy_in_force
from tests.matcher.world import CRECHE, MONDAY, SECTION, TERRITORY, need, now_at, on_weekday

NOW = now_at(9)
OCTOBER = date(2026, 10, 5)
POLICY = policy_in_force("montlucon-modele", MONDAY)
BELIEVED = POLICY.regular_believed_for
MONDAYS, TUESDAYS = on_weekday(Weekday.MON), on_weekday(Weekday.TUE)
AUTUMN = Campaign(
    campaign="autumn", territory=TERRITORY, starts=Period(start=OCTOBER, end=date(2026, 11, 1)),
    requests_until=MONDAY - timedelta(days=1), commission_on=date(2026, 9, 20), opened_at=NOW, state=OPEN, seed=None,
    draft=None, released_by=None, note="",
)  # fmt: skip
INTAKE = Intake(name="autumn", campaign=AUTUMN, seed="drawn")


def row(**facts: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "vacancy": "v-1", "territory": TERRITORY, "structure": CRECHE, "section": SECTION, "kind": "regular",
        "slots": store.slots_json(MONDAYS), "places": 1, "starts": OCTOBER, "ends": None, "audience": "everybody",
        "release_at": None, "agreement": None, "opened_at": NOW, "confirmed_at": NOW, "is_open": True, "sat_on": [],
    }  # fmt: skip
    return plain | facts


@pytest.mark.parametrize(
    ("facts", "believed"),
    [
        ({}, True),
        ({"ends": MONDAY}, False),
        ({"ends": MONDAY + timedelta(days=1)}, True),
        ({"confirmed_at": NOW - BELIEVED}, True),
        ({"confirmed_at": NOW - BELIEVED - timedelta(seconds=1)}, False),
        ({"confirmed_at": None}, False),
        ({"kind": "on_call", "confirmed_at": None}, True),
        ({"kind": "on_call", "ends": MONDAY}, False),
        ({"kind": "occasional"}, True),
        ({"kind": "occasional", "confirmed_at": at(MONDAY, time(0))}, True),
        ({"kind": "occasional", "confirmed_at": at(MONDAY, time(0)) - timedelta(seconds=1)}, False),
        ({"kind": "occasional", "confirmed_at": None}, False),
    ],
)
def test_a_place_is_believed_while_somebody_confirmed_it_lately_and_it_is_not_over(
    facts: dict[str, Any], believed: bool
) -> None:
    assert is_believed(row(**facts), POLICY, NOW) is believed


def offer(tx: sa.Connection, name: str, **facts: Any) -> None:
    tx.execute(t.vacancies.insert(), row(vacancy=name, **facts))


def hold(tx: sa.Connection, name: str, **facts: Any) -> None:
    plain = {"territory": TERRITORY, "section": SECTION, "proposal": name, "is_placement": True, "starts": OCTOBER}
    slots = store.slots_json(facts.pop("slots", MONDAYS))
    tx.execute(t.holds.insert(), plain | {"hold": name, "slots": slots, "entitled_to": "everybody"} | facts)


def read(
    tx: sa.Connection, *sections: str, now: datetime = NOW, intake: Intake | None = None,
    campaign: Campaign | None = None, awaiting: tuple[NeedFacts, ...] = (), memory: Memory | None = None,
) -> Places:  # fmt: skip
    versions = dict.fromkeys(sections or (SECTION,), 1)
    return places(tx, TERRITORY, versions, POLICY, now, memory or Memory(), intake, campaign, awaiting)


def told(found: Places) -> tuple[list[tuple[str, int]], list[str]]:
    """The places, each with how many, and the names of what is held."""
    return [(one.id, one.places) for one in found["vacancies"]], [one.id for one in found["holds"]]


def test_what_is_believed_is_offered_with_all_that_is_held_and_not_over(tx: sa.Connection) -> None:
    offer(tx, "v-1", places=2)
    offer(
        tx,
        "v-2",
        section="other",
        sat_on=[{"slots": store.slots_json(MONDAYS), "period": {"start": "2026-10-05"}, "places": 1}],
    )
    offer(tx, "v-3", section="not-looked-at")
    hold(tx, "h-1")
    hold(tx, "h-over", starts=date(2026, 1, 5), ends=MONDAY)
    hold(tx, "h-last", starts=date(2026, 1, 5), ends=MONDAY + timedelta(days=1))
    hold(tx, "h-2", section="other")
    memory = Memory()
    found = read(tx, SECTION, "other", memory=memory)
    assert told(found) == ([("v-1", 2), ("v-2.0", 1), ("v-2", 1)], ["h-1", "h-last", "h-2"])
    assert memory.stocks.keys() == {SECTION, "other"}
    again = read(tx, SECTION, "other", memory=memory)
    assert all(one is other for one, other in zip(found["vacancies"], again["vacancies"], strict=True))


def test_of_what_is_not_believed_only_the_places_on_which_children_sit_count(tx: sa.Connection) -> None:
    old = NOW - BELIEVED - timedelta(days=1)
    offer(tx, "v-1", places=3, confirmed_at=old)
    offer(tx, "v-2", slots=store.slots_json(TUESDAYS), confirmed_at=old)
    offer(tx, "v-3", slots=store.slots_json(TUESDAYS))
    assert told(read(tx)) == ([("v-3", 1)], []), "nobody sits on them"
    hold(tx, "h-1")
    vacancies = read(tx)["vacancies"]
    assert [(one.id, one.places, one.slots) for one in vacancies] == [("v-3", 1, TUESDAYS), ("v-1.0", 1, MONDAYS)]
    hold(tx, "h-2", slots=TUESDAYS)
    assert told(read(tx))[0] == [("v-3", 1), ("v-1.0", 1), ("v-2.0", 1)]


def test_a_child_in_insertion_sits_on_a_doubtful_place_that_is_kept_until_its_release(tx: sa.Connection) -> None:
    old = {"confirmed_at": NOW - BELIEVED - timedelta(days=1)}
    noon = NOW + timedelta(hours=3)
    offer(tx, "v-1", **old)
    offer(tx, "v-2", audience="insertion", release_at=noon, **old)
    hold(tx, "h-1", entitled_to="insertion")
    assert told(read(tx))[0] == [("v-2.0", 1)]
    assert told(read(tx, now=noon))[0] == [("v-1.0", 1)]


def test_the_intake_of_a_campaign_believes_what_somebody_confirmed_once(tx: sa.Connection) -> None:
    old = {"confirmed_at": NOW - BELIEVED - timedelta(days=1)}
    offer(tx, "v-1", **old)
    offer(tx, "v-2", **old | {"starts": AUTUMN.starts.end})
    offer(tx, "v-3", confirmed_at=None)
    assert told(read(tx)) == ([], [])
    assert told(read(tx, intake=INTAKE)) == ([("v-1", 1)], [])
    offer(tx, "v-4", starts=date(2026, 9, 14))
    assert told(read(tx, intake=INTAKE))[0] == [("v-1", 1), ("v-4", 1)]


def test_what_a_person_keeps_back_is_held(tx: sa.Connection) -> None:
    offer(tx, "v-1")
    gesture = PlaceHeld.say(
        "keep-1", cause="keep-1", source="ingest", territory=TERRITORY, time=NOW, section=SECTION, slots=MONDAYS,
        period=Period(start=OCTOBER), places=1, audience="everybody", reason="travaux", until=MONDAY, by="coordinator",
        structure=CRECHE,
    )  # fmt: skip
    kept = {"gesture": "keep-1", "territory": TERRITORY, "kind": HOLD, "section": SECTION, "state": IN_FORCE, "at": NOW}
    tx.execute(t.gestures.insert(), kept | {"facts": gesture.model_dump(mode="json"), "until": MONDAY})
    hold(tx, "h-1")
    hold(tx, "h-2", section="other")
    found = read(tx, SECTION, "other")
    assert told(found) == ([("v-1", 1)], ["h-1", "h-2", "keep-1"])
    assert [one.by_person for one in found["holds"]] == [False, False, True]
    assert told(read(tx, now=NOW + timedelta(days=1)))[1] == ["h-1"]


def wants(start: date, structure: str = CRECHE) -> NeedFacts:
    facts = need("r-1", wishes=(structure,), period=Period(start=start))
    said = RequestRegistered.say("r-1", cause="r-1", source="ingest", territory=TERRITORY, time=NOW, **facts)
    assert isinstance(said, NeedFacts)
    return said


def test_what_waits_for_the_commission_is_kept_from_the_first_day_on_which_anybody_would_come(
    tx: sa.Connection,
) -> None:
    offer(tx, "v-1", places=2)
    offer(tx, "v-later", starts=AUTUMN.starts.end)
    offer(tx, "v-doubt", confirmed_at=NOW - BELIEVED - timedelta(days=2))
    hold(tx, "h-1")
    found = read(tx, campaign=AUTUMN, awaiting=(wants(date(2026, 10, 12)), wants(date(2026, 10, 19))))
    (own, kept) = found["holds"]
    assert (own.id, kept.by_person, kept.units, kept.period) == ("h-1", True, 1, Period(start=date(2026, 10, 12)))
    assert kept.reason == "elle attend la commission du dimanche 20\u00a0septembre 2026"
    elsewhere = read(tx, campaign=AUTUMN, awaiting=(wants(date(2026, 10, 12), "other"),))["holds"]
    assert [one.period for one in elsewhere if one.by_person] == [Period(start=OCTOBER)]
    open_still = read(tx, campaign=AUTUMN, awaiting=(wants(date(2026, 10, 12)),), now=NOW - timedelta(days=1))["holds"]
    assert [one.period for one in open_still if one.by_person] == [Period(start=OCTOBER)]
    assert told(read(tx, intake=INTAKE))[1] == ["h-1"]


@pytest.mark.parametrize(("hours", "audience"), [(2, "everybody"), (4, "insertion")])
def test_a_reserved_place_waits_for_the_commission_as_reserved_until_its_release(
    tx: sa.Connection, hours: int, audience: str
) -> None:
    offer(tx, "v-1", audience="insertion", release_at=NOW + timedelta(hours=hours))
    (kept,) = read(tx, campaign=AUTUMN, now=NOW + timedelta(hours=3))["holds"]
    assert kept.entitled_to == audience


def test_occasional_places_are_no_matter_of_a_commission(tx: sa.Connection) -> None:
    offer(tx, "v-1", kind=VacancyKind.OCCASIONAL.value)
    assert told(read(tx, campaign=AUTUMN)) == ([("v-1", 1)], [])
