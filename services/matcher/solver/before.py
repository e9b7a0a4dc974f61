"""What the decisions of one territory have in common: rows put in order and spelled, and what was found there.

Rows are known by their ids, so whoever decides with it hands in the very same objects for what has not changed. It may
be lost at any time. When to modify: when a decision does one more thing for each row.
"""

from __future__ import annotations

from services.matcher.solver.canonical import Once
from services.matcher.solver.components import Reached
from services.matcher.solver.desks import Kept
from services.matcher.solver.spelling import MANY_ROWS, Spelling
from services.matcher.solver.stated import Stated

OF_EACH_ROW = 3
"""Texts for each row of the territory, some 1 KB each and as much beside it: its own, that of a reason, and one of what
is gone. Of more, all is forgotten, and one part decided as if for the first time."""


class Before:
    """Of one territory, in the process that decides."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> Before:
        """Everything is made anew from here on."""
        self.once, self.spelling, self.reached = Once(), Spelling(), Reached()
        self.stated, self.kept = Stated(), Kept()
        return self

    def begin(self, rows: int) -> Before:
        """Another decision begins, in a territory that has so many rows."""
        return self.forget() if self.spelling.rows > MANY_ROWS + OF_EACH_ROW * rows else self
