"""Sums of rows, divided and rounded down, over all who may ever use them: what the search keeps of a cut.

When to modify: with `cuts.py` and `corners.py`, which find the rows to add up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from contracts.vocabulary import Id
from services.matcher.solver.board import Board
from services.matcher.solver.corners import corner_sums
from services.matcher.solver.cuts import LEAST, Sum, Values, odd_walks
from services.matcher.solver.linear import NEAR
from services.matcher.solver.questions import Question
from services.matcher.solver.scarce import Amounts

Users = Mapping[int, Mapping[Id, None]]
Half = tuple[Amounts, int]
"""What each column takes, and how much there is."""


class Halves:
    """Rows made of others. `undecided` and `decided` are the units that take part and may use each row."""

    def __init__(self, board: Board, undecided: Users, decided: Users) -> None:
        self._board, self._sheet = board, board.sheet
        self._undecided, self._decided = undecided, decided

    def found(self, question: Question, values: Values) -> list[Half]:
        """The rows that a relaxation overruns; they follow from those that there are, and hold for ever."""
        return self._overrun(odd_walks, question, values) or self._overrun(corner_sums, question, values)

    def _overrun(self, sums: Callable[[Question, Values], list[Sum]], question: Question, values: Values) -> list[Half]:
        """Each sum of rows once that is still overrun when all who may use it are counted."""
        halves: dict[tuple[tuple[int, int], ...], Half] = {}
        for found in sums(question, values):
            amounts, cap = self._sum(found, values)
            by = found.divisor
            half = {column: amount // by for column, amount in amounts.items() if amount // by}, cap // by
            if self._holds_for_ever(half) and self._is_overrun(half, question, values):
                halves.setdefault(((-1, half[1]), *sorted(half[0].items())), half)
        return list(halves.values())

    def _sum(self, found: Sum, values: Values) -> tuple[Counter[int], int]:
        """The sum of rows, without those who are decided, and with what fills up the choices that are had whole."""
        amounts: Counter[int] = Counter()
        live, cap = self._board.live, 0
        for (row, unit), times in found.times:
            users = dict.fromkeys(live[unit], 1) if unit else self._users(row)
            amounts.update({column: times * amount for column, amount in users.items()})
            cap += times * (1 if unit else self._sheet.caps[row] - self._taken(row))
        for unit, missing in list(self._had_whole(amounts, values, found.divisor)):
            amounts.update(dict.fromkeys(live[unit], missing))
            cap += missing
        return amounts, cap

    def _users(self, row: int) -> Amounts:
        """What each column takes of a row that is left to somebody, or may be had by somebody who takes part later."""
        sheet, live = self._sheet, self._board.live
        columns = [column for unit in self._undecided[row] for column in live[unit]]
        at_first = sheet.made.get(row) or self._at_first[row]
        columns += [column for column in at_first if sheet.unit_of[column] not in live]
        return {column: amount for column in columns if (amount := sheet.amounts[column].get(row, 0))}

    def _taken(self, row: int) -> int:
        amounts, live = self._sheet.amounts, self._board.live
        return sum(amounts[live[unit][0]].get(row, 0) for unit in self._decided[row])

    @cached_property
    def _at_first(self) -> defaultdict[int, list[int]]:
        """The columns that use each row of places."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for column, rows in enumerate(self._sheet.cells):
            for row in rows:
                found[row].append(column)
        return found

    def _had_whole(self, amounts: Amounts, values: Values, divisor: int) -> Iterator[tuple[Id, int]]:
        """The units whose choice would lose by rounding down, and how much of it is missing for a whole."""
        for column, amount in amounts.items():
            unit = self._sheet.unit_of[column]
            if amount % divisor and values.get(column, 0.0) >= 1 - NEAR and unit in self._board.live:
                yield unit, -amount % divisor

    def _holds_for_ever(self, half: Half) -> bool:
        """False if somebody who takes part later might give to the row."""
        amounts, _ = half
        return all(amount > 0 or self._sheet.unit_of[column] in self._board.live for column, amount in amounts.items())

    def _is_overrun(self, half: Half, question: Question, values: Values) -> bool:
        """True if the relaxation takes more than there is, beside those whom the question is not about."""
        amounts, cap = half
        at, unit_of = self._board.at, self._sheet.unit_of
        for column, amount in amounts.items():
            unit = unit_of[column]
            if unit not in question.choices:
                cap -= amount if at.get(unit) == column else 0
        return sum(amount * values.get(column, 0.0) for column, amount in amounts.items()) > cap + LEAST
