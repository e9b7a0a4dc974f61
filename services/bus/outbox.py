"""What a service says, written in the transaction of what it did. The outbox is also the event log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from contracts.base import Event
from contracts.topics import TOPIC_OF
from services.bus import traces
from services.bus.database import SAID
from services.bus.rows import insert_rows
from services.bus.tables import outbox

ELSEWHERE = datetime(1970, 1, 1, tzinfo=UTC)
"""`published_at` of what a broker of before a restore was given, and every reader heard: the new one never is."""


@dataclass(frozen=True)
class Recorded:
    """One row of the log, as bytes: what one transport delivers and another publishes."""

    position: int
    event_id: str
    stream: str
    territory: str
    type: str
    body: bytes


def record(tx: sa.Connection, *events: Event) -> None:
    """Say `events`, in this order, if and only if `tx` commits."""
    if events:
        insert_rows(tx, outbox, [_row(traces.with_trace(event)) for event in events])
        tx.info.setdefault(SAID, set()).update(event.territory for event in events)


def _row(event: Event) -> dict[str, object]:
    return {
        "event_id": event.id,
        "stream": TOPIC_OF[type(event)].name,
        "territory": event.territory,
        "type": event.type,
        "body": event.model_dump_json().encode(),
        "recorded_at": event.time,
    }


def after(tx: sa.Connection, position: int, limit: int) -> list[Recorded]:
    """The rows behind `position`, in the order of their writing.

    Safe as a cursor only where writers follow each other (SQLite): elsewhere a row may commit behind a later one.
    """
    return [Recorded(*row) for row in tx.execute(_AFTER, {"_position": position, "_limit": limit})]


def unpublished(tx: sa.Connection, limit: int) -> list[Recorded]:
    """The oldest rows that no broker has acknowledged yet, whenever they committed."""
    return [Recorded(*row) for row in tx.execute(_WAITING, {"_limit": limit})]


def mark_published(tx: sa.Connection, positions: list[int], now: datetime) -> None:
    statement = _MARK_LIST if tx.dialect.name == "postgresql" else _MARK
    tx.execute(statement, {"_positions": positions, "published_at": now})


def publish_again(tx: sa.Connection, since: datetime) -> int:
    """Have the relay publish once more what was recorded from `since` on: for a broker that lost it. How many rows.

    Whoever heard an event before takes no notice of it.
    """
    return tx.execute(outbox.update().where(*_published(since)).values(published_at=None)).rowcount


def count_published(tx: sa.Connection, since: datetime) -> int:
    """How many rows `publish_again` would publish."""
    return tx.scalar(sa.select(sa.func.count()).select_from(outbox).where(*_published(since))) or 0


def count_given(tx: sa.Connection) -> int:
    """How many rows the broker of today was given: a restored log says of the others that they went to another one."""
    return tx.scalar(sa.select(sa.func.count()).select_from(outbox).where(outbox.c.published_at > ELSEWHERE)) or 0


def _published(since: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return outbox.c.recorded_at >= since, outbox.c.published_at.is_not(None)


def oldest_unpublished(tx: sa.Connection) -> datetime | None:
    """When the oldest event that still waits for the broker was recorded."""
    return tx.scalar(
        sa.select(outbox.c.recorded_at).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position).limit(1)
    )


_COLUMNS = (
    outbox.c.position,
    outbox.c.event_id,
    outbox.c.stream,
    outbox.c.territory,
    outbox.c.type,
    outbox.c.body,
)
_AFTER = (
    sa.select(*_COLUMNS)
    .where(outbox.c.position > sa.bindparam("_position"))
    .order_by(outbox.c.position)
    .limit(sa.bindparam("_limit", type_=sa.Integer))
)
_WAITING = (
    sa.select(*_COLUMNS)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.position)
    .limit(sa.bindparam("_limit", type_=sa.Integer))
)
_MARK = outbox.update().where(outbox.c.position.in_(sa.bindparam("_positions", expanding=True)))
_LIST = sa.bindparam("_positions", type_=postgresql.ARRAY(sa.BigInteger))
_MARK_LIST = outbox.update().where(outbox.c.position == sa.any_(_LIST))
"""Built once: every event asks these. What changes is named by the values that it is run with."""
