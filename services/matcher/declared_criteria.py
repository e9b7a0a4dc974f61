"""What a grid counts of a request, as it was at each time: so that a past round can be counted under another grid.

A kept round holds points, not what they were given for. This keeps the least that gives them back: validated criteria,
and the commune. It is what the matcher has in the need already, and it goes when a family's data are erased.

When to modify: when a grid counts something else of a need.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import Criterion, Id
from services.bus.retention import Kept, Purge
from services.matcher import store
from services.matcher import tables as t


@dataclass(frozen=True)
class Declared:
    """Criteria that counted for a request, each everywhere (None) or in one structure; and where the family lives."""

    family: Id
    commune: str
    criteria: frozenset[tuple[Criterion, Id | None]]

    def at(self, structure: Id | None, commune: str | None) -> frozenset[Criterion]:
        """What counts at a structure that lies in `commune`; what counts everywhere where none is given."""
        own = {criterion for criterion, where in self.criteria if where in (None, structure)}
        near = {Criterion.SAME_COMMUNE} if structure is not None and commune == self.commune else set()
        return frozenset(own | near)


def note(tx: sa.Connection, need: NeedFacts, now: datetime) -> None:
    """Keep what the need says from `now` on."""
    c = t.declared_criteria.c
    tx.execute(t.declared_criteria.delete().where(c.request == need.subject, c.at == now))
    validated = {(row.criterion.value, row.structure) for row in need.criteria if row.validated}
    criteria = sorted(([name, where] for name, where in validated), key=str)
    tx.execute(
        t.declared_criteria.insert().values(
            request=need.subject, at=now, territory=need.territory, family=need.family, commune=need.commune,
            criteria=criteria,
        )
    )  # fmt: skip


def forget(tx: sa.Connection, request: str) -> None:
    """Nothing is left of what an erased family had declared."""
    tx.execute(t.declared_criteria.delete().where(t.declared_criteria.c.request == request))


def declared_at(tx: sa.Connection, territory: str, instant: datetime) -> dict[Id, Declared]:
    """By request, what counted at `instant`."""
    c = t.declared_criteria.c
    query = sa.select(t.declared_criteria).where(c.territory == territory, c.at <= instant).order_by(c.request, c.at)
    return {row["request"]: _declared(row) for row in tx.execute(query).mappings()}  # the latest of each


def _declared(row: sa.RowMapping) -> Declared:
    criteria = frozenset((Criterion(name), where) for name, where in row["criteria"])
    return Declared(row["family"], row["commune"], criteria)


def _nobody_reads(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
    """Older than every kept round, and followed by another row as old, or of a request that waits no more."""
    c, later = t.declared_criteria.c, t.declared_criteria.alias()
    followed = sa.exists().where(later.c.request == c.request, later.c.at > c.at, later.c.at < limit)
    waiting = sa.select(t.requests.c.request).where(t.requests.c.state.in_((store.WAITING, store.WITH_PERSON)))
    return (c.at < limit) & (followed | c.request.not_in(waiting))


PURGE = Purge("services.matcher", t.declared_criteria, _nobody_reads)
