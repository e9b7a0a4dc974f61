"""A problem in whole numbers: one column for each option, one row for each limit that can bind.

Rows that another speaks for are left out (`scarce.py`). Goals that are decided become rows too.
When to modify: when an option or a limit says one more thing to the search.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Problem, RowKind, with_support
from services.matcher.solver.scarce import OF_PLACES, Amounts, Limit, Place, limits


class Sheet:
    """Rows (`caps`, `kinds`) and columns. What a column takes of row `r` is `amounts[column][r]`.

    `cells` are its rows of places, `bits` the same as bits of its block; `others` are the rows that one bit cannot say.
    `made` are the columns of each row that the search has made: of a goal, or of half of a sum of rows.
    Every unit has, beside its options, the column `nothing`; it is the place that the child has now, if any.
    Units of two blocks share no row of places.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.caps: list[int] = []
        self.kinds: list[RowKind] = []
        self.unit_of: list[Id] = []
        self.options: list[Option | None] = []
        self.amounts: list[Amounts] = []
        self.cells: list[tuple[int, ...]] = []
        self.bits: list[int] = []
        self.others: list[Amounts] = []
        self.choices: dict[Id, tuple[int, ...]] = {}
        self.nothing: dict[Id, int] = {}
        self.shared: defaultdict[Id, list[int]] = defaultdict(list)
        self.made: dict[int, tuple[int, ...]] = {}
        self._support: dict[Place, int] = {}
        unit_of = [name for name, unit in problem.units.items() for _ in unit.choices]
        taken: list[Amounts] = [{} for _ in unit_of]
        scarce = limits(problem, unit_of)
        for limit in scarce:
            row = self._new_row(problem.rows[limit.place[0]].kind, limit.left)
            for number, count in limit.amounts.items():
                taken[number][row] = count
        self.block_of = _blocks(problem, scarce)
        self.marks: dict[int, int] = {}
        self._widths: Counter[int] = Counter()
        columns = iter(taken)
        for name, unit in problem.units.items():
            self.choices[name] = tuple([self._add_option(name, option, next(columns)) for option in unit.options])
            self.nothing[name] = self._add_option(name, None, next(columns) if unit.stay else {})

    def add_row(self, kind: RowKind, cap: int, amounts: Amounts) -> int:
        """A row for a goal: `amounts` by column. Only the columns named take anything of it, or give (below 0)."""
        row = self._made_row(kind, cap, amounts)
        for column, amount in amounts.items():
            self.others[column][row] = amount
        for unit in dict.fromkeys(self.unit_of[column] for column in amounts):
            self.shared[unit].append(row)
        return row

    def add_half(self, cap: int, amounts: Amounts) -> int:
        """A row that follows from others: whatever fits in these fits in it, so that only proofs look at it."""
        return self._made_row(RowKind.HALF, cap, amounts)

    def supported(self, column: int) -> int:
        """The column that takes, beside the same, what its structures have prepared for adapted care."""
        option, unit = self.options[column], self.problem.units[self.unit_of[column]]
        if option is None or (wider := with_support(option, unit, self.problem.support)) is option:
            return column
        taken = dict(self.amounts[column])
        for (row, cell), count in _prepared(wider, self.problem).items():
            if (row, cell) not in self._support:
                left = self.problem.rows[row].left[cell]
                self._support[row, cell] = self._new_row(RowKind.SUPPORT, left)
            taken[self._support[row, cell]] = count
        return self._add_option(self.unit_of[column], option, taken)

    def units(self) -> list[list[Id]]:
        """The units that have an option, block by block, the largest block first."""
        found: dict[int, list[Id]] = defaultdict(list)
        for name in self.choices:
            if self.choices[name]:
                found[self.block_of[name]].append(name)
        return sorted(found.values(), key=lambda names: (-len(names), names))

    def level(self, column: int) -> int:
        """How good a column is to its family, 1 the best; 0 for nothing."""
        option = self.options[column]
        return option.level if option else 0

    def columns(self, unit: Id) -> tuple[int, ...]:
        """The columns of a unit, `nothing` too."""
        return (*self.choices[unit], self.nothing[unit])

    def steps(self, column: int) -> int:
        """Steps down from the first wish; a child who stays in the place that it has is below its last wish."""
        unit = self.unit_of[column]
        if self.options[column] is None:
            stays = self.problem.units[unit].stay is not None
            return max(map(self.level, self.choices[unit]), default=0) if stays else 0
        return self.level(column) - 1

    def seats(self, column: int) -> int:
        """How many children a column places who have no place yet."""
        option, has_a_place = self.options[column], self.problem.units[self.unit_of[column]].stay is not None
        return option.children if option and not has_a_place else 0

    def _made_row(self, kind: RowKind, cap: int, amounts: Amounts) -> int:
        row = self._new_row(kind, cap)
        self.made[row] = tuple(amounts)
        for column, amount in amounts.items():
            self.amounts[column][row] = amount
        return row

    def _new_row(self, kind: RowKind, cap: int) -> int:
        self.caps.append(cap)
        self.kinds.append(kind)
        return len(self.caps) - 1

    def _add_option(self, unit: Id, option: Option | None, taken: Amounts) -> int:
        column = len(self.options)
        places, others = self._parted(taken)
        self.unit_of.append(unit)
        self.options.append(option)
        self.amounts.append(taken)
        self.cells.append(places)
        block = self.block_of[unit]
        self.bits.append(sum([self.marks.get(row) or self._mark(row, block) for row in places]))
        self.others.append(others)
        if others:
            self.shared[unit] += [row for row in others if row not in self.shared[unit]]
        return column

    def _parted(self, taken: Amounts) -> tuple[tuple[int, ...], Amounts]:
        """The rows of places that a column takes, and what one bit cannot say."""
        if not self._support and max(taken.values(), default=1) == 1:
            return tuple(taken), {}
        places = tuple([row for row in taken if self.kinds[row] in OF_PLACES])
        return places, {row: n for row, n in taken.items() if n > 1 or self.kinds[row] not in OF_PLACES}

    def _mark(self, row: int, block: int) -> int:
        """A bit for a row of places among those of its block."""
        mark = self.marks[row] = 1 << self._widths[block]
        self._widths[block] += 1
        return mark


def minutes(option: Option | None) -> int:
    """How long the hours of care of an option are, all its children together: one week of them, or the single days."""
    slots = chain.from_iterable(seat.slots for seat in option.seats) if option else ()
    return sum((slot.end.hour - slot.start.hour) * 60 + slot.end.minute - slot.start.minute for slot in slots)


def _prepared(option: Option, problem: Problem) -> Counter[Place]:
    """How much an option takes, cell by cell, of what its structures have prepared for adapted care."""
    uses = [use for use in option.uses if problem.rows[use.row].kind is RowKind.SUPPORT]
    return Counter((use.row, cell) for use in uses for cell in use.cells)


def _blocks(problem: Problem, scarce: Iterable[Limit]) -> dict[Id, int]:
    """Units that share rows, directly or through others, have the same number."""
    up = {name: name for name in problem.units}

    def find(name: Id) -> Id:
        while up[name] != name:
            up[name] = up[up[name]]
            name = up[name]
        return name

    for limit in scarce:
        first, *rest = dict.fromkeys(map(find, limit.units))
        for other in rest:
            up[find(other)] = find(first)
    numbers: dict[Id, int] = {}
    return {name: numbers.setdefault(find(name), len(numbers)) for name in problem.units}
