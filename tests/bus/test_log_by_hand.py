"""The log of what was said and what was heard, row by row: what the relay, the doctor and a refill rest on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.bus import inbox, outbox
from services.bus import tables as bus
from services.bus.database import sqlite_engine
from tests.bus import harness
from tests.bus.harness import NOW, many


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    engine = sqlite_engine(durability="OFF")
    with engine.begin() as connection:
        bus.metadata.create_all(connection)
        yield connection


def said(tx: sa.Connection, count: int, hours_ago: int = 0) -> None:
    """So many events, noted `hours_ago`."""
    before = {row.event_id for row in outbox.after(tx, 0, 1000)}
    outbox.record(tx, *[event for event in many(len(before) + count) if event.id not in before])
    new = bus.outbox.c.event_id.not_in(before)
    tx.execute(bus.outbox.update().where(new).values(recorded_at=NOW - timedelta(hours=hours_ago)))


def positions(rows: list[outbox.Recorded]) -> list[int]:
    return [row.position for row in rows]


def test_a_look_for_what_waits_takes_no_more_than_it_is_told(tx: sa.Connection) -> None:
    """However much waits after an outage: the rest stays in the database."""
    said(tx, 5)
    outbox.mark_published(tx, [2], NOW)
    assert positions(outbox.unpublished(tx, 3)) == [1, 3, 4]
    assert positions(outbox.after(tx, 2, 2)) == [3, 4]


def test_the_oldest_that_waits_is_the_first_that_nobody_acknowledged(tx: sa.Connection) -> None:
    assert outbox.oldest_unpublished(tx) is None
    said(tx, 1, hours_ago=3)
    said(tx, 1, hours_ago=2)
    said(tx, 1, hours_ago=1)
    outbox.mark_published(tx, [1], NOW)
    assert outbox.oldest_unpublished(tx) == NOW - timedelta(hours=2)


def test_a_refill_counts_and_publishes_again_what_was_published_since_and_nothing_else(tx: sa.Connection) -> None:
    said(tx, 2, hours_ago=5)
    said(tx, 2, hours_ago=1)
    outbox.mark_published(tx, [1, 2, 3], NOW)
    since = NOW - timedelta(hours=1)
    assert (outbox.count_published(tx, since), outbox.count_published(tx, since - timedelta(hours=9))) == (1, 3)
    assert outbox.publish_again(tx, since) == 1
    assert outbox.count_published(tx, since) == 0
    assert positions(outbox.unpublished(tx, 10)) == [3, 4]


def test_an_event_is_new_once_and_many_are_told_apart(tx: sa.Connection) -> None:
    assert inbox.first_time(tx, "b", NOW) and not inbox.first_time(tx, "b", NOW)
    assert inbox.first_times(tx, ("c", "b", "a", "c"), NOW) == ["a", "c"]
    assert inbox.first_times(tx, (), NOW) == []
    noted = {row.event_id: row.received_at for row in tx.execute(sa.select(bus.inbox))}
    assert noted == dict.fromkeys("abc", NOW)


@pytest.mark.connected
async def test_what_is_published_again_goes_out_in_the_order_of_its_saying(database_url: str) -> None:
    """PostgreSQL moves a row that is written: without an order the first said would come last."""
    ingest = await harness.postgres_database(database_url, "ingest")
    await harness.say(ingest, *many(4))
    for position in (3, 1, 2, 4):
        await ingest.write(outbox.mark_published, [position], NOW)
    await ingest.write(outbox.publish_again, NOW - timedelta(days=1))
    assert positions(await ingest.read(without_an_index)) == [1, 2, 3, 4]
    await ingest.close()


def without_an_index(tx: sa.Connection) -> list[outbox.Recorded]:
    """As a planner may read where much waits."""
    for way in ("indexscan", "bitmapscan"):
        tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    return outbox.unpublished(tx, 10)
