"""How many acts a second ingest takes over HTTP from sixteen programs, beside sixteen bare commits at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack

import asyncpg

from services.bus.settings import Settings
from services.cli.bench_way_places import WEEKDAYS, Door, Site, vacancy

WRITERS = 16
BODY = b"x" * 600
"""As long as the event of a posted place."""

INSERT = (
    "INSERT INTO ingest.outbox (event_id, stream, territory, type, body, recorded_at, published_at)"
    " VALUES ($1, 'declarations', 'bench', 'vacancy.opened', $2, now(), now())"
)


async def post_places(site: Site, events: int) -> float:
    """Ours: places posted a second, each a request with its key, its rights, its act, its event and its audit row.

    The process that takes them publishes them meanwhile, and the two others hear of them, as in service.
    """
    names = [f"door-{secrets.token_hex(3)}" for _ in range(WRITERS)]
    async with site.door() as door:
        for name in names:
            await site.open_territory(door, name)
            await site.open_structure(door, name, f"{name}-S")

    async def writer(name: str, door: Door, turns: Iterator[int]) -> None:
        for n in turns:
            body = vacancy(f"{name}-S", WEEKDAYS[n % len(WEEKDAYS)])
            await door.act("POST", "/vacancies", body, site.keys[name], once=secrets.token_hex(8))

    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(site.door()) for _ in names]
        turns = iter(range(events))
        return await _rate(events, [writer(name, door, turns) for name, door in zip(names, doors, strict=True)])


async def bare_commits(settings: Settings, events: int) -> float:
    """The floor: one row of the same length a commit, on sixteen connections of the bare driver."""
    async with _connections(settings) as connections:
        turns = itertools.repeat(None, events)

        async def writer(connection: asyncpg.Connection) -> None:
            for _ in turns:
                await connection.execute(INSERT, secrets.token_hex(16), BODY)

        return await _rate(events, [writer(connection) for connection in connections])


async def _rate(events: int, writers: list[Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*writers)
    return events / (time.perf_counter() - begun)


@contextlib.asynccontextmanager
async def _connections(settings: Settings) -> AsyncIterator[list[asyncpg.Connection]]:
    url = (settings.database or "").replace("+asyncpg", "")
    found = [await asyncpg.connect(url) for _ in range(WRITERS)]
    try:
        yield found
    finally:
        for connection in found:
            await connection.close()
