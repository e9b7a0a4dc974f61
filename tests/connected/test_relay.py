"""The relay on real PostgreSQL and Kafka: late commits, two at once, a crash before the mark, a broker killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer

from deploy.servers.kafka import Kafka, new_kafka
from services.bus import kafka, outbox
from services.bus import relay as relaying_module
from services.bus.database import Database
from services.bus.kafka import topic_name
from services.bus.outbox import Recorded
from services.bus.relay import Relay
from services.bus.retries import BrokerAway
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics, lags
from services.bus.troubles import Troubles
from tests.bus import harness
from tests.bus.harness import clock, handled, many, reader_of, said, say, until
from tests.connected.carriers import has_handled, reading, relaying, sending


class Ledger:
    """A broker in memory that acknowledges at once and keeps what it was given, in order."""

    def __init__(self) -> None:
        self.rows: list[Recorded] = []

    async def send(self, row: Recorded) -> asyncio.Future[object]:
        await asyncio.sleep(0)
        self.rows.append(row)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    @property
    def ids(self) -> list[str]:
        return [row.event_id for row in self.rows]

    def relay(self, database: Database) -> Relay:
        return Relay("ingest", database, self.send, clock, Troubles("ingest"))


async def poll_by_cursor(database: Database, ledger: Ledger, done: int) -> int:
    """The twin: what a relay would do that remembers the last position it saw."""
    for row in await database.read(outbox.after, done, 100):
        await ledger.send(row)
        done = row.position
    return done


async def test_a_row_that_commits_behind_a_later_one_is_published_and_a_cursor_would_have_lost_it(
    writer: Database,
) -> None:
    ours, twin = Ledger(), Ledger()
    relay, cursor = ours.relay(writer), 0
    late, early = said(1), said(2)
    async with writer.writes.connect() as slow:
        transaction = await slow.begin()
        await slow.run_sync(outbox.record, late)  # takes the lower position, commits last
        await say(writer, early)
        await relay.publish_waiting()
        cursor = await poll_by_cursor(writer, twin, cursor)
        await transaction.commit()
    await relay.publish_waiting()
    await poll_by_cursor(writer, twin, cursor)
    assert ours.ids == [early.id, late.id]
    assert twin.ids == [early.id]


async def publish_everything(relay: Relay, total: int, ledger: Ledger) -> None:
    async with asyncio.timeout(20):
        while len(set(ledger.ids)) < total:
            if await relay.publish_waiting() == 0:
                await asyncio.sleep(0.005)


async def publish_by_two(writer: Database, *, locked: bool) -> Ledger:
    ledger, events = Ledger(), many(600)
    relays = [ledger.relay(writer), ledger.relay(writer)]
    if not locked:
        for relay in relays:
            relay.alone = lambda tx: True
    for start in range(0, 600, 100):
        await say(writer, *events[start : start + 100])
    await asyncio.gather(*(publish_everything(relay, 600, ledger) for relay in relays))
    return ledger


def disorders(ledger: Ledger) -> int:
    """How often a row comes behind a later one of its territory."""
    last: dict[str, int] = {}
    count = 0
    for row in ledger.rows:
        count += row.position <= last.get(row.territory, 0)
        last[row.territory] = max(row.position, last.get(row.territory, 0))
    return count


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that two relays meet many times."""
    monkeypatch.setattr(relaying_module, "BATCH", 20)


@pytest.mark.usefixtures("small_batches")
async def test_two_relays_publish_each_row_once_and_each_territory_in_order(writer: Database) -> None:
    ledger = await publish_by_two(writer, locked=True)
    assert len(ledger.ids) == len(set(ledger.ids)) == 600
    assert disorders(ledger) == 0


@pytest.mark.usefixtures("small_batches")
async def test_two_relays_without_the_lock_publish_rows_twice_and_out_of_order(writer: Database) -> None:
    ledger = await publish_by_two(writer, locked=False)
    assert len(ledger.ids) > len(set(ledger.ids)) == 600
    assert disorders(ledger) > 0


async def test_relays_of_two_services_in_one_database_do_not_wait_for_each_other(
    writer: Database, heard: Database
) -> None:
    ledger = Ledger()
    async with writer.writes.begin() as busy:
        assert await busy.run_sync(ledger.relay(writer).alone)
        await say(heard, said(1))
        assert await ledger.relay(heard).publish_waiting() == 1
        await say(writer, said(2))
        assert await ledger.relay(writer).publish_waiting() == 0


