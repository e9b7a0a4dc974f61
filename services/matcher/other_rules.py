"""A past round under other rules: counted again under another grid, or decided in another mode.

Pure: what was asked and what was declared come in, the same round under the other rules goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.declared_criteria import Declared
from services.matcher.needs import FIRST_TIER
from services.matcher.rules.priority_grid import Grid, points, tier
from services.matcher.solver.schema import Request, Round, StructurePoints


@dataclass(frozen=True)
class Counted:
    """A round as another grid counts it. `left`: requests that keep their points, since what they had declared is not
    kept, or does not give the points that they had."""

    round: Round
    left: tuple[Id, ...]


def counted_again(
    asked: Round, declared: Mapping[Id, Declared], communes: Mapping[Id, str], own: Grid, other: Grid
) -> Counted:  # fmt: skip
    """The round as `other` would have counted it. `own` is the grid it was counted with: only where it gives the very
    points that a request had is that request counted again, so that nothing is compared on facts that are not its own.
    """
    known = {
        request.id: facts
        for request in asked.requests
        if (facts := declared.get(request.id)) and _under(request, facts, communes, own) == request
    }
    requests = tuple(
        _under(request, known[request.id], communes, other) if request.id in known else request
        for request in asked.requests
    )
    left = tuple(request.id for request in asked.requests if request.id not in known)
    policy = asked.policy.model_copy(update={"grid": other.title, "deliberation": other.source})
    return Counted(asked.model_copy(update={"requests": requests, "policy": policy}), left)


def _under(request: Request, facts: Declared, communes: Mapping[Id, str], grid: Grid) -> Request:
    """The request with the points and the tier of a grid; who goes first after a place taken back still does."""
    base, reasons = points(facts.at(None, None), grid)
    at = []
    for wish in request.wishes:
        total, lines = points(facts.at(wish.structure, communes.get(wish.structure)), grid)
        if total != base:
            at.append(StructurePoints(structure=wish.structure, points=total, reasons=lines))
    own_tier = request.tier if request.tier == FIRST_TIER else tier(facts.at(None, None), grid)
    changed = {"points": base, "reasons": reasons, "points_at": tuple(at), "tier": own_tier}
    return request.model_copy(update=changed)
