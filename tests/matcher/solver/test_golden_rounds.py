"""The rounds solved by hand, in each mode and with each rule for ties."""

from __future__ import annotations

import pytest

from services.matcher.solver.schema import Mode, Outcome, Ties
from services.matcher.solver.solve import decide, solve
from services.matcher.solver.verify import verify
from tests.matcher.solver.golden import Golden, golden_rounds

CASES = golden_rounds()
EACH = [
    pytest.param(case, mode, ties, id=f"{case.name}, {mode}, {ties}")
    for case in CASES
    for mode in Mode
    for ties in Ties
    if ties is Ties.TOGETHER or not case.tied
]


def _found(outcome: Outcome) -> dict[str, tuple[str, int]]:
    return {row.request: (row.structure, row.pattern) for row in outcome.placed}


@pytest.mark.parametrize(("case", "mode", "ties"), EACH)
def test_a_golden_round_has_the_answer_found_by_hand(case: Golden, mode: Mode, ties: Ties) -> None:
    round = case.in_mode(mode, ties)
    outcome = decide(round)
    assert outcome.violations == ()
    assert _found(outcome) == case.answers[mode]
    assert verify(round, outcome) == ()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_child_beyond_what_is_prepared_keeps_its_place_marked_to_prepare(case: Golden, mode: Mode) -> None:
    outcome = solve(case.in_mode(mode, Ties.TOGETHER))
    assert tuple(row.request for row in outcome.placed if row.to_prepare) == case.to_prepare


def test_equals_settled_by_the_draw_are_served_one_by_one() -> None:
    """Served together, A would leave its first wish to B; drawn, whoever comes first has its own."""
    case = next(case for case in CASES if case.tied)
    policies = [case.round.policy.model_copy(update={"seed": seed}) for seed in "abcdefgh"]
    found = [_found(decide(case.round.model_copy(update={"policy": policy}))) for policy in policies]
    assert {tuple(sorted(answer.items())) for answer in found} == {
        (("A", ("X", 0)),),
        (("A", ("Y", 0)), ("B", ("X", 0))),
    }


def test_an_urgent_request_takes_the_on_call_place_and_leaves_the_ordinary_one() -> None:
    case = next(case for case in CASES if case.name.startswith("the urgent request takes"))
    assert {row.request: row.on_call for row in decide(case.round).placed} == {"D": False, "U": True}
