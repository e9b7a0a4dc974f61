"""The ways to serve a family as proofs count them, on one or two hours of two structures: all are invented."""

from __future__ import annotations

from collections import Counter
from datetime import date, time, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period
from services.matcher.solver.limited import Spot
from services.matcher.solver.schema import Placed, Round
from services.matcher.solver.ways import Part, Place, Way, Ways
from tests.matcher.solver.by_hand import ALWAYS, YEAR, asks, at, facts_of, held, hours
from tests.matcher.solver.golden import START, round_of

MONDAY = date(2026, 9, 7)
FIRST_WEEK = (2026, 36)
JULY = Period(start=START - timedelta(days=60))
PLAIN: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am"), "B": asks("X", "mon_am")},
}
TWINS: dict[str, Any] = {
    "places": {"X": {"mon_am": 2}},
    "siblings": [["S", "T"]],
    "requests": {name: asks("X", "mon_am") for name in "STB"},
}


def ways_of(case: dict[str, Any] | Round, *placed: Placed, **facts: Any) -> Ways:
    return Ways(facts_of(case, *placed, **facts))


def changed(round: Round, name: str, **facts: Any) -> Round:
    rows = tuple(row.model_copy(update=facts if row.id == name else {}) for row in round.requests)
    return round.model_copy(update={"requests": rows})


def kept(case: dict[str, Any]) -> Round:
    """One place more on Monday morning at X, kept for insertion."""
    drawn = round_of(case | {"vacancies": [{"structure": "X", "from": START, "cells": {"mon_am": 1}}]})
    audience = {"audience": Audience.INSERTION}
    rows = tuple(row.model_copy(update=audience if "-0-" in row.id else {}) for row in drawn.vacancies)
    return drawn.model_copy(update={"vacancies": rows})


def moving(places: int = 1, period: Period = ALWAYS, audience: Audience = Audience.EVERYBODY, **facts: Any) -> Round:
    """M has Monday morning at X, where so many places are, and asks for Y; A asks for X."""
    requests = {"M": asks("Y", "mon_am", has=["X", "mon_am"]), "A": asks("X", "mon_am")}
    drawn = round_of({"places": {"X": {"mon_am": places}, "Y": {"mon_am": 1}}, "requests": requests} | facts)
    (hold,) = drawn.holds
    own = hold.model_copy(update={"period": period, "entitled_to": audience})
    return drawn.model_copy(update={"holds": (own,)})


def mask(ways: Ways, section: str, period: Period = YEAR) -> int:
    return ways.facts.books[section].mask(hours("mon_am"), period)


def cell(ways: Ways, section: str, day: date = MONDAY) -> int:
    return ways.facts.books[section].cell_at(day, time(8))


def told(ways: Ways, unit: str) -> list[tuple[str, tuple[Part, ...], tuple[Spot, ...]]]:
    return [(way.wanted.choices[0].structure, way.parts, way.spots) for way in ways.of(unit) if way.wanted]


def test_each_choice_is_a_way_that_uses_its_cells_at_the_audience_of_the_child() -> None:
    ways = ways_of(PLAIN)
    assert told(ways, "A") == [
        ("X", (Part("X-all", mask(ways, "X-all"), 0),), ()),
        ("Y", (Part("Y-all", mask(ways, "Y-all"), 0),), ()),
    ]
    assert ways.of("A") is ways.of("A")
    insertion = ways_of(changed(round_of(PLAIN), "B", entitled_to=Audience.INSERTION))
    assert told(insertion, "B") == [("X", (Part("X-all", mask(insertion, "X-all"), 1),), ())]
    urgent = {"entitled_to": Audience.URGENT_INSERTION, "on_call_sections": ("X-all",)}
    on_call = ways_of(changed(round_of(PLAIN), "A", **urgent))
    assert [part.level for _, parts, _ in told(on_call, "A") for part in parts] == [2, 1]


def test_hours_on_days_that_never_come_are_no_way() -> None:
    two_days = {"from": START, "until": START + timedelta(days=2)}
    case = PLAIN | {"requests": {"A": asks("X", "mon_am", **two_days), "B": asks("X", "wed_am", **two_days)}}
    assert START.weekday() == 1
    ways = ways_of(case)
    assert (ways.of("A"), len(ways.of("B"))) == ((), 1)


