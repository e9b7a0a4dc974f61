"""What grows is dropped once nobody can need it any more: by dated rules, a few rows at a time, beside the service.

How long, and why, is data: `retention.yaml` of the package that owns the rows. When to modify: a new table that grows
gets a line there and a `Purge`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any

import sqlalchemy as sa
import structlog
import yaml
from pydantic import Field, TypeAdapter

from contracts.topics import TOPICS
from contracts.vocabulary import Frozen
from services.bus import metrics
from services.bus.database import Database
from services.bus.tables import dead_letters, inbox, outbox
from services.bus.troubles import Troubles, until_done
from services.bus.waits import first_of

log = structlog.get_logger()

PURGING = "purging"
"""The part of a process that drops old rows, among its troubles."""

BATCH = 200
"""Rows in one transaction: a few milliseconds of the database's time, so that nobody waits."""

PAUSE_S, LOOK_EVERY_S = 0.2, 3_600.0
"""Between two batches, and between two looks once nothing is left to drop."""


LIVED_AFTER, LIVED_BEFORE = timedelta(days=10), timedelta(days=3)
"""Counted back from now, a choice: a draw is sealed every day, and a wrong clock is noticed within three of them."""


def has_lived(tx: sa.Connection, now: datetime) -> bool:
    """True if this service said or heard something some days ago.

    By a clock that has jumped ahead everything is old, and nothing has happened since: what would be dropped for ever
    is kept until the service has lived some days by that clock, as after a stop of weeks.
    """
    window = (now - LIVED_AFTER, now - LIVED_BEFORE)
    said, heard = (sa.exists().where(when.between(*window)) for when in (outbox.c.recorded_at, inbox.c.received_at))
    return bool(tx.scalar(sa.select(sa.or_(said, heard))))


class Kept(Frozen):
    """How long rows are kept, why, and the types of event that are kept for ever."""

    duration: timedelta = Field(alias="for")
    reason: str
    always: tuple[str, ...] = ()


class Entry(Frozen):
    """The rules from `valid_from` on."""

    valid_from: date
    source: str
    kept: dict[str, Kept]


class EarlyPurge(ValueError):
    """These rules would forget what was heard while it can still come back: it would take effect twice."""


def kept_on(package: str, day: date) -> Mapping[str, Kept]:
    """The rules of `package` that hold on `day`, by table. Raises LookupError where there are none yet, EarlyPurge."""
    return in_force(_entries(package), day)


def in_force(entries: Sequence[Entry], day: date) -> Mapping[str, Kept]:
    """The rules that hold on `day`, checked."""
    current = max((entry for entry in entries if entry.valid_from <= day), key=lambda e: e.valid_from, default=None)
    if current is None:
        raise LookupError(f"no rule of retention holds on {day}")
    _check_redrives(current.kept)
    return current.kept


def has_rules(package: str, day: date) -> bool:
    """False before the first rules of `package`: all is kept then."""
    return any(entry.valid_from <= day for entry in _entries(package))


def longest_redrive(kept: Mapping[str, Kept]) -> timedelta:
    """How long after its hearing an event may come again: the log may refill a broker on its last day, and the broker
    then keeps it for days of its own."""
    return kept["outbox"].duration + timedelta(days=max(topic.retention_days for topic in TOPICS))


def _check_redrives(kept: Mapping[str, Kept]) -> None:
    if "inbox" in kept and kept["inbox"].duration < longest_redrive(kept):
        raise EarlyPurge(f"the inbox must be kept at least {longest_redrive(kept).days} days")


@lru_cache
def _entries(package: str) -> tuple[Entry, ...]:
    text = resources.files(package).joinpath("retention.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Entry, ...]).validate_python(yaml.safe_load(text))


@dataclass(frozen=True)
class Purge:
    """One table and which of its rows are old: `old(limit, kept)` is true for those that may go."""

    package: str
    table: sa.Table
    old: Callable[[datetime, Kept], sa.ColumnElement[bool]]

    async def once(self, database: Database, now: datetime) -> int:
        """Drop one batch; how many rows. They are looked for on a snapshot, so that a long look keeps no writer."""
        kept = kept_on(self.package, now.date())[self.table.name]
        old = self.old(now - kept.duration, kept)
        found = await database.read(_keys_of, self.table, old)
        dropped = await database.write(_drop, self.table, old, found) if found else 0
        metrics.PURGED.labels(self.table.name).inc(dropped)
        return dropped


def _keys_of(tx: sa.Connection, table: sa.Table, old: sa.ColumnElement[bool]) -> list[tuple[Any, ...]]:
    query = sa.select(*table.primary_key).where(old).limit(BATCH)
    return [tuple(row) for row in tx.execute(query)]


def _drop(tx: sa.Connection, table: sa.Table, old: sa.ColumnElement[bool], found: list[tuple[Any, ...]]) -> int:
    """`old` once more: a row may have been written anew since the look."""
    named = sa.tuple_(*table.primary_key).in_(found)
    return tx.execute(sa.delete(table).where(named, old)).rowcount


def old_inbox(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
    return inbox.c.received_at < limit


def old_letters(limit: datetime, _kept: Kept) -> sa.ColumnElement[bool]:
    """Only what a person has settled."""
    return dead_letters.c.settled_at < limit


def old_published(limit: datetime, kept: Kept) -> sa.ColumnElement[bool]:
    """The log behind a relay: what no broker has acknowledged stays, however old it is."""
    return sa.and_(_old_events(limit, kept), outbox.c.published_at.is_not(None))


def old_delivered(up_to: int) -> Callable[[datetime, Kept], sa.ColumnElement[bool]]:
    """The log without a broker: what a reader has still to read stays. `up_to`: the position that all have passed."""
    return lambda limit, kept: sa.and_(_old_events(limit, kept), outbox.c.position <= up_to)


def _old_events(limit: datetime, kept: Kept) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.recorded_at < limit, outbox.c.type.not_in(kept.always))


HEARD = (Purge("services.bus", inbox, old_inbox), Purge("services.bus", dead_letters, old_letters))
"""What every service drops of what it heard."""

PUBLISHED = Purge("services.bus", outbox, old_published)


def delivered(up_to: int) -> Purge:
    """What a service drops of what it said, where no broker carries it."""
    return Purge("services.bus", outbox, old_delivered(up_to))


async def purge_once(database: Database, purges: Sequence[Purge], now: datetime) -> bool:
    """One batch of each table. True if there may be more to drop."""
    dropped = [await purge.once(database, now) for purge in purges]
    if any(dropped):
        log.info("purged", **{purge.table.name: n for purge, n in zip(purges, dropped, strict=True) if n})
    return BATCH in dropped


async def run_purges(
    database: Database, purges: Callable[[], Awaitable[Sequence[Purge]]], clock: Callable[[], datetime],
    troubles: Troubles, stop: asyncio.Event,
) -> None:  # fmt: skip
    """Drop old rows until `stop`. Housekeeping that fails ends no process; before the first rules all is kept."""

    async def once() -> bool:
        now = clock()
        if not await database.read(has_lived, now):
            log.info("nothing is dropped", why="nothing was said or heard some days ago: new, or a clock that jumped")
            return False
        due = [purge for purge in await purges() if has_rules(purge.package, now.date())]
        return await purge_once(database, due, now)

    while not stop.is_set():
        more = await until_done(once, troubles, PURGING, stop)
        await first_of((stop,), PAUSE_S if more else LOOK_EVERY_S)
