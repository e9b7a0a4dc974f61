"""What past rounds decided on, kept so that a decision can be made again and compared with what was done."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.bus.retention import Kept, Purge
from services.matcher import declared_criteria
from services.matcher import tables as t
from services.matcher.solver.schema import Round


@dataclass(frozen=True)
class Past:
    """A round as it is listed. `is_kept`: what it decided on is still there."""

    round: str
    territory: str
    at: datetime
    trigger: str
    requests: int
    proposed: int
    dropped: int
    input_hash: str
    outcome_hash: str
    is_kept: bool


def keep(tx: sa.Connection, asked: Round, body: bytes) -> None:
    """Keep what a round decides on, its text compressed: an eighth of its JSON, some 50 kB for 1,500 requests."""
    row = {"round": asked.id, "territory": asked.territory, "at": asked.instant, "body": body}
    tx.execute(t.round_inputs.insert(), row)


def recent(tx: sa.Connection, territory: str | None, most: int) -> list[Past]:
    """The last rounds, the latest first: of one territory, or of all."""
    query = _listed().order_by(t.rounds.c.at.desc(), t.rounds.c.round).limit(most)
    if territory is not None:
        query = query.where(t.rounds.c.territory == territory)
    return [_past(row) for row in tx.execute(query)]


def named(tx: sa.Connection, round: str) -> Past | None:
    row = tx.execute(_listed().where(t.rounds.c.round == round)).first()
    return _past(row) if row is not None else None


def what_was_asked(tx: sa.Connection, round: str) -> Round | None:
    """What the round decided on; None if that is not kept, or not any more."""
    body = tx.scalar(sa.select(t.round_inputs.c.body).where(t.round_inputs.c.round == round))
    return Round.model_validate_json(zlib.decompress(body)) if body is not None else None


def _listed() -> sa.Select[tuple[object, ...]]:
    r, kept = t.rounds.c, t.round_inputs.c
    columns = (r.round, r.territory, r.at, r.trigger, r.requests, r.proposed, r.dropped, r.input_hash, r.outcome_hash)
    joined = t.rounds.outerjoin(t.round_inputs, r.round == kept.round)
    return sa.select(*columns, kept.round.is_not(None).label("is_kept")).select_from(joined)


def _past(row: sa.Row[tuple[object, ...]]) -> Past:
    return Past(**{**row._mapping, "is_kept": bool(row.is_kept)})


def _older(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
    return t.round_inputs.c.at < limit


PURGES = (Purge("services.matcher", t.round_inputs, _older), declared_criteria.PURGE)
