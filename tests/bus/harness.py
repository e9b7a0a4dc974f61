"""What the tests of the bus share: a writer, a reader that counts, and their databases.

The effect counted is not idempotent by itself: each handled event adds a row, twice handled adds two.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.vacancies import VacancyReconfirmed
from services.bus import outbox, tables
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.delivery import Handler, Reader
from services.bus.settings import Settings

TERRITORIES = [f"commune-{n}" for n in range(12)]
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)

metadata = sa.MetaData()
effects = sa.Table(
    "effects",
    metadata,
    sa.Column("n", tables.Position, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(64), nullable=False),
    sa.Column("territory", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
)


def clock() -> datetime:
    return datetime.now(UTC)


def said(n: int, territory: str = TERRITORIES[0]) -> VacancyReconfirmed:
    """The n-th declaration, whose subject sorts as it was said."""
    return VacancyReconfirmed.say(
        f"V-{n:06}", cause=str(n), source="ingest", territory=territory, time=NOW, said_by="P-directrice"
    )


def many(count: int) -> list[VacancyReconfirmed]:
    """`count` declarations, each territory's in order."""
    return [said(n, TERRITORIES[n % len(TERRITORIES)]) for n in range(count)]


def count_it(tx: sa.Connection, event: Event, now: datetime) -> None:
    tx.execute(effects.insert().values(event_id=event.id, territory=event.territory, subject=event.subject))


def reader_of(
    database: Database, handler: Handler = count_it, service: str = "matcher", **options: Any
) -> Reader:  # fmt: skip
    return Reader(service, database, {VacancyReconfirmed: handler}, clock, **options)


def make_tables(tx: sa.Connection) -> None:
    tables.metadata.create_all(tx)
    metadata.create_all(tx)


async def sqlite_database(folder: Path, name: str) -> Database:
    database = open_sqlite(folder / f"{name}.sqlite", durability="OFF")
    await database.write(make_tables)
    return database


async def postgres_database(url: str, schema: str) -> Database:
    database = open_postgresql(url, schema)
    async with database.writes.begin() as connection:
        await connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    await database.write(make_tables)
    return database


async def say(database: Database, *events: Event) -> None:
    await database.write(outbox.record, *events)


def handled(tx: sa.Connection) -> list[str]:
    """The ids of the events that took effect, in that order; a repeated effect repeats the id."""
    return list(tx.scalars(sa.select(effects.c.event_id).order_by(effects.c.n)))


def by_territory(tx: sa.Connection) -> Mapping[str, list[str]]:
    """The subjects of the effects by territory, in the order they took place."""
    found: dict[str, list[str]] = {}
    for territory, subject in tx.execute(sa.select(effects.c.territory, effects.c.subject).order_by(effects.c.n)):
        found.setdefault(territory, []).append(subject)
    return found


PATIENCE_S = 60.0
"""For what must come: on a machine with nothing else to do it is there within a second or two."""


async def until(
    what: Callable[[], Awaitable[bool]], patience_s: float = PATIENCE_S, look_every_s: float = 0.05
) -> float:
    """Wait until `what` holds; the seconds it took. Fails the test if it never does."""
    begun = time.monotonic()
    while not await what():
        if time.monotonic() - begun > patience_s:
            raise AssertionError(f"not within {patience_s:.0f} s")
        await asyncio.sleep(look_every_s)
    return time.monotonic() - begun


def settings(**given: Any) -> Settings:
    key = base64.b64encode(bytes(32)).decode()
    return Settings.model_validate({"vault_key": key, "link_key": key, "kafka_session_s": 2.0} | given)
