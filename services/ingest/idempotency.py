"""`Idempotency-Key`, by Stripe's rule: the same key gets the same status and body, errors included, for a day.

The key is claimed and its answer written in the transaction of the act itself: after a crash either all are there or
none, and a second try waits for the first. Where an act needs something before its transaction, the key is claimed in a
transaction of its own before; such a claim without an answer is in flight, and taken over after `ABANDONED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.bus.rows import change_rows
from services.bus.tables import Instant
from services.ingest.problems import conflict, invalid
from services.ingest.store import metadata, named

KEPT_FOR = timedelta(hours=24)
ABANDONED = timedelta(seconds=60)
"""No act takes this long: whoever claimed the key has died before it acted."""

keys = sa.Table(
    "idempotency",
    metadata,
    sa.Column("actor", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    named("route"),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.JSON),
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("tried_at", Instant, nullable=False),
    sa.Index("idempotency_age", "claimed_at"),
)


@dataclass(frozen=True)
class Claim:
    """One use of a key: by whom, on which route, with which body."""

    actor: str
    key: str
    route: str
    body_hash: str


@dataclass(frozen=True)
class Answered:
    """What the first use was answered."""

    status: int
    body: Any


def reserve(tx: sa.Connection, claim: Claim, now: datetime) -> Answered | str:
    """The answer that the key already has; else the key is claimed, and the act's cause is returned.

    A retry after a crash gets the same cause, hence the same ids. Raises Refused where the key is in flight, or was
    used for something else.
    """
    if _claimed(tx, claim, now):
        return _cause(claim, now)
    row = tx.execute(sa.select(keys).where(*_same(claim)).with_for_update()).mappings().one_or_none()
    if row is None:
        raise in_flight()  # it was released between our insert and our look
    if row["claimed_at"] < now - KEPT_FOR:
        tx.execute(sa.delete(keys).where(*_same(claim)))
        return reserve(tx, claim, now)
    _check_same_use(claim, row)
    if row["status"] is not None:
        return Answered(row["status"], row["body"])
    if row["tried_at"] > now - ABANDONED:
        raise in_flight()
    tx.execute(sa.update(keys).where(*_same(claim)).values(tried_at=now))
    return _cause(claim, row["claimed_at"])


def reserve_new(tx: sa.Connection, claims: Sequence[tuple[Claim, datetime]]) -> dict[int, str]:
    """Claim, in one statement, those keys that nobody has: the causes of their acts, by rank. Of two that share a key
    the first has it; for the others `reserve` finds out what they are, once the first has its answer."""
    first: dict[tuple[str, str], int] = {}
    for n, (claim, _) in enumerate(claims):
        first.setdefault((claim.actor, claim.key), n)
    rows = [_row(*claims[n]) for _, n in sorted(first.items())]  # sorted: of two processes one waits for the other
    new = tx.execute(_CLAIM_MANY[tx.dialect.name], rows) if rows else ()
    return {n: _cause(*claims[n]) for n in (first[actor, key] for actor, key in new)}


def finish(tx: sa.Connection, claim: Claim, status: int, body: Any) -> None:
    """Keep the answer, in the transaction of what it answers."""
    finish_many(tx, [(claim, Answered(status, body))])


def finish_many(tx: sa.Connection, answers: Sequence[tuple[Claim, Answered]]) -> None:
    """The same for many."""
    facts = [{"actor": c.actor, "key": c.key, "status": a.status, "body": a.body} for c, a in answers]
    change_rows(tx, keys, ("actor", "key"), facts)


def refuse(tx: sa.Connection, claim: Claim, status: int, body: Any) -> Answered:
    """Keep a refusal, and return what counts: the answer of an earlier try, if that was only slow and is done by now.

    Its key was taken over meanwhile, and the second try met what the first had made.
    """
    query = sa.select(keys.c.status, keys.c.body).where(*_same(claim), keys.c.status.is_not(None)).with_for_update()
    row = tx.execute(query).first()
    if row is not None:
        return Answered(row.status, row.body)
    finish(tx, claim, status, body)
    return Answered(status, body)


def release(tx: sa.Connection, claim: Claim) -> None:
    """Nothing was decided: the key may be tried again at once."""
    tx.execute(sa.delete(keys).where(*_same(claim), keys.c.status.is_(None)))


def forget(tx: sa.Connection, now: datetime) -> int:
    """Drop keys that are older than a day. Returns how many."""
    return tx.execute(sa.delete(keys).where(keys.c.claimed_at < now - KEPT_FOR)).rowcount


def _claimed(tx: sa.Connection, claim: Claim, now: datetime) -> bool:
    """Claim the key; False if somebody has. Whoever claims it at this moment is waited for."""
    return tx.scalar(_CLAIM[tx.dialect.name], _row(claim, now)) is not None


def _row(claim: Claim, now: datetime) -> dict[str, Any]:
    row = {"actor": claim.actor, "key": claim.key, "route": claim.route, "body_hash": claim.body_hash}
    return {**row, "claimed_at": now, "tried_at": now}


_CLAIM = {
    dialect.name: module.insert(keys).on_conflict_do_nothing().returning(keys.c.key)
    for dialect, module in ((postgresql.dialect, postgresql), (sqlite.dialect, sqlite))
}
_CLAIM_MANY = {
    dialect.name: module.insert(keys).on_conflict_do_nothing().returning(keys.c.actor, keys.c.key)
    for dialect, module in ((postgresql.dialect, postgresql), (sqlite.dialect, sqlite))
}
"""Built once for each kind of database: every act of a program asks these."""


def _check_same_use(claim: Claim, row: sa.RowMapping) -> None:
    if (row["route"], row["body_hash"]) != (claim.route, claim.body_hash):
        rule = "Une clé d'idempotence sert pour un seul envoi."
        raise invalid("Idempotency-Key", "key_reused", rule, "Prenez une nouvelle clé.")


def in_flight() -> Exception:
    rule = "Le premier envoi de cette clé est en cours."
    return conflict("Idempotency-Key", "key_in_flight", rule, "Attendez une seconde, puis envoyez de nouveau.")


def _same(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (keys.c.actor == claim.actor, keys.c.key == claim.key)


def _cause(claim: Claim, claimed_at: datetime) -> str:
    return f"{claim.key}/{claimed_at.isoformat()}"
