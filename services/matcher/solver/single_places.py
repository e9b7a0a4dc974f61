"""Rounds in which every choice is one place of one kind, as whole weeks are: deferred acceptance as in the textbook.

Families ask in the order of their wishes; where there are too many, the lowest claim there asks elsewhere (Gale and
Shapley, 1962). The outcome is the one that is best for every family among those where nobody envies a lower claim, and
where all places have one list it is what going down that list gives. When to modify: when a choice gains a use.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush, heappushpop

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem

Place = tuple[int, int]
"""A row and one of its cells."""


def is_single(problem: Problem) -> bool:
    """True if no family is indifferent, nobody has a place to keep, and each option takes one cell for one child."""
    return all(unit.stay is None for unit in problem.units.values()) and all(
        len(options) == 1 and len(options[0].uses) == len(options[0].seats) == len(options[0].uses[0].cells) == 1
        for unit in problem.units.values()
        for options in unit.levels
    )


def accepted(problem: Problem) -> dict[Id, Option]:
    """The option of each unit that is served. For problems that are single only."""
    ranks = {place: {unit: rank for rank, unit in enumerate(units)} for place, units in problem.ranked.items()}
    wishes = {name: (options[0] for options in unit.levels) for name, unit in problem.units.items()}
    there: dict[Place, list[tuple[int, Option]]] = {}
    for name in problem.units:
        asking: Id | None = name
        while asking is not None:
            asking = _next_refused(problem, ranks, wishes[asking], there)
    return {option.unit: option for kept in there.values() for _, option in kept}


def _next_refused(
    problem: Problem,
    ranks: dict[Id, dict[Id, int]],
    wishes: Iterator[Option],
    there: dict[Place, list[tuple[int, Option]]],
) -> Id | None:
    """Asks for the next wish; returns whom the place then refuses, or None once nobody is left to ask."""
    option = next(wishes, None)
    if option is None:
        return None
    use = option.uses[0]
    row, cell = problem.rows[use.row], use.cells[0]
    kept = there.setdefault((use.row, cell), [])
    entry = (-ranks[row.place][option.unit], option)
    if len(kept) < row.left[cell]:
        heappush(kept, entry)
        return None
    return heappushpop(kept, entry)[1].unit if kept else option.unit
