"""Who is where for the moment: places taken and given back, and short chains of moves between equal options.

When to modify: to find more arrangements without a solver. A miss here costs time and never an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.problem import Option, Row, Use


class Tally:
    """How much of each row is left, and which cells are full, as bits."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.left = [list(row.left) for row in rows]
        self.full = [sum(1 << cell for cell, left in enumerate(row.left) if left <= 0) for row in rows]

    def fits(self, option: Option) -> bool:
        full = self.full
        for use in option.uses:
            row, nth, mask, _ = use
            if mask & full[row] or (nth > 1 and self.short(use)):
                return False
        return True

    def short(self, use: Use) -> int:
        """The cells, as bits, in which there is too little left for this use."""
        row, nth, mask, cells = use
        if nth == 1:
            return mask & self.full[row]
        left = self.left[row]
        return sum(1 << cell for cell in cells if left[cell] < nth)

    def use(self, uses: Iterable[Use]) -> None:
        for row, _, _, cells in uses:
            left = self.left[row]
            for cell in cells:
                left[cell] -= 1
                if left[cell] <= 0:
                    self.full[row] |= 1 << cell

    def give_back(self, uses: Iterable[Use]) -> None:
        for row, _, _, cells in uses:
            left = self.left[row]
            for cell in cells:
                left[cell] += 1
                if left[cell] > 0:
                    self.full[row] &= ~(1 << cell)


class Arrangement:
    """One option for each unit that is served, and for each of them the options that are as good.

    `using` gives, for each row, the units that use it now and the cells that each uses, as bits.
    """

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.tally = Tally(rows)
        self.at: dict[Id, Option] = {}
        self.equals: dict[Id, tuple[Option, ...]] = {}
        self.using: defaultdict[int, dict[Id, int]] = defaultdict(dict)
        self._moves: list[tuple[Id, Option | None]] = []

    def put(self, option: Option) -> None:
        self.tally.use(option.uses)
        self.at[option.unit] = option
        for row, nth, mask, _ in option.uses:
            if nth == 1:
                self.using[row][option.unit] = mask

    def take(self, unit: Id) -> Option:
        option = self.at.pop(unit)
        self.tally.give_back(option.uses)
        for row, nth, _, _ in option.uses:
            if nth == 1:
                del self.using[row][unit]
        return option

    def rearrange(self, options: Iterable[Option]) -> None:
        """Moves several units at once; together their options must fit."""
        options = list(options)
        for option in options:
            if option.unit in self.at:
                self.take(option.unit)
        for option in options:
            self.put(option)

    def insert(self, options: tuple[Option, ...], depth: int, width: int) -> bool:
        """Puts one of these options of a unit, moving others to equal options along chains of `depth` moves.

        At most `width` moves are tried at each step. Nothing has changed when it answers False.
        """
        self._moves = []
        if self._insert(options, depth, width, frozenset()):
            return True
        self._undo(0)
        return False

    def left_behind(self) -> list[Option]:
        """The options that the last insertion moved children away from."""
        return [option for _, option in self._moves if option is not None]

    def _insert(self, options: tuple[Option, ...], depth: int, width: int, settled: frozenset[Id]) -> bool:
        for option in options:
            if self.tally.fits(option):
                self._move(option.unit, option)
                return True
        return depth > 0 and any(self._make_room(option, depth, width, settled) for option in options)

    def _make_room(self, option: Option, depth: int, width: int, settled: frozenset[Id]) -> bool:
        start = len(self._moves)
        settled = settled | {option.unit}
        moved = self._in_the_way(option, settled, width)
        if moved is None:
            self._undo(start)
            return False
        self._move(option.unit, option)
        if all(self._insert(self.equals[unit], depth - 1, width, settled) for unit in moved):
            return True
        self._undo(start)
        return False

    def _in_the_way(self, option: Option, settled: frozenset[Id], width: int) -> list[Id] | None:
        """Takes out children with another choice until the option fits; None if that is not possible."""
        moved: list[Id] = []
        while not self.tally.fits(option) and len(moved) < width:
            unit = next(self._movable(option, settled), None)
            if unit is None:
                return None
            self._move(unit, None)
            moved.append(unit)
        return moved if self.tally.fits(option) else None

    def _movable(self, option: Option, settled: frozenset[Id]) -> Iterator[Id]:
        for use in option.uses:
            wanted = self.tally.short(use)
            for unit, mask in self.using[use.row].items() if wanted else ():
                if mask & wanted and unit not in settled and len(self.equals[unit]) > 1:
                    yield unit

    def _move(self, unit: Id, option: Option | None) -> None:
        self._moves.append((unit, self.at.get(unit)))
        if unit in self.at:
            self.take(unit)
        if option is not None:
            self.put(option)

    def _undo(self, start: int) -> None:
        while len(self._moves) > start:
            unit, before = self._moves.pop()
            if unit in self.at:
                self.take(unit)
            if before is not None:
                self.put(before)
