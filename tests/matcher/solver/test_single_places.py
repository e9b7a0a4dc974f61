"""Where every choice is one place, the textbook's loop gives what the general way gives, and gives it sooner."""

from __future__ import annotations

import pytest

from services.matcher.solver.acceptance import Table, by_asking
from services.matcher.solver.components import components
from services.matcher.solver.constraints import Settings
from services.matcher.solver.problem import Problem
from services.matcher.solver.schema import Policy
from services.matcher.solver.single_places import accepted
from services.matcher.solver.variables import problem_of
from services.territory.rounds import RoundPlan, drawn_round


def problems(plan: RoundPlan, seed: int) -> list[Problem]:
    return [problem_of(part) for part in components(drawn_round(plan, seed))]


@pytest.mark.parametrize("own_lists", [False, True])
@pytest.mark.parametrize("wishes", [0, 5])
def test_one_place_each_is_awarded_as_the_general_way_awards_it(own_lists: bool, wishes: int) -> None:
    plan = RoundPlan(50, 8, whole_weeks=True, own_lists=own_lists, wishes=wishes)
    for seed in range(15):
        for problem in problems(plan, seed):
            table, found = Table(problem, Settings()), accepted(problem)
            assert (seed, found) == (seed, table.settle())
            assert (found, table.envies()) == by_asking(problem, Policy(), Settings())


@pytest.mark.parametrize(
    "plan",
    [
        RoundPlan(80, 6, whole_weeks=True, flexible=1.0),
        RoundPlan(80, 6, whole_weeks=True, siblings=0.5),
        RoundPlan(80, 6),
    ],
    ids=["indifferent", "siblings", "half-days"],
)
def test_indifference_siblings_and_shared_weeks_are_left_to_the_general_way(plan: RoundPlan) -> None:
    assert any(accepted(problem) is None for problem in problems(plan, 1))


def test_a_cell_without_a_place_refuses_everybody() -> None:
    (problem, *_) = problems(RoundPlan(30, 3, whole_weeks=True), 1)
    assert 0 < len(accepted(problem) or ()) < len(problem.units)
