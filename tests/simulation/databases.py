"""The services' databases in memory, behind the real doors, where a process may be killed around each commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.bus import tables as bus
from services.bus.database import Database, Threads, sqlite_engine
from services.ingest import schema as ingest
from services.matcher import tables as matcher
from services.notifier import tables as notifier
from services.vault import metadata as vault
from tests.simulation.hostility import Crashed, Hostility
from tests.simulation.virtual import VirtualClock

T = TypeVar("T")

OWN_TABLES = {
    "ingest": ingest.metadata,
    "matcher": matcher.metadata,
    "notifier": notifier.metadata,
    "vault": vault,
}
effects_metadata = sa.MetaData()
effects = sa.Table(
    "effects",
    effects_metadata,
    sa.Column("n", bus.Position, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(64), nullable=False),
)
"""One row for each time a handler took effect: unlike an upsert, twice handled shows."""


def new_engine(name: str) -> sa.Engine:
    engine = sqlite_engine(durability="OFF")
    for metadata in (bus.metadata, effects_metadata, OWN_TABLES[name]):
        metadata.create_all(engine)
    return engine


def empty(engine: sa.Engine, name: str) -> None:
    """Making the tables is what takes long, so that runs share them."""
    with engine.begin() as tx:
        for metadata in (OWN_TABLES[name], effects_metadata, bus.metadata):
            for table in reversed(metadata.sorted_tables):
                tx.execute(table.delete())


_ENGINES: dict[str, sa.Engine] = {}


def fresh_engines(clock: VirtualClock) -> dict[str, sa.Engine]:
    """An empty database for each service and the vault, on `clock`. One run of a process uses them at a time."""
    for name in OWN_TABLES:
        if name in _ENGINES:
            empty(_ENGINES[name], name)
        else:
            _ENGINES[name] = new_engine(name)
        _set_clock(_ENGINES[name], clock)
    return dict(_ENGINES)


def _set_clock(engine: sa.Engine, clock: VirtualClock) -> None:
    """Let SQL's own `now`, by which leases live, be the virtual one."""

    def now(_format: str, _when: str) -> str:
        return clock().strftime("%Y-%m-%d %H:%M:%S.%f")

    driver: Any = engine.raw_connection().driver_connection
    driver.create_function("strftime", 2, now)


def database_away() -> sa.exc.OperationalError:
    """What a driver says where its database does not answer."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return sa.exc.OperationalError("BEGIN", {}, error)


@dataclass
class Life:
    """One process from its start to its end. Whatever it does afterwards it does not do."""

    service: str
    is_over: bool = False
    stopped: asyncio.Event | None = None

    def stop(self) -> None:
        """Stopped as by a SIGSTOP: it does nothing, and does not know it."""
        self.stopped = asyncio.Event()

    def wake(self) -> None:
        if self.stopped is not None:
            self.stopped.set()
            self.stopped = None


@dataclass
class OneThread:
    """How transactions run here: in place, on one connection, in a process that may be killed around each commit."""

    name: str
    engine: sa.Engine
    hostility: Hostility
    clock: VirtualClock
    life: Life

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        await self._knock()
        with self.engine.begin() as tx:
            result = work(tx)
            self._boundary("before commit")
        self._boundary("after commit")
        return result

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        await self._knock()
        with self.engine.connect() as tx:
            return work(tx)

    def close(self) -> None:
        """The engine outlives its processes."""

    def _boundary(self, where: str) -> None:
        self._still_alive()
        if self.hostility.happens(self.hostility.rates.crash):
            kill(self.life, self.hostility, f"{self.name}: {where}")

    async def _knock(self) -> None:
        if self.life.stopped is not None:
            await self.life.stopped.wait()
        self._still_alive()
        if self.hostility.is_away(f"database {self.name}", self.clock()):
            self.hostility.note(f"away: database {self.name}")
            raise database_away()

    def _still_alive(self) -> None:
        if self.life.is_over:
            raise Crashed


def doors(name: str, engine: sa.Engine, hostility: Hostility, clock: VirtualClock, life: Life) -> Database:
    """The doors of one process to one database. Nothing else of the process can reach it."""
    threads = cast(Threads, OneThread(name, engine, hostility, clock, life))
    there = cast(AsyncEngine, engine)  # never used but for its dialect: transactions go through `threads`
    return Database(there, there, threads=threads)


def kill(life: Life, hostility: Hostility, where: str) -> Any:
    """End the process at this very point. Raises Crashed."""
    life.is_over = True
    hostility.note(f"crash: {life.service} at {where}")
    hostility.tell(f"killed {life.service} ({where})")
    raise Crashed
