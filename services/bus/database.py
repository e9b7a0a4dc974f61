"""A service's own database: one SQLite file, or one PostgreSQL schema, behind the same two doors.

Handlers are plain functions on a `Connection`; `write` and `read` run them on the event loop. On SQLite a writer
takes its lock at once (`BEGIN IMMEDIATE`), so two writers follow each other, and commits reach the disk before they
return; pages read through an engine of their own that never waits for a writer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Database:
    """The database of one service. `kind` is `sqlite` or `postgresql`."""

    writes: AsyncEngine
    reads: AsyncEngine

    @property
    def kind(self) -> str:
        return self.writes.dialect.name

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do` in one transaction, committed if it returns."""
        async with self.writes.begin() as connection:
            return await _run(connection, do, *args, **kwargs)

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


def open_sqlite(path: Path, durability: Durability = "FULL") -> Database:
    """The SQLite file at `path`, made if it is not there. `OFF` is for data that nobody will miss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{path}"
    writes = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_MS / 1000)
    reads = create_async_engine(url)
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
    settings = {"server_settings": {"search_path": schema, "timezone": "UTC", "application_name": f"berceau-{schema}"}}
    writes = create_async_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args=settings)
    reads = create_async_engine(
        url, pool_size=pool_size, pool_pre_ping=True, connect_args=settings, isolation_level="REPEATABLE READ"
    )
    return Database(writes, reads)
