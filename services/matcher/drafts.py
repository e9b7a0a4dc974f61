"""What a draft decided on and what it decided, kept so that the next one can be compared and the released one written.

When to modify: when a commission is shown one more thing of each request.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from pydantic import Field, TypeAdapter

from contracts.vocabulary import Frozen, Id
from services.bus.retention import Kept, Purge
from services.matcher import campaigns
from services.matcher import tables as t
from services.matcher.kept_text import FAST
from services.matcher.solver.schema import Outcome, Placed, Round


class Paper(Frozen):
    """A draft: the round as it was asked, its outcome, the seats that persons gave, by gesture, and what was said of
    each request, as a digest."""

    asked: Round
    outcome: Outcome
    forced: dict[Id, Placed] = Field(default_factory=dict)
    digests: dict[Id, str] = Field(default_factory=dict)

    @property
    def seats(self) -> dict[Id, tuple[Placed, ...]]:
        """By request, where it would go, whoever decided it."""
        found: dict[Id, tuple[Placed, ...]] = {}
        for row in (*self.outcome.placed, *self.forced.values()):
            found[row.request] = (*found.get(row.request, ()), row)
        return found

    @property
    def told(self) -> Outcome:
        """The outcome with the seats that persons gave, to compare."""
        rows = sorted((*self.outcome.placed, *self.forced.values()), key=lambda row: row.request)
        return self.outcome.model_copy(update={"placed": tuple(rows)})


_PAPER = TypeAdapter(Paper)


@dataclass(frozen=True)
class Draft:
    """A draft that was asked. `paper` is none until it is decided."""

    draft: str
    campaign: str
    number: int
    paper: Paper | None = field(default=None, repr=False)


def asked(tx: sa.Connection, campaign: str) -> list[Draft]:
    """The drafts that wait for a decision, the first one first."""
    waiting = (t.drafts.c.campaign == campaign, t.drafts.c.decided_at.is_(None))
    query = sa.select(t.drafts.c.draft, t.drafts.c.number).where(*waiting).order_by(t.drafts.c.number)
    return [Draft(row.draft, campaign, row.number) for row in tx.execute(query)]


def is_anything_asked(tx: sa.Connection, territory: str) -> bool:
    """True if a commission waits: for a draft, for whom a gesture touches, or for its release."""
    campaign = campaigns.current(tx, territory)
    if campaign is None:
        return False
    name, releasing = campaign.campaign, campaign.state == campaigns.RELEASING
    return releasing or bool(asked(tx, name) or campaigns.forces(tx, name, campaigns.ASKED))


def latest(tx: sa.Connection, campaign: str) -> Draft | None:
    """The last draft that was decided."""
    done = (t.drafts.c.campaign == campaign, t.drafts.c.decided_at.is_not(None))
    row = tx.execute(sa.select(t.drafts).where(*done).order_by(t.drafts.c.number.desc()).limit(1)).mappings().first()
    if row is None:
        return None
    paper = _PAPER.validate_json(zlib.decompress(row["body"])) if row["body"] is not None else None
    return Draft(row["draft"], campaign, row["number"], paper)


def keep(tx: sa.Connection, draft: Draft, paper: Paper, digests: Mapping[Id, str], now: datetime) -> None:
    """A draft is decided. Of those before only their numbers are kept."""
    body = paper.model_copy(update={"digests": dict(digests)}).model_dump_json().encode()
    own = t.drafts.c.campaign == draft.campaign
    tx.execute(t.drafts.update().where(own, t.drafts.c.draft != draft.draft).values(body=None))
    decided = {"decided_at": now, "body": zlib.compress(body, FAST)}
    tx.execute(t.drafts.update().where(t.drafts.c.draft == draft.draft).values(**decided))


def _older(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
    return t.drafts.c.at < limit


PURGE = Purge("services.matcher", t.drafts, _older)
