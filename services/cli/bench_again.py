"""One event in a territory that was decided before: how long until it is decided again, part by part.

Each event takes one request out of the round, or puts it back; only the parts that this touches are decided. Nothing
is held and nothing is written: `bench_lived.py` measures the whole.
When to modify: when rounds remember otherwise (`services/matcher/remembered.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rich.console import Console

from services.cli.failures import NBSP
from services.matcher.remembered import Remembered
from services.matcher.solver.before import Before
from services.matcher.solver.components import components
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import decide
from services.territory.chance import seeded
from services.territory.rounds import RoundPlan, drawn_round

PERCENTILES = (50, 90, 99)


@dataclass
class Solving:
    """Decides as the service does, and says how long that took in all."""

    seconds: float = 0.0
    before: Before = field(default_factory=Before)

    async def decide(self, part: Round) -> Outcome:
        start = time.process_time()
        outcome = decide(part, self.before.begin())
        self.seconds += time.process_time() - start
        return outcome


def decided_again(plan: RoundPlan, seed: int, events: int) -> dict[str, Any]:
    """CPU seconds after each event: in the solver, and in all, with cutting the round and knowing its parts again."""
    return asyncio.run(_decided_again(plan, seed, events))


async def _decided_again(plan: RoundPlan, seed: int, events: int) -> dict[str, Any]:
    town = drawn_round(plan, seed)
    solving = Solving()
    wholes: list[float] = []
    solved: list[float] = []
    remembered = Remembered(solving.decide, most=2 * plan.requests)
    parts = await _decide(remembered, town)
    for round in _lived(town, seed, events):
        solving.seconds, start = 0.0, time.process_time()
        await _decide(remembered, round)
        wholes.append(time.process_time() - start)
        solved.append(solving.seconds)
    sizes = {"requests": plan.requests, "structures": plan.structures, "events": events, "parts": parts}
    return {**sizes, "solver": percentiles(solved), "whole": percentiles(wholes)}


async def _decide(remembered: Remembered, round: Round) -> int:
    parts = components(round)
    for part in parts:
        await remembered.decide(part)
    return len(parts)


def _lived(town: Round, seed: int, events: int) -> Iterator[Round]:
    draw = seeded(seed)
    for number in range(events):
        away = draw.pick(f"away {number}", town.requests).id
        requests = tuple(row for row in town.requests if number % 2 or row.id != away)
        instant = town.instant + timedelta(minutes=number + 1)
        yield town.model_copy(update={"id": f"{town.id}-{number}", "instant": instant, "requests": requests})


def percentiles(seconds: list[float]) -> dict[str, float]:
    """The middle, and what one event in ten, and one in a hundred, exceeds."""
    ordered = sorted(seconds)
    return {f"p{rank}": ordered[min(len(ordered) - 1, len(ordered) * rank // 100)] for rank in PERCENTILES}


def show(figures: dict[str, Any]) -> None:
    """The figures in French."""
    console = Console()
    held = f", {figures['held']} places tenues" if "held" in figures else ""
    console.print(
        f"{figures['requests']} demandes, {figures['structures']} structures, {figures['parts']} parties{held}, "
        f"{figures['events']} événements.",
        highlight=False,
    )
    whole = "Lecture, découpe, solveur et écriture" if held else "Découpe, reconnaissance et solveur"
    for name, title in (("solver", "Solveur"), ("whole", whole)):
        told = ", ".join(f"{rank} {seconds * 1000:.0f}{NBSP}ms" for rank, seconds in figures[name].items())
        console.print(f"{title}{NBSP}: {told}.", highlight=False)
