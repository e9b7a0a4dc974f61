"""The same purge on PostgreSQL, where two processes of a service may drop at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import sqlalchemy as sa

from services.bus.database import Database
from services.bus.retention import BATCH, HEARD, PUBLISHED, purge_once
from services.bus.tables import inbox, outbox
from services.ingest.idempotency import keys
from services.ingest.retention import PURGES
from tests.bus.harness import many, say

THEN, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


async def test_two_processes_that_purge_at_once_drop_each_row_once(writer: Database) -> None:
    await writer.write(keys.metadata.create_all, tables=[purge.table for purge in PURGES])
    await say(writer, *many(3))
    used = {"actor": "A", "route": "POST", "body_hash": "h", "claimed_at": THEN, "tried_at": THEN}

    def fill(tx: sa.Connection) -> None:
        tx.execute(inbox.insert(), [{"event_id": f"e-{n}", "received_at": THEN} for n in range(BATCH)])
        tx.execute(keys.insert(), [{**used, "key": f"k-{n}"} for n in range(3)])
        tx.execute(outbox.update().where(outbox.c.position < 3).values(published_at=THEN))

    await writer.write(fill)
    purges = (PUBLISHED, *HEARD, *PURGES)
    await asyncio.gather(*(purge_once(writer, purges, LATER) for _ in range(2)))
    left = [await writer.read(_count, table) for table in (inbox, keys, outbox)]
    assert left == [0, 0, 1]


def _count(tx: sa.Connection, table: sa.Table) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0
