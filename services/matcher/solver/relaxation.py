"""The same round given whole to a general solver: what `berceau bench` measures the matching against.

Nothing here decides anything. `relaxed` is the linear relaxation of "place everyone", the floor of any method that
solves even one linear programme. `descend` takes a ready-made integer solver down the list, one goal after the other.
When to modify: when an option needs a new limit, or with a new version of OR-Tools.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ortools.math_opt.python import mathopt

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem


class Peer(StrEnum):
    """The integer solvers that OR-Tools carries."""

    HIGHS = "highs"
    SCIP = "scip"
    CP_SAT = "cp_sat"


_TYPES = {
    Peer.HIGHS: mathopt.SolverType.HIGHS,
    Peer.SCIP: mathopt.SolverType.GSCIP,
    Peer.CP_SAT: mathopt.SolverType.CP_SAT,
}


@dataclass(frozen=True)
class Relaxed:
    """The linear relaxation of "place everyone": its value in children, CPU seconds to state it and to solve it."""

    children: float
    stating: float
    solving: float


@dataclass(frozen=True)
class Descent:
    """How far an integer solver came down the list. `levels` holds the level of each family that was settled."""

    levels: dict[Id, int | None]
    seconds: float
    asked: int


class _Whole:
    """Every option of a problem as one variable, with all the limits."""

    def __init__(self, problem: Problem, *, integer: bool) -> None:
        self.model = mathopt.Model()
        self.of: dict[Id, list[tuple[Option, mathopt.Variable]]] = {}
        users: defaultdict[tuple[int, int], list[mathopt.Variable]] = defaultdict(list)
        for name, unit in problem.units.items():
            self.of[name] = []
            for option in unit.options:
                variable = self.model.add_variable(lb=0, ub=1, is_integer=integer)
                self.of[name].append((option, variable))
                for use in option.uses:
                    for cell in use.cells:
                        users[use.row, cell].append(variable)
        for pairs in self.of.values():
            self.model.add_linear_constraint(mathopt.fast_sum(variable for _, variable in pairs) <= 1)
        for variables, left in _limits(problem, users):
            self.model.add_linear_constraint(mathopt.fast_sum(variables) <= left)

    def placed(self) -> mathopt.LinearSum:
        """How many children have a place."""
        pairs = (pair for pairs in self.of.values() for pair in pairs)
        return mathopt.fast_sum(option.children * variable for option, variable in pairs)

    def cost(self, unit: Id) -> mathopt.LinearSum:
        """0 at the best level, one more for each level below; unplaced is worse than all."""
        worst = 1 + max((option.level for option, _ in self.of[unit]), default=0)
        return mathopt.fast_sum((option.level - worst) * variable for option, variable in self.of[unit])


def _limits(
    problem: Problem, users: dict[tuple[int, int], list[mathopt.Variable]]
) -> Iterator[tuple[list[mathopt.Variable], int]]:
    """The limits that can bind; cells of the same users only once."""
    least: dict[tuple[int, ...], tuple[list[mathopt.Variable], int]] = {}
    for (row, cell), variables in users.items():
        left = max(problem.rows[row].left[cell], 0)
        key = tuple(variable.id for variable in variables)
        if left < len(variables) and (key not in least or left < least[key][1]):
            least[key] = (variables, left)
    yield from least.values()


def relaxed(problems: Iterable[Problem]) -> Relaxed:
    """The relaxation of the parts of a round, by GLOP, one after the other."""
    children = stating = solving = 0.0
    for problem in problems:
        start = time.process_time()
        whole = _Whole(problem, integer=False)
        whole.model.maximize(whole.placed())
        stated = time.process_time()
        result = mathopt.solve(whole.model, mathopt.SolverType.GLOP)
        children += result.objective_value()
        stating, solving = stating + stated - start, solving + time.process_time() - stated
    return Relaxed(children, stating, solving)


def descend(problem: Problem, peer: Peer, order: Iterable[Id], seconds: float) -> Descent:
    """Down the list with an integer solver: each family's best level, fixed before the next is looked at.

    Stops without an answer for the rest once `seconds` of CPU are spent.
    """
    start = time.process_time()
    whole = _Whole(problem, integer=True)
    levels: dict[Id, int | None] = {}
    asked = 0
    for unit in order:
        if whole.of[unit]:
            left = seconds - (time.process_time() - start)
            value = _best(whole, unit, peer, left) if left > 0 else None
            if value is None:
                break
            asked += 1
            levels[unit] = _level(whole, unit, value)
        else:
            levels[unit] = None
    return Descent(levels, time.process_time() - start, asked)


def _best(whole: _Whole, unit: Id, peer: Peer, seconds: float) -> int | None:
    """The least cost of a family, then required; None if the solver did not prove it in time."""
    cost = whole.cost(unit)
    whole.model.minimize(cost)
    threads = None if peer is Peer.HIGHS else 1  # HiGHS takes no number here; measured, it keeps to one
    limits = mathopt.SolveParameters(threads=threads, time_limit=timedelta(seconds=seconds))
    result = mathopt.solve(whole.model, _TYPES[peer], params=limits)
    if result.termination.reason is not mathopt.TerminationReason.OPTIMAL:
        return None
    value: int = round(result.objective_value())
    whole.model.add_linear_constraint(cost <= value)
    return value


def _level(whole: _Whole, unit: Id, value: int) -> int | None:
    worst = 1 + max(option.level for option, _ in whole.of[unit])
    return worst + value if value < 0 else None
