"""Rounds in which every choice is one place of one kind, as whole weeks are: deferred acceptance as in the textbook.

Families ask in the order of their wishes; where there are too many, the lowest claim there asks elsewhere (Gale and
Shapley, 1962). The outcome is the one that is best for every family among those where nobody envies a lower claim, and
where all places have one list it is what going down that list gives. When to modify: when a choice gains a use.
"""

from __future__ import annotations

from heapq import heappush, heappushpop
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem

NOTHING_LEFT = (None,)


class Book(NamedTuple):
    """Whom one cell of a row keeps: how many may sit there, the rank of each who may ask, and a heap, lowest first."""

    room: int
    rank: dict[Id, int]
    kept: list[tuple[int, Option]]


def is_single(problem: Problem) -> bool:
    """True if no family is indifferent, nobody has a place to keep, and each option takes one cell for one child."""
    return all(unit.stay is None for unit in problem.units.values()) and all(
        len(options) == 1 and len(options[0].uses) == len(options[0].seats) == len(options[0].uses[0].cells) == 1
        for unit in problem.units.values()
        for options in unit.levels
    )


def accepted(problem: Problem) -> dict[Id, Option]:
    """The option of each unit that is served. For problems that are single only."""
    books = _books(problem)
    wishes = {name: iter(unit.levels) for name, unit in problem.units.items()}
    for name in problem.units:
        asking: Id | None = name
        while asking is not None:
            (option,) = next(wishes[asking], NOTHING_LEFT)
            asking = None if option is None else _refused(option, books)
    return {option.unit: option for book in books.values() for _, option in book.kept}


def _books(problem: Problem) -> dict[tuple[int, int], Book]:
    """By row and cell."""
    ranks = {place: {unit: rank for rank, unit in enumerate(units)} for place, units in problem.ranked.items()}
    return {
        (n, cell): Book(room, ranks.get(row.place, {}), [])
        for n, row in enumerate(problem.rows)
        for cell, room in enumerate(row.left)
    }


def _refused(option: Option, books: dict[tuple[int, int], Book]) -> Id | None:
    """Whom the place refuses now that one more asks, or None where there is room for all."""
    use = option.uses[0]
    room, rank, kept = books[use.row, use.cells[0]]
    entry = (-rank[option.unit], option)
    if len(kept) < room:
        heappush(kept, entry)
        return None
    return heappushpop(kept, entry)[1].unit if kept else option.unit
