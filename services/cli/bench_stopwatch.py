"""The CPU seconds of each part of a decision, measured from outside: the solver knows nothing of it.

The functions that the decision is made of are wrapped while it runs; what none of them takes is the matching.
When to modify: when `services/matcher/solver/solve.py` calls its parts by other names (a test says so).
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from services.matcher.solver import solve
from services.matcher.solver.schema import Outcome, Round

PARTS = {
    "canonical": "problem",
    "split": "problem",
    "problem_of": "problem",
    "explain": "reasons",
    "verify": "checks",
    "merge": "hashes",
    "sealed": "hashes",
}
"""Names in `solve` and the part of the decision that each belongs to."""

DRAW, REST = "draw_options", "matching"


class Stopwatch:
    """Seconds by part; a part that calls another stops while that one runs."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed as `part`."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.part(part):
                return function(*arguments, **named)

        return timed

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._change()
        self._running.append(name)
        try:
            yield
        finally:
            self._change()
            self._running.pop()

    def _change(self) -> None:
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def decide_timed(round: Round) -> tuple[Outcome, dict[str, float]]:
    """The outcome of `decide` and the CPU seconds of its parts: problem, matching, draw, reasons, checks, hashes."""
    watch = Stopwatch()
    with _wrapped(watch), watch.part(REST):
        outcome = solve.decide(round)
    return outcome, dict(watch.seconds)


def goal_lists() -> list[str]:
    """The names in `solve` of the goals of each mode: tuples of functions."""
    return [name for name, value in vars(solve).items() if isinstance(value, tuple) and value and callable(value[0])]


@contextmanager
def _wrapped(watch: Stopwatch) -> Iterator[None]:
    kept = {name: getattr(solve, name) for name in (*PARTS, *goal_lists())}
    for name, part in PARTS.items():
        setattr(solve, name, watch.around(part, kept[name]))
    for name in goal_lists():
        setattr(solve, name, tuple(_timed_draw(watch, goal) for goal in kept[name]))
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(solve, name, function)


def _timed_draw(watch: Stopwatch, goal: Callable[..., Any]) -> Callable[..., Any]:
    return watch.around("draw", goal) if goal.__name__ == DRAW else goal
