"""How much memory processes hold over time, and whether it grows: what is sampled while a long test lasts."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
HOUR_S = 3600.0
BLOCKS = 12
"""A process breathes: what counts is the least that it holds in each twelfth of the time."""

SURE = 2.8
"""Standard errors of a slope through twelve points: one time in a hundred it is so far off by chance (Student)."""

Sample = tuple[float, int]
"""When (s, `time.monotonic`), and how many bytes were resident."""


@dataclass(frozen=True)
class Slope:
    """How the memory of a process went: bytes at its mean, growth in hundredths of it an hour, and how sure that is."""

    mean: float
    percent_an_hour: float
    give_or_take: float

    def grows_by(self, percent: float) -> bool:
        """Whether it grows by more than so many hundredths an hour, beyond what chance explains."""
        return self.percent_an_hour - self.give_or_take > percent

    def __str__(self) -> str:
        megabytes = self.mean / 2**20
        return f"{megabytes:.0f} Mo, {self.percent_an_hour:+.1f} % par heure à {self.give_or_take:.1f} près"


def slope_of(samples: Sequence[Sample], warm_up_s: float) -> Slope:
    """The straight line through the least of each block, by least squares, once `warm_up_s` are over.

    Raises ValueError where a block holds no sample.
    """
    begun, end = samples[0][0] + warm_up_s, samples[-1][0]
    points = [_least(samples, since, until) for since, until in pairwise(_limits(begun, end))]
    line = statistics.linear_regression([when for when, _ in points], [held for _, held in points])
    mean = statistics.fmean(held for _, held in points)
    an_hour = 100 * HOUR_S / mean
    return Slope(mean, line.slope * an_hour, SURE * _error(points, line.slope, line.intercept) * an_hour)


def _limits(begun: float, end: float) -> list[float]:
    return [begun + (end - begun) * n / BLOCKS for n in range(BLOCKS + 1)]


def _least(samples: Iterable[Sample], since: float, until: float) -> tuple[float, int]:
    """The middle of the block, and the least that was held in it."""
    return (since + until) / 2, min(held for when, held in samples if since <= when <= until)


def _error(points: Sequence[tuple[float, int]], slope: float, intercept: float) -> float:
    """The standard error of the slope."""
    middle = statistics.fmean(when for when, _ in points)
    off = sum((held - intercept - slope * when) ** 2 for when, held in points)
    return math.sqrt(off / (len(points) - 2) / sum((when - middle) ** 2 for when, _ in points))


def resident(pid: int) -> int:
    """Bytes of memory that a process and those it started hold; 0 once it is gone."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return own + sum(resident(int(child)) for child in children)


@dataclass
class Scales:
    """Weighs processes again and again. `pids` says which, by name."""

    pids: Callable[[], Mapping[str, int]]
    every_s: float = 1.0
    held: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def weigh(self) -> None:
        for name, pid in self.pids().items():
            self.held[name].append((time.monotonic(), resident(pid)))

    async def run(self) -> None:
        while True:
            self.weigh()
            await asyncio.sleep(self.every_s)

    def slopes(self, warm_up_s: float) -> dict[str, Slope]:
        return {name: slope_of(samples, warm_up_s) for name, samples in sorted(self.held.items())}


@contextlib.asynccontextmanager
async def weighing(scales: Scales) -> AsyncIterator[None]:
    task = asyncio.create_task(scales.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
