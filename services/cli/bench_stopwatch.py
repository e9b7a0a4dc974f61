"""The CPU seconds of each part of a decision, measured from outside: the solver knows nothing of it.

The functions that the decision is made of are wrapped while it runs. The matching is all that it takes, once the
problem is stated, to know who gets what; what none of the parts takes, the rest, is mostly what the reading for reasons
and checks held and gives back.
When to modify: when `services/matcher/solver/solve.py` calls its parts by other names (a test says so).
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from services.matcher.solver import objectives, solve
from services.matcher.solver.components import Reached
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.spelling import Spelling

PARTS = {
    (solve, "canonical"): "problem",
    (solve, "split"): "problem",
    (solve, "problem_of"): "problem",
    (Reached, "along"): "problem",
    (solve, "settled"): "matching",
    (solve, "_found"): "matching",
    (solve, "read"): "reasons",
    (solve, "_explained"): "reasons",
    (solve, "reasons"): "reasons",
    (solve, "violations"): "checks",
    (solve, "merge"): "hashes",
    (solve, "sealed"): "hashes",
    (Spelling, "round_hash"): "hashes",
    (objectives, "draw_options"): "draw",
}
"""Functions by module and name, and the part of the decision that each belongs to."""

REST = "rest"


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
    """The outcome of `decide` and the CPU seconds of its parts: problem, matching, draw, reasons, checks, hashes, rest.

    As the service decides: what the other modes would have placed is a row of its own for each of them.
    """
    watch = Stopwatch()
    with _wrapped(watch), watch.part(REST):
        outcome = solve.decide(round, replace(solve.DEFAULT, prices=False))
    return outcome, dict(watch.seconds)


@contextmanager
def _wrapped(watch: Stopwatch) -> Iterator[None]:
    kept = {place: getattr(*place) for place in PARTS}
    for place, part in PARTS.items():
        setattr(*place, watch.around(part, kept[place]))
    try:
        yield
    finally:
        for place, function in kept.items():
            setattr(*place, function)
