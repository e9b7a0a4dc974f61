"""What was made of rows, known for as long as somebody else keeps the row: nothing is kept for this alone.

So nobody has to forget everything at once, and nothing here grows but with the rows that are there. When to modify:
when rows can no longer be referred to weakly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import KeyedRef

Row = TypeVar("Row")
Made = TypeVar("Made")
AT_ONCE = 100
"""So many are let go for next to nothing."""


class Living(Generic[Made]):
    """By row. Rows are slow to hash: known by their ids, which are theirs for as long as they live.

    What was made of a row must not keep the row.
    """

    def __init__(self) -> None:
        self._known: dict[int, KeyedRef[tuple[int, Made], Any]] = {}
        self._left: deque[KeyedRef[tuple[int, Made], Any]] = deque()

    def of(self, row: Row, make: Callable[[Row], Made]) -> Made:
        """What was made of this very row, or is now."""
        ref = self._known.get(id(row))
        if ref is None or ref() is not row:  # the id of a row that is gone
            ref = self._known[id(row)] = KeyedRef(row, self._left.append, (id(row), make(row)))
        return ref.key[1]

    def let_go(self) -> list[Made]:
        """What was made of rows that nobody keeps any more, and is known no longer. They may leave in any thread: only
        whoever asks this takes note. Where thousands have left at once, a quarter of them goes each time."""
        gone = []
        for _ in range(min(len(self._left), max(AT_ONCE, len(self._left) // 4))):
            ref = self._left.popleft()
            where, made = ref.key
            if self._known.get(where) is ref:
                del self._known[where]
            gone.append(made)
        return gone

    def __len__(self) -> int:
        return len(self._known)
