"""The goals of the mode `stable`, one after the other; what a goal has decided, the next ones keep.

When to modify: when a deliberation adds a goal or changes their order.
"""

from __future__ import annotations

from contracts.vocabulary import Id
from services.matcher.solver.problem import with_support
from services.matcher.solver.search import Search


def keep_best_levels(search: Search, order: list[Id]) -> None:
    """Down the list, each takes the best level that some arrangement allows with all before keeping theirs."""
    for unit in order:
        for options in search.problem.units[unit].levels:
            if search.keep(unit, options):
                break


def keep_within_support(search: Search, order: list[Id]) -> None:
    """Down the list, each child who needs adapted care stays within what is prepared if an equal option allows it."""
    support = search.problem.support
    for name in order:
        unit = search.problem.units[name]
        if unit.needs_support and name in search.now.at:
            search.keep(name, tuple(with_support(option, unit, support) for option in search.now.equals[name]))


def draw_options(search: Search, order: list[Id]) -> None:
    """Down the list, each takes the first of its equal options, in the order of the draw, that is still possible."""
    for unit in order:
        for option in search.now.equals.get(unit, ())[:-1]:
            if search.keep(unit, (option,)):
                break


GOALS = (keep_best_levels, keep_within_support, draw_options)
