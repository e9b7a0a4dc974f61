"""A service as whoever runs it sees it: the same in one process, on a cluster, in a simulation.

A service hears events through its reader, and does by itself what is due: `tick`. Whoever runs it decides what time it
is and what carries the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import FastAPI

from services.bus.database import Database
from services.bus.delivery import Reader
from services.bus.troubles import until_done
from services.bus.waits import first_of

TICKING = "ticking"
"""The part of a process that does what is due, among its troubles."""

LONGEST_REST_S = 1.0
"""How long a service rests at most before it looks whether something is due."""


def _everything(territory: str) -> bool:
    return True


def _always() -> bool:
    return True


@dataclass
class Share:
    """The territories that a carrier gives this process among those of its service: all, where there is no broker.

    `is_heard`: whether what is said of them reaches this process at the moment.
    """

    has: Callable[[str], bool] = _everything
    is_heard: Callable[[], bool] = _always


@dataclass
class Service:
    """`tick(now)` does what is due and says how much that was; `next_due()` says when it next has something to do.

    `on_start`: what is made ready before the first event, and before `/readyz` says so; done again if what it needs was
    away. `on_stop`: what ends the answers that would otherwise stay open, called once no new visitor is let in.
    """

    name: str
    database: Database
    reader: Reader
    app: FastAPI
    tick: Callable[[datetime], Awaitable[int]]
    next_due: Callable[[], Awaitable[datetime | None]]
    databases: tuple[Database, ...] = ()
    share: Share = field(default_factory=Share)
    on_start: tuple[Callable[[], Awaitable[object]], ...] = field(default=())
    on_stop: tuple[Callable[[], None], ...] = field(default=())
    on_close: tuple[Callable[[], Awaitable[None]], ...] = field(default=())

    async def close(self) -> None:
        for close in self.on_close:
            await close()
        for database in {id(d): d for d in (self.database, *self.databases)}.values():
            await database.close()


async def run_ticks(service: Service, clock: Callable[[], datetime], stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Do what is due until `stop`: at once when woken, else when the next thing is due, looking every second.

    Whatever fails ends no process: it is told, `/readyz` says so, and it is tried again ever more slowly.
    """

    async def once() -> int:
        wake.clear()
        return await service.tick(clock())

    async def rest() -> None:
        await _rest(service, clock, stop, wake)

    while not stop.is_set():
        if await until_done(once, service.reader.troubles, TICKING, stop) == 0:
            await until_done(rest, service.reader.troubles, TICKING, stop)


async def _rest(service: Service, clock: Callable[[], datetime], stop: asyncio.Event, wake: asyncio.Event) -> None:
    due = await service.next_due()
    seconds = LONGEST_REST_S if due is None else min(LONGEST_REST_S, max(0.01, (due - clock()).total_seconds()))
    await first_of((stop, wake), seconds)
