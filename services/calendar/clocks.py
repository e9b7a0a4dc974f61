"""Where "now" comes from. Rules take `now`; only the outermost code holds a clock, which a test or a demo can turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
"""Says what time it is: an aware instant in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told to: for tests and for the simulation."""

    def __init__(self, now: datetime) -> None:
        self.set(now)

    def __call__(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """Put the clock at `now`, earlier or later. Raises ValueError if `now` is naive."""
        if now.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._now = now.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        """Move by `by` of elapsed time and return the new instant."""
        self._now += by
        return self._now


class ScaledClock:
    """A clock that starts at `start` and runs `speed` times as fast as real time: a week of demo in minutes.

    `ticks` gives real seconds and never goes back; tests pass their own.
    """

    def __init__(self, start: datetime, speed: float, ticks: Callable[[], float] = time.monotonic) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        if speed <= 0:
            raise ValueError("a clock only runs forward: speed must be positive")
        self._start = start.astimezone(UTC)
        self._speed = speed
        self._ticks = ticks
        self._began = ticks()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=(self._ticks() - self._began) * self._speed)


class ShiftedClock:
    """The machine's clock moved by the seconds written in a file: a rehearsal of processes that must agree.

    With two more numbers, "seconds speed since", the clock runs `speed` times as fast from the instant `since` (seconds
    of the machine's epoch). The file is read again when it changes. Never in service: a town's deadlines follow the
    machine's clock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._shift, self._speed, self._since = 0.0, 1.0, 0.0

    def __call__(self) -> datetime:
        self._read_again()
        now = system_clock()
        run = (now.timestamp() - self._since) * (self._speed - 1.0)
        return now + timedelta(seconds=self._shift + run)

    def _read_again(self) -> None:
        stamp = self._path.stat().st_mtime_ns
        if stamp != self._stamp:
            shift, *fast = (float(word) for word in self._path.read_text(encoding="ascii").split())
            self._shift = shift
            self._speed, self._since = fast or (1.0, 0.0)
            self._stamp = stamp
