"""What stands beside a decision for those who ask why: its proofs in French, and whom the first tier's priority keeps
out.

It costs about as much as the decision itself, so no ordinary round makes it: a commission's draft does, and whoever
asks about one past round. When to modify: when a commission reads one more thing worked out beside the decision.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.proof_phrases import all_proof_phrases
from services.matcher.solver.schema import Outcome, Round


@dataclass(frozen=True)
class Beside:
    """`proofs` by request, where one is written; `displaced` would have a place if the first tier did not go first."""

    proofs: Mapping[Id, tuple[str, ...]]
    displaced: tuple[Id, ...]


Explain = Callable[[Round, Outcome, Mapping[Id, str]], Awaitable[Beside]]
"""Works it out for a round and its outcome, with the structures' names: in a process of its own in production."""


def beside(asked: Round, outcome: Outcome, names: Mapping[Id, str]) -> Beside:
    """What stands beside an outcome of this round, whole."""
    from services.matcher.solver.other_modes import all_displaced
    from services.matcher.solver.proving import with_proofs

    ranked = outcome.model_copy(update={"behind": _behind(outcome)})
    told = all_proof_phrases(asked, with_proofs(asked, ranked), names=names)
    proofs = {request: tuple(lines) for request, lines in told.items() if lines}
    return Beside(proofs, all_displaced(asked, ranked))


async def beside_here(asked: Round, outcome: Outcome, names: Mapping[Id, str]) -> Beside:
    """In place: for the simulation and for tests, where one thread does everything."""
    return beside(asked, outcome, names)


def _behind(outcome: Outcome) -> tuple[Id, ...]:
    """Who ranked behind the share of the first tier: where parts were decided apart, their reasons say it."""
    return tuple(sorted({*outcome.behind, *(row.request for row in outcome.reasons if row.sent_behind)}))
