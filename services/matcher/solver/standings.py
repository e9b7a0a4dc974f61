"""What a request stands on at a structure, as `verify` and `explain` compare it.

Written without the solver, which has its own claims. When to modify: when something else settles who goes first.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

from contracts.vocabulary import Audience, Id
from services.matcher.solver.schema import Request

LAST = "2"
"""Sorts after every draw: with it a standing is the lowest of its band."""

NOWHERE = ""
"""No structure's name: what counts there are the points that a request has wherever they do not differ."""

Standing = tuple[int, int, date, str]
"""Tier, points from the highest, seniority and draw: the lowest stands first."""


def audience_in(request: Request, section: Id) -> Audience:
    """Whose places a request may use in a section: on-call ones only where the agreement fits it."""
    fits = request.entitled_to is not Audience.URGENT_INSERTION or section in request.on_call_sections
    return request.entitled_to if fits else Audience.INSERTION


def band(request: Request, structure: Id) -> tuple[int, int]:
    """Tier and points of a request at a structure."""
    here = {row.structure: row.points for row in request.points_at}
    return (request.tier, here.get(structure, request.points))


def standing(request: Request, structure: Id, seed: str) -> Standing:
    """What is compared at a structure: nobody has the same."""
    tier, points = band(request, structure)
    ticket = hmac.new(seed.encode(), request.id.encode(), hashlib.sha256).hexdigest()
    return (tier, -points, request.since or date.max, ("0" if request.since else "1") + ticket)


class Standings:
    """The same for many structures: what is no points is the same everywhere, and worked out once for each request."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._known: dict[Id, tuple[Standing, dict[Id, int]]] = {}

    def at(self, request: Request, structure: Id) -> Standing:
        """What a request stands on at a structure."""
        if request.id not in self._known:
            own = {row.structure: -row.points for row in request.points_at}
            self._known[request.id] = (standing(request, NOWHERE, self._seed), own)
        (tier, points, since, ticket), own = self._known[request.id]
        return (tier, own.get(structure, points), since, ticket)
