"""How many acts a second ingest takes over HTTP from sixteen programs, beside sixteen bare commits at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from services.bus.settings import Settings
from services.calendar import system_clock
from services.cli.bench_way_places import WEEKDAYS, Door, Site, vacancy

WRITERS = 16
BODY = b"x" * 600
"""As long as the event of a posted place."""

INSERT = (
    "INSERT INTO ingest.outbox (event_id, stream, territory, type, body, recorded_at, published_at)"
    " VALUES ($1, 'declarations', 'bench', 'vacancy.opened', $2, now(), now())"
)


AT_ONCE = 500
"""Places in one request, where a program sends many: as many as the door takes."""


async def post_places(site: Site, events: int, at_once: int = 1) -> float:
    """Ours: places posted a second, each with its rights, its act, its event and its audit row, in requests of one with
    an idempotency key, or of many with an id each.

    The process that takes them publishes them meanwhile, and the two others hear of them, as in service.
    """
    names = [f"door-{secrets.token_hex(3)}" for _ in range(WRITERS)]
    async with site.door() as door:
        for name in names:
            await site.open_territory(door, name)
            await site.open_structure(door, name, f"{name}-S")

    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(site.door()) for _ in names]
        turns = iter(range(0, events, at_once))
        writers = [_post(site, name, door, turns, at_once) for name, door in zip(names, doors, strict=True)]
        return await _rate(len(range(0, events, at_once)) * at_once, writers)


async def _post(site: Site, name: str, door: Door, turns: Iterator[int], at_once: int) -> None:
    for n in turns:
        places = [vacancy(f"{name}-S", WEEKDAYS[(n + k) % len(WEEKDAYS)]) for k in range(at_once)]
        if at_once == 1:
            await door.act("POST", "/vacancies", places[0], site.keys[name], once=secrets.token_hex(8))
        else:
            told = await door.act("POST", "/messages", [_message(place) for place in places], site.keys[name])
            if told["taken"] != at_once:
                raise RuntimeError(f"{told['rejected']} messages refusés sur {at_once}")


def _message(place: dict[str, Any]) -> dict[str, Any]:
    sent_at = system_clock().isoformat()
    return {"id": secrets.token_hex(8), "kind": "vacancy.open", "sent_at": sent_at, "data": place}


async def bare_commits(settings: Settings, events: int) -> float:
    """The floor: one row of the same length a commit, on sixteen connections of the bare driver."""
    async with _connections(settings) as connections:
        turns = itertools.repeat(None, events)

        async def writer(connection: asyncpg.Connection) -> None:
            for _ in turns:
                await connection.execute(INSERT, secrets.token_hex(16), BODY)

        return await _rate(events, [writer(connection) for connection in connections])


async def _rate(events: int, writers: Sequence[Awaitable[None]]) -> float:
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
