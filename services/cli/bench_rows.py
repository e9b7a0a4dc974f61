"""One row of a benchmark: a drawn round decided in a process of its own, part by part, beside its floor.

Times are CPU seconds, which other work on the machine disturbs least. Nothing here fails on a time.
When to modify: when a measure gains a column.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from services.matcher.solver.schema import Outcome, Round
from services.territory.rounds import RoundPlan, drawn_round

PARTS = ("reading", "problem", "matching", "draw", "reasons", "checks", "hashes", "rest")
KIB_A_MIB = 1024

T = TypeVar("T")


def alone(work: Callable[..., T], *arguments: Any) -> T:
    """The result of `work` in a fresh process, so that no row inherits the memory or the caches of another."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def measured(plan: RoundPlan, seed: int) -> dict[str, Any]:
    """The figures of one row. Call it through `alone`."""
    from services.cli.bench_stopwatch import decide_timed

    text = drawn_round(plan, seed).model_dump_json()
    before = peak_mib()
    start = time.process_time()
    asked = Round.model_validate(json.loads(text))
    reading = time.process_time() - start
    outcome, parts = decide_timed(asked)
    return {
        "seed": seed,
        "cpu": {part: parts.get(part, 0.0) for part in PARTS} | {"reading": reading},
        "peak_mib": peak_mib(),
        "mib_before": before,
        "load": os.getloadavg()[0],
        **_answers(asked, outcome),
    }


def _answers(asked: Round, outcome: Outcome) -> dict[str, Any]:
    first = {row.id for row in asked.requests if row.tier == 1}
    return {
        "requests": len(asked.requests),
        "placed": len(outcome.placed),
        "placed_first_tier": sum(row.request in first for row in outcome.placed),
        "at_best_level": sum(row.level == 1 for row in outcome.placed),
        "proven": len(asked.requests) - len(outcome.unproven),
        "unproven": list(outcome.unproven),
        "envies": len(outcome.envies),
        "violations": len(outcome.violations),
        "outcome_hash": outcome.outcome_hash,
    }


def peak_mib() -> float:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_A_MIB


def floor(plan: RoundPlan, seed: int) -> dict[str, float]:
    """The linear relaxation of "place everyone" on the same round: children, and seconds to state and solve it."""
    from services.matcher.solver.components import components
    from services.matcher.solver.relaxation import relaxed
    from services.matcher.solver.variables import problem_of

    found = relaxed(problem_of(part) for part in components(drawn_round(plan, seed)))
    return {"children": found.children, "stating": found.stating, "solving": found.solving}


def descended(plan: RoundPlan, seed: int, peer: str, seconds: float) -> dict[str, Any]:
    """An integer solver down the same list on the same model, part by part, for `seconds` at most in all."""
    from services.matcher.solver.components import components
    from services.matcher.solver.relaxation import Peer, descend
    from services.matcher.solver.variables import problem_of

    left, levels, asked = seconds, 0, 0
    placed = 0
    for part in components(drawn_round(plan, seed)):
        problem = problem_of(part)
        order = sorted(problem.ordinary, key=problem.ordinary.__getitem__)
        found = descend(problem, Peer(peer), order, left)
        left -= found.seconds
        levels, asked = levels + len(found.levels), asked + len(order)
        placed += sum(level is not None for level in found.levels.values())
    return {"peer": peer, "cpu": seconds - left, "settled": levels, "of": asked, "placed": placed}
