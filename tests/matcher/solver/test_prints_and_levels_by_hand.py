"""What the checks of an outcome's print and of its levels say of a few rows written by hand, and what they let pass."""

from __future__ import annotations

from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.schema import (
    Goal,
    Level,
    Outcome,
    Policy,
    Reason,
    Round,
    StructurePoints,
    Violation,
    Why,
    WishReason,
)
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.verify import check_each_level_is_proven_or_shows_its_gap, check_same_input_same_outcome
from tests.matcher.solver.by_hand import asks, at, facts_of, outcome_of
from tests.matcher.solver.golden import round_of

PAIR: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A_AT_Y = at("A", "Y", "mon_am", wish_rank=2, level=2)
B_AT_X = at("B", "X", "mon_am")
EVERYBODY = [violation("G10", ["A", "B"], [])]


def changed(round: Round, name: str, **facts: Any) -> Round:
    rows = tuple(row.model_copy(update=facts if row.id == name else {}) for row in round.requests)
    return round.model_copy(update={"requests": rows})


def told(request: str) -> Reason:
    return Reason(request=request, placed=False, wishes=(WishReason(structure="X", why=Why.FULL),))


def printed(asked: Round, outcome: Outcome, /, **facts: Any) -> Outcome:
    """With the prints that it should have, unless others are given."""
    told = outcome.model_copy(update={"input_hash": Spelling().round_hash(asked)})
    told = told.model_copy(update={name: value for name, value in facts.items() if name != "outcome_hash"})
    return told.model_copy(update={"outcome_hash": facts.get("outcome_hash") or Spelling().outcome_hash(told)})


def test_an_outcome_names_its_input_is_sorted_and_has_its_print() -> None:
    round = canonical(round_of(PAIR))
    reasons = (told("A"), told("B"))
    honest = outcome_of(round, A_AT_Y, B_AT_X, reasons=reasons)
    backwards = round.model_copy(update={"requests": round.requests[::-1]})
    found = [violation("G8", ["A", "B"], [])]

    def read(asked: Round | None = None, **facts: Any) -> list[Violation]:
        outcome = printed(asked or backwards, honest, **facts)
        return list(check_same_input_same_outcome(Facts(backwards, outcome, asked=asked)))

    assert read() == []
    for edited in (
        {"round": "another"},
        {"engine": "another"},
        {"policy": Policy(seed="another")},
        {"placed": honest.placed[::-1]},
        {"reasons": reasons[::-1]},
        {"input_hash": "0" * 64},
        {"outcome_hash": "0" * 64},
    ):
        assert read(**edited) == found, edited
    asked = changed(backwards, "B", points=41)
    assert read(asked) == [], "the print is of the round as it came in"


def level(goal: Goal, value: int, points: int | None = None, **facts: Any) -> Level:
    tier = None if points is None else 2
    return Level.model_validate({"goal": goal, "tier": tier, "points": points, "value": value, "bound": value} | facts)


LEVELS = {
    "first": level(Goal.CHILDREN, 1, 50),
    "second": level(Goal.CHILDREN, 1, 40),
    "wishes": level(Goal.WISHES, 1, 50),
    "nothing": level(Goal.WISHES, 0, 40),
    "hours": level(Goal.HOURS, 600),
}


def levels_of(case: dict[str, Any] | Round, *placed: Any, **facts: Any) -> list[Violation]:
    return list(check_each_level_is_proven_or_shows_its_gap(facts_of(case, *placed, **facts)))


@pytest.mark.parametrize(
    ("edited", "sound"),
    [
        ({}, True),
        ({"nothing": None}, True),
        ({"second": None}, False),
        ({"second": level(Goal.CHILDREN, 2, 40)}, False),
        ({"second": level(Goal.CHILDREN, 1, 40, bound=2)}, True),
        ({"second": level(Goal.CHILDREN, 1, 40, bound=0)}, False),
        ({"wishes": level(Goal.WISHES, 1, 50, bound=0)}, True),
        ({"wishes": level(Goal.WISHES, 1, 50, bound=2)}, False),
        ({"wishes": level(Goal.WISHES, 2, 50)}, False),
        ({"hours": level(Goal.HOURS, 599, bound=600)}, False),
        ({"first": level(Goal.CHILDREN, 1, 50, open=("A",))}, False),
    ],
)
def test_each_level_counts_what_there_is_and_stays_within_its_bound(
    edited: dict[str, Level | None], sound: bool
) -> None:
    rows = tuple(row for row in (LEVELS | edited).values() if row is not None)
    found = levels_of(PAIR, A_AT_Y, B_AT_X, levels=rows)
    assert found == ([] if sound else EVERYBODY)


def test_who_has_no_proof_is_named_by_a_level_and_no_other_is() -> None:
    open_ = tuple((LEVELS | {"first": level(Goal.CHILDREN, 1, 50, open=("A",))}).values())
    assert levels_of(PAIR, A_AT_Y, B_AT_X, levels=open_, unproven=("A",)) == []
    rows = tuple(LEVELS.values())
    for unproven in (("A",), ("B",), ("A", "B")):
        levels = rows if unproven == ("A",) else open_
        found = levels_of(PAIR, A_AT_Y, B_AT_X, levels=levels, unproven=unproven)
        assert found == EVERYBODY


def test_levels_are_not_counted_again_where_claims_differ_or_a_part_is_withheld() -> None:
    rows = tuple(LEVELS.values())[2:]
    assert levels_of(PAIR, A_AT_Y, B_AT_X, levels=rows) == EVERYBODY
    assert (
        levels_of(
            changed(round_of(PAIR), "B", points_at=(StructurePoints(structure="X", points=40),)),
            A_AT_Y,
            B_AT_X,
            levels=rows,
        )
        == []
    )
    assert levels_of(PAIR, A_AT_Y, B_AT_X, levels=rows, withheld=("B",)) == []
    siblings = {
        "places": {"X": {"mon_am": 3}},
        "siblings": [["S", "T"]],
        "requests": {
            "S": asks("X", "mon_am", points=60),
            "T": asks("X", "mon_am", points=60),
            "B": asks("X", "mon_am", points=40),
        },
    }
    placed = (at("S", "X", "mon_am"), at("T", "X", "mon_am"), B_AT_X)
    told_of = (level(Goal.CHILDREN, 2, 60), level(Goal.CHILDREN, 1, 40), level(Goal.HOURS, 900))
    assert levels_of(siblings, *placed, levels=told_of) == []
    wishes = (*told_of[:2], level(Goal.WISHES, 7, 60), *told_of[2:])
    assert levels_of(siblings, *placed, levels=wishes) == [], "of siblings no row says how good their wishes are"
