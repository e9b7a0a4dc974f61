"""The linear relaxation of a question: often a whole answer, else prices from which a proof can be made.

When to modify: with a new version of OR-Tools. Nothing that this module finds is believed before it is checked in
whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ortools.linear_solver import pywraplp

from contracts.vocabulary import Id
from services.matcher.solver.columns import Amounts
from services.matcher.solver.questions import Question

NEAR = 1e-6
"""How far from a whole number a value of the linear solver may be and still be read as that number."""

DENOMINATORS = range(1, 61)
"""Prices of small rounds are fractions; these are the denominators that are tried, the smallest first."""


@dataclass(frozen=True)
class Relaxed:
    """`value` of the goal, the columns if each unit has a whole one, and the price of each row."""

    value: float
    columns: dict[Id, int] | None
    prices: dict[int, float]

    def whole_prices(self) -> Iterator[tuple[int, Amounts]]:
        """The prices as whole numbers over each denominator, those that differ only."""
        seen: set[tuple[int, ...]] = set()
        for denominator in DENOMINATORS:
            rounded = {row: round(price * denominator) for row, price in self.prices.items()}
            if tuple(rounded.values()) not in seen:
                seen.add(tuple(rounded.values()))
                yield denominator, {row: price for row, price in rounded.items() if price > 0}


def relax(question: Question) -> Relaxed | None:
    """The relaxation's optimum with the goal as small as possible; None if the linear solver gives up."""
    solver = pywraplp.Solver.CreateSolver("GLOP")
    variables: dict[int, pywraplp.Variable] = {}
    objective = solver.Objective()
    objective.SetMaximization()
    for unit, columns in question.choices.items():
        one = solver.RowConstraint(0.0 if unit == question.newcomer else 1.0, 1.0, "")
        for column in columns:
            variable = variables[column] = solver.NumVar(0.0, solver.infinity(), "")
            one.SetCoefficient(variable, 1.0)
            if weight := question.goal.get(column):
                objective.SetCoefficient(variable, -float(weight))
    rows = {row: _limit(solver, variables, question, row, left) for row, left in question.limits.items()}
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return None
    prices = {row: price for row, constraint in rows.items() if (price := constraint.dual_value()) > NEAR}
    return Relaxed(-objective.Value(), _whole(question, variables), prices)


def _limit(
    solver: pywraplp.Solver, variables: dict[int, pywraplp.Variable], question: Question, row: int, left: int
) -> pywraplp.Constraint:
    constraint = solver.RowConstraint(-solver.infinity(), float(left), "")
    for column, amount in question.users[row].items():
        constraint.SetCoefficient(variables[column], float(amount))
    return constraint


def _whole(question: Question, variables: dict[int, pywraplp.Variable]) -> dict[Id, int] | None:
    unit_of = question.sheet.unit_of
    found = {unit_of[column]: column for column, variable in variables.items() if variable.solution_value() > 1 - NEAR}
    return found if len(found) == len(question.choices) else None
