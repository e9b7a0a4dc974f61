"""Who is where for the moment: places taken and given back, and short chains of moves between equal options.

When to modify: to find more arrangements without a solver. A miss here costs time and never an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.variables import Option, Row


class Tally:
    """How much of each row is left, and which cells are full, as bits."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.left = [list(row.left) for row in rows]
        self.full = [sum(1 << cell for cell, left in enumerate(row.left) if left <= 0) for row in rows]

    def fits(self, option: Option) -> bool:
        return not any(option.mask & self.full[row] for row in option.rows)

    def use(self, cells: tuple[int, ...], rows: Iterable[int]) -> None:
        for row in rows:
            left = self.left[row]
            for cell in cells:
                left[cell] -= 1
                if left[cell] <= 0:
                    self.full[row] |= 1 << cell

    def give_back(self, cells: tuple[int, ...], rows: Iterable[int]) -> None:
        for row in rows:
            left = self.left[row]
            for cell in cells:
                left[cell] += 1
                if left[cell] > 0:
                    self.full[row] &= ~(1 << cell)


class Arrangement:
    """One option for each child that is served, and for each of them the options that are as good."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.tally = Tally(rows)
        self.at: dict[Id, Option] = {}
        self.equals: dict[Id, tuple[Option, ...]] = {}
        self.using: defaultdict[int, dict[Id, None]] = defaultdict(dict)
        self._moves: list[tuple[Id, Option | None]] = []

    def put(self, option: Option) -> None:
        self.tally.use(option.cells, option.rows)
        self.at[option.request] = option
        for row in option.rows:
            self.using[row][option.request] = None

    def take(self, request: Id) -> Option:
        option = self.at.pop(request)
        self.tally.give_back(option.cells, option.rows)
        for row in option.rows:
            del self.using[row][request]
        return option

    def rearrange(self, options: Iterable[Option]) -> None:
        """Moves several children at once; together their options must fit."""
        options = list(options)
        for option in options:
            if option.request in self.at:
                self.take(option.request)
        for option in options:
            self.put(option)

    def insert(self, options: tuple[Option, ...], depth: int, width: int) -> bool:
        """Puts one of these options of a child, moving others to equal options along chains of `depth` moves.

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
                self._move(option.request, option)
                return True
        return depth > 0 and any(self._make_room(option, depth, width, settled) for option in options)

    def _make_room(self, option: Option, depth: int, width: int, settled: frozenset[Id]) -> bool:
        start = len(self._moves)
        settled = settled | {option.request}
        moved = self._in_the_way(option, settled, width)
        if moved is None:
            self._undo(start)
            return False
        self._move(option.request, option)
        if all(self._insert(self.equals[request], depth - 1, width, settled) for request in moved):
            return True
        self._undo(start)
        return False

    def _in_the_way(self, option: Option, settled: frozenset[Id], width: int) -> list[Id] | None:
        """Takes out children with another choice until the option fits; None if that is not possible."""
        moved: list[Id] = []
        while not self.tally.fits(option) and len(moved) < width:
            request = next(self._movable(option, settled), None)
            if request is None:
                return None
            self._move(request, None)
            moved.append(request)
        return moved if self.tally.fits(option) else None

    def _movable(self, option: Option, settled: frozenset[Id]) -> Iterator[Id]:
        for row in option.rows:
            wanted = option.mask & self.tally.full[row]
            for request in self.using[row] if wanted else ():
                if self.at[request].mask & wanted and request not in settled and len(self.equals[request]) > 1:
                    yield request

    def _move(self, request: Id, option: Option | None) -> None:
        self._moves.append((request, self.at.get(request)))
        if request in self.at:
            self.take(request)
        if option is not None:
            self.put(option)

    def _undo(self, start: int) -> None:
        while len(self._moves) > start:
            request, before = self._moves.pop()
            if request in self.at:
                self.take(request)
            if before is not None:
                self.put(before)
