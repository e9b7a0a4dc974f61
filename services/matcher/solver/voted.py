"""The share that a territory voted for its first tier, as `verify` counts it in an outcome.

Written without the solver. When to modify: with `schema.Policy`.
"""

from __future__ import annotations

from collections import Counter

from contracts.vocabulary import Id
from services.matcher.solver.books import Cell, Cut
from services.matcher.solver.schema import FIRST_TIER, ORDINARY_TIER, Outcome, Request, Round, SiblingsClaim


def as_ranked(round: Round, outcome: Outcome) -> Round:
    """The round with the claims that counted: those who were sent behind rank with the others."""
    if round.policy.first_tier_percent is None:
        return round
    requests = tuple(_ranked(row) if row.id in outcome.behind else row for row in round.requests)
    return round.model_copy(update={"requests": requests})


def _ranked(request: Request) -> Request:
    first = request.tier == FIRST_TIER
    return request.model_copy(update={"sent_behind": True, "tier": ORDINARY_TIER if first else request.tier})


def places_for_first_tier(round: Round) -> int:
    """The voted share of the free places, rounded up; those of a section are as many as at its fullest hour."""
    percent = round.policy.first_tier_percent or 100
    free = sum(_most_free(round, section.id) for section in round.sections)
    whole, rest = divmod(free * percent, 100)
    return whole + (rest > 0)


def _most_free(round: Round, section: Id) -> int:
    vacancies = [row for row in round.vacancies if row.section == section]
    holds = [row for row in round.holds if row.section == section]
    spans = [(row.slots, row.period) for row in vacancies]
    cut = Cut([*spans, *((row.slots, row.period) for row in holds)])
    left: Counter[Cell] = Counter()
    for vacancy in vacancies:
        left.update(dict.fromkeys(cut.cells(vacancy.slots, vacancy.period), vacancy.places))
    for hold in holds:
        left.subtract(dict.fromkeys(cut.cells(hold.slots, hold.period), hold.units))
    return max((count for count in left.values() if count > 0), default=0)


def with_priority(round: Round, outcome: Outcome) -> set[Id]:
    """Children placed who had no place yet, and whose family went first."""
    first = _going_first(round) - set(outcome.behind)
    waiting = {row.id for row in round.requests if row.current is None}
    return first & waiting & {row.request for row in outcome.placed}


def _going_first(round: Round) -> set[Id]:
    """Requests whose family has a claim of the first tier: its best one or its last one, as was voted."""
    tiers = {row.id: row.tier for row in round.requests}
    pick = min if round.policy.siblings_claim is SiblingsClaim.FIRST else max
    shared = {name: pick(tiers[other] for other in row.requests) for row in round.siblings for name in row.requests}
    return {name for name, tier in tiers.items() if shared.get(name, tier) == FIRST_TIER}


def sent_behind_wrongly(round: Round, outcome: Outcome) -> set[Id]:
    """Requests sent behind without cause: without a claim of the first tier, or while the share has room for them.

    Who comes after a family that does not fit whole is behind it.
    """
    if round.policy.first_tier_percent is None:
        return set(outcome.behind)
    behind = set(outcome.behind)
    together = {name: len(row.requests) for row in round.siblings for name in row.requests}
    left = places_for_first_tier(round) - len(with_priority(round, outcome))
    fits = left >= max((together.get(name, 1) for name in behind), default=0)
    return behind if fits else behind - _going_first(round)


def never_first(round: Round, outcome: Outcome) -> set[Id]:
    """Requests said to be sent behind that never went first: no share was voted, or theirs is no claim of that tier."""
    behind = set(outcome.behind)
    return behind if round.policy.first_tier_percent is None else behind - _going_first(round)
