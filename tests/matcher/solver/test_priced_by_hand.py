"""What written prices say: of which cells and limits they are, what a way costs by them, and what there is at them."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period
from services.matcher.solver.limited import Spot
from services.matcher.solver.priced import Cost, Priced, cost_of, proof_of
from services.matcher.solver.schema import Goal, GoalPrice, LimitPrice, Price, Proof
from services.matcher.solver.ways import Aim, Place, Ways
from tests.matcher.solver.by_hand import asks, facts_of
from tests.matcher.solver.golden import START, round_of

MONDAY, TUESDAY = date(2026, 9, 7), date(2026, 9, 1)
EIGHT, NOON = time(8), time(13)
CASE: dict[str, Any] = {
    "places": {"X": {"mon_am": 2, "mon_pm": 3}, "Y": {"mon_am": 1}},
    "starts_per_week": {"X": 4},
    "quotas": {"Q": {"structures": ["Y"], "places": 20}},
    "requests": {"A": asks("XY", "mon_am"), "B": asks("X", "mon"), "I": asks("X", "mon_am", audience="insertion")},
}
WEEK = (2026, 36)
CHILDREN = Aim(Goal.CHILDREN, 2, 10, "A")
TOTAL = Aim(Goal.TOTAL, None, None, "A")


def ways_here(case: dict[str, Any] = CASE, **facts: Any) -> Ways:
    return Ways(facts_of(case, **facts))


def morning(ways: Ways, level: int = 2, section: str = "X-all", hour: time = EIGHT) -> Place:
    return Place(section, level, ways.facts.books[section].cell_at(MONDAY, hour))


def prices(case: dict[str, Any], cost: Cost, ways: Ways | None = None) -> dict[str, list[int]]:
    found = ways or ways_here(case)
    priced = Priced(cost, found)
    return {unit: [priced.price_of(way) for way in found.of(unit)] for unit in sorted(found.facts.requests)}


def test_a_way_costs_what_its_cells_cost_to_its_audience() -> None:
    ways = ways_here()
    assert prices(CASE, {morning(ways): 1}) == {"A": [1, 0], "B": [1], "I": [1]}
    assert prices(CASE, {morning(ways, level=0): 3}) == {"A": [3, 0], "B": [3], "I": [0]}
    assert prices(CASE, {morning(ways, level=1): 3}) == {"A": [3, 0], "B": [3], "I": [3]}
    both = {morning(ways): 2, morning(ways, hour=NOON): 5}
    assert prices(CASE, both) == {"A": [2, 0], "B": [7], "I": [2]}
    assert prices(CASE, {morning(ways, section="Y-all"): 4}) == {"A": [0, 4], "B": [0], "I": [0]}


def test_a_way_costs_what_its_limits_cost_less_what_it_is_paid_back() -> None:
    ways = ways_here()
    assert prices(CASE, {Spot(1, WEEK): 6}) == {"A": [6, 0], "B": [6], "I": [6]}
    assert prices(CASE, {Spot(1, WEEK): 6, morning(ways): 1}) == {"A": [7, 0], "B": [7], "I": [7]}
    first, second = ways.of("A")
    first.aims[CHILDREN], second.aims[CHILDREN], second.aims[TOTAL] = 1, 2, 1
    assert prices(CASE, {CHILDREN: 10, morning(ways): 1}, ways) == {"A": [-9, -20], "B": [1], "I": [1]}
    assert prices(CASE, {CHILDREN: 10, TOTAL: 100}, ways)["A"] == [-10, -120]


@pytest.mark.parametrize(("hours", "first"), [("mon_am", MONDAY), ("tue_am", TUESDAY)])
def test_a_place_that_is_given_up_costs_until_that_day_alone(hours: str, first: date) -> None:
    """On a Tuesday the child begins elsewhere: that very day is not paid here."""
    july = Period(start=START - timedelta(days=60))
    requests = {"M": asks("Y", hours, has=["X", hours])}
    drawn = round_of({"places": {"X": {hours: 1}, "Y": {hours: 1}}, "requests": requests})
    round = drawn.model_copy(update={"holds": tuple(row.model_copy(update={"period": july}) for row in drawn.holds)})
    ways = Ways(facts_of(round))
    cell_at = ways.facts.books["X-all"].cell_at
    before, after = (Place("X-all", 2, cell_at(day, EIGHT)) for day in (first - timedelta(days=28), first))
    (moves,) = ways.of("M")
    priced = Priced({before: 1, after: 10}, ways)
    assert (priced.price_of(moves), priced.price_of(ways.without("M"))) == (1, 11)
    assert before in ways.used(moves)
    assert after not in ways.used(moves)


def test_there_is_at_these_prices_what_each_place_has_left() -> None:
    ways = ways_here()
    assert Priced({morning(ways): 5, morning(ways, hour=NOON): 1}, ways).places == 13
    assert Priced({Spot(1, WEEK): 2, CHILDREN: 7}, ways).places == 8
    nothing = Priced({}, ways)
    assert (nothing.places, nothing.keys) == (0, [])
    some = Priced({morning(ways): 1, Spot(1, WEEK): 2, CHILDREN: 7}, ways)
    assert some.keys == ["X-all", Spot(1, WEEK), CHILDREN]
    assert (some.spots, some.aims) == ({Spot(1, WEEK): 2}, {CHILDREN: 7})


WRITTEN = Proof(
    prices=(
        Price(section="X-all", day=MONDAY, hour=NOON, price=3),
        Price(section="X-all", day=MONDAY, hour=EIGHT, audience=Audience.INSERTION, price=2),
        Price(section="Y-all", day=MONDAY, hour=EIGHT),
    ),
    limits=(
        LimitPrice(section="X-all", day=date(2026, 8, 31), price=5),
        LimitPrice(quota="Q", day=MONDAY, hour=EIGHT, price=4),
    ),
    goals=(
        GoalPrice(goal=Goal.CHILDREN, tier=2, points=10, among="A", price=6),
        GoalPrice(goal=Goal.TOTAL, among="A", price=7),
    ),
)


def test_written_prices_are_read_and_written_again_the_same() -> None:
    ways = ways_here()
    (quota,) = (spot for way in ways.of("A")[1:] for spot in way.spots)
    cost = cost_of(WRITTEN, ways.facts)
    assert cost == {
        morning(ways, level=1): 2,
        morning(ways, level=0, hour=NOON): 3,
        morning(ways, level=0, section="Y-all"): 1,
        quota: 4,
        Spot(1, WEEK): 5,
        CHILDREN: 6,
        TOTAL: 7,
    }
    assert proof_of(cost, ways.facts) == WRITTEN
    assert proof_of(dict(reversed(cost.items())), ways.facts) == WRITTEN


def test_prices_of_one_thing_add_up_however_its_moment_is_named() -> None:
    facts = ways_here().facts
    half_past = WRITTEN.prices[1].model_copy(update={"hour": time(8, 30), "day": date(2026, 9, 14)})
    week = WRITTEN.limits[0].model_copy(update={"day": TUESDAY})
    twice = Proof(
        prices=(WRITTEN.prices[1], half_past),
        limits=(WRITTEN.limits[0], week),
        goals=(WRITTEN.goals[0], WRITTEN.goals[0]),
    )
    assert sorted(cost_of(twice, facts).values()) == [4, 10, 12]


def test_prices_are_written_in_the_order_of_what_they_speak_of() -> None:
    case = CASE | {
        "places": {"X": {"mon_am": 2}, "Y": {"mon": 1}},
        "starts_per_week": {"X": 4, "Y": 4},
        "quotas": {name: {"structures": ["Y"], "places": 20} for name in "QR"},
    }
    facts = ways_here(case).facts
    goals = [
        GoalPrice(goal=goal, tier=tier, points=points, among=among)
        for goal, tier, points, among in (
            (Goal.CHILDREN, 1, 5, "A"),
            (Goal.CHILDREN, 2, 10, "A"),
            (Goal.CHILDREN, 2, 10, "B"),
            (Goal.CHILDREN, 2, 1, "B"),
            (Goal.CHILDREN, 2, 0, "A"),
            (Goal.TOTAL, None, None, "A"),
            (Goal.WISHES, 2, 10, "A"),
        )
    ]
    limits = [
        LimitPrice(section="X-all", day=date(2026, 8, 31)),
        LimitPrice(section="Y-all", day=date(2026, 8, 31)),
        LimitPrice(quota="Q", day=MONDAY, hour=EIGHT),
        LimitPrice(quota="Q", day=MONDAY, hour=NOON),
        LimitPrice(quota="R", day=MONDAY, hour=EIGHT),
    ]
    ordered = Proof(limits=tuple(limits), goals=tuple(goals))
    backwards = Proof(limits=tuple(limits[::-1]), goals=tuple(goals[::-1]))
    assert proof_of(cost_of(backwards, facts), facts) == ordered


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        (Proof(prices=(Price(section="nowhere", day=MONDAY, hour=EIGHT),)), KeyError),
        (Proof(prices=(Price(section="X-all", day=MONDAY, hour=time(20)),)), ValueError),
        (Proof(limits=(LimitPrice(quota="R", day=MONDAY, hour=EIGHT),)), KeyError),
        (Proof(limits=(LimitPrice(section="Y-all", day=MONDAY),)), KeyError),
    ],
)
def test_what_is_not_there_has_no_price(proof: Proof, error: type[Exception]) -> None:
    with pytest.raises(error):
        cost_of(proof, ways_here().facts)
