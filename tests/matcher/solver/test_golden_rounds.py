"""The rounds solved by hand, in `stable`. One waits for another issue: ties served together."""

from __future__ import annotations

import pytest

from services.matcher.solver.solve import decide, solve
from services.matcher.solver.verify import verify
from tests.matcher.solver.golden import Golden, golden_rounds

NOW = [case for case in golden_rounds() if case.later is None]
LATER = [case for case in golden_rounds() if case.later is not None]


@pytest.mark.parametrize("case", NOW, ids=lambda case: case.name)
def test_a_golden_round_has_the_answer_found_by_hand(case: Golden) -> None:
    outcome = decide(case.round)
    assert outcome.violations == ()
    assert {row.request: (row.structure, row.pattern) for row in outcome.placed} == case.stable


@pytest.mark.parametrize("case", NOW, ids=lambda case: case.name)
def test_a_child_beyond_what_is_prepared_keeps_its_place_marked_to_prepare(case: Golden) -> None:
    outcome = solve(case.round)
    assert tuple(row.request for row in outcome.placed if row.to_prepare) == case.to_prepare


@pytest.mark.parametrize("case", NOW, ids=lambda case: case.name)
def test_a_golden_answer_breaks_no_guarantee(case: Golden) -> None:
    assert verify(case.round, solve(case.round)) == ()


def test_the_golden_rounds_left_for_later_are_the_known_ones() -> None:
    assert [(case.name, case.later) for case in LATER] == [
        ("equals are served together", "ties served together"),
    ]


def test_an_urgent_request_takes_the_on_call_place_and_leaves_the_ordinary_one() -> None:
    case = next(case for case in NOW if case.name.startswith("the urgent request takes"))
    assert {row.request: row.on_call for row in decide(case.round).placed} == {"D": False, "U": True}
