"""Levels where no single list orders the claims of all structures: against exhaustive search, and edit by edit."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from contracts.vocabulary import Period, Slot
from services.matcher.solver.canonical import canonical
from services.matcher.solver.claims import one_list
from services.matcher.solver.constraints import Settings
from services.matcher.solver.edited import check_levels_where_lists_contradict
from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.own_lists import own_lists
from services.matcher.solver.proving import with_proofs
from services.matcher.solver.schema import (
    Certificate,
    Envy,
    Goal,
    Level,
    Mode,
    Outcome,
    Pattern,
    Round,
    StructurePoints,
    Ties,
    Vacancy,
    Wish,
)
from services.matcher.solver.solve import components, decide
from services.matcher.solver.variables import problem_of
from services.matcher.solver.verify import verify
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.by_hand import asks, at, facts_of
from tests.matcher.solver.drawn_rounds import LONG, MONDAY, WHOLE, Taste, slot, tiny, who_accept_shared_weeks
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.oracle import Arrangement, Oracle, Seat

ONE_PLACE = Taste(points_at=0.6, equal_ranks=0.0, support=0.0, on_call=0.0, dated=0.0, holds=0.2)
OF_ALL_KINDS = Taste(points_at=0.6, equal_ranks=0.2)
MOVERS = Taste(points_at=0.6, movers=0.5, holds=0.1)
SIBLINGS = Taste(points_at=0.6, siblings=1.0)
SHARING = Taste(equal_ranks=0.3, on_call=0.2, holds=0.1, dated=0.0, support=0.3, points_at=0.7)

DAYS = ("tue_am", "wed_am")
SWAPPED: dict[str, Any] = {
    "places": {"X": dict.fromkeys(DAYS, 1), "Y": dict.fromkeys(DAYS, 1)},
    "requests": {
        "A": asks("YX", *DAYS, points={"X": 90, "Y": 10}),
        "B": asks("XY", *DAYS, points={"X": 10, "Y": 90}),
    },
}
"""Each goes first where the other would rather be: with their first wishes or their second, nobody envies."""
FIRST = (at("A", "Y", *DAYS), at("B", "X", *DAYS))
SECOND = tuple(at(name, to, *DAYS, wish_rank=2, level=2) for name, to in (("A", "X"), ("B", "Y")))
LEVELS = (
    Level(goal=Goal.ENVIES, value=0, bound=0),
    Level(goal=Goal.CHILDREN, tier=2, points=90, value=2, bound=2),
    Level(goal=Goal.CHILDREN, tier=2, points=10, value=2, bound=2),
    Level(goal=Goal.WISHES, value=0, bound=0),
    Level(goal=Goal.HOURS, value=1200, bound=1200),
)


class ByBand(Oracle):
    """Where equals are served together, nobody takes a place back from its own band."""

    def _is_ahead(self, other: tuple[str, ...], seat: Seat, unit: tuple[str, ...]) -> bool:
        return self.unit_claim(other, seat.structure)[:2] <= self.unit_claim(unit, seat.structure)[:2]  # type: ignore[operator]


def voted(round: Round, **facts: Any) -> Round:
    return round.model_copy(update={"policy": round.policy.model_copy(update=facts)})


def crossed(seed: int) -> Round:
    """A tiny round of one day: every family wishes every structure, in an order and with points of its own."""
    draw, round = Random(seed), tiny(seed, ONE_PLACE)
    structures = sorted({row.structure for row in round.sections})
    rows = []
    for request in round.requests:
        wishes = tuple(
            Wish(structure=to, rank=rank) for rank, to in enumerate(draw.sample(structures, len(structures)), 1)
        )
        points = tuple(StructurePoints(structure=to, points=draw.randrange(100)) for to in structures)
        monday = (Pattern(slots=(slot("mon", WHOLE),), rank=1),)
        period = {"tier": 2, "period": Period(start=MONDAY), "travel_minutes": 0}
        rows.append(request.model_copy(update=period | {"wishes": wishes, "points_at": points, "patterns": monday}))
    free = (
        {"id": row.id, "section": row.id, "slots": (slot("mon", LONG),), "places": 1, "period": Period(start=MONDAY)}
        for row in round.sections
    )
    vacancies = tuple(map(Vacancy.model_validate, free))
    return round.model_copy(update={"requests": tuple(rows), "vacancies": vacancies, "holds": ()})


def contradicting(round: Round) -> list[Round]:
    """The parts of a round that the solver decides without one list."""
    problems = ((part, problem_of(part)) for part in components(round))
    return [part for part, of in problems if one_list(of.ordinary, list(of.ranked.values())) is None]


def levels_of(round: Round, outcome: Outcome) -> tuple[Level, ...]:
    certificate = with_proofs(round, outcome).certificate
    return certificate.levels if certificate else ()


def worths(oracle: Oracle, arrangement: Arrangement) -> dict[tuple[str, ...], tuple[int, ...] | None]:
    return {unit: oracle.worth(unit, arrangement) for unit in oracle.units}


def seats_of(oracle: Oracle, outcome: Outcome) -> Arrangement:
    return {
        row.request: next(
            seat for seat in oracle.seats[row.request] if (seat.section, seat.pattern) == (row.section, row.pattern)
        )
        for row in outcome.placed
    }


@pytest.mark.parametrize("ties", Ties)
def test_levels_said_to_be_proven_are_the_best_for_every_family_of_all_that_exhaustive_search_finds_stable(
    ties: Ties,
) -> None:
    proven = others = 0
    drawn = (*((seed, tiny(seed, ONE_PLACE)) for seed in range(3000, 3150)), *((n, crossed(n)) for n in range(150)))
    for seed, plain in drawn:
        round = canonical(voted(plain, ties=ties))
        for part in contradicting(round):
            outcome = decide(part, Settings(prices=False))
            levels = levels_of(part, outcome)
            oracle = (ByBand if ties is Ties.TOGETHER else Oracle)(part)
            here = seats_of(oracle, outcome)
            assert (seed, oracle.is_stable(here), levels[0]) == (seed, True, LEVELS[0])
            if any(level.value != level.bound for level in levels):
                continue
            proven += 1
            had = worths(oracle, here)
            for other in filter(oracle.is_stable, oracle.arrangements()):
                others += other != here
                assert (seed, other.keys()) == (seed, here.keys())
                assert all(had[unit] <= worth for unit, worth in worths(oracle, other).items()), seed  # type: ignore[operator]
    assert (proven > 20, others > 3) == (True, True), (proven, others)


def days_of(slots: tuple[Slot, ...]) -> frozenset[str]:
    return frozenset(str(slot.day) for slot in slots)


def with_halves(oracle: Oracle, outcome: Outcome) -> Arrangement:
    """The same of a round in which weeks are shared."""
    had = defaultdict[str, set[tuple[Any, ...]]](set)
    for row in outcome.placed:
        had[row.request].add((row.section, row.pattern, row.period.start, days_of(row.slots)))
    return {
        name: next(
            seat
            for seat in oracle.seats[name]
            if {(half.section, half.pattern, half.start, days_of(half.slots)) for half in seat.each} == halves
        )
        for name, halves in had.items()
    }


@pytest.mark.parametrize("ties", Ties)
def test_nobody_envies_where_weeks_are_shared_and_the_level_says_so_if_exhaustive_search_does(ties: Ties) -> None:
    shared = 0
    for seed in (80_111, 80_149, 80_155, 80_160, 80_171, 80_197, 80_228, 80_267, 80_275, 80_291):
        round = canonical(voted(who_accept_shared_weeks(tiny(seed, SHARING)), ties=ties))
        for part in contradicting(round):
            outcome = decide(part, Settings(prices=False))
            oracle = (ByBand if ties is Ties.TOGETHER else Oracle)(part)
            none = levels_of(part, outcome)[0].value == 0
            assert (seed, oracle.is_stable(with_halves(oracle, outcome))) == (seed, none)
            assert (seed, verify(part, with_proofs(part, outcome))) == (seed, ())
            shared += any(row.split for row in outcome.placed)
    assert shared > 9


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("taste", [OF_ALL_KINDS, MOVERS, SIBLINGS], ids=["of all kinds", "movers", "siblings"])
def test_a_round_says_these_levels_where_it_was_decided_without_one_list_and_nowhere_else(
    taste: Taste, ties: Ties
) -> None:
    told = 0
    for seed in range(8000, 8080):
        round = canonical(voted(tiny(seed, taste), ties=ties))
        outcome = with_proofs(round, decide(round, Settings(prices=False)))
        levels = outcome.certificate.levels if outcome.certificate else ()
        assert (seed, bool(levels)) == (seed, bool(contradicting(round)))
        assert (seed, verify(round, outcome)) == (seed, ())
        told += bool(levels)
        for level in levels:
            lower = level.goal in (Goal.ENVIES, Goal.WISHES)
            assert level.value >= level.bound if lower else level.value <= level.bound, (seed, level)
    assert told > 0


def test_whole_weeks_with_lists_of_their_own_are_proven_to_the_last_level() -> None:
    round = canonical(drawn_round(RoundPlan(60, 8, whole_weeks=True, own_lists=True, wishes=5), 1))
    levels = levels_of(round, decide(round, Settings(prices=False)))
    assert {level.goal for level in levels} == {Goal.ENVIES, Goal.CHILDREN, Goal.WISHES, Goal.HOURS}
    assert all(level.value == level.bound for level in levels)


def broken(*placed: Any, case: dict[str, Any] = SWAPPED, levels: tuple[Level, ...] | None = LEVELS) -> list[Any]:
    certificate = None if levels is None else Certificate(levels=levels)
    return list(check_levels_where_lists_contradict(facts_of(case, *placed, certificate=certificate)))


EVERYBODY = violation("G10", ["A", "B"], [])


def test_levels_that_the_placements_reach_pass_and_each_that_is_edited_or_left_out_is_found() -> None:
    assert levels_of(round_of(SWAPPED), decide(round_of(SWAPPED))) == LEVELS
    assert broken(*FIRST) == broken(*FIRST, levels=None) == []
    for number, level in enumerate(LEVELS):
        for edit in ({"value": level.value + 1}, {"bound": level.bound + 1}, {"points": 7}):
            rows = (*LEVELS[:number], level.model_copy(update=edit), *LEVELS[number + 1 :])
            assert broken(*FIRST, levels=rows) == [EVERYBODY], level
        assert broken(*FIRST, levels=(*LEVELS[:number], *LEVELS[number + 1 :])) == [EVERYBODY], level


def test_places_where_nobody_envies_that_are_not_the_best_for_all_are_found() -> None:
    assert broken(*FIRST, levels=None) == []
    assert broken(*SECOND, levels=None) == [EVERYBODY]
    reached = levels_of(round_of(SWAPPED), facts_of(SWAPPED, *SECOND).outcome)
    assert [(level.value, level.bound) for level in reached] == [(0, 0), (2, 2), (0, 2), (2, 0), (1200, 1200)]


def test_a_round_of_one_list_or_of_a_freer_mode_has_no_such_levels() -> None:
    agreed = SWAPPED | {"requests": {"A": asks("YX", *DAYS, points=20), "B": asks("XY", *DAYS)}}
    freer = SWAPPED | {"policy": {"mode": Mode.STRICT}}
    for case in (agreed, freer):
        assert broken(*FIRST, case=case, levels=()) == []
        assert broken(*FIRST, case=case) == [EVERYBODY]


BOTH, REFUSED = SWAPPED["requests"], asks("X", "tue_am", points=5)
ROOMY = {
    "places": {"X": {"tue_am": 1, "wed_am": 2}, "Y": dict.fromkeys(DAYS, 1)},
    "requests": {
        "A": asks("XY", *DAYS, points={"X": 10, "Y": 90}),
        "B": asks("X", "wed_am", points=5),
        "C": asks("YX", "tue_am", points={"X": 90, "Y": 10}),
        "D": asks("X", "tue_am", points=5),
    },
}
ONE_OF_TWO = {"requests": ["E", "F"], "together": [], "combinations": [{"E": "X", "F": None}]}
SOME_HOURS = {**asks("X", points=10), "days": [["tue_am"], list(DAYS)]}
CASES: dict[str, tuple[dict[str, Any], list[tuple[int, int]], tuple[int, int]]] = {
    "equals who are none where they ask": (
        {"requests": BOTH | {"C": REFUSED}, "policy": {"ties": Ties.TOGETHER}},
        [(0, 0)],
        (1200, 1200),
    ),
    "one who asks for a part of what is full": (
        {"requests": BOTH | {"C": REFUSED}},
        [(0, 0)],
        (1200, 1200),
    ),
    "hours that are never full": (ROOMY, [(1, 1)], (1200, 1200)),
    "one who asks first where there is room": (
        {
            "places": SWAPPED["places"] | {"Z": {"tue_am": 1}},
            "requests": BOTH | {"C": REFUSED, "D": asks("ZX", "tue_am", points=5)},
        },
        [(1, 1)],
        (1500, 1500),
    ),
    "a child who has a place": (
        {
            "places": {name: cells | {"thu_am": 1} for name, cells in SWAPPED["places"].items()},
            "requests": BOTH | {"M": asks("YX", "tue_am", points=5, has=["X", "thu_am"])},
        },
        [],
        (1200, 1500),
    ),
    "one of two children asked together": (
        {"requests": BOTH | dict.fromkeys("EF", REFUSED), "siblings": [ONE_OF_TWO]},
        [(0, 1)],
        (1200, 1500),
    ),
    "the longer of two weeks": (
        {"requests": BOTH | {"C": SOME_HOURS}, "policy": {"ties": Ties.TOGETHER}},
        [],
        (1200, 1800),
    ),
}
"""What is changed in the case where each goes first where the other would rather be, the children of the lowest band
with their bound if that is a band of its own, and the minutes with theirs."""


@pytest.mark.parametrize("name", CASES)
def test_levels_beside_two_who_go_first_where_the_other_would_be_are_those_counted_by_hand(name: str) -> None:
    changes, behind, hours = CASES[name]
    round = round_of(SWAPPED | changes)
    levels = levels_of(round, decide(round, Settings(prices=False)))
    children = [(level.points, level.value, level.bound) for level in levels if level.goal is Goal.CHILDREN]
    as_good = 3 if name == "the longer of two weeks" else 2
    assert children == [(90, 2, 2), (10, 2, as_good), *((5, *band) for band in behind)]
    assert [(level.value, level.bound) for level in levels if level.goal is Goal.HOURS] == [hours]


def test_who_envies_is_counted_in_its_part_and_nowhere_else() -> None:
    apart = {name: asks("Z", "tue_am") for name in "GH"}
    case = SWAPPED | {"places": SWAPPED["places"] | {"Z": {"tue_am": 1}}, "requests": BOTH | apart}
    for who, where, found in (("A", "Y", 1), ("G", "Z", 0)):
        envy = Envy(request=who, section=f"{where}-all", pattern=0)
        said = own_lists(facts_of(case, *FIRST, envies=(envy,)))
        assert said is not None and said.levels[0] == Level(goal=Goal.ENVIES, value=found, bound=0)


def test_equal_claims_served_together_prove_nothing_where_they_ask_for_the_same_place() -> None:
    third = SWAPPED["requests"] | {"C": asks("X", *DAYS, points=10)}
    for ties, proven in ((Ties.DRAW, True), (Ties.TOGETHER, False)):
        round = round_of(SWAPPED | {"requests": third, "policy": {"ties": ties}})
        levels = levels_of(round, decide(round, Settings(prices=False)))
        assert all(level.value == level.bound for level in levels) is proven


@pytest.mark.parametrize("ties", Ties)
def test_what_is_listed_is_what_the_checker_finds_and_equals_served_together_envy_each_other_nothing(
    ties: Ties,
) -> None:
    listed = 0
    for seed in (3000, 3024, 3039, 3060, 3092, *range(3100, 3130)):
        for taste in (ONE_PLACE, OF_ALL_KINDS):
            round = canonical(voted(tiny(seed, taste), ties=ties))
            outcome = decide(round, Settings(prices=False, displacements=0))
            facts = Facts(round, outcome)
            preferred = (wanted for unit in facts.families.members for wanted in facts.preferred(unit))
            could = {choice for wanted in preferred if facts.could_take_back(wanted) for choice in wanted.choices}
            cases = {(row.request, row.section, row.pattern) for row in outcome.envies}
            assert (seed, cases) == (seed, {(row.request, row.section, row.pattern) for row in could})
            listed += bool(cases)
    assert listed > 0
