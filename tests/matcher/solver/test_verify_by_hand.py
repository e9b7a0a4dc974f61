"""What each check of the places themselves says of a few rows written by hand, and what it lets pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period, VacancyKind
from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.schema import Placed, Round, Violation
from services.matcher.solver.verify import (
    check_age_dates_hours_and_wishes,
    check_kept_places_for_their_public,
    check_no_cell_overbooked,
    check_no_place_waits_too_long,
    check_nothing_held_is_taken,
    check_one_proposal_for_each,
    check_starts_are_spread_over_the_weeks,
    violations,
)
from tests.matcher.solver.by_hand import YEAR, asks, at, facts_of, held, hours
from tests.matcher.solver.golden import NOON, START, round_of

Check = Callable[[Facts], Iterator[Violation]]


def say(check: Check, case: dict[str, Any] | Round, *placed: Placed, **facts: Any) -> list[Violation]:
    return list(check(facts_of(case, *placed, **facts)))


def named(guarantee: str, *requests: str, section: str = "X-all") -> Violation:
    return violation(guarantee, list(requests), [section] if section else [])


ONE_EACH: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {name: asks(wish, "mon_am") for name, wish in zip("ABCD", "XXYY", strict=True)},
}
A, B, C, D = (at(name, wish, "mon_am") for name, wish in zip("ABCD", "XXYY", strict=True))
BEFORE = held("before", "X", "mon_am")


def test_two_children_on_one_place_are_too_many_in_each_section() -> None:
    full = say(check_no_cell_overbooked, ONE_EACH, A, B, C, D)
    assert full == [named("G1", "A", "B"), named("G1", "C", "D", section="Y-all")]
    assert say(check_no_cell_overbooked, ONE_EACH, A, C) == []
    assert say(check_no_cell_overbooked, ONE_EACH, A, C, holds=(BEFORE,)) == [named("G1", "A")]


def kept(case: dict[str, Any], places: int = 1, audience: Audience = Audience.INSERTION) -> Round:
    """So many places more on Monday morning at X, kept for an audience."""
    more = [{"structure": "X", "from": START, "cells": {"mon_am": places}}]
    drawn = round_of(case | {"vacancies": more})
    rows = (row.model_copy(update={"audience": audience} if "-0-" in row.id else {}) for row in drawn.vacancies)
    return drawn.model_copy(update={"vacancies": tuple(rows)})


def test_a_kept_place_is_a_place_and_not_one_for_the_others() -> None:
    round = kept(ONE_EACH)
    assert say(check_no_cell_overbooked, round, A, B) == []
    assert say(check_kept_places_for_their_public, round, A, B) == [named("G4", "A", "B")]
    assert say(check_kept_places_for_their_public, round, A) == []
    assert say(check_kept_places_for_their_public, round, A, holds=(BEFORE,)) == [named("G4", "A")]
    assert say(check_kept_places_for_their_public, ONE_EACH, A, B) == [], "too many, and of no kept place"
    released = round.model_copy(
        update={"vacancies": tuple(row.model_copy(update={"release_at": round.instant}) for row in round.vacancies)}
    )
    assert say(check_kept_places_for_their_public, released, A, B) == []


def test_what_is_kept_for_insertion_by_a_guarantee_is_named_without_a_section() -> None:
    case = ONE_EACH | {"quotas": {"Q": {"structures": ["X"], "places": 20}}}
    assert say(check_kept_places_for_their_public, case, A) == [named("G4", "A", section="")]
    assert say(check_kept_places_for_their_public, case, C) == []
    two = case | {"places": {"X": {"mon_am": 2}}}
    assert say(check_kept_places_for_their_public, two, B, A) == [named("G4", "A", "B", section="")]
    assert say(check_kept_places_for_their_public, two, A) == []
    starts = ONE_EACH | {"starts_per_week": {"X": 1}}
    assert say(check_kept_places_for_their_public, starts, A, B) == [], "another limit"


ON_CALL: dict[str, Any] = {
    "places": {"X": {"wed_am": 1}},
    "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON + timedelta(hours=7)}},
    "requests": {name: asks("X", "wed_am", urgent_insertion=True) for name in "UV"} | {"D": asks("X", "wed_am")},
}
U, V, ORDINARY = (at(name, "X", "wed_am", on_call=True) for name in "UVD")


def test_a_place_is_said_to_be_on_call_only_for_the_entitled_and_as_often_as_there_are_such_places() -> None:
    assert say(check_kept_places_for_their_public, ON_CALL, U) == []
    plain = V.model_copy(update={"on_call": False})
    assert say(check_kept_places_for_their_public, ON_CALL, U, plain) == []
    assert say(check_kept_places_for_their_public, ON_CALL, U, V) == [named("G4", "U"), named("G4", "V")]
    assert say(check_kept_places_for_their_public, ON_CALL, ORDINARY) == [named("G4", "D")]
    two = {"X": ON_CALL["on_call"]["X"] | {"cells": {"wed_am": 2}}}
    assert say(check_kept_places_for_their_public, ON_CALL | {"on_call": two}, U, V) == []
    twice = round_of(ON_CALL)
    again = (row.model_copy(update={"id": f"{row.id}-2"}) for row in twice.vacancies if "on-call" in row.id)
    more = twice.model_copy(update={"vacancies": (*twice.vacancies, *again)})
    assert say(check_kept_places_for_their_public, more, U, V) == []
    gone = tuple(row.model_copy(update={"on_call_sections": ()}) for row in twice.requests)
    assert say(check_kept_places_for_their_public, twice.model_copy(update={"requests": gone}), U) == [named("G4", "U")]


def test_neither_another_kept_place_nor_a_released_one_nor_a_part_of_the_hours_is_on_call() -> None:
    round = round_of(ON_CALL)
    regular = tuple(row.model_copy(update={"kind": VacancyKind.REGULAR}) for row in round.vacancies)
    later = round.instant + timedelta(hours=7)
    for other in ({"vacancies": regular}, {"instant": later}):
        assert say(check_kept_places_for_their_public, round.model_copy(update=other), U) == [named("G4", "U")]
    whole = ON_CALL | {"places": {"X": {"wed": 1}}, "requests": {"U": asks("X", "wed", urgent_insertion=True)}}
    assert say(check_kept_places_for_their_public, whole, at("U", "X", "wed", on_call=True)) == [named("G4", "U")]


def test_nothing_that_is_held_is_taken() -> None:
    assert say(check_nothing_held_is_taken, ONE_EACH, A, C, holds=(BEFORE,)) == [named("G12", "A")]
    assert say(check_nothing_held_is_taken, ONE_EACH, A, B) == [], "too many without anything held"
    tuesday = held("other", "X", "tue_am")
    assert say(check_nothing_held_is_taken, ONE_EACH, A, B, C, D, holds=(tuesday,)) == []
    both = (BEFORE, held("there", "Y", "mon_am"))
    found = say(check_nothing_held_is_taken, ONE_EACH, A, C, holds=both)
    assert found == [named("G12", "A"), named("G12", "C", section="Y-all")]
    assert say(check_nothing_held_is_taken, ONE_EACH, A, B, holds=(BEFORE,)) == [], "as many as without it"
    wide = ONE_EACH | {"places": {"X": {"mon_am": 2}}}
    assert say(check_nothing_held_is_taken, wide, B, A, holds=(BEFORE,)) == [named("G12", "A", "B")]
    assert say(check_nothing_held_is_taken, wide, A, holds=(BEFORE,)) == []


def test_an_ordinary_hold_beside_a_kept_place_is_not_taken_either() -> None:
    assert say(check_nothing_held_is_taken, kept(ONE_EACH), A, holds=(BEFORE,)) == [named("G12", "A")]
    in_insertion = BEFORE.model_copy(update={"entitled_to": Audience.INSERTION})
    assert say(check_nothing_held_is_taken, kept(ONE_EACH), A, holds=(in_insertion,)) == []


def test_a_child_gives_up_its_own_place_and_no_other() -> None:
    case = ONE_EACH | {"requests": ONE_EACH["requests"] | {"M": asks("Y", "mon_am", has=["X", "tue_am"])}}
    own = at("M", "Y", "mon_am", replaces="M-has")
    assert say(check_nothing_held_is_taken, case, A, own) == []
    stays = own.model_copy(update={"replaces": None})
    takes = A.model_copy(update={"replaces": "M-has"})
    assert say(check_nothing_held_is_taken, case, takes, stays) == [
        named("G12", "A"),
        named("G12", "M", section="Y-all"),
    ]


def test_one_row_for_a_child_and_it_covers_a_pattern_that_is_asked() -> None:
    assert say(check_one_proposal_for_each, ONE_EACH, A, C) == []
    twice = A.model_copy(update={"structure": "Y", "section": "Y-all"})
    assert say(check_one_proposal_for_each, ONE_EACH, A, twice, C) == [
        named("G2", "A"),
        named("G2", "A", section="Y-all"),
    ]
    for pattern in (-1, 1):
        other = A.model_copy(update={"pattern": pattern})
        assert say(check_one_proposal_for_each, ONE_EACH, other, C) == [named("G2", "A")]


WEEK: dict[str, Any] = {
    "places": {"X": {"mon": 1, "tue": 1}, "Y": {"mon": 1, "tue": 1}},
    "requests": {"A": asks("XY", "mon", "tue"), "B": asks("Y", "tue")},
}
HALF_AT_X = at("A", "X", "mon", split=True, level=6)
HALF_AT_Y = at("A", "Y", "tue", split=True, wish_rank=2, level=6)


def who_share(case: dict[str, Any]) -> Round:
    drawn = round_of(case)
    return drawn.model_copy(
        update={"requests": tuple(row.model_copy(update={"accepts_split": True}) for row in drawn.requests)}
    )


def test_a_week_in_two_structures_is_covered_by_both_rows_together() -> None:
    round = who_share(WEEK)
    beside = at("B", "Y", "tue")
    assert say(check_one_proposal_for_each, round, HALF_AT_X, HALF_AT_Y, beside) == []
    assert say(check_one_proposal_for_each, round, HALF_AT_X, beside) == [named("G2", "A")]
    unmarked = HALF_AT_Y.model_copy(update={"split": False})
    both = [named("G2", "A"), named("G2", "A", section="Y-all")]
    assert say(check_one_proposal_for_each, round, HALF_AT_X, unmarked) == both
    overlapping = at("A", "Y", "mon", "tue", split=True)
    assert say(check_one_proposal_for_each, round, HALF_AT_X, overlapping) == both


def test_each_half_of_a_shared_week_is_a_share_that_the_family_accepts() -> None:
    shares = who_share(WEEK)
    assert say(check_age_dates_hours_and_wishes, shares, HALF_AT_X, HALF_AT_Y) == []
    both = [named("G3", "A"), named("G3", "A", section="Y-all")]
    assert say(check_age_dates_hours_and_wishes, WEEK, HALF_AT_X, HALF_AT_Y) == both
    whole = at("A", "X", "mon", "tue", split=True)
    assert say(check_age_dates_hours_and_wishes, shares, whole) == [named("G3", "A")]


LATE = Period(start=START + timedelta(days=7), end=YEAR.end)


@pytest.mark.parametrize(
    ("asked", "row", "covers"),
    [
        ({}, {}, True),
        ({}, {"partial": True}, False),
        ({}, {"slots": hours("mon")}, False),
        ({}, {"slots": hours("mon"), "partial": True}, False),
        ({"accepts_partial": True}, {"slots": hours("mon"), "partial": True}, True),
        ({"accepts_partial": True}, {"slots": hours("mon")}, False),
        ({"accepts_partial": True}, {"partial": True}, False),
        ({"accepts_partial": True, "min_days": 2}, {"slots": hours("mon"), "partial": True}, False),
        ({"accepts_partial": True}, {"slots": hours("mon_am"), "partial": True}, False),
        ({"accepts_partial": True}, {"slots": hours("mon", "tue_am")}, False),
        ({}, {"slots": hours("tue", "mon")}, False),
        ({}, {"period": LATE}, False),
        ({"tolerance_days": 6}, {"period": LATE}, False),
        ({"tolerance_days": 7}, {"period": LATE}, True),
        ({"tolerance_days": 7}, {"period": Period(start=START - timedelta(days=1), end=YEAR.end)}, False),
        ({}, {"period": Period(start=START)}, False),
    ],
)
def test_the_whole_pattern_from_the_wanted_start_or_what_the_family_accepts_of_it(
    asked: dict[str, Any], row: dict[str, Any], covers: bool
) -> None:
    case = WEEK | {"requests": {"A": asks("X", "mon", "tue", **asked)}}
    found = say(check_one_proposal_for_each, case, at("A", "X", "mon", "tue").model_copy(update=row))
    assert found == ([] if covers else [named("G2", "A")])


def test_a_placement_is_a_choice_of_its_request_on_hours_that_are_offered() -> None:
    assert say(check_age_dates_hours_and_wishes, ONE_EACH, A, C) == []
    elsewhere = at("A", "Y", "mon_am")
    unknown = at("nobody", "X", "mon_am")
    assert say(check_age_dates_hours_and_wishes, ONE_EACH, elsewhere, C) == [named("G3", "A", section="Y-all")]
    assert say(check_age_dates_hours_and_wishes, ONE_EACH, unknown, B) == [named("G3", "nobody")]
    closed = ONE_EACH | {"places": {"X": {"tue_am": 1}, "Y": {"mon_am": 1}}}
    assert say(check_age_dates_hours_and_wishes, closed, A, C) == [named("G3", "A")]


def test_where_a_row_names_what_is_not_there_only_that_is_said() -> None:
    for row in (at("nobody", "X", "mon_am"), A.model_copy(update={"section": "nowhere"})):
        found = violations(facts_of(ONE_EACH, row))
        assert found == (named("G3", row.request, section=row.section),)
    assert {row.guarantee for row in violations(facts_of(ONE_EACH, A))} >= {"G8", "G11"}


def test_in_no_week_more_children_begin_than_a_section_can_adapt() -> None:
    case = ONE_EACH | {"starts_per_week": {"X": 1, "Y": 1}, "quotas": {"Q": {"structures": ["Y"], "places": 20}}}
    assert say(check_starts_are_spread_over_the_weeks, case, B, A, C) == [named("G15", "A", "B")]
    assert say(check_starts_are_spread_over_the_weeks, case, A, C) == []
    assert say(check_starts_are_spread_over_the_weeks, case, A, B, C, D) == [
        named("G15", "A", "B"),
        named("G15", "C", "D", section="Y-all"),
    ]


def test_no_place_waits_for_a_start_longer_than_was_voted() -> None:
    december = date(2026, 12, 1)
    case = ONE_EACH | {
        "policy": {"wait_weeks": 0},
        "requests": {"A": asks("X", "mon_am", **{"from": december}), "C": asks("Y", "mon_am")},
    }
    late = A.model_copy(update={"period": Period(start=december, end=YEAR.end)})
    assert say(check_no_place_waits_too_long, case, late, C) == [named("G16", "A")]
    assert say(check_age_dates_hours_and_wishes, case, late, C) == [], "it is a choice, though one too late"
    assert say(check_no_place_waits_too_long, case, C) == []
    unlimited = case | {"policy": {}}
    assert say(check_no_place_waits_too_long, unlimited, late, C) == []
    assert say(check_no_place_waits_too_long, case, at("nobody", "X", "mon_am")) == []
