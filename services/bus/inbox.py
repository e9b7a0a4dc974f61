"""What a service heard already. An event delivered twice takes effect once."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.bus.tables import Instant, inbox


def first_time(tx: sa.Connection, event_id: str, now: datetime) -> bool:
    """Note the event in the handler's own transaction; False if it was noted before."""
    return bool(first_times(tx, (event_id,), now))


def first_times(tx: sa.Connection, event_ids: Collection[str], now: datetime) -> list[str]:
    """The same for many in one statement: those of them that were not noted before, sorted.

    Sorted too when they are noted: of two processes that were given the same events, one waits for the other.
    `RETURNING` tells what was new: the row count of some drivers does not.
    """
    if not event_ids:
        return []
    ids = sorted(set(event_ids))
    if tx.dialect.name == "postgresql":
        return sorted(tx.scalars(_NOTE_ON_POSTGRESQL, {"ids": ids, "at": now}))
    return sorted(tx.scalars(_NOTE_ON_SQLITE, {"ids": json.dumps(ids), "at": now}))


_AT = sa.bindparam("at", type_=Instant)
_UNNESTED = sa.func.unnest(sa.bindparam("ids", type_=postgresql.ARRAY(sa.String)))
_EACH = sa.func.json_each(sa.bindparam("ids", type_=sa.String)).table_valued("value")
_NOTE_ON_POSTGRESQL = (
    postgresql.insert(inbox)
    .from_select(["event_id", "received_at"], sa.select(_UNNESTED, _AT))
    .on_conflict_do_nothing()
    .returning(inbox.c.event_id)
)
_NOTE_ON_SQLITE = (
    sqlite.insert(inbox)
    .from_select(["event_id", "received_at"], sa.select(_EACH.c.value, _AT).where(sa.true()))
    .on_conflict_do_nothing()
    .returning(inbox.c.event_id)
)
"""Built once for each kind of database: every message asks this. (SQLite takes `ON CONFLICT` for a join where the
select has no `WHERE`.)"""


def forget(tx: sa.Connection, event_ids: Collection[str]) -> None:
    """Take notes of this very transaction back: what they were of did not happen."""
    if event_ids:
        tx.execute(sa.delete(inbox).where(inbox.c.event_id.in_(sorted(event_ids))))
