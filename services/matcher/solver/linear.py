"""The linear relaxation of a question: often a whole answer, else prices from which a proof can be made.

When to modify: with a new version of OR-Tools. Nothing that this module finds is believed before it is checked in
whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from math import inf as INFINITY

from ortools.linear_solver.linear_solver_pb2 import MPSOLVER_OPTIMAL, MPModelRequest, MPSolutionResponse
from ortools.linear_solver.python.model_builder_helper import ModelSolverHelper

from contracts.vocabulary import Id
from services.matcher.solver.questions import Question
from services.matcher.solver.scarce import Amounts

NEAR = 1e-6
"""How far from a whole number a value of the linear solver may be and still be read as that number."""

PARAMETERS = "use_preprocessing: false use_scaling: false max_deterministic_time: 10"
"""Of GLOP: programmes this small are solved sooner than they are prepared, and all their numbers are near 1. The limit
is of counted work, not seconds; a tenth of a unit was enough for each programme of 15,000 requests."""

DENOMINATORS = range(1, 61)
"""Prices of small rounds are fractions; these are the denominators that are tried, the smallest first."""


@dataclass(frozen=True)
class Relaxed:
    """`value` of the goal, the columns if each unit has a whole one, the price of each row, and how much is taken of
    each column that is taken at all."""

    value: float
    columns: dict[Id, int] | None
    prices: dict[int, float]
    values: dict[int, float]

    def whole_prices(self, denominators: Iterable[int] = DENOMINATORS) -> Iterator[tuple[int, Amounts]]:
        """The prices as whole numbers over each denominator, those that differ only."""
        seen: set[tuple[int, ...]] = set()
        for denominator in denominators:
            rounded = {row: round(price * denominator) for row, price in self.prices.items()}
            if tuple(rounded.values()) not in seen:
                seen.add(tuple(rounded.values()))
                yield denominator, {row: price for row, price in rounded.items() if price > 0}


def relax(question: Question) -> Relaxed | None:
    """The relaxation's optimum with the goal as small as possible; None if the linear solver gives up."""
    numbers = {column: number for number, column in enumerate(chain.from_iterable(question.choices.values()))}
    found = _solved(_request(question, numbers))
    if found.status != MPSOLVER_OPTIMAL:
        return None
    duals = islice(found.dual_value, len(question.choices), None)
    prices = {row: dual for row, dual in zip(question.limits, duals, strict=True) if dual > NEAR}
    taken = found.variable_value
    values = {column: value for column, number in numbers.items() if (value := taken[number]) > NEAR}
    return Relaxed(-found.objective_value, _whole(question, values), prices, values)


def _request(question: Question, numbers: Mapping[int, int]) -> MPModelRequest:
    """The linear programme as one message: stating it call by call took three times as long as solving it."""
    request = MPModelRequest(solver_type=MPModelRequest.GLOP_LINEAR_PROGRAMMING, solver_specific_parameters=PARAMETERS)
    model, goal = request.model, question.goal
    model.maximize = True
    for column in numbers:
        model.variable.add(lower_bound=0.0, upper_bound=INFINITY, objective_coefficient=-float(goal.get(column, 0)))
    for unit, columns in question.choices.items():
        least = 0.0 if unit == question.newcomer else 1.0
        taken, ones = map(numbers.__getitem__, columns), [1.0] * len(columns)
        model.constraint.add(var_index=taken, coefficient=ones, lower_bound=least, upper_bound=1.0)
    for row, left in question.limits.items():
        users = question.users[row]
        taken = map(numbers.__getitem__, users)
        model.constraint.add(
            var_index=taken, coefficient=users.values(), lower_bound=-INFINITY, upper_bound=float(left)
        )
    return request


def _solved(request: MPModelRequest) -> MPSolutionResponse:
    answer = ModelSolverHelper("glop").solve_serialized_request(request.SerializeToString())
    return MPSolutionResponse.FromString(answer)


def _whole(question: Question, values: Mapping[int, float]) -> dict[Id, int] | None:
    unit_of = question.sheet.unit_of
    found = {unit_of[column]: column for column, value in values.items() if value > 1 - NEAR}
    return found if len(found) == len(question.choices) else None
