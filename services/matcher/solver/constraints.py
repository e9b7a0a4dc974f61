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
from services.matcher.solver.cells import bits
from services.matcher.solver.variables import Option, RowKind


@dataclass(frozen=True)
class Question:
    """Can each of these children have one of its options, with this much left in each cell of each row?"""

    children: dict[Id, tuple[Option, ...]]
    kinds: tuple[RowKind, ...]
    left: dict[int, list[int]]
    hint: dict[Id, Option] = field(default_factory=dict)


class Model:
    """A CP-SAT model with one Boolean for each option of a question."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.cp = cp_model.CpModel()
        self.chosen = {
            (request, number): self.cp.new_bool_var(f"{request}/{number}")
            for request, options in question.children.items()
            for number in range(len(options))
        }

    def cells(self, kind: RowKind) -> Iterator[tuple[int, list[cp_model.IntVar]]]:
        """What is left in each cell of the rows of a kind, and the Booleans that would use it."""
        users: defaultdict[tuple[int, int], list[cp_model.IntVar]] = defaultdict(list)
        for (request, number), variable in self.chosen.items():
            option = self.question.children[request][number]
            for row in option.rows:
                if self.question.kinds[row] is kind:
                    for cell in bits(option.mask):
                        users[row, cell].append(variable)
        for (row, cell), variables in users.items():
            yield max(self.question.left[row][cell], 0), variables


def add_one_proposal_for_each(model: Model) -> None:
    """G2: each child has exactly one of its options."""
    for request, options in model.question.children.items():
        model.cp.add_exactly_one(model.chosen[request, number] for number in range(len(options)))


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
    for left, variables in model.cells(kind):
        if len(variables) > left:
            model.cp.add(sum(variables) <= left)


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
    displacements_per_child: int = 20
    constraints: tuple[Callable[[Model], None], ...] = CONSTRAINTS


class Unknown(Exception):
    """The solver reached its limit without an answer."""


def answer(question: Question, settings: Settings) -> dict[Id, Option] | None:
    """An option for each child, or None if that is impossible. Raises `Unknown` at the limit of the search."""
    model = Model(question)
    for add in settings.constraints:
        add(model)
    for (request, number), variable in model.chosen.items():
        if request in question.hint:
            model.cp.add_hint(variable, question.children[request][number] == question.hint[request])
    solver = _solver(settings)
    status = solver.solve(model.cp)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {
            request: question.children[request][number]
            for (request, number), variable in model.chosen.items()
            if solver.boolean_value(variable)
        }
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
