"""Which column each unit has for the moment: places taken and given back, and short chains of moves to other choices.

When to modify: to find more arrangements without a solver. A miss here costs time and never an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.columns import Sheet

Columns = tuple[int, ...]

MOST_TRIES = 100
"""How often one insertion tries to make room: where nobody has to stay, chains would branch without end."""


class Board:
    """`at` is the column of each unit that takes part, `live` its columns that are still possible."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.at: dict[Id, int] = {}
        self.live: dict[Id, Columns] = {}
        self.left: list[int] = []
        self.using: defaultdict[int, dict[Id, None]] = defaultdict(dict)
        self.full: defaultdict[int, int] = defaultdict(int)
        self._moves: list[tuple[Id, int | None]] = []
        self._tries = 0
        for column, rows in enumerate(sheet.cells):
            block = sheet.block_of[sheet.unit_of[column]]
            for row in rows:
                if sheet.caps[row] <= 0:
                    self.full[block] |= sheet.marks[row]

    def room(self, row: int) -> int:
        """How much of a row is left. Rows are made while the search goes on."""
        while len(self.left) <= row:
            self.left.append(self.sheet.caps[len(self.left)])
        return self.left[row]

    def put(self, column: int) -> None:
        unit = self.sheet.unit_of[column]
        self.at[unit] = column
        self._use(unit, column, 1)

    def take(self, unit: Id) -> int:
        column = self.at.pop(unit)
        self._use(unit, column, -1)
        return column

    def _use(self, unit: Id, column: int, times: int) -> None:
        sheet, left = self.sheet, self.left
        if len(left) < len(sheet.caps):
            self.room(len(sheet.caps) - 1)
        for row, amount in sheet.amounts[column].items():
            left[row] -= times * amount
        full, marks = self.full[sheet.block_of[unit]], sheet.marks
        for row in sheet.cells[column]:
            full = full | marks[row] if left[row] <= 0 else full & ~marks[row]
            if times > 0:
                self.using[row][unit] = None
            else:
                del self.using[row][unit]
        self.full[sheet.block_of[unit]] = full

    def add_to_row(self, row: int, amount: int) -> None:
        """Changes how much a row holds."""
        self.sheet.caps[row] += amount
        if len(self.left) > row:
            self.left[row] += amount

    def fits(self, column: int) -> bool:
        """True if a unit that has no column at the moment could have this one."""
        unit = self.sheet.unit_of[column]
        if self.sheet.bits[column] & self.full[self.sheet.block_of[unit]]:
            return False
        others = self.sheet.others[column]
        return all(self.room(row) >= others.get(row, 0) for row in self.sheet.shared[unit])

    def rearrange(self, columns: Iterable[int]) -> None:
        """Moves several units at once; together their columns must fit."""
        columns = [column for column in columns if self.at.get(self.sheet.unit_of[column]) != column]
        for column in columns:
            if self.sheet.unit_of[column] in self.at:
                self.take(self.sheet.unit_of[column])
        for column in columns:
            self.put(column)

    def insert(self, columns: Columns, depth: int, width: int) -> bool:
        """Gives a unit one of these columns, moving others to live ones along chains of `depth` moves.

        At most `width` moves are tried at each step. Nothing has changed when it answers False.
        """
        self._moves, self._tries = [], MOST_TRIES
        if self._insert(columns, depth, width, frozenset()):
            return True
        self._undo(0)
        return False

    def _insert(self, columns: Columns, depth: int, width: int, settled: frozenset[Id]) -> bool:
        for column in columns:
            if self.fits(column):
                self._move(self.sheet.unit_of[column], column)
                return True
        return depth > 0 and any(self._make_room(column, depth, width, settled) for column in columns)

    def _make_room(self, column: int, depth: int, width: int, settled: frozenset[Id]) -> bool:
        self._tries -= 1
        if self._tries < 0:
            return False
        start = len(self._moves)
        unit = self.sheet.unit_of[column]
        settled = settled | {unit}
        moved = self._clear(column, settled, width)
        if moved is None:
            self._undo(start)
            return False
        self._move(unit, column)
        if all(self._insert(self.live[other], depth - 1, width, settled) for other in moved):
            return True
        self._undo(start)
        return False

    def _clear(self, column: int, settled: frozenset[Id], width: int) -> list[Id] | None:
        """Takes out units with another choice until the column fits; None if that is not possible."""
        moved: list[Id] = []
        while not self.fits(column):
            unit = next(self._movable(column, settled), None)
            if unit is None or len(moved) >= width:
                return None
            self._move(unit, None)
            moved.append(unit)
        return moved

    def _movable(self, column: int, settled: frozenset[Id]) -> Iterator[Id]:
        for row in self.sheet.cells[column]:
            if self.room(row) <= 0:
                for unit in self.using[row]:
                    if unit not in settled and len(self.live[unit]) > 1:
                        yield unit

    def _move(self, unit: Id, column: int | None) -> None:
        self._moves.append((unit, self.at.get(unit)))
        if unit in self.at:
            self.take(unit)
        if column is not None:
            self.put(column)

    def _undo(self, start: int) -> None:
        while len(self._moves) > start:
            unit, before = self._moves.pop()
            if unit in self.at:
                self.take(unit)
            if before is not None:
                self.put(before)
