"""Rounds in which every choice is one place of one kind, as whole weeks are: deferred acceptance as in the textbook.

Families ask in the order of their wishes; where there are too many, the lowest claim there asks elsewhere (Gale and
Shapley, 1962). The outcome is the one that is best for every family among those where nobody envies a lower claim, and
where all places have one list it is what going down that list gives. When to modify: when a choice gains a use.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush, heapreplace
from itertools import chain
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem, Use


class Book(NamedTuple):
    """Whom one cell of a row keeps: how many may sit there, a rank for each who may ask, the highest claim's being the
    highest, and a heap, lowest first."""

    room: int
    rank: dict[Id, int]
    kept: list[tuple[int, Option]]


def accepted(problem: Problem) -> dict[Id, Option] | None:
    """The option of each unit that is served; None unless no family is indifferent, nobody has a place to keep, and
    each option takes one cell for one child."""
    units = problem.units
    if not all(unit.stay is None and set(map(len, unit.levels)) <= {1} for unit in units.values()):
        return None
    uses = _uses(problem)
    if not all(len(own) == len(own[0].cells) == 1 for own in uses.values()):
        return None
    there = _books(problem)
    books = {key: there[use.row, use.cells[0]] for key, (use,) in uses.items()}
    wishes = {name: iter(unit.levels) for name, unit in units.items()}
    for name in units:
        asking: Id | None = name
        while asking is not None:
            asking = _refused(asking, wishes[asking], books)
    return {option.unit: option for book in there.values() for _, option in book.kept}


def _uses(problem: Problem) -> dict[int, tuple[Use, ...]]:
    """What options use, by its id: most of those at one place use the very same. One cell is used by one child."""
    levels = chain.from_iterable([unit.levels for unit in problem.units.values()])
    return {id(uses): uses for options in levels for uses in [options[0].uses]}


def _books(problem: Problem) -> dict[tuple[int, int], Book]:
    """By row and cell."""
    ranks = {place: {unit: -rank for rank, unit in enumerate(units)} for place, units in problem.ranked.items()}
    return {
        (n, cell): Book(room, ranks.get(row.place, {}), [])
        for n, row in enumerate(problem.rows)
        for cell, room in enumerate(row.left)
    }


def _refused(name: Id, wishes: Iterator[tuple[Option, ...]], books: dict[int, Book]) -> Id | None:
    """Asks on until a place keeps the family; returns whom that place refuses now, or None if nobody."""
    for (option,) in wishes:
        room, rank, kept = books[id(option.uses)]
        own = rank[name]
        if len(kept) < room:
            heappush(kept, (own, option))
            return None
        if kept and kept[0][0] < own:
            return heapreplace(kept, (own, option))[1].unit
    return None
