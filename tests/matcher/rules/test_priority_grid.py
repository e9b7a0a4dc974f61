"""Grids scored by hand, and what keeps a model from passing for a vote."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from contracts.vocabulary import Criterion
from services.matcher.rules.priority_grid import Grid, grid_in_force, points, tier, versions

TODAY = date(2026, 9, 1)
NAMES = ("montlucon-modele", "pessac-2022", "toulouse-2015")
C = Criterion


def _scored(grid: str, *criteria: Criterion) -> int:
    return points(criteria, grid_in_force(grid, TODAY))[0]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ((C.RESIDENT, C.SINGLE_PARENT, C.BOTH_PARENTS_WORK), 370),
        ((C.RESIDENT, C.ONE_WORKS_ONE_SEEKS, C.TWINS), 340),
        ((C.RESIDENT, C.TWINS, C.SIBLING_PRESENT), 320),
        ((C.RESIDENT, C.DISABILITY, C.DISABLED_RELATIVE, C.MEDICO_SOCIAL), 360),
        ((), 0),
    ],
)
def test_pessac_scored_by_hand(criteria: tuple[Criterion, ...], expected: int) -> None:
    assert _scored("pessac-2022", *criteria) == expected


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ((C.BOTH_PARENTS_WORK,), 5),
        ((C.SINGLE_PARENT, C.BOTH_PARENTS_WORK), 5),
        ((C.SINGLE_PARENT,), 2),
        ((C.ONE_WORKS,), 3),
        ((C.ONE_WORKS_ONE_SEEKS,), 3),
        ((C.SINGLE_PARENT, C.MINOR_PARENT, C.DISABILITY), 7),
        ((C.TWINS, C.SIBLING_PRESENT), 1),
    ],
)
def test_toulouse_scored_by_hand(criteria: tuple[Criterion, ...], expected: int) -> None:
    assert _scored("toulouse-2015", *criteria) == expected


def test_the_reasons_add_up_to_the_points_and_carry_french_labels() -> None:
    for name in NAMES:
        total, reasons = points(set(Criterion), grid_in_force(name, TODAY))
        assert total == sum(reason.points for reason in reasons)
        assert all(Criterion(reason.criterion).label == reason.label for reason in reasons)


def test_a_criterion_of_the_structure_counts_only_where_it_holds() -> None:
    grid = grid_in_force("montlucon-modele", TODAY)
    elsewhere, there = {C.RESIDENT}, {C.RESIDENT, C.SIBLING_PRESENT}
    assert points(there, grid)[0] - points(elsewhere, grid)[0] == 20


def test_the_model_grid_says_that_nobody_voted_it_and_the_others_name_their_source() -> None:
    for name in NAMES:
        for grid in versions(name):
            assert grid.source
            assert grid.is_model is (name == "montlucon-modele")
            assert ("non délibérée" in grid.title) is grid.is_model


def test_insertion_and_adapted_care_are_the_first_tier_of_the_model() -> None:
    grid = grid_in_force("montlucon-modele", TODAY)
    assert tier({C.INSERTION}, grid) == tier({C.DISABILITY, C.RESIDENT}, grid) == 1
    assert tier({C.RESIDENT, C.BOTH_PARENTS_WORK}, grid) == 2


def test_a_grid_is_not_in_force_before_its_date() -> None:
    with pytest.raises(LookupError):
        grid_in_force("pessac-2022", date(2021, 12, 31))
    assert grid_in_force("pessac-2022", date(2022, 1, 1))


def test_a_grid_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        grid_in_force("nowhere", TODAY)


def test_a_grid_with_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(ValidationError):
        Grid.model_validate(
            {"valid_from": TODAY, "title": "t", "source": "s", "lines": [{"criterion": "religion", "points": 5}]}
        )
