"""What a declared need asks of a round, and whether it still suits what was offered. People are invented."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.requests import DeclaredCriterion, RequestRegistered
from contracts.vocabulary import Audience, Criterion, Period, RequestKind, VacancyKind, Weekday
from services.matcher.near import Near
from services.matcher.needs import (
    Context,
    CurrentPlace,
    Offered,
    as_request,
    counted_at,
    criteria_behind,
    hours_of_care,
    kind_of,
    still_suits,
)
from services.matcher.policy import policy_in_force
from tests.matcher.world import (
    BORN,
    COMMUNE,
    CRECHE,
    FROM_OCTOBER,
    MONDAY,
    MORNINGS,
    days,
    need,
    now_at,
    on,
    on_weekday,
)

CONTEXT = Context(policy_in_force("montlucon-modele", MONDAY), now_at(9), (), {CRECHE: COMMUNE, "creche-B": "03190"})


def declared(*criteria: Criterion, **facts: Any) -> RequestRegistered:
    return RequestRegistered.say(
        "r-1", source="ingest", territory="montlucon", time=now_at(8), **need("r-1", *criteria, **facts)
    )


def asked(*criteria: Criterion, **facts: Any) -> Any:
    return as_request("r-1", declared(*criteria, **facts), False, CONTEXT)


def test_points_count_what_was_validated_and_say_which_lines_counted() -> None:
    maybe = DeclaredCriterion(criterion=Criterion.MINOR_PARENT)
    sure = DeclaredCriterion(criterion=Criterion.SINGLE_PARENT, validated=True)
    request = asked(criteria=(maybe, sure), wishes=("creche-B",))
    assert request.points == 35
    assert [line.criterion for line in request.reasons] == ["single_parent"]


def test_points_may_differ_from_one_structure_to_another() -> None:
    here = DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure="creche-B")
    request = asked(criteria=(here,), wishes=(CRECHE, "creche-B"))
    assert request.points == 0
    assert {row.structure: row.points for row in request.points_at} == {CRECHE: 10, "creche-B": 20}
    assert [line.criterion for line in counted_at(request, "creche-B")] == ["sibling_present"]


def test_a_week_that_two_structures_share_counts_where_it_counts_the_least() -> None:
    here = DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure="creche-B")
    request = asked(criteria=(here,), wishes=(CRECHE, "creche-B"), accepts_split=True)
    for both in ((CRECHE, "creche-B"), ("creche-B", CRECHE)):
        assert [line.criterion for line in counted_at(request, *both)] == ["same_commune"]


def test_who_goes_first_stands_before_every_tier() -> None:
    first = as_request("r-1", declared(), True, CONTEXT)
    assert first is not None and first.tier < asked(Criterion.INSERTION).tier < asked().tier


def test_what_counted_for_the_tier_is_known_even_where_it_gave_no_points() -> None:
    request = declared(Criterion.DISABILITY)
    assert Criterion.DISABILITY in criteria_behind(request, ())


def test_a_tolerance_on_the_start_reaches_the_round() -> None:
    assert (asked(tolerance_days=30).tolerance_days, asked().tolerance_days) == (30, 0)


def test_a_part_of_the_days_reaches_the_round_and_so_does_what_the_child_has_of_them_already() -> None:
    assert (asked().accepts_partial, asked().current) == (False, None)
    request = as_request(
        "r-1", declared(accepts_partial=True, min_days=2), False, CONTEXT, current=CurrentPlace("p-1", rest_of=2)
    )
    assert request is not None
    assert (request.accepts_partial, request.min_days, request.current) == (True, 3, "p-1")


@pytest.mark.parametrize(("kept", "least", "suits"), [(1, 1, True), (1, 2, False), (2, 2, True)])
def test_an_offer_of_a_part_of_the_days_suits_while_it_is_as_many_as_would_help(
    kept: int, least: int, suits: bool
) -> None:
    week = (*on_weekday(Weekday.MON), *MORNINGS)
    request = declared(slots=week, accepts_partial=True, min_days=least)
    offered = Offered(CRECHE, hours_of_care(request, 0)[:kept], asked().period, Audience.EVERYBODY, MONDAY)
    assert still_suits(request, offered, (0, 36)) is suits


@pytest.mark.parametrize(("late", "tolerance", "suits"), [(0, 0, True), (7, 0, False), (7, 7, True), (8, 7, False)])
def test_an_offer_that_starts_later_suits_within_the_tolerance(late: int, tolerance: int, suits: bool) -> None:
    request = declared(tolerance_days=tolerance)
    later = Period(start=FROM_OCTOBER.start + timedelta(days=late), end=asked().period.end)
    offered = Offered(CRECHE, hours_of_care(request, 0), later, Audience.EVERYBODY, MONDAY)
    assert still_suits(request, offered, (0, 36)) is suits


def test_a_wanted_start_that_is_past_counts_as_today() -> None:
    request = asked(period=Period(start=MONDAY - timedelta(days=30)))
    assert request.period.start == MONDAY
    assert request.period.end == date(2028, 9, 1)  # the day after 31 August of the year of the third birthday


@pytest.mark.parametrize(
    ("facts", "served"),
    [
        ({"born": MONDAY - timedelta(days=1), "is_born": False}, False),
        ({"born": MONDAY, "is_born": False}, True),
        ({"kind": RequestKind.OCCASIONAL, "file_complete": False}, False),
        ({"kind": RequestKind.REGULAR, "file_complete": False}, True),
        ({"slots": on(MONDAY, 10), "period": days(MONDAY)}, True),
        ({"slots": on(MONDAY, 9), "period": days(MONDAY)}, False),
        ({"slots": on(MONDAY, 10), "period": days(MONDAY), "travel_minutes": 60}, False),
        ({"period": Period(start=MONDAY - timedelta(days=9), end=MONDAY)}, False),
    ],
)
def test_a_need_is_served_while_its_days_are_to_come_and_nothing_is_missing(
    facts: dict[str, Any], served: bool
) -> None:
    assert (asked(**facts) is not None) is served


def test_weeks_are_a_regular_place_and_single_days_an_occasional_one() -> None:
    assert kind_of(MORNINGS) is VacancyKind.REGULAR
    assert kind_of(on(MONDAY)) is VacancyKind.OCCASIONAL


OFFER = Offered(CRECHE, MORNINGS, FROM_OCTOBER, Audience.EVERYBODY, MONDAY)
SECTION_AGES = (2, 36)


@pytest.mark.parametrize(
    ("facts", "suits"),
    [
        ({}, True),
        ({"tolerance_days": 30, "since": date(2025, 1, 1)}, True),
        ({"wishes": ("creche-B",)}, False),
        ({"slots": on(MONDAY)}, False),
        ({"travel_minutes": 15}, False),
        ({"period": Period(start=date(2026, 10, 12), end=FROM_OCTOBER.end)}, False),
        ({"period": Period(start=FROM_OCTOBER.start, end=date(2027, 6, 1))}, False),
        ({"born": date(2026, 9, 1)}, False),
        ({"born": BORN + timedelta(days=3)}, True),
    ],
)
def test_an_offer_still_suits_as_long_as_wish_hours_days_and_age_do(facts: dict[str, Any], suits: bool) -> None:
    assert still_suits(declared(**facts), OFFER, SECTION_AGES) is suits


def test_a_reserved_place_no_longer_suits_who_is_not_of_its_public_any_more() -> None:
    reserved = Offered(CRECHE, MORNINGS, FROM_OCTOBER, Audience.INSERTION, MONDAY)
    assert still_suits(declared(Criterion.INSERTION), reserved, SECTION_AGES)
    assert not still_suits(declared(), reserved, SECTION_AGES)


def test_an_offer_made_weeks_ago_still_suits_a_need_that_did_not_change() -> None:
    began = Period(start=MONDAY - timedelta(days=60), end=FROM_OCTOBER.end)
    offered_on = MONDAY - timedelta(days=20)
    offer = Offered(CRECHE, MORNINGS, Period(start=offered_on, end=FROM_OCTOBER.end), Audience.EVERYBODY, offered_on)
    assert still_suits(declared(period=began), offer, SECTION_AGES)


FAR, NEAR_ONE = "creche-loin", "creche-B"
AROUND = Near({CRECHE: COMMUNE, NEAR_ONE: "03190", FAR: "03236"}, {(COMMUNE, "03190"): 12, (COMMUNE, "03236"): 35})


@pytest.mark.parametrize(
    ("within", "reached"),
    [(None, []), (1, []), (11, []), (12, [NEAR_ONE]), (34, [NEAR_ONE]), (35, [NEAR_ONE, FAR]), (120, [NEAR_ONE, FAR])],
)
def test_whatever_is_near_enough_stands_level_behind_the_wishes(within: int | None, reached: list[str]) -> None:
    wishes = AROUND.wishes(declared(within_minutes=within))
    assert [(wish.structure, wish.rank) for wish in wishes] == [(CRECHE, 1), *((name, 2) for name in reached)]


def test_a_wish_that_is_near_too_keeps_its_rank_and_home_is_near_without_a_row() -> None:
    wishes = AROUND.wishes(declared(wishes=(NEAR_ONE,), within_minutes=12))
    assert [(wish.structure, wish.rank) for wish in wishes] == [(NEAR_ONE, 1), (CRECHE, 2)]
    far_home = Near(AROUND.communes, {**AROUND.minutes, (COMMUNE, COMMUNE): 20})
    assert [wish.structure for wish in far_home.wishes(declared(wishes=(NEAR_ONE,), within_minutes=12))] == [NEAR_ONE]


def test_communes_without_a_row_are_not_near() -> None:
    assert [wish.structure for wish in Near(AROUND.communes).wishes(declared(within_minutes=120))] == [CRECHE]


def test_an_offer_somewhere_near_suits_as_long_as_the_family_would_go_that_far() -> None:
    there = Offered(NEAR_ONE, MORNINGS, FROM_OCTOBER, Audience.EVERYBODY, MONDAY)
    assert still_suits(declared(within_minutes=12), there, SECTION_AGES, AROUND)
    assert not still_suits(declared(within_minutes=11), there, SECTION_AGES, AROUND)
    assert not still_suits(declared(), there, SECTION_AGES, AROUND)


def test_points_of_a_structure_count_where_it_is_only_near_enough() -> None:
    context = Context(CONTEXT.policy, CONTEXT.now, (), {**CONTEXT.communes, FAR: "03236"}, AROUND)
    here = DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure=NEAR_ONE)
    request = as_request("r-1", declared(criteria=(here,), within_minutes=35), False, context)
    assert request is not None
    assert {row.structure: row.points for row in request.points_at} == {CRECHE: 10, NEAR_ONE: 20}