async def test_a_crash_between_acknowledgement_and_mark_repeats_and_the_inbox_takes_no_notice(
    settings: Settings, writer: Database, heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = many(40)
    await say(writer, *events)

    def dies(tx: sa.Connection, positions: list[int], now: object) -> None:
        raise RuntimeError("killed before the mark")

    async with sending(settings, writer) as relay:
        with monkeypatch.context() as patched, pytest.raises(RuntimeError):
            patched.setattr(outbox, "mark_published", dies)
            await relay.publish_waiting()
        assert await relay.publish_waiting() == 40
    async with reading(settings, reader_of(heard)):
        await until(lambda: has_handled(heard, 40))
        await until(lambda: is_read_to_the_end(settings, 80))
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)


async def is_read_to_the_end(settings: Settings, count: int) -> bool:
    with admin(settings) as client:
        mine = [lag for lag in lags(client, settings) if lag.group.endswith("berceau.matcher")]
    return sum(lag.end for lag in mine) == count and sum(lag.behind for lag in mine) == 0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of this test's own, that it may kill."""
    broker = new_kafka(tmp_path / "node")
    broker.start()
    yield broker
    broker.kill()


async def test_a_broker_killed_and_started_again_loses_nothing_and_doubles_nothing(
    node: Kafka, writer: Database, heard: Database
) -> None:
    settings = harness.settings(kafka=node.bootstrap)
    with admin(settings) as client:
        create_topics(client, settings, partitions=6, replicas=1)
    events = many(240)
    async with relaying(settings, writer) as relay, reading(settings, reader_of(heard)):
        relay.ack_patience_s = 0.5
        await say(writer, *events[:80])
        await until(lambda: has_handled(heard, 40))
        await asyncio.to_thread(node.kill)
        for event in events[80:160]:
            await say(writer, event)
        await until(lambda: is_in_trouble(relay))
        assert await writer.read(outbox.oldest_unpublished) is not None
        await asyncio.to_thread(node.start)
        await say(writer, *events[160:])
        took = await until(lambda: has_handled(heard, 240), patience_s=40)
        await until(lambda: is_well(relay))  # a batch whose acknowledgement came late is sent once more
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)
    order = await heard.read(harness.by_territory)
    assert all(subjects == sorted(subjects) for subjects in order.values())
    print(f"all there {took:.1f} s after the broker came back")


async def is_in_trouble(relay: Relay) -> bool:
    return bool(relay.troubles.causes)


async def is_well(relay: Relay) -> bool:
    return not relay.troubles.causes


@pytest.mark.parametrize(("marks", "lost"), [("after", 0), ("before", 40)])
async def test_only_a_relay_that_marks_before_the_acknowledgement_loses_what_it_held_when_it_was_killed(
    marks: str, lost: int, node: Kafka, writer: Database, database_url: str
) -> None:
    settings = harness.settings(kafka=node.bootstrap)
    with admin(settings) as client:
        create_topics(client, settings, partitions=6, replicas=1)
    await say(writer, *many(20))
    await die_while_the_broker_is_away(marks, settings, writer, database_url, node)
    async with sending(settings, writer) as heir:
        while await heir.publish_waiting():
            pass
    assert await writer.read(outbox.oldest_unpublished) is None
    assert await count_on_topic(settings, 60 - lost) == 60 - lost


async def die_while_the_broker_is_away(marks: str, settings: Settings, writer: Database, url: str, node: Kafka) -> None:
    words = settings.model_dump(mode="json") | {"vault_key": settings.vault_key.get_secret_value()}
    words["link_key"] = settings.link_key.get_secret_value()
    command = [sys.executable, "-m", "tests.connected.dying_relay", marks, json.dumps(words), url]
    dying = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"connected\n"
    await asyncio.to_thread(node.kill)
    await say(writer, *many(60)[20:])
    await asyncio.wait_for(dying.communicate(b"\n"), 20)
    assert dying.returncode == -signal.SIGKILL
    await asyncio.to_thread(node.start)


async def test_a_process_can_be_stopped_while_the_broker_is_away(
    node: Kafka, writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "STOP_PATIENCE_S", 1.0)
    settings = harness.settings(kafka=node.bootstrap)
    with admin(settings) as client:
        create_topics(client, settings, partitions=6, replicas=1)
    async with reading(settings, reader_of(writer)), sending(settings, writer) as relay:
        relay.ack_patience_s = 0.5
        await say(writer, said(1))
        assert await relay.publish_waiting() == 1
        await asyncio.to_thread(node.kill)
        await say(writer, said(2))
        with pytest.raises(BrokerAway):
            await relay.publish_waiting()
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert await writer.read(outbox.oldest_unpublished) is not None


async def count_on_topic(settings: Settings, expected: int) -> int:
    topic = topic_name(settings, "declarations")
    async with AIOKafkaConsumer(topic, bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        found = 0
        while batch := await consumer.getmany(timeout_ms=2_000 if found >= expected else 10_000):
            found += sum(len(records) for records in batch.values())
    return found
