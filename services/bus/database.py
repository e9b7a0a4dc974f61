"""A service's own database: one SQLite file, or one PostgreSQL schema, behind the same two doors.

Handlers are plain functions on a `Connection`; `write` and `read` run them on the event loop. On SQLite a writer
takes its lock at once (`BEGIN IMMEDIATE`), so two writers follow each other, and commits reach the disk before they
return; pages read through an engine of their own that never waits for a writer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from services.bus.pulse import Pulse

P = ParamSpec("P")
T = TypeVar("T")
Durability = Literal["FULL", "OFF"]

BUSY_MS = 30_000
"""How long a SQLite writer waits for the one before it."""

READERS = 4
"""Pages that may be read at once from one SQLite file; the others wait their turn."""


CONNECT_TIMEOUT_S = 10.0
"""After this a PostgreSQL that does not answer counts as away."""

RECYCLE_S = 1800
"""A connection older than that is opened anew when it is next taken: firewalls drop quiet ones without a word, often
after an hour."""

CLOSE_TIMEOUT_S = 2.0
"""A server that hangs does not take leave: its connections then end with the process."""


OPENED_FIRST = 3
"""Connections of each kind that a process opens before its first event: its reader's, its ticks' and its pages'."""


def _ask(tx: sa.Connection) -> None:
    tx.execute(sa.select(1))


@dataclass(frozen=True)
class Database:
    """The database of one service. `kind` is `sqlite` or `postgresql`. `on_said`: whom to tell of new events.

    `with_said`: what is written last of all in a transaction that said something, about the territories named.
    `pulse`: finds out, where a server may hang, whether it does. Writing and reading then raise DatabaseSilent.
    """

    writes: AsyncEngine
    reads: AsyncEngine
    on_said: list[Callable[[], None]] = field(default_factory=list)
    with_said: list[Callable[[sa.Connection, frozenset[str]], None]] = field(default_factory=list)
    threads: Threads | None = None
    pulse: Pulse | None = None

    @property
    def kind(self) -> str:
        return self.writes.dialect.name

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do` in one transaction, committed if it returns. Events it said are told of after the commit."""

        def work(tx: sa.Connection) -> tuple[T, bool]:
            return self._saying(do, tx, *args, **kwargs)

        if self.threads is not None:
            result, said = await self.threads.write(work)
        else:
            result, said = await self.alive(self._written(work))
        for tell in self.on_said if said else ():
            tell()
        return result

    async def read(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do` on one snapshot of the data; whatever it writes is rolled back."""

        def work(tx: sa.Connection) -> T:
            return do(tx, *args, **kwargs)

        if self.threads is not None:
            return await self.threads.read(work)
        return await self.alive(self._read(work))

    async def open_some(self) -> None:
        """Open connections before somebody waits for one: each is a hundredth of a second of passwords."""
        asked = [do(_ask) for do in (self.read, self.write) for _ in range(OPENED_FIRST)]
        await asyncio.gather(*asked)

    async def alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, on connections of this database, as long as its server answers. Raises DatabaseSilent."""
        return await (work if self.pulse is None else self.pulse.watched(work))

    async def _written(self, work: Callable[[sa.Connection], T]) -> T:
        async with self.writes.begin() as connection:
            return await connection.run_sync(work)

    async def _read(self, work: Callable[[sa.Connection], T]) -> T:
        async with self.reads.connect() as connection:
            return await connection.run_sync(work)

    def _saying(
        self, do: Callable[Concatenate[sa.Connection, P], T], tx: sa.Connection, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, bool]:
        """What `do` returns, and whether it said something."""
        _said(tx)
        result = do(tx, *args, **kwargs)
        territories = _said(tx)
        for write in self.with_said if territories else ():
            write(tx, territories)
        return result, bool(territories)

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if self.pulse is None else CLOSE_TIMEOUT_S):
                await self.writes.dispose()
                await self.reads.dispose()
        if self.pulse is not None:
            await self.pulse.close()
        if self.threads is not None:
            self.threads.close()


