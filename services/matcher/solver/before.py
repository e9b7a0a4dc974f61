"""What the decisions of one territory have in common: rows put in order and spelled, and what was found there.

Rows are known by their ids, so whoever decides with it hands in the very same objects for what has not changed. What
was found of a row goes once nobody keeps the row, so that no decision pays for all. It may be lost at any time. When to
modify: when a decision does one more thing for each row.
"""

from __future__ import annotations

from services.matcher.solver.canonical import Once
from services.matcher.solver.components import Reached
from services.matcher.solver.desks import Kept
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.stated import Stated


class Before:
    """Of one territory, in the process that decides."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Everything is made anew from here on."""
        self.once, self.spelling, self.reached = Once(), Spelling(), Reached()
        self.stated, self.kept = Stated(), Kept()

    def begin(self) -> Before:
        """Another decision begins."""
        gone = list(map(id, self.once.let_go()))
        for kept in (self.reached, self.stated, self.kept):
            kept.let_go(gone)
        return self
