"""Down one list where no family is indifferent: each takes the best that is still there, and nothing is searched.

When to modify: when a goal comes that looks at more than one family at once; such a round is not plain any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Tally
from services.matcher.solver.bands import Band
from services.matcher.solver.columns import minutes
from services.matcher.solver.problem import Option, Problem
from services.matcher.solver.schema import Goal, Level, Mode, Policy, Ties


def is_plain(problem: Problem, policy: Policy) -> bool:
    """True if one list holds everywhere, no choice is as good as another, and nobody has a place to keep."""
    drawn = policy.mode is Mode.STABLE and policy.ties is Ties.DRAW
    return drawn and all(
        unit.stay is None
        and all(len(options) == 1 for options in unit.levels)
        and not any(request.points_at for request in unit.requests)
        for unit in problem.units.values()
    )


def taken(problem: Problem) -> dict[Id, Option]:
    """The option of each unit that is served. For plain problems only."""
    tally = Tally(problem.rows)
    found: dict[Id, Option] = {}
    for unit in sorted(problem.ordinary, key=problem.ordinary.__getitem__):
        for option in problem.units[unit].options:
            if tally.fits(option):
                tally.use(option.uses)
                found[unit] = option
                break
    return found


def reached(problem: Problem, found: dict[Id, Option]) -> Iterator[Level]:
    """Every level of the mode, each proven: who stands before a child keeps what it has."""
    ordinary = problem.ordinary
    bands = dict.fromkeys(ordinary[name][:2] for name, unit in problem.units.items() if unit.levels)
    children, steps = Counter[Band](), Counter[Band]()
    for unit, option in found.items():
        children[ordinary[unit][:2]] += option.children
        steps[ordinary[unit][:2]] += option.level - 1
    for goal, counted in ((Goal.CHILDREN, children), (Goal.WISHES, steps)):
        for tier, behind in bands:
            value = counted[tier, behind]
            yield Level(goal=goal, tier=tier, points=-behind, value=value, bound=value)
    hours = sum(map(minutes, found.values()))
    yield Level(goal=Goal.HOURS, value=hours, bound=hours)