@dataclass(frozen=True)
class Threads:
    """How transactions run on a SQLite file: each whole in one thread, so that it costs one hop and not one for each
    statement (moving a territory of 900 rows in: 5.1 s instead of 10.0). One thread writes: SQLite's writers follow
    each other anyway.
    """

    writing: sa.Engine
    reading: sa.Engine
    writer: ThreadPoolExecutor
    readers: ThreadPoolExecutor

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        return await _in_thread(self.writer, _committed, self.writing, work)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await _in_thread(self.readers, _rolled_back, self.reading, work)

    def close(self) -> None:
        for pool in (self.writer, self.readers):
            pool.shutdown(wait=True)
        self.writing.dispose()
        self.reading.dispose()


async def _in_thread(
    pool: ThreadPoolExecutor, run: Callable[[sa.Engine, Callable[[sa.Connection], T]], T], engine: sa.Engine,
    work: Callable[[sa.Connection], T],
) -> T:  # fmt: skip
    context = copy_context()  # what a log line is about follows the work into its thread
    return await asyncio.get_running_loop().run_in_executor(pool, partial(context.run, run, engine, work))


def _committed(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as tx:
        return work(tx)


def _rolled_back(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.connect() as tx:
        return work(tx)


SAID = "berceau_said"
"""Where a connection's `info` holds the territories of the events that it recorded."""


def _said(tx: sa.Connection) -> frozenset[str]:
    """The territories about which something was said on this connection since the last look."""
    return frozenset(tx.info.pop(SAID, ()))


def open_sqlite(path: Path, durability: Durability = "FULL") -> Database:
    """The SQLite file at `path`, made if it is not there. `OFF` is for data that nobody will miss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{path}"
    writes = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_MS / 1000, hide_parameters=True)
    reads = create_async_engine(url, hide_parameters=True)
    prepare_sqlite(writes.sync_engine, "BEGIN IMMEDIATE", durability)
    prepare_sqlite(reads.sync_engine, "BEGIN DEFERRED", durability)
    return Database(writes, reads, threads=_threads(path, durability))


def _threads(path: Path, durability: Durability) -> Threads:
    writing, reading = (sa.create_engine(f"sqlite:///{path}", hide_parameters=True) for _ in range(2))
    prepare_sqlite(writing, "BEGIN IMMEDIATE", durability)
    prepare_sqlite(reading, "BEGIN DEFERRED", durability)
    return Threads(writing, reading, ThreadPoolExecutor(1, "writer"), ThreadPoolExecutor(READERS, "reader"))


def sqlite_engine(path: Path | None = None, durability: Durability = "FULL") -> sa.Engine:
    """The same file without an event loop, for tests and the simulation; without `path`, in memory."""
    if path is None:
        engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    else:
        engine = sa.create_engine(f"sqlite:///{path}")
    prepare_sqlite(engine, "BEGIN IMMEDIATE", durability)
    return engine


def prepare_sqlite(engine: sa.Engine, begin: str, durability: Durability) -> None:
    """Set what SQLite needs on each connection, and how each transaction begins."""

    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={durability}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    sa.event.listen(engine, "connect", connect)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))


CONNECTIONS = 10
"""Transactions at once of each kind, reading and writing: what a process of one core can keep busy, and no more."""


def open_postgresql(url: str, schema: str, pool_size: int = CONNECTIONS) -> Database:
    """The schema `schema` of the PostgreSQL database at `url` (`postgresql+asyncpg://…`).

    Reads are one snapshot each (REPEATABLE READ): a page or a round never sees half of a change. A connection that was
    opened is kept, and none is opened beyond `pool_size`: one that is opened for a single transaction costs ten times
    that transaction, for its password alone.
    """
    server = {"search_path": schema, "timezone": "UTC", "application_name": f"berceau-{schema}"}
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_use_lifo": True,  # the connection used last has its statements prepared
        "pool_recycle": RECYCLE_S,
        "hide_parameters": True,  # what a statement carried must not enter a log with its error
        "connect_args": {"server_settings": server, "timeout": CONNECT_TIMEOUT_S},
    }
    writes = create_async_engine(url, **options)
    reads = create_async_engine(url, isolation_level="REPEATABLE READ", **options)
    for engine in (writes, reads):
        sa.event.listen(engine.sync_engine, "checkout", _refuse_closed)
    knocks = create_async_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=options["connect_args"])
    return Database(writes, reads, pulse=Pulse(knocks))


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool open another where the server has closed this one: asyncpg knows, and need not ask the server.

    SQLAlchemy's own `pool_pre_ping` asks in a transaction: three messages there and back before each of ours.
    """
    if connection.driver_connection.is_closed():
        raise sa_exc.DisconnectionError
