"""Points by criterion, as voted: dated grids with their source, and the reasons that travel with the points.

When to modify: never a value in place; a territory's new vote is a new dated version in `grids/*.yaml`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import lru_cache
from importlib import resources

import yaml
from pydantic import TypeAdapter

from contracts.vocabulary import Criterion, Frozen, Id
from services.calendar import in_force
from services.matcher.solver.schema import PointsReason


class Line(Frozen):
    """What one criterion is worth, and what the grid says of it.

    It counts only together with all of `also`, and with none of `unless`: lines of a grid that a family cannot add up.
    """

    criterion: Criterion
    points: int
    also: tuple[Criterion, ...] = ()
    unless: tuple[Criterion, ...] = ()
    note: str = ""

    def applies(self, criteria: Collection[Criterion]) -> bool:
        known = {self.criterion, *self.also} <= set(criteria)
        return known and not set(self.unless) & set(criteria)


class Grid(Frozen):
    """A grid in force from `valid_from`. `is_model`: nobody voted it, it shows how one could look.

    `first_tier` are the criteria whose requests are looked at before all others. `left_out` says which lines of the
    voted grid this software cannot count yet.
    """

    valid_from: date
    title: str
    source: str
    is_model: bool = False
    first_tier: tuple[Criterion, ...] = ()
    lines: tuple[Line, ...]
    left_out: tuple[str, ...] = ()


@lru_cache
def versions(grid: Id) -> tuple[Grid, ...]:
    """Every dated version of `grid`. Raises FileNotFoundError where there is no such grid."""
    text = resources.files("services.matcher").joinpath("grids", f"{grid}.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Grid, ...]).validate_python(yaml.safe_load(text))


def grid_in_force(grid: Id, day: date) -> Grid:
    """The version of `grid` that holds on `day`. Raises LookupError if none did yet."""
    return in_force(versions(grid), day)


def points(criteria: Collection[Criterion], grid: Grid) -> tuple[int, tuple[PointsReason, ...]]:
    """The sum of the lines that apply, and each of them with its French label, in the grid's order."""
    reasons = tuple(
        PointsReason(criterion=line.criterion.value, label=line.criterion.label, points=line.points)
        for line in grid.lines
        if line.applies(criteria)
    )
    return sum(reason.points for reason in reasons), reasons


def tier(criteria: Collection[Criterion], grid: Grid) -> int:
    """1 for a request with a criterion of the first tier, else 2."""
    return 1 if set(criteria) & set(grid.first_tier) else 2