def test_who_has_a_place_keeps_it_until_it_begins_elsewhere_or_for_good() -> None:
    ways = ways_of(moving(period=JULY, audience=Audience.INSERTION))
    there = mask(ways, "X-all", JULY)
    assert told(ways, "M") == [("Y", (Part("Y-all", mask(ways, "Y-all"), 0), Part("X-all", there, 1, START)), ())]
    stays = ways.without("M")
    assert (stays.wanted, stays.parts, stays.spots) == (None, (Part("X-all", there, 1, None),), ())
    assert ways.without("M") is stays
    nothing = ways.without("A")
    assert (nothing.wanted, nothing.parts, nothing.spots) == (None, (), ())
    assert (ways.is_mover("M"), ways.is_mover("A")) == (True, False)


def test_a_place_on_days_that_never_come_is_no_part_of_a_way() -> None:
    one_day = Period(start=START, end=START + timedelta(days=1))
    ways = ways_of(moving(period=one_day))
    assert [parts for _, parts, _ in told(ways, "M")] == [(Part("Y-all", mask(ways, "Y-all"), 0),)]


def test_a_way_counts_at_each_moment_of_a_limit_once_for_each_child() -> None:
    starts = ways_of(PLAIN | {"starts_per_week": {"X": 1}})
    assert [spots for *_, spots in told(starts, "A")] == [(Spot(0, FIRST_WEEK),), ()]
    assert starts.left(Spot(0, FIRST_WEEK)) == 1
    twins = ways_of(TWINS | {"starts_per_week": {"X": 2}})
    (together,) = twins.of("S-T")
    assert (together.spots, together.children) == ((Spot(0, FIRST_WEEK),) * 2, 2)
    quota = ways_of(TWINS | {"quotas": {"Q": {"structures": ["X"], "places": 20}}})
    ((spot, other),) = (way.spots for way in quota.of("S-T"))
    assert (spot, spot.limit, quota.left(spot)) == (other, 0, 1)


def test_who_leaves_a_place_counts_in_its_limits_until_then() -> None:
    november = date(2026, 11, 1)
    quota = {"quotas": {"Q": {"structures": ["X"], "places": 20}}}
    ways = ways_of(changed(moving(places=3, **quota), "M", period=Period(start=november, end=YEAR.end)))
    (moves,) = ways.of("M")
    (before,) = moves.spots
    assert moves.spots == tuple(ways.facts.limits.spots_at_home("M", november))
    stays = ways.without("M").spots
    assert (before in stays, len(stays) > 1) == (True, True)
    assert stays == tuple(ways.facts.limits.spots_at_home("M", None))
    assert ways.without("A").spots == ()


def test_possible_is_what_has_room_were_nobody_else_to_come() -> None:
    ways = ways_of(PLAIN | {"places": {"X": {"mon_am": 0}, "Y": {"mon_am": 1}}})
    assert ways.possible("A") == ways.of("A")[1:]
    taken = ways_of(PLAIN, holds=(held("before", "Y", "mon_am"),))
    assert taken.possible("A") == taken.of("A")[:1]
    for places, starts, possible in ((2, None, 1), (1, None, 0), (2, 2, 1), (2, 1, 0)):
        case = TWINS | {"places": {"X": {"mon_am": places}}} | ({"starts_per_week": {"X": starts}} if starts else {})
        assert len(ways_of(case).possible("S-T")) == possible
    full = ways_of(moving(), holds=(held("before", "Y", "mon_am"),))
    assert len(full.possible("M")) == 1, "who has a place to leave is counted for all that it asks"


def test_the_way_that_an_outcome_takes_is_found_and_nothing_else_is_one() -> None:
    ways = ways_of(PLAIN, at("A", "X", "mon_am"))
    assert ways.held("A") is ways.of("A")[0]
    assert ways.held("B") is ways.without("B")
    second = ways_of(PLAIN, at("A", "Y", "mon_am", wish_rank=2, level=2), at("B", "X", "mon_am"))
    assert second.held("A") is second.of("A")[1]
    assert ways_of(PLAIN, at("A", "X", "mon_am", level=2)).held("A") is None


def test_siblings_are_served_as_their_family_asks_child_by_child() -> None:
    s, t = at("S", "X", "mon_am"), at("T", "X", "mon_am")
    both = ways_of(TWINS, s, t, at("B", "X", "mon_am"))
    assert both.held("S-T") is both.of("S-T")[0]
    assert ways_of(TWINS, s).held("S-T") is None
    one_alone = TWINS | {"siblings": [{"requests": ["S", "T"], "combinations": [{"S": "X", "T": "X"}, {"S": "X"}]}]}
    together = ways_of(one_alone, s, t)
    assert {way.children: together.held("S-T") is way for way in together.of("S-T")} == {1: False, 2: True}
    crossed = TWINS | {
        "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
        "siblings": [{"requests": ["S", "T"], "combinations": [{"S": "X", "T": "Y"}, {"S": "Y", "T": "X"}]}],
        "requests": {name: asks("XY", "mon_am") for name in "ST"},
    }
    second = {"wish_rank": 2, "level": 2}
    other = ways_of(crossed, at("S", "Y", "mon_am", **second), at("T", "X", "mon_am"))
    (way,) = (one for one in other.of("S-T") if one.wanted and one.wanted.worth[0] == 2)
    assert other.held("S-T") is way


