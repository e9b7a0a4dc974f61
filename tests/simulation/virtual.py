"""A clock that nobody waits for, and an event loop that lives by it: a sleep of an hour takes no time at all."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass
class VirtualClock:
    """The one true time of a run. `start` is an aware instant."""

    start: datetime
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.start

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Microseconds are rounded up, so that a wait is over once it has passed."""
        self.now += timedelta(microseconds=math.ceil(seconds * 1e6))

    def go_to(self, when: datetime) -> None:
        self.now = max(self.now, when)

    @property
    def elapsed_s(self) -> float:
        return (self.now - self.start).total_seconds()


class Stuck(Exception):
    """Everybody waits, and nothing will ever happen."""


class VirtualSelector(selectors.SelectSelector):
    """Where a loop would wait, time passes. Nothing ever arrives from outside."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.clock.pass_by(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio as it is, on a clock of ours."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(VirtualSelector(clock))
        self.clock = clock

    def time(self) -> float:
        return self.clock.elapsed_s


@contextmanager
def loop_on(clock: VirtualClock) -> Iterator[VirtualLoop]:
    """A loop for one run; what is left in it is thrown away, as a power cut would."""
    loop = VirtualLoop(clock)
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
