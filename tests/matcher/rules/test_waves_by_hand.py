"""Who is asked with whom, worked out by hand: one place or two of tomorrow morning, everybody is invented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period, RequestKind, Slot, Weekday
from services.calendar import at
from services.matcher.rules import waves as rules
from services.matcher.rules.waves import Asking, Wave, day_of, joined, waves_of, without
from services.matcher.solver.choices import Choice
from services.matcher.solver.schema import (
    Hold,
    Pattern,
    Placed,
    Policy,
    Quota,
    Request,
    Round,
    Section,
    StructurePoints,
    Vacancy,
    Wish,
)
from services.matcher.solver.solve import decide

TODAY = date(2026, 9, 7)
TOMORROW, AFTER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
NOW = at(TODAY, time(9))
DAY = Period(start=TOMORROW, end=AFTER)
ASKING = Asking(3, NOW + timedelta(hours=24), frozenset())
INSERTION = Audience.INSERTION


def slot(start: int, end: int, day: date | Weekday = TOMORROW) -> Slot:
    return Slot(day=day, start=time(start), end=time(end))


def asks(name: str, points: int, *hours: Slot, to: str = "a", **facts: Any) -> Request:
    told: dict[str, Any] = {"kind": RequestKind.OCCASIONAL, "period": DAY, **facts}
    pattern = Pattern(slots=hours or (slot(8, 12),), rank=1)
    wishes = (Wish(structure=to.upper(), rank=1),)
    return Request.model_validate(
        {"id": name, "born": date(2025, 1, 1), "points": points, "wishes": wishes, "patterns": (pattern,), **told}
    )


def place(*hours: Slot, section: str = "a", **facts: Any) -> Vacancy:
    told = {"id": f"v-{section}", "places": 1, "period": DAY, **facts}
    return Vacancy.model_validate({"section": section, "slots": hours or (slot(8, 12),), **told})


RESERVED = place(audience=INSERTION)


def town(requests: Sequence[Request], *places: Vacancy, **facts: Any) -> Round:
    return Round(
        id="T", territory="t", instant=NOW, policy=Policy(), vacancies=places or (place(),), requests=tuple(requests),
        sections=(Section(id="a", structure="A"), Section(id="b", structure="B")), **facts,
    )  # fmt: skip


def asked(round: Round, asking: Asking = ASKING) -> list[list[str]]:
    return [[row.request for row in wave.asked] for wave in waves_of(round, decide(round), asking)]


A, B = asks("A", 9), asks("B", 5)


def test_a_place_that_one_family_alone_could_take_makes_no_wave() -> None:
    assert asked(town([A])) == []
    assert asked(town([A, B])) == [["A", "B"]]


def test_who_may_not_use_a_reserved_place_is_passed_by_and_the_next_of_its_public_is_asked() -> None:
    first, next_one = asks("I", 9, entitled_to=INSERTION), asks("K", 1, entitled_to=INSERTION)
    assert asked(town([first, B, next_one], RESERVED)) == [["I", "K"]]


def test_a_child_on_a_reserved_place_leaves_the_ordinary_one_to_a_wave() -> None:
    alone = Asking(3, ASKING.until, frozenset({"I"}))
    both = (RESERVED.model_copy(update={"id": "kept"}), place())
    assert asked(town([asks("I", 10, entitled_to=INSERTION), A, B], *both), alone) == [["A", "B"]]


def test_a_place_released_to_all_is_asked_of_all() -> None:
    assert asked(town([A, B], place(audience=INSERTION, release_at=NOW))) == [["A", "B"]]


def test_a_wave_holds_no_hours_that_the_least_entitled_of_it_could_not_have() -> None:
    """Before eleven the place is everybody's, after that it is kept: both together are a place for neither."""
    places = (place(slot(8, 11)), place(slot(11, 12), id="kept", audience=INSERTION))
    shorter = asks("A", 9, slot(8, 11))
    assert asked(town([shorter, asks("I", 5, slot(10, 12), entitled_to=INSERTION)], *places)) == []
    assert asked(town([shorter, asks("I", 5, slot(10, 11), entitled_to=INSERTION)], *places)) == [["A", "I"]]


WEEKLY = {"kind": RequestKind.REGULAR}
TUESDAYS = slot(8, 12, Weekday.TUE)


def test_a_wave_ends_before_a_weekly_request_that_the_place_would_do_for() -> None:
    assert asked(town([A, asks("R", 7, TUESDAYS, **WEEKLY), B])) == []
    entitled = [asks(name, points, entitled_to=INSERTION) for name, points in (("I", 9), ("K", 1))]
    weekly = asks("R", 7, TUESDAYS, entitled_to=INSERTION, **WEEKLY)
    assert asked(town([*entitled, weekly], RESERVED)) == []
    assert asked(town([*entitled, asks("R", 7, TUESDAYS, **WEEKLY)], RESERVED)) == [["I", "K"]]


def test_a_weekly_request_that_needs_the_place_for_longer_passes_by() -> None:
    month = Period(start=TOMORROW, end=TOMORROW + timedelta(days=30))
    assert asked(town([A, asks("R", 7, TUESDAYS, period=month, **WEEKLY), B])) == [["A", "B"]]


def test_a_request_for_two_days_passes_by_where_the_place_is_of_one() -> None:
    two_days = Period(start=TOMORROW, end=AFTER + timedelta(days=1))
    both = asks("D", 7, slot(8, 12), slot(8, 12, AFTER), period=two_days)
    assert asked(town([A, both, B])) == [["A", "B"]]
    wide = place(slot(8, 12), slot(8, 12, AFTER), period=two_days)
    assert asked(town([A, both, B], wide)) == []


