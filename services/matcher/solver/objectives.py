"""The goals of the modes, one after the other; what a goal has decided, the next ones keep.

When to modify: when a deliberation adds a goal.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.vocabulary import Id
from services.matcher.solver.bands import Held
from services.matcher.solver.board import Columns
from services.matcher.solver.columns import Sheet, minutes
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.levels import Reached, enter, pursue
from services.matcher.solver.scarce import Amounts


def keep_best_levels(keeper: Keeper, order: Iterable[Id]) -> None:
    """Down the list, each takes the best level that some arrangement allows with all before keeping theirs."""
    for unit in order:
        for columns in by_level(keeper.sheet, keeper.now.live.get(unit, keeper.sheet.choices[unit])):
            if keeper.keep(unit, columns):
                break


def meet_claims(keeper: Keeper, claims: Iterable[Held]) -> None:
    """Down the claims, each is met if some arrangement allows it with all before met; siblings, as many as can be."""
    for held in claims:
        sheet, live = keeper.sheet, keeper.now.live.get(held.unit)
        meets = [column for column in held.meets if live is None or column in live]
        for count in sorted({sheet.seats(column) for column in meets}, reverse=True):
            if keeper.keep(held.unit, tuple(column for column in meets if sheet.seats(column) >= count)):
                break


def leave_out_the_rest(keeper: Keeper, order: Iterable[Id]) -> None:
    """Those who take part and have nothing stay with nothing."""
    for unit in order:
        if keeper.now.at.get(unit) == keeper.sheet.nothing[unit]:
            keeper.settle(unit, (keeper.sheet.nothing[unit],))


def place_most(keeper: Keeper, units: list[Id]) -> Reached:
    """As many children as can be, whoever they are."""
    enter(keeper, units)
    return pursue(
        keeper, {column: -keeper.sheet.seats(column) for unit in units for column in keeper.sheet.choices[unit]}
    )


def serve_most(keeper: Keeper, units: list[Id]) -> Reached:
    """As many families of a band as can be, whoever they are; siblings asked together are one."""
    enter(keeper, units)
    sheet = keeper.sheet
    return pursue(keeper, {column: -1 for unit in units for column in sheet.choices[unit] if sheet.seats(column)})


def meet_most(keeper: Keeper, band: list[Held]) -> Reached:
    """The claims of as many children of a band as can be, whoever they are."""
    enter(keeper, dict.fromkeys(held.unit for held in band))
    return pursue(keeper, {column: -keeper.sheet.seats(column) for held in band for column in held.meets})


def grant_wishes(keeper: Keeper, units: Iterable[Id]) -> Reached:
    """The wishes of a band together: as few steps down from first wishes as can be."""
    sheet = keeper.sheet
    return pursue(keeper, {column: sheet.steps(column) for unit in units for column in sheet.columns(unit)})


def fill_hours(keeper: Keeper, block: list[Id]) -> Reached | None:
    """Among equal choices, as many hours of care as can be; None where all choices are as long."""
    amounts: Amounts = {
        column: -minutes(keeper.sheet.options[column]) for unit in block for column in keeper.now.live.get(unit, ())
    }
    lengths = ({amounts[column] for column in keeper.now.live.get(unit, ())} for unit in block)
    return pursue(keeper, amounts) if any(len(found) > 1 for found in lengths) else None


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


def by_level(sheet: Sheet, columns: Iterable[int]) -> list[Columns]:
    """The columns that serve a unit, level by level, the best first."""
    found: dict[int, list[int]] = {}
    for column in columns:
        if sheet.options[column]:
            found.setdefault(sheet.level(column), []).append(column)
    return [tuple(found[level]) for level in sorted(found)]
