"""The audit trail on PostgreSQL: acts at once, sealed by two processes at once, are one chain."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from services.bus import audit, audit_chain
from services.bus.database import Database
from tests.bus.harness import postgres_database
from tests.bus.test_audit_chain import KEY, entry

pytestmark = pytest.mark.connected
WRITERS, ACTS = 4, 15


async def act(database: Database, writer: int) -> None:
    """Each act in a transaction of its own, held open for a while: they commit out of their order."""
    for n in range(ACTS):
        async with database.writes.begin() as connection:
            await connection.run_sync(audit.note, entry(n, about=f"T-{writer}-{n}"))
            await asyncio.sleep((writer * 7 + n) % 5 / 200)


async def seal_until(database: Database, stop: asyncio.Event) -> int:
    sealed = 0
    while not stop.is_set():
        sealed += await database.write(audit_chain.seal, KEY)
    return sealed


async def test_acts_and_seals_at_once_are_one_chain(postgres_url: str) -> None:
    schema = f"audit_{secrets.token_hex(4)}"
    database, other = await postgres_database(postgres_url, schema), await postgres_database(postgres_url, schema)
    stop = asyncio.Event()
    sealers = [asyncio.create_task(seal_until(one, stop)) for one in (database, other)]
    await asyncio.gather(*(act(database, writer) for writer in range(WRITERS)))
    stop.set()
    sealed = sum(await asyncio.gather(*sealers)) + await database.write(audit_chain.seal, KEY)
    checked = await database.read(audit_chain.check, KEY)
    assert (sealed, checked.sealed, checked.unsealed, checked.broken) == (WRITERS * ACTS, WRITERS * ACTS, 0, ())
    for one in (database, other):
        await one.close()
