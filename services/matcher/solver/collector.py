"""Python's collector beside work that makes many rows and next to no cycles: it would look at all of them again and
again, a fifth of a large round.

When to modify: when another part of Berceau keeps many rows.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class _Kept:
    """Whether rows are kept off the collector here. To ask it for their number takes a walk through all of them, a
    quarter of a second in a matcher of 6,000 requests."""

    rows: bool = False


_KEPT = _Kept()


RARELY = (20_000, 5, 7)
"""Objects that stay before a look at the youngest, looks at those before one at the middle generation, and so on: some
700,000 objects between two looks at the oldest. What is freed only by such a look waits as long, in the whole process.
Rounds after one event let go of about as many as they make: none of them stops for a look, which took each 4 ms."""


def leave_alone() -> None:
    """All that is there by now is looked at no more, and what comes to stay beside it rarely: rounds go on to make rows
    that stay, and one of twelve stopped for 0.2 s to look at all of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
    _KEPT.rows = True


@contextmanager
def standing_still() -> Iterator[None]:
    """It stands still meanwhile. Whoever found it running starts it again, so that two threads never leave it stopped.

    What is made meanwhile counts as old, and is not looked at the moment the collector starts, unless that would have
    it look at what was to be left alone.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running and not _KEPT.rows:
            gc.freeze()
            gc.unfreeze()
        if running:
            gc.enable()
