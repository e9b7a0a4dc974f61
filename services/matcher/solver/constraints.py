"""What an arrangement must respect, in the words of `verify.py`, for the solver.

`CONSTRAINTS` is all of it: assembly is one loop, and a test can leave one out and see a check fire.
When to modify: with the check of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from math import ceil

from ortools.sat.python import cp_model

from contracts.vocabulary import Id
from services.matcher.solver.problem import RowKind
from services.matcher.solver.questions import Question

BOOLEAN = (0, 1)


class Model:
    """A CP-SAT model with one Boolean for each column of a question."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.cp = cp_model.CpModel()
        self.numbers = {column: number for number, column in enumerate(chain.from_iterable(question.choices.values()))}
        for _ in self.numbers:
            self.cp.proto.variables.add().domain.extend(BOOLEAN)

    def variables(self, columns: Iterable[int]) -> list[int]:
        """The numbers of the variables of these columns."""
        return [self.numbers[column] for column in columns]


def add_one_proposal_for_each(model: Model) -> None:
    """G2: each child, or all siblings decided at once, has exactly one of its options."""
    for columns in model.question.choices.values():
        model.cp.proto.constraints.add().exactly_one.literals.extend(model.variables(columns))


def add_no_cell_overbooked(model: Model) -> None:
    """G1: in no cell are there more children than free places."""
    _add_limits(model, RowKind.PLACES)


def add_kept_places_for_their_public(model: Model) -> None:
    """G4: children whom kept places are closed to stay within the others."""
    _add_limits(model, RowKind.KEPT)


def add_within_prepared_support(model: Model) -> None:
    """G7: children counted as prepared for stay within what the structure has prepared."""
    _add_limits(model, RowKind.SUPPORT)


def add_within_voted_limits(model: Model) -> None:
    """Places guaranteed to families in insertion stay free for them, and starts are spread over the weeks."""
    _add_limits(model, RowKind.LIMIT)


def add_what_is_decided(model: Model) -> None:
    """Goals in order: what a goal has reached, the next ones keep."""
    _add_limits(model, RowKind.GOAL)


def add_what_follows(model: Model) -> None:
    """Nobody has half of a choice: rows that the others imply, where the relaxation had overlooked it."""
    _add_limits(model, RowKind.HALF)


def _add_limits(model: Model, kind: RowKind) -> None:
    for row, left in model.question.of_kind(kind):
        users = model.question.users[row]
        if left == 1 == max(users.values()) == min(users.values()):
            model.cp.proto.constraints.add().at_most_one.literals.extend(model.variables(users))
        else:
            linear = model.cp.proto.constraints.add().linear
            linear.vars.extend(model.variables(users))
            linear.coeffs.extend(users.values())
            linear.domain.extend((cp_model.INT32_MIN, left))


CONSTRAINTS: tuple[Callable[[Model], None], ...] = (
    add_one_proposal_for_each,
    add_no_cell_overbooked,
    add_kept_places_for_their_public,
    add_within_prepared_support,
    add_within_voted_limits,
    add_what_is_decided,
    add_what_follows,
)


@dataclass(frozen=True)
class Settings:
    """How far to search. `effort` is CP-SAT's deterministic time, never seconds: the answer must not depend on speed.

    `effort` is for one question, `goals_effort` for all goals of a part together: after that each is looked at lightly.
    `cuts` says whether goals are closed with rows that follow from others. A price does without: of `most_children` it
    tells one arrangement of several, which must stay the one that it was.
    `chain_depth` and `chain_width` bound the moves tried before the solver is asked; 0 asks it every time.
    `prices` says whether the other modes are counted too, each with at most `price_questions` questions of
    `price_effort`: a price may be told as not proven, a decision is not made to wait for it.
    """

    chain_depth: int = 3
    chain_width: int = 4
    quick_no: bool = True
    effort: float = 20.0
    goals_effort: float = 30.0
    cuts: bool = True
    questions: int = 1_000_000
    displacements: int = 5
    prices: bool = True
    price_questions: int = 100
    price_effort: float = 0.5
    constraints: tuple[Callable[[Model], None], ...] = CONSTRAINTS


WHOLE = 1e-6
"""A bound of whole numbers is read as the next whole one from so little below it."""


LIGHT_EFFORT = 0.05
"""Deterministic time after which a question is no small one."""


class Unknown(Exception):
    """The solver reached its limit without an answer."""


def answer(question: Question, settings: Settings) -> dict[Id, int] | None:
    """A column for each unit, or None if that is impossible. Raises `Unknown` at the limit of the search."""
    model = _model(question, settings)
    solver, status = _solved(model, settings)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return _chosen(model, solver)
    if status == cp_model.UNKNOWN:
        raise Unknown(f"no answer within {settings.effort} units of deterministic time")
    if status != cp_model.INFEASIBLE:
        raise RuntimeError(f"CP-SAT refused the model: {solver.status_name(status)}")
    return None


def best(question: Question, settings: Settings) -> tuple[dict[Id, int] | None, int, float]:
    """The columns that take least of the goal, as far as the search went, what no columns can go below, and the
    deterministic time spent."""
    model = _model(question, settings)
    model.cp.proto.objective.vars.extend(model.variables(question.goal))
    model.cp.proto.objective.coeffs.extend(question.goal.values())
    solver, status = _solved(model, settings)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
        raise RuntimeError(f"CP-SAT refused the model: {solver.status_name(status)}")
    bound = ceil(max(solver.best_objective_bound, least(question)) - WHOLE)
    columns = None if status == cp_model.UNKNOWN else _chosen(model, solver)
    return columns, bound, solver.response_proto.deterministic_time


def least(question: Question) -> int:
    """What is taken of the goal if each unit has the column that takes least."""
    return sum(min(question.goal.get(column, 0) for column in columns) for columns in question.choices.values())


def _model(question: Question, settings: Settings) -> Model:
    model = Model(question)
    for add in settings.constraints:
        add(model)
    hinted = [column for unit in question.hint for column in question.choices[unit]]
    here = set(question.hint.values())
    model.cp.proto.solution_hint.vars.extend(model.variables(hinted))
    model.cp.proto.solution_hint.values.extend([int(column in here) for column in hinted])
    return model


def _chosen(model: Model, solver: cp_model.CpSolver) -> dict[Id, int]:
    unit_of = model.question.sheet.unit_of
    values = solver.response_proto.solution
    chosen = (column for column, number in model.numbers.items() if values[number])
    return {unit_of[column]: column for column in chosen}


def _solved(model: Model, settings: Settings) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """The solver once it has answered, the light one where it comes to an end."""
    for solver in (_light(settings), _solver(settings)):
        status = solver.solve(model.cp)
        if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
            break
    return solver, status


def _light(settings: Settings) -> cp_model.CpSolver:
    """CP-SAT without any preparation: most questions are so small that it is over before the preparation would be."""
    solver = _solver(settings)
    solver.parameters.max_deterministic_time = min(LIGHT_EFFORT, settings.effort)
    solver.parameters.cp_model_presolve = False
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    solver.parameters.linearization_level = 0
    return solver


def _solver(settings: Settings) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = settings.effort
    return solver