def test_where_places_are_kept_over_structures_a_wave_stays_within_the_hours_of_its_first() -> None:
    quota = Quota(id="q", structures=("B",), places=20)
    shorter = asks("A", 9, slot(8, 11))
    assert asked(town([shorter, asks("B", 5, slot(9, 11))], quotas=(quota,))) == [["A", "B"]]
    assert asked(town([shorter, asks("B", 5, slot(9, 12))], quotas=(quota,))) == []
    assert asked(town([shorter, asks("B", 5, slot(9, 12))])) == [["A", "B"]]


def test_who_ends_the_wave_of_one_place_leaves_the_wave_of_another() -> None:
    looked_at = Asking(3, ASKING.until, frozenset({"X"}))
    requests = [A, asks("X", 8), B, asks("M", 9, to="b"), asks("N", 5, to="b")]
    assert asked(town(requests, place(), place(section="b")), looked_at) == [["M", "N"]]


def test_the_points_at_the_structure_of_the_place_settle_who_is_asked() -> None:
    there = asks("S", 1, points_at=(StructurePoints(structure="A", points=7),))
    assert asked(town([A, B, there]), Asking(2, ASKING.until, frozenset())) == [["A", "S"]]


def test_a_family_is_asked_for_the_hours_that_it_prefers() -> None:
    patterns = (Pattern(slots=(slot(10, 12),), rank=2), Pattern(slots=(slot(8, 12),), rank=1))
    (wave,) = waves_of(round := town([A, B.model_copy(update={"patterns": patterns})]), decide(round), ASKING)
    assert (wave.asked[1].level, wave.asked[1].slots) == (1, (slot(8, 12),))


def test_care_that_begins_at_the_very_end_of_the_voted_hours_still_begins_a_wave() -> None:
    until = at(TOMORROW, time(8))
    assert asked(town([A, B]), Asking(3, until, frozenset())) == [["A", "B"]]
    assert asked(town([A, B]), Asking(3, until - timedelta(seconds=1), frozenset())) == []


@pytest.mark.parametrize(
    "facts", [{"on_call": True}, {"to_prepare": True}, {"partial": True}, {"replaces": "h"}, {"after": ("Z",)}]
)
def test_a_place_that_is_not_sure_is_asked_of_one_family(facts: dict[str, Any]) -> None:
    round = town([A, B])
    outcome = decide(round)
    (row,) = outcome.placed
    unsure = outcome.model_copy(update={"placed": (row.model_copy(update=facts),)})
    assert waves_of(round, unsure, ASKING) == []


def test_a_wave_that_goes_on_asks_the_next_for_the_place_that_it_holds() -> None:
    held = Hold(id="w", section="a", slots=(slot(8, 12),), period=DAY)
    round = town([B], holds=(held,))
    row = Placed(request="A", structure="A", section="a", pattern=0, slots=held.slots, period=DAY, wish_rank=1, level=1)
    going_on = Wave([row], 2, Audience.EVERYBODY, name="w", before=1)
    (wave,) = waves_of(round, decide(round), ASKING, [going_on])
    assert ([one.request for one in wave.asked], [one.request for one in wave.new]) == (["A", "B"], ["B"])
    assert wave.as_hold() == held
    full = Wave([row, row.model_copy(update={"request": "C"})], 2, Audience.EVERYBODY, name="w", before=2)
    assert waves_of(round, decide(round), Asking(2, ASKING.until, frozenset()), [full]) == []


@pytest.mark.parametrize(
    ("hours", "start", "meets"),
    [
        (slot(11, 13), TOMORROW, True),
        (slot(7, 9), TOMORROW, True),
        (slot(12, 13), TOMORROW, False),
        (slot(7, 8), TOMORROW, False),
        (slot(13, 14), TOMORROW, False),
        (slot(8, 12, AFTER), TOMORROW, False),
        (slot(8, 12, Weekday.TUE), TOMORROW, True),
        (slot(8, 12, Weekday.TUE), AFTER, False),
    ],
)
def test_hours_meet_a_place_where_some_of_them_are_hours_of_its_day(hours: Slot, start: date, meets: bool) -> None:
    choice = Choice("r", "A", "a", 0, 1, 1, (hours,), Period(start=start, end=start + timedelta(days=7)))
    assert rules._meets(choice, slot(8, 12)) is meets


def test_hours_of_two_days_are_joined_day_by_day() -> None:
    mixed = [slot(8, 9, AFTER), slot(8, 10), slot(9, 12, AFTER)]
    assert joined(mixed) == (slot(8, 10), slot(8, 12, AFTER))


def test_what_lies_apart_from_hours_takes_nothing_from_them() -> None:
    for other in (slot(13, 14), slot(12, 14), slot(6, 7), slot(6, 8), slot(8, 12, AFTER)):
        assert without([slot(8, 12)], [other]) == (slot(8, 12),)
    assert without([slot(8, 12)], [slot(7, 9), slot(11, 13)]) == (slot(9, 11),)
    assert without([slot(8, 12)], [slot(8, 10)]) == (slot(10, 12),)
    assert without([slot(8, 12)], [slot(10, 12)]) == (slot(8, 10),)


def test_the_day_of_hours_is_that_day_alone() -> None:
    assert day_of([slot(8, 9), slot(10, 11)]) == DAY
