"""A question to a solver: which of their choices can these units have, while all others stay where they are?

When to modify: when a question needs to say one more thing to CP-SAT or to the linear relaxation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from contracts.vocabulary import Id
from services.matcher.solver.board import Columns
from services.matcher.solver.columns import Sheet
from services.matcher.solver.problem import RowKind
from services.matcher.solver.scarce import Amounts

MADE = (RowKind.GOAL, RowKind.HALF)
"""Kinds of rows to which a column may give: a sum over all columns says nothing about what could be taken."""


@dataclass(frozen=True)
class Question:
    """`choices` of each unit, what is left of each row to them (`room`), and where they are for the moment.

    `goal` is to be as small as possible, by column: a unit that has none of its choices adds nothing. Where `newcomer`
    is named, that unit may also be left without any of its choices, and the question is whether it need be.
    """

    sheet: Sheet
    choices: dict[Id, Columns]
    room: Callable[[int], int]
    hint: dict[Id, int]
    newcomer: Id | None = None
    goal: Amounts = field(default_factory=dict)
    goal_row: int | None = None

    @cached_property
    def users(self) -> dict[int, dict[int, int]]:
        """Who takes how much of each row, by column."""
        found: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for columns in self.choices.values():
            for column in columns:
                for row, amount in self.sheet.amounts[column].items():
                    found[row][column] = amount
        found.pop(self.goal_row if self.goal_row is not None else -1, None)
        return found

    @cached_property
    def limits(self) -> dict[int, int]:
        """What is left of each row that these units could overrun; of rows with the same users only the scarcest."""
        least: dict[tuple[object, ...], tuple[int, int]] = {}
        kinds, unit_of, room = self.sheet.kinds, self.sheet.unit_of, self.room
        for row, amounts in self.users.items():
            left, kind, taken = room(row), kinds[row], tuple(amounts.values())
            if sum(taken) <= left and kind not in MADE:
                continue
            if _most(amounts, taken, unit_of, left) > left:
                key = (kind, tuple(amounts), taken)
                if key not in least or left < least[key][0]:
                    least[key] = (left, row)
        return {row: left for left, row in least.values()}

    def of_kind(self, kind: RowKind) -> Iterator[tuple[int, int]]:
        """The rows of one kind that can be overrun, and what is left of them."""
        yield from ((row, left) for row, left in self.limits.items() if self.sheet.kinds[row] is kind)


def _most(amounts: dict[int, int], taken: tuple[int, ...], unit_of: list[Id], enough: int) -> int:
    """The most that units could take together, each by one of its columns; where that is less than `enough`, about."""
    if min(taken) == 1 == max(taken):
        return len(taken) if len(taken) <= enough else len(set(map(unit_of.__getitem__, amounts)))
    most: dict[Id, int] = {}
    for column, amount in amounts.items():
        most[unit_of[column]] = max(amount, most.get(unit_of[column], 0))
    return sum(most.values())
