"""The goals of each mode, one after the other; what a goal has decided, the next ones keep.

When to modify: when a deliberation adds a goal or changes their order.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.vocabulary import Id
from services.matcher.solver.board import Columns
from services.matcher.solver.keeper import Keeper


def keep_best_levels(keeper: Keeper, order: list[Id]) -> None:
    """Down the list, each takes the best level that some arrangement allows with all before keeping theirs."""
    for unit in order:
        for columns in levels(keeper, unit, keeper.now.live.get(unit, keeper.sheet.choices[unit])):
            if keeper.keep(unit, columns):
                break


def keep_served(keeper: Keeper, order: list[Id]) -> None:
    """Down the list, each is served if some arrangement allows it with all before served; siblings, as many as can."""
    for unit in order:
        columns = keeper.sheet.choices[unit]
        for count in sorted({seats(keeper, column) for column in columns}, reverse=True):
            if keeper.keep(unit, tuple(column for column in columns if seats(keeper, column) >= count)):
                break


def keep_within_support(keeper: Keeper, order: list[Id]) -> None:
    """Down the list, each child who needs adapted care stays within what is prepared if an equal option allows it."""
    for unit in order:
        if keeper.problem.units[unit].needs_support and keeper.now.live.get(unit):
            keeper.keep(unit, tuple(map(keeper.sheet.supported, keeper.now.live[unit])))


def draw_options(keeper: Keeper, order: list[Id]) -> None:
    """Down the list, each takes the first of its equal options, in the order of the draw, that is still possible."""
    for unit in order:
        for column in keeper.now.live.get(unit, ())[:-1]:
            if keeper.keep(unit, (column,)):
                break


def seats(keeper: Keeper, column: int) -> int:
    """How many children a column places."""
    option = keeper.sheet.options[column]
    return len(option.seats) if option else 0


def levels(keeper: Keeper, unit: Id, columns: Iterable[int]) -> list[Columns]:
    """The columns of a unit that serve it, level by level, the best first."""
    found: dict[int, list[int]] = {}
    for column in columns:
        if option := keeper.sheet.options[column]:
            found.setdefault(option.level, []).append(column)
    return [tuple(found[level]) for level in sorted(found)]


STABLE = (keep_best_levels, keep_within_support, draw_options)
STRICT = (keep_served, keep_best_levels, keep_within_support, draw_options)
