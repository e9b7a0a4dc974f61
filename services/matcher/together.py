"""Brothers and sisters asked for together: who of them a round may decide, and who waits for the others.

Each child has a proposal and a code of its own, so that a family may take one place and refuse the other: a NON to one
changes nothing for the other. What has not left yet leaves together or not at all.

When to modify: when a family may ask something else of its children's places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import sqlalchemy as sa

from contracts.siblings import SiblingsAsked
from contracts.vocabulary import ProposalState
from services.matcher import store
from services.matcher import tables as t
from services.matcher.solver.schema import Request, Siblings, Together, Travel
from services.matcher.step import Step
from services.matcher.store import Proposal

ANSWER_AWAITED = "Attend la réponse qui concerne son frère ou sa sœur."
FILE_AWAITED = "Attend que la demande de son frère ou de sa sœur soit complète."

UNSENT = (ProposalState.PREPARED, ProposalState.HELD)


@dataclass
class Families:
    """The siblings of a round, and the requests that take no part because they wait for another child, with why."""

    siblings: list[Siblings] = field(default_factory=list)
    waits: dict[str, str] = field(default_factory=dict)


def asked_together(
    tx: sa.Connection, territory: str, asked: Mapping[str, Request | None], incomplete: Iterable[str]
) -> Families:
    """What a round decides together. Children who have a place, or whose request is closed, are out of it."""
    found, missing = Families(), set(incomplete)
    rows = groups(tx, territory)
    if not rows:
        return found
    named = sorted({request for row in rows for request in row.requests})
    answering, called = _answering(tx, named), _with_a_person(tx, named)
    for row in rows:
        ready = [request for request in (asked.get(name) for name in row.requests) if request and not request.current]
        others = set(row.requests) - {request.id for request in ready}
        if others & answering or others & (called | missing):
            why = ANSWER_AWAITED if others & answering else FILE_AWAITED
            found.waits |= {request.id: why for request in ready}
        elif len(ready) > 1:
            found.siblings += _still_together(row, {request.id for request in ready})
    return found


def groups(tx: sa.Connection, territory: str) -> list[SiblingsAsked]:
    """The siblings who are asked for together."""
    return [SiblingsAsked.model_validate(facts) for facts in tx.scalars(_TOGETHER, {"_territory": territory})]


_TOGETHER = (
    sa.select(t.siblings.c.facts)
    .where(t.siblings.c.territory == sa.bindparam("_territory"), ~t.siblings.c.is_parted)
    .order_by(t.siblings.c.siblings)
)
"""Built once: each round asks it."""


def _answering(tx: sa.Connection, requests: list[str]) -> set[str]:
    p = t.proposals
    return set(tx.scalars(sa.select(p.c.request).where(t.IS_LIVE, p.c.request.in_(requests))))


def _with_a_person(tx: sa.Connection, requests: list[str]) -> set[str]:
    of_them = (t.requests.c.request.in_(requests), t.requests.c.state == store.WITH_PERSON)
    return set(tx.scalars(sa.select(t.requests.c.request).where(*of_them)))


def _still_together(row: SiblingsAsked, ready: set[str]) -> Iterator[Siblings]:
    """The siblings with those who still wait; combinations name them alone."""
    combined = []
    for combination in row.combinations:
        seats = [seat.model_dump() for seat in combination.seats if seat.request in ready]
        if any(seat["structure"] for seat in seats):
            combined.append({"seats": seats, "rank": combination.rank})
    if combined or not row.combinations:
        together = tuple(Together(word.value) for word in row.together)
        yield Siblings.model_validate(
            {"id": row.subject, "requests": sorted(ready), "together": together, "combinations": combined}
        )


def nearby(
    siblings: Iterable[Siblings], asked: Mapping[str, Request | None], communes: Mapping[str, str]
) -> list[Travel]:
    """Structures of one commune are near each other, among those that siblings who ask for it wish."""
    pairs: dict[tuple[str, str], int] = {}
    for row in siblings:
        if Together.NEAR in row.together:
            members = [request for request in map(asked.get, row.requests) if request is not None]
            wished = sorted({wish.structure for request in members for wish in request.wishes})
            pairs |= {
                pair: row.near_minutes
                for pair in combinations(wished, 2)
                if communes.get(pair[0], pair[0]) == communes.get(pair[1], pair[1])
            }
    return [Travel(one=one, other=other, minutes=minutes) for (one, other), minutes in sorted(pairs.items())]


def beside(step: Step, proposal: Proposal) -> list[Proposal]:
    """The proposals to the other children of the family that have not left either."""
    if proposal.siblings is None:
        return []
    same = (t.proposals.c.siblings == proposal.siblings, t.proposals.c.proposal != proposal.proposal)
    return store.live_proposals(step.tx, *same, t.proposals.c.state.in_(UNSENT), t.proposals.c.round == proposal.round)