def test_a_week_in_two_structures_is_one_way_of_one_child() -> None:
    case = {"places": {"X": {"mon": 1}, "Y": {"tue": 1}}, "requests": {"A": asks("XY", "mon", "tue")}}
    round = changed(round_of(case), "A", accepts_split=True)
    rows = (
        at("A", "X", "mon", split=True, level=6),
        at("A", "Y", "tue", split=True, level=6, wish_rank=2),
    )
    ways = ways_of(round, *rows)
    way = ways.held("A")
    assert way is not None
    assert (way.wanted and len(way.wanted.choices), way.children, list(way.sections)) == (2, 1, ["X-all", "Y-all"])
    assert ways_of(round, rows[0]).held("A") is None


def test_a_place_is_counted_with_what_children_who_have_it_may_leave() -> None:
    def places(round: Round, *placed: Placed, level: int = 2, **facts: Any) -> int:
        ways = ways_of(round, *placed, **facts)
        return ways.left(Place("X-all", level, cell(ways, "X-all")))

    moved = at("M", "Y", "mon_am", replaces="M-has")
    assert (places(moving()), places(moving(), moved)) == (1, 1)
    assert (places(moving(places=3)), places(moving(places=3), holds=(held("o", "X", "mon_am"),))) == (3, 2)
    assert (places(moving(places=0)), places(moving(places=0), moved)) == (1, 1), "whoever is there may stay"
    assert places(moving(places=3, period=JULY)) == 3
    assert places(round_of(PLAIN), holds=(held("o", "X", "mon_am", units=3),)) == 0
    insertion = moving(places=0, audience=Audience.INSERTION)
    assert [places(insertion, level=level) for level in (0, 1, 2)] == [0, 1, 1]
    elsewhere = ways_of(moving())
    assert elsewhere.left(Place("Y-all", 2, cell(elsewhere, "Y-all"))) == 1
    late = ways_of(moving(places=0, period=Period(start=MONDAY + timedelta(days=7))))
    assert [late.left(Place("X-all", 2, cell(late, "X-all", day))) for day in (MONDAY, date(2026, 9, 21))] == [0, 1]


@pytest.mark.parametrize(
    ("level", "audience", "found"), [(0, "everybody", 1), (0, "insertion", 0), (1, "insertion", 1)]
)
def test_what_may_be_left_is_what_is_still_held_there(level: int, audience: str, found: int) -> None:
    round = moving(audience=Audience(audience))
    ways = ways_of(round)
    assert ways.left_by_movers("X-all", level) == [mask(ways, "X-all", ALWAYS)] * found
    assert ways.left_by_movers("Y-all", level) == []
    assert ways_of(round, at("M", "Y", "mon_am", replaces="M-has")).left_by_movers("X-all", level) == []


def used(ways: Ways, way: Way) -> Counter[Place | Spot]:
    assert ways.used(way) is ways.used(way)
    return ways.used(way)


def test_a_way_takes_each_of_its_cells_at_each_audience_that_counts() -> None:
    ways = ways_of(changed(kept(PLAIN), "B", entitled_to=Audience.INSERTION))
    here = cell(ways, "X-all")
    assert used(ways, ways.of("A")[0]) == Counter([Place("X-all", 0, here), Place("X-all", 2, here)])
    assert used(ways, ways.of("B")[0]) == Counter([Place("X-all", 2, here)])
    plain = ways_of(PLAIN | {"starts_per_week": {"X": 1}})
    expected = Counter([Place("X-all", 2, cell(plain, "X-all")), Spot(0, FIRST_WEEK)])
    assert used(plain, plain.of("B")[0]) == expected
    twins = ways_of(TWINS)
    assert used(twins, twins.of("S-T")[0]) == {Place("X-all", 2, cell(twins, "X-all")): 2}


def test_who_leaves_a_place_takes_it_on_the_days_before_alone() -> None:
    ways = ways_of(moving(period=JULY))
    before, after = (Place("X-all", 2, cell(ways, "X-all", day)) for day in (date(2026, 7, 6), MONDAY))
    (moves,) = ways.of("M")
    assert used(ways, moves) == Counter([before, Place("Y-all", 2, cell(ways, "Y-all"))])
    assert {before, after} <= used(ways, ways.without("M")).keys()
    assert used(ways, ways.without("A")) == {}
