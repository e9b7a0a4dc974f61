"""The goals of the mode `stable`, one after the other; what a goal has decided, the next ones keep.

When to modify: when a deliberation adds a goal or changes their order.
"""

from __future__ import annotations

from contracts.vocabulary import Id
from services.matcher.solver.search import Search
from services.matcher.solver.variables import with_support


def keep_best_levels(search: Search, order: list[Id]) -> None:
    """Down the list, each takes the best level that some arrangement allows with all before keeping theirs."""
    for request in order:
        for options in search.problem.children[request].levels:
            if search.keep(request, options):
                break


def keep_within_support(search: Search, order: list[Id]) -> None:
    """Down the list, each child who needs adapted care stays within what is prepared if an equal option allows it."""
    support = search.problem.support
    for request in order:
        if search.problem.children[request].request.needs_support and request in search.now.at:
            search.keep(request, tuple(with_support(option, support) for option in search.now.equals[request]))


def draw_options(search: Search, order: list[Id]) -> None:
    """Down the list, each takes the first of its equal options, in the order of the draw, that is still possible."""
    for request in order:
        for option in search.now.equals.get(request, ())[:-1]:
            if search.keep(request, (option,)):
                break


GOALS = (keep_best_levels, keep_within_support, draw_options)
