"""Rounds of all kinds and the hashes of their outcomes, for whoever decides them elsewhere and compares.

    python -m tests.matcher.solver.outcomes_of_all_kinds

Imports what Berceau itself is made of and nothing that only its tests need.
"""

from __future__ import annotations

from dataclasses import replace

from services.matcher.solver.schema import Mode, Round, Ties
from services.matcher.solver.solve import DEFAULT, decide
from tests.matcher.solver.drawn_rounds import Size, Taste, large, tiny

QUICK = replace(DEFAULT, prices=False)


def rounds() -> list[Round]:
    """In each mode, with each rule for ties: flexible families, own lists, siblings, children who have a place."""
    drawn = [
        large(5, Size(requests=32, structures=4, equal_ranks=0.3)),
        large(6, Size(requests=32, structures=4, equal_ranks=0.2, points_at=0.4)),
        tiny(7, Taste(siblings=1.0)),
        tiny(8, Taste(movers=0.6, flexible=0.6)),
    ]
    return [
        round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})
        for round in drawn
        for mode in Mode
        for ties in Ties
    ]


def hashes() -> list[str]:
    """One for each round."""
    return [decide(round, QUICK).outcome_hash for round in rounds()]


if __name__ == "__main__":
    print("\n".join(hashes()))
