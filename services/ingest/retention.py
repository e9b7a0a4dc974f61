"""What the guichet drops once it opens or repeats nothing any more. How long, and why: `retention.yaml`."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from services.bus.retention import Kept, Purge
from services.ingest import credentials, idempotency, store


def _ended(table: sa.Table, column: str) -> Purge:
    def old(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
        return table.c[column] < limit

    return Purge("services.ingest", table, old)


PURGES = (
    _ended(credentials.sessions, "expires_at"),
    _ended(credentials.sign_in_links, "expires_at"),
    _ended(idempotency.keys, "claimed_at"),
    _ended(store.releases, "at"),
)
