"""What drawn rounds of every kind came to when it was last written down: a change that is only for speed changes none.

`python -m tests.matcher.solver.recorded` writes them down again; do it only when outcomes are meant to change, and say
why in the commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Mode, Outcome, Round, Ties
from services.matcher.solver.solve import decide
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import Size, Taste, large, tiny

FILE = Path(__file__).with_name("recorded_outcomes.json")
SAID = {"placed", "reasons", "violations", "envies", "unproven", "withheld", "levels", "prices"}
FEW = 10
"""The other modes' prices are written down of smaller rounds only: they cost more than the rounds."""

TASTES = {
    "plain": Taste(),
    "siblings": Taste(siblings=1.0),
    "movers": Taste(movers=0.6),
    "flexible": Taste(flexible=0.7),
    "by_structure": Taste(points_at=0.5, movers=0.2),
}


def rounds() -> Iterator[tuple[str, Round]]:
    """Rounds of every kind, each with its name."""
    for name, taste in TASTES.items():
        for seed in range(6):
            yield f"tiny {name} {seed}", tiny(seed, taste)
    for seed in range(3):
        drawn = large(seed, Size(requests=50, structures=5, equal_ranks=0.3, points_at=0.2 if seed == 2 else 0.0))
        for mode in Mode:
            for ties in Ties:
                policy = drawn.policy.model_copy(update={"mode": mode, "ties": ties})
                yield f"large {seed} {mode} {ties}", drawn.model_copy(update={"policy": policy})
    yield "town", drawn_round(RoundPlan(requests=150, structures=12, support=0.3), 1)
    yield "flexible town", drawn_round(RoundPlan(requests=150, structures=12, flexible=0.3, elsewhere=0.2), 2)
    yield "siblings in town", drawn_round(RoundPlan(requests=150, structures=12, siblings=0.2), 3)
    yield "whole weeks", drawn_round(RoundPlan(requests=150, structures=12, whole_weeks=True, own_lists=True), 4)
    yield "strict town", drawn_round(RoundPlan(requests=150, structures=12, mode=Mode.STRICT), 5)


def digest(outcome: Outcome) -> str:
    """SHA-256 of what an outcome says. Fields that are as by default are left out: a new one changes nothing."""
    said = outcome.model_dump(mode="json", include=SAID, exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def digests() -> dict[str, str]:
    """The digest of each round's outcome, by its name."""
    return {name: digest(decide(round, Settings(prices=len(round.requests) < FEW))) for name, round in rounds()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(digests(), indent=1) + "\n", encoding="utf-8")
