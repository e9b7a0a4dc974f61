"""What somebody edited in a decision, edit by edit, on two requests: the check that speaks, and what it lets pass."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.matcher.solver.edited import (
    check_each_reason_is_read_off_the_outcome,
    check_marks_are_read_off_the_placements,
    check_no_level_is_left_out_or_open_without_cause,
    check_what_is_listed_can_be,
    check_whoever_is_held_back_is_so_with_cause,
)
from services.matcher.solver.explain import reasons
from services.matcher.solver.guarantees import GUARANTEES, violation
from services.matcher.solver.schema import Envy, Goal, Level, Outcome, Round, StructurePoints, Violation
from tests.matcher.solver.by_hand import asks, at, facts_of, outcome_of
from tests.matcher.solver.golden import NOON, round_of

PAIR: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("X", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A = at("A", "X", "mon_am")


def where_claims_differ(round: Round) -> Round:
    """B's points are said for a structure: nothing more is known of it."""
    here = (StructurePoints(structure="X", points=40),)
    rows = tuple(row.model_copy(update={"points_at": here if row.id == "B" else ()}) for row in round.requests)
    return round.model_copy(update={"requests": rows})


def test_a_violation_says_the_sentence_of_its_guarantee_whom_it_touches_and_where() -> None:
    told = Violation(guarantee="G9", sentence=GUARANTEES["G9"], requests=("A", "B"), sections=("X-all",))
    assert violation("G9", ["A", "B"], ["X-all"]) == told


def test_who_is_held_back_without_a_violation_is_named() -> None:
    facts = facts_of(PAIR, A, withheld=("B",))
    assert list(check_whoever_is_held_back_is_so_with_cause(facts)) == [violation("G11", ["B"], [])]
    assert list(check_whoever_is_held_back_is_so_with_cause(facts_of(PAIR, A))) == []


def marks(case: dict[str, Any] | Round, *placed: Any) -> list[Violation]:
    return list(check_marks_are_read_off_the_placements(facts_of(case, *placed)))


def test_a_place_that_is_on_call_and_not_said_to_be_is_named_with_its_section() -> None:
    case = {
        "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON + timedelta(hours=7)}},
        "requests": {"U": asks("X", "wed_am", urgent_insertion=True)},
    }
    assert marks(case, at("U", "X", "wed_am")) == [violation("G4", ["U"], ["X-all"])]
    assert marks(case, at("U", "X", "wed_am", on_call=True)) == []


def test_a_child_said_to_wait_for_a_move_that_there_is_not_is_named() -> None:
    assert marks(PAIR, A.model_copy(update={"after": ("B",)})) == [violation("G12", ["A"], [])]
    assert marks(PAIR, A) == []


def test_a_worse_pattern_of_the_same_hours_is_named_unless_claims_differ() -> None:
    drawn = round_of(PAIR)
    both = tuple(
        row.model_copy(update={"patterns": (row.patterns[0], row.patterns[0].model_copy(update={"rank": 2}))})
        for row in drawn.requests
    )
    round = drawn.model_copy(update={"requests": both})
    second = A.model_copy(update={"pattern": 1, "level": 2})
    assert marks(round, second) == [violation("G2", ["A"], ["X-all"])]
    assert marks(where_claims_differ(round), second) == []


def level(goal: Goal, value: int, points: int | None = None, **facts: Any) -> Level:
    tier = None if points is None else 2
    return Level(**{"goal": goal, "tier": tier, "points": points, "value": value, "bound": value} | facts)


LEVELS = (
    level(Goal.CHILDREN, 1, 50),
    level(Goal.CHILDREN, 0, 40),
    level(Goal.WISHES, 0, 50),
    level(Goal.WISHES, 0, 40),
    level(Goal.HOURS, 300),
)
WITH_A_GAP = tuple(
    row.model_copy(update={"bound": 1} if (row.goal, row.points) == (Goal.CHILDREN, 40) else {}) for row in LEVELS
)


def of_levels(round: Round, *levels: Level, **facts: Any) -> list[Violation]:
    return list(check_no_level_is_left_out_or_open_without_cause(facts_of(round, A, levels=levels, **facts)))


def test_levels_that_are_left_out_or_open_without_cause_touch_every_request() -> None:
    round, all_of_them = round_of(PAIR), [violation("G10", ["A", "B"], [])]
    assert of_levels(round, *LEVELS) == []
    assert of_levels(round, *LEVELS[:1], *LEVELS[2:]) == all_of_them, "one is left out, and no gap is untrue"
    assert of_levels(round, *WITH_A_GAP) == all_of_them, "none is left out, and one has a gap without a doubt"
    assert of_levels(round, LEVELS[0], *LEVELS) == all_of_them


def test_levels_are_counted_neither_where_claims_differ_nor_in_what_is_told_in_part() -> None:
    round = round_of(PAIR)
    differ = where_claims_differ(round)
    for levels in (LEVELS[1:], WITH_A_GAP):
        assert of_levels(differ, *levels) == []
        assert of_levels(round, *levels, withheld=("B",)) == []
    assert of_levels(differ, LEVELS[0], *LEVELS) == [violation("G10", ["A", "B"], [])]
    assert of_levels(round, LEVELS[0], *LEVELS, withheld=("B",)) == [violation("G10", ["A", "B"], [])]


def listed(round: Round, **facts: Any) -> list[Violation]:
    return list(check_what_is_listed_can_be(facts_of(round, A, **facts)))


def test_an_envy_is_listed_only_where_claims_differ() -> None:
    round = round_of(PAIR)
    envies = tuple(Envy(request=name, section="X-all", pattern=0) for name in "BA")
    assert listed(round, envies=envies) == [violation("G5", ["A", "B"], [])]
    assert listed(where_claims_differ(round), envies=envies) == []
    assert listed(where_claims_differ(round)) == []
    assert listed(round) == []


def test_only_a_first_tier_of_the_same_part_keeps_somebody_out() -> None:
    first = PAIR["requests"] | {"A": asks("X", "mon_am", points=50, tier=1)}
    with_first, elsewhere = (
        round_of(PAIR | {"requests": first | {"C": asks("Y", "mon_am")}}),
        round_of(PAIR),
    )
    assert listed(with_first, displaced=("B",)) == []
    assert listed(with_first, displaced=("B", "C", "nobody")) == [
        violation("G14", ["C"], []),
        violation("G14", ["nobody"], []),
    ]
    assert listed(elsewhere, displaced=("B",)) == [violation("G14", ["B"], [])]
    assert listed(elsewhere, displaced=()) == []


def reread(outcome: Outcome, round: Round, **facts: Any) -> list[Violation]:
    told = facts_of(round, *outcome.placed, reasons=outcome.reasons, **facts)
    return list(check_each_reason_is_read_off_the_outcome(told))


def test_a_reason_that_reads_otherwise_is_named_unless_its_answer_is_held_back() -> None:
    round = round_of(PAIR)
    true = reasons(facts_of(round, A))
    assert [row.request for row in true] == ["A", "B"]
    (line,) = true[1].wishes
    assert (line.points, line.rank) == (40, 2)
    untrue = true[1].model_copy(update={"wishes": (line.model_copy(update={"rank": 1}),)})
    honest, edited, short = (outcome_of(round, A, reasons=rows) for rows in (true, (true[0], untrue), true[:1]))
    assert reread(honest, round) == []
    assert reread(edited, round) == [violation("G11", ["B"], [])]
    assert reread(edited, round, withheld=("B",)) == []
    assert reread(edited, round, withheld=("A",)) == [violation("G11", ["B"], [])]
    assert reread(short, round) == [], "one that is missing is named by another check"
