"""Claims and bands: who asks for what together with whom.

A claim is met at a structure where it is held, or at a wish that the family prefers. Requests whose claims have the
same tier and points are one band.

When to modify: when a deliberation changes what makes two claims equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from contracts.vocabulary import Id
from services.matcher.solver.board import Columns
from services.matcher.solver.claims import Claim, shared_claim
from services.matcher.solver.columns import Sheet
from services.matcher.solver.problem import Option
from services.matcher.solver.schema import Policy, Request

Band = tuple[int, int]
"""Tier, and points below 0, so that the highest band sorts first."""


@dataclass(frozen=True, slots=True)
class Held:
    """One claim of a unit and the columns that meet it."""

    claim: Claim
    unit: Id
    meets: Columns

    @property
    def band(self) -> Band:
        return self.claim[:2]


def held_claims(sheet: Sheet, unit: Id, policy: Policy) -> list[Held]:
    """The claims of a unit, one for each different one that it holds at a structure, the highest first."""
    requests = sheet.problem.units[unit].requests
    ordinary = sheet.problem.ordinary[unit]
    if not any(request.points_at for request in requests):
        return [Held(ordinary, unit, sheet.choices[unit])]
    worst: dict[Claim, int] = {}
    for column in sheet.choices[unit]:
        option = sheet.options[column]
        for claim in _claims_of(option, requests, policy) if option else ():
            worst[claim] = max(sheet.level(column), worst.get(claim, 0))
    return [Held(claim, unit, _up_to(sheet, unit, worst[claim])) for claim in sorted(worst)]


def _claims_of(option: Option, requests: Sequence[Request], policy: Policy) -> set[Claim]:
    """Those that an option meets: of a week that two structures share, the lower one alone. Else the points of one of
    them would take places from higher claims in the other."""
    found = {shared_claim(requests, structure, policy) for structure in {seat.structure for seat in option.seats}}
    return {max(found)} if option.children < len(option.seats) else found


def _up_to(sheet: Sheet, unit: Id, level: int) -> Columns:
    return tuple(column for column in sheet.choices[unit] if sheet.level(column) <= level)


def all_claims(sheet: Sheet, units: list[Id], policy: Policy) -> list[Held]:
    """The claims of these units, the highest first."""
    found = [held for unit in units if sheet.choices[unit] for held in held_claims(sheet, unit, policy)]
    return sorted(found, key=lambda held: held.claim)


def highest_claims(sheet: Sheet, policy: Policy) -> dict[Id, Claim]:
    """The highest claim of each unit that has an option, the highest first."""
    found: dict[Id, Claim] = {}
    for held in all_claims(sheet, list(sheet.choices), policy):
        found.setdefault(held.unit, held.claim)
    return found


def bands(claims: list[Held]) -> list[list[Held]]:
    """The claims band by band, the highest first."""
    return [list(band) for _, band in groupby(claims, key=lambda held: held.band)]
