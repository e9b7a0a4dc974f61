"""The places that may be overrun: all that a search has to look at of a problem's rows of numbers.

A cell that cannot be overrun says nothing. Neither does one where those who use it also use, as often, another cell of
the same row that has no more left: what fits there fits here. Three cells in four go.

When to modify: when a row of numbers comes that is no row of places.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem, RowKind

OF_PLACES = (RowKind.PLACES, RowKind.KEPT, RowKind.LIMIT)
Amounts = dict[int, int]
Place = tuple[int, int]
"""A row and a cell of the problem."""


class Limit(NamedTuple):
    """What is left of a place that may be overrun, who takes how much of it by the number of the option, and whose
    options these are."""

    left: int
    place: Place
    amounts: Amounts
    units: list[Id]


class Users(NamedTuple):
    """Who may use a row: the number of an option for each place that it takes there, and by cell which of these, as
    bits. An option that takes two places has two bits."""

    numbers: list[int]
    by_cell: list[int]


def limits(problem: Problem, unit_of: list[Id]) -> list[Limit]:
    """The places that may be overrun, in order. `unit_of` gives whose option each number is."""
    found: list[Limit] = []
    for number, (row, users) in enumerate(zip(problem.rows, _users(problem), strict=True)):
        for cell in sorted(_least([max(left, 0) for left in row.left], users.by_cell)):
            amounts = _amounts(users, cell)
            units = _overrunning(amounts, max(row.left[cell], 0), unit_of)
            if units:
                found.append(Limit(max(row.left[cell], 0), (number, cell), amounts, units))
    return found


def _users(problem: Problem) -> list[Users]:
    """Who may use each row of places."""
    found = [Users([], [0] * len(row.left) if row.kind in OF_PLACES else []) for row in problem.rows]
    for number, option in enumerate(_options(problem)):
        for row, _, _, cells in option.uses:
            numbers, by_cell = found[row]
            bit = 1 << len(numbers)
            numbers.append(number)
            for cell in cells if by_cell else ():
                by_cell[cell] |= bit
    return found


def _options(problem: Problem) -> Iterator[Option]:
    for unit in problem.units.values():
        yield from unit.choices


def _least(left: list[int], by_cell: list[int]) -> list[int]:
    """The cells that more options use than there are places, without those that another cell speaks for."""
    many = [cell for cell, users in enumerate(by_cell) if users.bit_count() > left[cell]]
    kept: list[int] = []
    found: list[int] = []
    for cell in sorted(many, key=lambda cell: (left[cell], -by_cell[cell].bit_count(), cell)):
        users = by_cell[cell]
        if not any(users | other == other for other in kept):
            kept.append(users)
            found.append(cell)
    return found


def _amounts(users: Users, cell: int) -> Amounts:
    """How many places of a cell each option takes."""
    found: Amounts = {}
    left = users.by_cell[cell]
    while left:
        bit = left & -left
        number = users.numbers[bit.bit_length() - 1]
        found[number] = found.get(number, 0) + 1
        left ^= bit
    return found


def _overrunning(amounts: Amounts, left: int, unit_of: list[Id]) -> list[Id]:
    """The units that use a cell, if they could take more than is left together, each by one of its options."""
    most: dict[Id, int] = {}
    for number, count in amounts.items():
        unit = unit_of[number]
        if count > most.get(unit, 0):
            most[unit] = count
    return list(most) if sum(most.values()) > left else []
