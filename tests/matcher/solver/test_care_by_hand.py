"""Hours of care that would suit one request, choice by choice, as the solver and the check read them: all invented."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period, Slot
from services.matcher.solver.canonical import canonical
from services.matcher.solver.care import (
    Care,
    ages_at_start,
    cares_by_structure,
    effective_audience,
    hours_of_care,
    may_be_split,
)
from services.matcher.solver.choices import Choices
from services.matcher.solver.schema import MOST_DAYS_TO_CHOOSE_FROM, NotAgain, Pattern, Request, Round, Wish
from tests.matcher.solver.by_hand import YEAR, asks, held, hours
from tests.matcher.solver.golden import END, START, round_of

Told = tuple[str, int, int, tuple[Slot, ...], date]
"""Section, pattern, level, hours of care and first day."""


def case(*days: str, places: dict[str, Any] | None = None, other: dict[str, Any] | None = None, **facts: Any) -> Round:
    """A asks for X, then Y; more facts of the round in `other`."""
    rows = {"places": places or {"X": {"mon": 1, "tue": 1}, "Y": {"mon": 1, "tue": 1}}}
    request = asks("XY", *days) | facts
    return canonical(round_of(rows | (other or {}) | {"requests": {"A": request}}))


def changed(round: Round, **facts: Any) -> Round:
    return round.model_copy(update={"requests": tuple(row.model_copy(update=facts) for row in round.requests)})


def cares(round: Round, request: str = "A") -> list[Care]:
    found = cares_by_structure(round)
    assert all(care.section.structure == structure for structure, rows in found.items() for care in rows)
    return [care for rows in found.values() for care in rows if care.request.id == request]


def whole(round: Round, request: str = "A") -> list[Told]:
    """What one structure gives, which the check must read alike."""
    rows = [row for row in cares(round, request) if row.level > 0]
    told = [(row.section.id, row.pattern, row.level, row.slots, row.period.start) for row in rows]
    (asked,) = (row for row in round.requests if row.id == request)
    read = [(row.section, row.pattern, row.level, row.slots, row.period.start) for row in Choices(round).of(asked)]
    assert sorted(told, key=str) == sorted(read, key=str)
    assert {(row.wish_rank, row.period.end) for row in rows} <= {(wish.rank, asked.period.end) for wish in asked.wishes}
    return told


def test_each_wish_with_each_pattern_is_a_step_down() -> None:
    monday, tuesday = hours("mon"), hours("tue")
    assert whole(case(days=[["mon"], ["tue"]])) == [
        ("X-all", 0, 1, monday, START),
        ("X-all", 1, 2, tuesday, START),
        ("Y-all", 0, 3, monday, START),
        ("Y-all", 1, 4, tuesday, START),
    ]
    assert [(row.wish_rank, row.span) for row in cares(case("mon"))] == [(1, (monday, YEAR)), (2, (monday, YEAR))]
    alike = (Wish(structure="X", rank=3), Wish(structure="Y", rank=3))
    both = tuple(Pattern(slots=hours(day), rank=5) for day in ("mon", "tue"))
    assert [row[2] for row in whole(changed(case("mon"), wishes=alike, patterns=both))] == [1, 1, 1, 1]


def test_hours_without_travel_are_the_same_and_with_it_wider() -> None:
    (first, *_) = cares(changed(case("mon_am"), travel_minutes=30))
    assert first.slots == (Slot(day="mon", start=time(7, 30), end=time(13, 30)),)
    asked = case("mon_am", places={"X": {"mon_am": 1}})
    assert cares(asked)[0].slots is asked.requests[0].patterns[0].slots


def test_hours_of_care_are_sorted_joined_where_they_touch_and_within_the_day() -> None:
    def slot(day: Any, start: str, end: str) -> Slot:
        return Slot(day=day, start=time.fromisoformat(start), end=time.fromisoformat(end))

    early, late = slot("mon", "08:00", "10:00"), slot("mon", "12:00", "14:00")
    assert hours_of_care((late, early), 0) == (early, late)
    assert hours_of_care((early, late), 59) == (slot("mon", "07:01", "10:59"), slot("mon", "11:01", "14:59"))
    assert hours_of_care((early, late), 60) == (slot("mon", "07:00", "15:00"),)
    within = slot("mon", "08:30", "09:00")
    assert hours_of_care((early, within), 0) == (early,)
    assert hours_of_care((slot("tue", "10:00", "12:00"), early), 0) == (early, slot("tue", "10:00", "12:00"))
    edge = slot("mon", "00:15", "23:50")
    assert hours_of_care((edge,), 15) == (slot("mon", "00:00", "23:59"),)
    last = Slot(day="mon", start=time(23), end=time(23, 59, 30))
    assert hours_of_care((last,), 30) == (Slot(day="mon", start=time(22, 30), end=time(23, 59, 30)),)
    quarter = slot("mon", "08:15", "09:20")
    assert hours_of_care((quarter,), 10) == (slot("mon", "08:05", "09:30"),)
    dates = [date(2026, 9, 14), date(2026, 9, 7)]
    dated = tuple(slot(day, "08:00", "10:00") for day in dates)
    assert hours_of_care(dated, 0) == dated[::-1]
    same = (early, late)
    assert hours_of_care(same, 0) is same


@pytest.mark.parametrize(
    ("born", "tolerance", "ages"),
    [
        (date(2025, 9, 1), 0, (12, 12)),
        (date(2025, 9, 2), 0, (11, 11)),
        (date(2025, 9, 2), 1, (11, 12)),
        (date(2026, 9, 2), 0, None),
        (date(2026, 9, 2), 1, (0, 0)),
        (date(2026, 9, 3), 1, None),
    ],
)
def test_ages_on_the_first_and_the_last_day_on_which_care_may_begin(
    born: date, tolerance: int, ages: tuple[int, int] | None
) -> None:
    (request,) = case("mon", born=born, tolerance_days=tolerance).requests
    assert ages_at_start(request) == ages


@pytest.mark.parametrize(
    ("born", "there"),
    [(date(2026, 7, 1), True), (date(2026, 7, 2), False), (date(2024, 8, 2), True), (date(2024, 8, 1), False)],
)
def test_a_section_takes_the_ages_that_it_says_both_included(born: date, there: bool) -> None:
    sections = {"sections": {"X": {"all": [2, 24]}, "Y": {"all": [70, 71]}}}
    assert [row[0] for row in whole(case("mon", other=sections, born=born))] == ["X-all"] * there


def test_a_child_that_is_not_born_on_the_day_suits_nowhere() -> None:
    assert whole(case("mon", born=date(2026, 9, 2))) == []
    assert len(whole(case("mon", born=date(2026, 9, 1)))) == 2


WEEK_LATER, TWO_LATER = START + timedelta(days=7), START + timedelta(days=14)


def opening(*days: date, until: date | None = None, places: int = 1, **other: Any) -> dict[str, Any]:
    rows = [{"structure": "X", "from": day, "until": until, "cells": {"mon": places}} for day in days]
    return {"vacancies": rows, **other}


def starts(round: Round) -> list[tuple[str, int, date]]:
    return [(section, level, start) for section, _, level, _, start in whole(round)]


def test_a_later_start_is_a_day_within_the_tolerance_on_which_a_place_comes_free() -> None:
    both = case("mon", other=opening(WEEK_LATER, TWO_LATER), tolerance_days=14)
    assert starts(both) == [
        ("X-all", 1, START), ("X-all", 2, WEEK_LATER), ("X-all", 3, TWO_LATER), ("Y-all", 4, START),
    ]  # fmt: skip
    one = case("mon", other=opening(WEEK_LATER, TWO_LATER), tolerance_days=13)
    assert starts(one) == [("X-all", 1, START), ("X-all", 2, WEEK_LATER), ("Y-all", 3, START)]
    assert [row[2] for row in starts(case("mon", other=opening(WEEK_LATER)))] == [START, START]
    next_day = START + timedelta(days=1)
    tomorrow = case("mon", other=opening(next_day), tolerance_days=1)
    assert [row[2] for row in starts(tomorrow)] == [START, next_day, START]
    ending = case("mon", other=opening(WEEK_LATER), tolerance_days=14, until=WEEK_LATER)
    assert [row[2] for row in starts(ending)] == [START, START], "the need is over by then"
    just = case("mon", other=opening(WEEK_LATER), tolerance_days=14, until=WEEK_LATER + timedelta(days=1))
    assert [row[2] for row in starts(just)] == [START, WEEK_LATER, START]
    endless = changed(both, period=Period(start=START))
    assert [row[2] for row in starts(endless)] == [START, WEEK_LATER, TWO_LATER, START]
    assert [row.period for row in cares(endless)][1] == Period(start=WEEK_LATER)


def test_a_later_start_is_also_the_day_on_which_a_hold_ends() -> None:
    plain = case("mon", tolerance_days=14)
    ends = held("before", "X", "mon", period=Period(start=date(2026, 1, 5), end=WEEK_LATER))
    lasts = held("lasting", "X", "tue")
    round = canonical(plain.model_copy(update={"holds": (ends, lasts)}))
    assert starts(round) == [("X-all", 1, START), ("X-all", 2, WEEK_LATER), ("Y-all", 3, START)]


def test_a_section_that_could_never_serve_the_child_opens_no_later_start() -> None:
    closed = {"structure": "X", "section": "big", "from": WEEK_LATER, "cells": {"mon": 1}}
    for ages, offered, later in (
        ([30, 40], closed, False),
        ([14, 14], closed, True),
        ([0, 13], closed, False),
        ([15, 40], closed, True),
        ([16, 40], closed, False),
        ([14, 14], closed | {"cells": {"mon": 0}}, False),
        ([14, 14], closed | {"from": END}, False),
        ([14, 14], closed | {"from": date(2026, 8, 1), "until": START}, False),
    ):
        sections = {"X": {"all": [0, 71], "big": ages}, "Y": {"all": [0, 71]}}
        opens = closed | {"cells": {"mon": 0}}
        more = {"sections": sections, "vacancies": [offered, opens]}
        round = case("mon", places={"Y": {"mon": 1}}, other=more, tolerance_days=14)
        (at_y,) = (level for section, level, _ in starts(round) if section == "Y-all")
        assert at_y == (3 if later else 2), (ages, offered, "a later start is a step at every wish")


def test_where_starts_are_spread_over_the_weeks_each_monday_is_one() -> None:
    mondays = [date(2026, 9, 7), date(2026, 9, 14)]
    spread = case("mon", other={"starts_per_week": {"X": 1}}, tolerance_days=13)
    assert [day for section, _, day in starts(spread) if section == "X-all"] == [START, *mondays]
    day_short = case("mon", other={"starts_per_week": {"X": 1}}, tolerance_days=12)
    assert [day for section, _, day in starts(day_short) if section == "X-all"] == [START, *mondays[:1]]
    on_monday = {"from": mondays[0], "tolerance_days": 7}
    from_monday = case("mon", other={"starts_per_week": {"X": 1}}, **on_monday)
    assert [day for section, _, day in starts(from_monday) if section == "X-all"] == mondays


def test_a_part_of_the_days_is_behind_every_whole_pattern() -> None:
    part = changed(case("mon", "tue", "wed"), accepts_partial=True, min_days=2)
    at_x = [(row[2], row[3]) for row in whole(part) if row[0] == "X-all"]
    pairs = [hours("mon", "tue"), hours("mon", "wed"), hours("tue", "wed")]
    assert at_x == [(1, hours("mon", "tue", "wed")), *((3, pair) for pair in pairs)]
    one = changed(part, min_days=1)
    assert [row[2] for row in whole(one) if row[0] == "X-all"] == [1, 5, 5, 5, 3, 3, 3]
    assert [row[2] for row in whole(changed(part, accepts_partial=False))] == [1, 2]
    uneven = case(days=[["mon"], ["mon", "tue", "wed"]])
    levels = [row[2] for row in whole(changed(uneven, accepts_partial=True, min_days=1)) if row[0] == "X-all"]
    assert levels == [1, 2, 10, 10, 10, 6, 6, 6]


def in_dates(*days: date) -> tuple[Pattern, ...]:
    return (Pattern(slots=tuple(Slot(day=day, start=time(8), end=time(13)) for day in days), rank=1),)


def test_of_a_longer_list_of_days_no_part_is_offered() -> None:
    few, many = ([START + timedelta(days=n) for n in range(count)] for count in (7, 8))
    assert len(few) == MOST_DAYS_TO_CHOOSE_FROM
    for dates, more in ((few, 7), (many, 0)):
        round = changed(case("mon"), patterns=in_dates(*dates), accepts_partial=True, min_days=len(dates) - 1)
        assert len([row for row in whole(round) if row[0] == "X-all"]) == 1 + more


def test_single_days_lie_in_the_period_and_never_begin_later() -> None:
    day = WEEK_LATER
    round = case("mon", other=opening(WEEK_LATER, TWO_LATER), tolerance_days=14)
    assert [row[2:] for row in whole(changed(round, patterns=in_dates(day))) if row[0] == "X-all"] == [
        (1, in_dates(day)[0].slots, START)
    ]
    parts = changed(round, patterns=in_dates(day, TWO_LATER), accepts_partial=True)
    assert {(len(row[3]), row[4]) for row in whole(parts)} == {(2, START), (1, START)}
    for outside in (START - timedelta(days=1), END):
        assert whole(changed(round, patterns=in_dates(day, outside))) == []
    assert len(whole(changed(round, patterns=in_dates(START, END - timedelta(days=1))))) == 2


def test_what_the_family_answered_is_not_offered_again() -> None:
    again = (NotAgain(section="X-all", slots=hours("mon")),)
    assert [row[0] for row in whole(changed(case("mon"), not_again=again))] == ["Y-all"]
    assert len(whole(changed(case("tue"), not_again=again))) == 2


def shares(round: Round) -> list[tuple[str, int, int, tuple[Slot, ...]]]:
    return [(row.section.id, row.pattern, row.level, row.slots) for row in cares(round) if row.level <= 0]


def test_a_week_is_shared_day_by_day_behind_all_that_one_structure_could_give() -> None:
    round = changed(case(days=[["mon", "tue"], ["wed"]]), accepts_split=True)
    assert shares(round) == [
        ("X-all", 0, -8, hours("mon")), ("X-all", 0, -8, hours("tue")),
        ("Y-all", 0, -8, hours("mon")), ("Y-all", 0, -8, hours("tue")),
    ]  # fmt: skip
    assert shares(changed(round, accepts_split=False)) == []
    later = changed(case("mon", "tue", other=opening(WEEK_LATER), tolerance_days=7), accepts_split=True)
    assert {row.level for row in cares(later) if row.level < 0} == {-8}
    assert {row.period for row in cares(later) if row.level < 0} == {YEAR}, "from the wanted start alone"
    answered = changed(round, not_again=(NotAgain(section="X-all", slots=hours("mon")),))
    assert ("X-all", 0, -8, hours("mon")) not in shares(answered)
    assert len(shares(answered)) == 3
    wider = changed(round, travel_minutes=30)
    assert shares(wider)[0][3] == (Slot(day="mon", start=time(7, 30), end=time(18, 30)),)
    assert {(row.wish_rank, row.section.id) for row in cares(round)} == {(1, "X-all"), (2, "Y-all")}


def test_no_more_days_than_can_be_chosen_from_are_shared_and_none_outside_the_period() -> None:
    few, many = ([START + timedelta(days=n) for n in range(count)] for count in (7, 8))
    for dates, found in ((few, 2 * (2**7 - 2)), (many, 0), ([START, END], 0)):
        round = changed(case("mon"), patterns=in_dates(*dates), accepts_split=True)
        assert len(shares(round)) == found
    two = (*in_dates(START, END), Pattern(slots=(*hours("mon"), *hours("tue")), rank=2))
    assert {row[1] for row in shares(changed(case("mon"), patterns=two, accepts_split=True))} == {1}


def asked(**facts: Any) -> Request:
    return case("mon").requests[0].model_copy(update=facts)


def test_who_may_share_a_week() -> None:
    points = case("mon", points={"X": 3}).requests[0].points_at
    assert may_be_split(asked(accepts_split=True), ())
    assert may_be_split(asked(accepts_split=True, points_at=points), ())
    assert not may_be_split(asked(), ())
    assert not may_be_split(asked(accepts_split=True, current="h"), ())
    assert not may_be_split(asked(accepts_split=True), {"A"})


def test_siblings_take_whole_patterns_from_the_wanted_start() -> None:
    facts = {"accepts_partial": True, "accepts_split": True, "tolerance_days": 14}
    drawn = round_of(
        {
            "places": {"X": {"mon": 1, "tue": 1}},
            "siblings": [["A", "B"]],
            "requests": {name: asks("X", "mon", "tue") for name in "ABC"},
        }
        | opening(WEEK_LATER)
    )
    round = changed(canonical(drawn), **facts)
    assert [len(whole(round, name)) for name in "ABC"] == [1, 1, 6]
    assert {row.level < 0 for row in cares(round, "A")} == {False}


@pytest.mark.parametrize(
    ("audience", "sections", "counts"),
    [
        (Audience.URGENT_INSERTION, ("X-all",), Audience.URGENT_INSERTION),
        (Audience.URGENT_INSERTION, ("Y-all",), Audience.INSERTION),
        (Audience.INSERTION, ("X-all",), Audience.INSERTION),
        (Audience.EVERYBODY, (), Audience.EVERYBODY),
    ],
)
def test_on_call_places_count_where_the_agreement_fits(
    audience: Audience, sections: tuple[str, ...], counts: Audience
) -> None:
    assert effective_audience(asked(entitled_to=audience, on_call_sections=sections), "X-all") is counts
