"""Who comes before whom: tier, points, seniority, then the published draw.

When to modify: when a deliberation changes the order of claims or the way of the draw.
"""

from __future__ import annotations

import hmac
import operator
from collections.abc import Iterable, Sequence
from datetime import date
from heapq import heapify, heappop, heappush
from itertools import pairwise, starmap

from contracts.vocabulary import Id
from services.matcher.solver.schema import Policy, Request, SiblingsClaim

Claim = tuple[int, int, bool, date, bytes, str]
"""Sorts ahead of the claims that it beats; no two requests have the same."""


def draw(seed: str, text: str) -> bytes:
    """The ticket drawn for `text`; the lowest comes first."""
    return hmac.digest(seed.encode(), text.encode(), "sha256")


def claim(request: Request, structure: Id | None, seed: str) -> Claim:
    """The claim of a request at a structure, or its ordinary one without a structure."""
    points = request.points
    if request.points_at:
        points = next((row.points for row in request.points_at if row.structure == structure), points)
    since = request.since
    return (request.tier, -points, since is None, since or date.max, draw(seed, request.id), request.id)


def shared_claim(requests: Iterable[Request], structure: Id | None, policy: Policy) -> Claim:
    """The claim of siblings asked together: one of theirs, as the policy says."""
    claims = [claim(request, structure, policy.seed) for request in requests]
    if len(claims) == 1:
        return claims[0]
    return min(claims) if policy.siblings_claim is SiblingsClaim.FIRST else max(claims)


def claim_at(structure: Id, requests: Sequence[Request], ordinary: Claim, policy: Policy) -> Claim:
    """The claim of a family at a structure. `ordinary` is the one that it has where no structure is named."""
    if not any(request.points_at for request in requests):
        return ordinary
    if len(requests) > 1:
        return shared_claim(requests, structure, policy)
    points = next((row.points for row in requests[0].points_at if row.structure == structure), -ordinary[1])
    return (ordinary[0], -points, *ordinary[2:])


def one_list(ordinary: dict[Id, Claim], ranked: list[list[Id]]) -> list[Id] | None:
    """One list in which every section finds its own order, or None if two sections contradict each other.

    `ranked` holds, for each section, its requests from the highest claim there to the lowest. Where the sections
    leave it open, the ordinary claims decide.
    """
    if any(starmap(_contradict, pairwise(ranked))):  # seen at once of most lists that do, and what follows is long
        return None
    behind, before = _edges(ordinary, ranked)
    ready = [(ordinary[request], request) for request, count in before.items() if count == 0]
    heapify(ready)
    found: list[Id] = []
    while ready:
        _, request = heappop(ready)
        found.append(request)
        for other in behind[request]:
            before[other] -= 1
            if before[other] == 0:
                heappush(ready, (ordinary[other], other))
    return found if len(found) == len(ordinary) else None


def _contradict(one: list[Id], other: list[Id]) -> bool:
    """True if two of those who are in both lists stand in another order there."""
    place = {request: number for number, request in enumerate(one)}
    common = [place[request] for request in other if request in place]
    return any(map(operator.gt, common, common[1:]))


def _edges(ordinary: dict[Id, Claim], ranked: list[list[Id]]) -> tuple[dict[Id, list[Id]], dict[Id, int]]:
    behind: dict[Id, list[Id]] = {request: [] for request in ordinary}
    before = dict.fromkeys(ordinary, 0)
    for requests in ranked:
        for first, second in pairwise(requests):
            behind[first].append(second)
            before[second] += 1
    return behind, before
