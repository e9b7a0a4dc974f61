"""Policy is dated data with its source, and what is wrong with a file is said when it is read."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources

import pytest

from contracts.vocabulary import HEALTH_CRITERIA, Criterion
from services.matcher.policy import policy_in_force
from services.matcher.rules.priority_grid import grid_in_force, points, tier, versions
from services.matcher.solver.schema import Mode, Ties

TODAY = date(2026, 9, 7)
GRIDS = sorted(
    p.name.removesuffix(".yaml")
    for p in (resources.files("services.matcher") / "grids").iterdir()
    if p.name.endswith(".yaml")
)


def test_the_model_policy_says_its_rules_with_their_sources() -> None:
    policy = policy_in_force("montlucon-modele", TODAY)
    assert (policy.rules.mode, policy.rules.ties) == (Mode.STABLE, Ties.DRAW)
    assert policy.undo == timedelta(minutes=15)
    assert policy.regular_believed_for == timedelta(days=7)
    assert "délibérer" in policy.rules.deliberation


def test_no_policy_is_in_force_before_its_first_day() -> None:
    with pytest.raises(LookupError):
        policy_in_force("montlucon-modele", date(2025, 12, 31))
    with pytest.raises(FileNotFoundError):
        policy_in_force("nulle-part", TODAY)


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_has_a_source_and_says_no_line_twice(name: str) -> None:
    for grid in versions(name):
        named = [(line.criterion, line.also, line.unless) for line in grid.lines]
        assert len(named) == len(set(named))
        assert grid.source and grid.title


def test_the_grid_of_a_policy_exists_and_says_that_it_is_a_model() -> None:
    grid = grid_in_force(policy_in_force("montlucon-modele", TODAY).grid, TODAY)
    assert grid.is_model
    assert grid.first_tier == (Criterion.INSERTION, Criterion.DISABILITY)


def test_points_are_the_sum_of_the_lines_that_apply_each_with_its_label() -> None:
    grid = grid_in_force("montlucon-modele", TODAY)
    total, reasons = points({Criterion.SINGLE_PARENT, Criterion.RESIDENT, Criterion.LASTING_SOLUTION}, grid)
    assert total == 35 + 15 - 10
    assert [reason.label for reason in reasons] == [
        "Parent isolé", "Habite le territoire", "Congé parental ou solution durable",
    ]  # fmt: skip
    assert tier({Criterion.SINGLE_PARENT}, grid) == 2
    assert tier({Criterion.INSERTION}, grid) == 1


def test_a_health_criterion_that_gives_points_is_known_as_one() -> None:
    lines = {line.criterion for name in GRIDS for grid in versions(name) for line in grid.lines}
    assert {Criterion.DISABILITY, Criterion.DISABLED_RELATIVE, Criterion.MEDICO_SOCIAL} & lines <= HEALTH_CRITERIA
