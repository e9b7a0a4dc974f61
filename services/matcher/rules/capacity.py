"""Whether hours still fit in a section, and which places placed children sit on: plain sums, no solver.

A round counts capacity for itself. These sums are the second look, taken with the section's row locked when hours are
really held, and the first one when a director changes a number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from contracts.vocabulary import Audience, Slot
from services.matcher.rules.hours import Amount, Cell, Hours, as_amounts
from services.matcher.solver.schema import Hold, Vacancy

LEVELS = range(len(Audience))

Owned = tuple[str, Vacancy]
"""Places, and the id of the vacancy that they belong to: one vacancy may have several rows."""


def overfull(vacancies: Sequence[Vacancy], holds: Sequence[Hold], new: Hold, instant: datetime) -> tuple[Slot, ...]:
    """The hours of `new` that would not fit beside `holds`, each on the first day it comes; empty if it fits."""
    cells = short_holds(vacancies, [*holds, new], instant, only=new).get(new.id, ())
    return tuple(Slot(day=cell.first_day, start=cell.start, end=cell.end) for cell in sorted(cells))


def short_holds(
    vacancies: Sequence[Vacancy], holds: Sequence[Hold], instant: datetime, only: Hold | None = None
) -> dict[str, frozenset[Cell]]:
    """The holds that sit where more is held than there are places, with the cells; `only` limits the look to one.

    Places kept for an audience serve those entitled to it and to the ones above: for each audience, what is held by
    those who may use no more than it stays within what is open to them.
    """
    hours = Hours([*vacancies, *holds])
    balance = _balance(hours, vacancies, holds, instant)
    taken = {hold.id: hours.cells(hold) for hold in holds}
    asked = [only] if only else holds
    short = {h.id: frozenset(c for c in taken[h.id] if _is_short(balance, c, h.entitled_to.level)) for h in asked}
    return {name: cells for name, cells in short.items() if cells}


def borrowed(
    vacancies: Sequence[Vacancy], holds: Sequence[Hold], new: Hold, lenders: Sequence[Hold],
    lent: Sequence[tuple[str, Hold]], instant: datetime, own: str = "",
) -> list[tuple[Hold, Amount]]:  # fmt: skip
    """The hours of `new` that do not fit, and which of the `lenders`, who may leave, makes room for each of them.

    `holds` are all that count, `lent` those of them that count -1 because one of the lenders gave them before: nobody
    makes room for two. Places that anybody may use are lent first. `own` is the lender whose hours are the same
    child's: it sits there once, so all that both have is lent, whether or not there would be room for it twice.
    """
    hours = Hours([*vacancies, *holds, new, *lenders])
    balance = _balance(hours, vacancies, [*holds, new], instant)
    missing = {cell for cell in hours.cells(new) if _is_short(balance, cell, new.entitled_to.level)}
    found: list[tuple[Hold, Amount]] = []
    both = set(hours.cells(new))
    for lender in sorted(lenders, key=lambda row: (not _is_room(row, own, new), row.entitled_to.level, row.id)):
        gone = {cell for name, row in lent if name == lender.id for cell in hours.cells(row)}
        given = (hours.cells(lender) - gone) & (both if lender.id == own else missing)
        missing -= given
        both -= given
        found += [(lender, amount) for amount in as_amounts(dict.fromkeys(given, 1))]
    return found


def _is_room(lender: Hold, own: str, new: Hold) -> bool:
    """True for the child's own place, where that makes room among those that the new one may use."""
    return lender.id == own and lender.entitled_to.level <= new.entitled_to.level


def _balance(
    hours: Hours, vacancies: Sequence[Vacancy], holds: Sequence[Hold], instant: datetime
) -> list[Counter[Cell]]:  # fmt: skip
    """For each audience, how many places are left to it in each cell."""
    balance = [Counter[Cell]() for _ in LEVELS]
    for vacancy in vacancies:
        _add(balance, hours.cells(vacancy), vacancy.audience_at(instant).level, vacancy.places)
    for hold in holds:
        _add(balance, hours.cells(hold), hold.entitled_to.level, -hold.units)
    return balance


def _add(balance: list[Counter[Cell]], cells: Collection[Cell], level: int, units: int) -> None:
    for open_to in LEVELS[level:]:
        for cell in cells:
            balance[open_to][cell] += units


def _is_short(balance: list[Counter[Cell]], cell: Cell, level: int) -> bool:
    return any(balance[open_to][cell] < 0 for open_to in LEVELS[level:])


def sat_on(pool: Sequence[Owned], holds: Sequence[Hold], instant: datetime) -> dict[str, tuple[Amount, ...]]:
    """For each vacancy, the places at which these children sit: a director's count is of what is left besides them.

    Vacancies of a section are one pool, so this is a convention: hour by hour, each child sits on the most reserved
    place it may use, and among those on the first of `pool`. A child for whom there is no place sits on none.
    """
    hours = Hours([*(row for _, row in pool), *holds])
    left: dict[Cell, list[list[int]]] = defaultdict(list)  # places left, level and position of each row of the pool
    for n, (_, row) in enumerate(pool):
        for cell in hours.cells(row):
            left[cell].append([row.places, row.audience_at(instant).level, n])
    found: dict[str, Counter[Cell]] = defaultdict(Counter)
    for hold in sorted(holds, key=lambda hold: (hold.entitled_to.level, hold.id)):
        for cell in hours.cells(hold):
            _sit(found, pool, left[cell], cell, hold)
    return {vacancy: as_amounts(counts) for vacancy, counts in found.items()}


def _sit(found: dict[str, Counter[Cell]], pool: Sequence[Owned], left: list[list[int]], cell: Cell, hold: Hold) -> None:
    for _ in range(hold.units):
        usable = [row for row in left if row[0] > 0 and row[1] <= hold.entitled_to.level]
        if usable:
            row = min(usable, key=lambda row: (-row[1], row[2]))
            row[0] -= 1
            found[pool[row[2]][0]][cell] += 1
