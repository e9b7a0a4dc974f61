"""What is taken whatever happens: a unit takes the rows common to all the columns that are left to it.

When to modify: never without the tests that compare the quick answers with the solver's.
"""

from __future__ import annotations

from collections import defaultdict

from contracts.vocabulary import Id
from services.matcher.solver.board import Columns
from services.matcher.solver.columns import Sheet


class Sure:
    """How much of each row of places is left beside what is taken for sure, and which rows are full, as bits."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._taken: defaultdict[int, int] = defaultdict(int)
        self._full: defaultdict[int, int] = defaultdict(int)
        self._cores: defaultdict[Id, int] = defaultdict(int)

    def allows(self, column: int) -> bool:
        """True if what others take for sure leaves room for the column."""
        unit = self.sheet.unit_of[column]
        return not self.sheet.bits[column] & self._full[self.sheet.block_of[unit]] & ~self._cores[unit]

    def note(self, unit: Id, columns: Columns) -> list[int]:
        """Notes the columns left to a unit; returns the rows that are full from now on."""
        block, core = self.sheet.block_of[unit], -1
        for column in columns:
            core &= self.sheet.bits[column]
        more = core & ~self._cores[unit]
        self._cores[unit] |= core
        return [row for row in self.sheet.cells[columns[0]] if more and self._take(row, block, more)]

    def _take(self, row: int, block: int, more: int) -> bool:
        bit = self.sheet.marks[row]
        if not more & bit:
            return False
        self._taken[row] += 1
        if self._taken[row] < self.sheet.caps[row]:
            return False
        self._full[block] |= bit
        return True
