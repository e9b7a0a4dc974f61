"""A service as whoever runs it sees it: the same in one process, on a cluster, in a simulation.

A service hears events through its reader, and does by itself what is due: `tick`. Whoever runs it decides what time it
is and what carries the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import FastAPI

from services.bus.database import Database
from services.bus.delivery import Reader

LONGEST_REST_S = 1.0
"""How long a service rests at most before it looks whether something is due."""


@dataclass
class Service:
    """`tick(now)` does what is due and says how much that was; `next_due()` says when it next has something to do."""

    name: str
    database: Database
    reader: Reader
    app: FastAPI
    tick: Callable[[datetime], Awaitable[int]]
    next_due: Callable[[], Awaitable[datetime | None]]
    databases: tuple[Database, ...] = ()
    on_close: tuple[Callable[[], Awaitable[None]], ...] = field(default=())

    async def close(self) -> None:
        for close in self.on_close:
            await close()
        for database in {id(d): d for d in (self.database, *self.databases)}.values():
            await database.close()


async def run_ticks(service: Service, clock: Callable[[], datetime], stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Do what is due until `stop`: at once when woken, else when the next thing is due, looking every second."""
    while not stop.is_set():
        wake.clear()
        if await service.tick(clock()) == 0:
            await _rest(service, clock, stop, wake)


async def _rest(service: Service, clock: Callable[[], datetime], stop: asyncio.Event, wake: asyncio.Event) -> None:
    due = await service.next_due()
    seconds = LONGEST_REST_S if due is None else min(LONGEST_REST_S, max(0.01, (due - clock()).total_seconds()))
    await first_of((stop, wake), seconds)


async def first_of(events: Iterable[asyncio.Event], timeout_s: float) -> None:
    """Return when one of `events` is set, or after `timeout_s`."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
