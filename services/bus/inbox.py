"""What a service heard already. An event delivered twice takes effect once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.bus.tables import inbox


def first_time(tx: sa.Connection, event_id: str, now: datetime) -> bool:
    """Note the event in the handler's own transaction; False if it was noted before.

    `RETURNING` tells which of the two it was: the row count of some drivers does not.
    """
    said = {"event_id": event_id, "received_at": now}
    return tx.scalar(_NOTE[tx.dialect.name == "postgresql"], said) is not None


_NOTE = tuple(
    insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_id) for insert in (sqlite.insert, postgresql.insert)
)
"""Built once for each kind of database: every message asks this."""
