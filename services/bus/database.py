"""A service's own database: one SQLite file, or one PostgreSQL schema, behind the same two doors.

Handlers are plain functions on a `Connection`; `write` and `read` run them on the event loop. On SQLite a writer
takes its lock at once (`BEGIN IMMEDIATE`), so two writers follow each other, and commits reach the disk before they
return; pages read through an engine of their own that never waits for a writer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

P = ParamSpec("P")
T = TypeVar("T")
Durability = Literal["FULL", "OFF"]

BUSY_MS = 30_000
"""How long a SQLite writer waits for the one before it."""


CONNECT_TIMEOUT_S = 10.0
"""After this a PostgreSQL that does not answer counts as away."""


@dataclass(frozen=True)
class Database:
    """The database of one service. `kind` is `sqlite` or `postgresql`. `on_said`: whom to tell of new events."""

    writes: AsyncEngine
    reads: AsyncEngine
    on_said: list[Callable[[], None]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.writes.dialect.name

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do` in one transaction, committed if it returns. Events it said are told of after the commit."""
        async with self.writes.begin() as connection:
            await connection.run_sync(_said)
            result = await _run(connection, do, *args, **kwargs)
            said = await connection.run_sync(_said)
        for tell in self.on_said if said else ():
            tell()
        return result

    async def read(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do` on one snapshot of the data; whatever it writes is rolled back."""
        async with self.reads.connect() as connection:
            return await _run(connection, do, *args, **kwargs)

    async def close(self) -> None:
        await self.writes.dispose()
        await self.reads.dispose()


async def _run(
    connection: AsyncConnection, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    return await connection.run_sync(lambda tx: do(tx, *args, **kwargs))


SAID = "berceau_said"
"""Set in a connection's `info` by whoever records an event."""


def _said(tx: sa.Connection) -> bool:
    """Whether something was said on this connection since the last look."""
    return bool(tx.info.pop(SAID, False))


def open_sqlite(path: Path, durability: Durability = "FULL") -> Database:
    """The SQLite file at `path`, made if it is not there. `OFF` is for data that nobody will miss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{path}"
    writes = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_MS / 1000, hide_parameters=True)
    reads = create_async_engine(url, hide_parameters=True)
    prepare_sqlite(writes.sync_engine, "BEGIN IMMEDIATE", durability)
    prepare_sqlite(reads.sync_engine, "BEGIN DEFERRED", durability)
    return Database(writes, reads)


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


def open_postgresql(url: str, schema: str, pool_size: int = 5) -> Database:
    """The schema `schema` of the PostgreSQL database at `url` (`postgresql+asyncpg://…`).

    Reads are one snapshot each (REPEATABLE READ): a page or a round never sees half of a change.
    """
    server = {"search_path": schema, "timezone": "UTC", "application_name": f"berceau-{schema}"}
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "pool_pre_ping": True,
        "hide_parameters": True,  # what a statement carried must not enter a log with its error
        "connect_args": {"server_settings": server, "timeout": CONNECT_TIMEOUT_S},
    }
    return Database(
        create_async_engine(url, **options), create_async_engine(url, isolation_level="REPEATABLE READ", **options)
    )
