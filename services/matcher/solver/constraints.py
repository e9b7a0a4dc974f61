"""What an arrangement must respect, in the words of `verify.py`, for the solver.

`CONSTRAINTS` is all of it: assembly is one loop, and a test can leave one out and see a check fire.
When to modify: with the check of the same name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, RowKind


@dataclass(frozen=True)
class Question:
    """Can each of these units have one of its options, with this much left in each cell of each row?"""

    units: dict[Id, tuple[Option, ...]]
    kinds: tuple[RowKind, ...]
    left: dict[int, list[int]]
    hint: dict[Id, Option] = field(default_factory=dict)


class Model:
    """A CP-SAT model with one Boolean for each option of a question."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.cp = cp_model.CpModel()
        self.choices = [option for options in question.units.values() for option in options]
        self.variables = [self.cp.new_bool_var("") for _ in self.choices]

    def limits(self, kind: RowKind) -> Iterator[tuple[list[cp_model.IntVar], int]]:
        """Booleans of which only so many can be true: those that use the same cells of a row of this kind.

        A unit that has two children in a cell is named twice.
        """
        least: dict[tuple[int, ...], int] = {}
        for (row, cell), users in self._users(kind).items():
            left = max(self.question.left[row][cell], 0)
            if left < len(users):
                key = tuple(users)
                least[key] = min(left, least.get(key, left))
        for numbers, left in least.items():
            yield [self.variables[number] for number in numbers], left

    def _users(self, kind: RowKind) -> dict[tuple[int, int], list[int]]:
        users: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for number, option in enumerate(self.choices):
            for row, _, _, cells in option.uses:
                if self.question.kinds[row] is kind:
                    for cell in cells:
                        users[row, cell].append(number)
        return users


def add_one_proposal_for_each(model: Model) -> None:
    """G2: each child, or all siblings decided at once, has exactly one of its options."""
    chosen: defaultdict[Id, list[cp_model.IntVar]] = defaultdict(list)
    for option, variable in zip(model.choices, model.variables, strict=True):
        chosen[option.unit].append(variable)
    for variables in chosen.values():
        model.cp.add_exactly_one(variables)


def add_no_cell_overbooked(model: Model) -> None:
    """G1: in no cell are there more children than free places."""
    _add_limits(model, RowKind.PLACES)


def add_kept_places_for_their_public(model: Model) -> None:
    """G4: children whom kept places are closed to stay within the others."""
    _add_limits(model, RowKind.KEPT)


def add_within_prepared_support(model: Model) -> None:
    """G7: children counted as prepared for stay within what the structure has prepared."""
    _add_limits(model, RowKind.SUPPORT)


def _add_limits(model: Model, kind: RowKind) -> None:
    for variables, left in model.limits(kind):
        model.cp.add(cp_model.LinearExpr.sum(variables) <= left)


CONSTRAINTS: tuple[Callable[[Model], None], ...] = (
    add_one_proposal_for_each,
    add_no_cell_overbooked,
    add_kept_places_for_their_public,
    add_within_prepared_support,
)


@dataclass(frozen=True)
class Settings:
    """How far to search. `effort` is CP-SAT's deterministic time, never seconds: the answer must not depend on speed.

    `chain_depth` and `chain_width` bound the moves tried before the solver is asked; 0 asks it every time.
    """

    chain_depth: int = 3
    chain_width: int = 4
    quick_no: bool = True
    effort: float = 20.0
    displacements: int = 5
    constraints: tuple[Callable[[Model], None], ...] = CONSTRAINTS


class Unknown(Exception):
    """The solver reached its limit without an answer."""


def answer(question: Question, settings: Settings) -> dict[Id, Option] | None:
    """An option for each unit, or None if that is impossible. Raises `Unknown` at the limit of the search."""
    model = Model(question)
    for add in settings.constraints:
        add(model)
    for option, variable in zip(model.choices, model.variables, strict=True):
        if option.unit in question.hint:
            model.cp.add_hint(variable, option is question.hint[option.unit])
    solver = _solver(settings)
    status = solver.solve(model.cp)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        pairs = zip(model.choices, model.variables, strict=True)
        return {option.unit: option for option, variable in pairs if solver.boolean_value(variable)}
    if status == cp_model.UNKNOWN:
        raise Unknown(f"no answer within {settings.effort} units of deterministic time")
    if status != cp_model.INFEASIBLE:
        raise RuntimeError(f"CP-SAT refused the model: {solver.status_name(status)}")
    return None


def _solver(settings: Settings) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = settings.effort
    return solver
