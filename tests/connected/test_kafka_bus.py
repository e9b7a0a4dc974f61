"""Events over the real broker, from an outbox on PostgreSQL to an inbox on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from faststream.middlewares import AckPolicy

from services.bus import dead_letters
from services.bus.database import Database
from services.bus.delivery import MOST_AT_ONCE, BadMessageLimit, Pace
from services.bus.kafka import READING, KafkaBus, topic_name
from services.bus.outbox import oldest_unpublished
from services.bus.settings import Settings
from services.bus.topics import admin, lags
from tests.bus.harness import by_territory, count_it, effects, handled, many, reader_of, said, say, until
from tests.connected.carriers import has_handled, reading, relaying


async def send_raw(settings: Settings, *messages: dict[str, Any]) -> None:
    """What a broken or foreign writer might put on the topic."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as producer:
        for message in messages:
            await producer.send_and_wait(topic_name(settings, "declarations"), **message)


async def letters(database: Database) -> list[dead_letters.Letter]:
    return await database.read(dead_letters.waiting)


async def test_events_said_on_postgresql_take_effect_once_and_in_order_on_the_other_side(
    settings: Settings, writer: Database, heard: Database
) -> None:
    events = many(300)
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        for start in range(0, 300, 50):
            await say(writer, *events[start : start + 50])
        took = await until(lambda: has_handled(heard, 300))
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)
    assert await writer.read(oldest_unpublished) is None
    order = await heard.read(by_territory)
    assert all(subjects == sorted(subjects) for subjects in order.values())
    print(f"300 events out, in and handled in {took:.2f} s")


async def test_every_setting_that_the_promise_rests_on_is_the_one_resolved(settings: Settings, heard: Database) -> None:
    async with reading(settings, reader_of(heard)) as bus:
        (subscriber,) = bus.broker.subscribers
        assert subscriber is bus.subscriber
        assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
        assert type(subscriber).__name__ == "DefaultSubscriber"  # one worker, one message at a time
        consumer: Any = bus.subscriber.consumer
        assert consumer._enable_auto_commit is False
        assert consumer._auto_offset_reset == "earliest"
        assert consumer._group_id == f"{settings.kafka_prefix}berceau.matcher"
        assert consumer._group_instance_id == settings.member
        assert consumer._session_timeout_ms == settings.kafka_session_s * 1000
        assert consumer._max_poll_interval_ms > bus.reader.away_patience_s * 1000
        assert consumer._coordinator._assignors == (RangePartitionAssignor,)
        assert set(bus.subscriber.topic_names) == {topic_name(settings, name) for name in ("declarations", "messages")}

        producer: Any = bus.broker.config.broker_config.producer._producer.producer  # type: ignore[attr-defined]
        assert producer._sender._acks == -1  # what `acks="all"` is on the wire
        assert producer._txn_manager is not None  # idempotent: sequence numbers, no batch given up
        assert producer._txn_manager.transactional_id is None
        assert isinstance(producer._partitioner, DefaultPartitioner)
        assert producer._message_accumulator._linger_time == 0


async def test_events_of_before_the_first_start_of_a_reader_are_read_too(
    settings: Settings, writer: Database, heard: Database
) -> None:
    await say(writer, *many(20))
    async with relaying(settings, writer):
        await until(lambda: is_published(writer))
    async with reading(settings, reader_of(heard)):
        await until(lambda: has_handled(heard, 20))
    assert len(await heard.read(handled)) == 20


async def is_published(database: Database) -> bool:
    return await database.read(oldest_unpublished) is None


async def test_a_type_nobody_handles_is_passed_by_its_header_without_being_parsed(
    settings: Settings, heard: Database
) -> None:
    unparsable = {"value": b"not even json", "key": b"t"}
    known = [("ce_type", b"vacancy.opened")]  # of the table, but this reader has no handler for it
    foreign = said(2).model_dump_json().replace("vacancy.reconfirmed", "vacancy.imagined").encode()
    async with reading(settings, reader_of(heard)):
        await send_raw(
            settings,
            {**unparsable, "headers": known},
            {"value": foreign, "key": b"t", "headers": [("ce_type", b"vacancy.imagined")]},
            {"value": said(1).model_dump_json().encode(), "key": b"t"},
        )
        await until(lambda: has_handled(heard, 1))
    assert await heard.read(handled) == [said(1).id]
    assert await letters(heard) == []


async def test_bytes_that_are_no_event_and_headers_that_are_no_text_are_parked_where_they_came_from(
    settings: Settings, heard: Database
) -> None:
    async with reading(settings, reader_of(heard)):
        await send_raw(
            settings,
            {"value": b"\xff\x00{", "key": b"t", "partition": 3},
            {"value": b"{}", "key": b"t", "partition": 3, "headers": [("ce_type", b"\xff\xfe"), ("x", None)]},
            {"value": None, "key": b"t", "partition": 3},
            {"value": said(1).model_dump_json().encode(), "key": b"t", "partition": 3},
        )
        await until(lambda: has_handled(heard, 1))
    parked = await letters(heard)
    assert [letter.origin for letter in parked] == [f"declarations/3/{offset}" for offset in range(3)]
    assert {letter.reason for letter in parked} == {"wrong"}
    assert parked[0].body == b"\xff\x00{"


async def test_too_many_bad_messages_stop_the_reader_which_says_so_and_parks_no_more(
    settings: Settings, heard: Database
) -> None:
    reader = reader_of(heard, limit=BadMessageLimit(bad=3, out_of=10))
    async with reading(settings, reader) as bus:
        await send_raw(settings, *[{"value": f"bad {n}".encode(), "key": b"t"} for n in range(12)])
        await until(lambda: is_halted(bus.reader.troubles.causes))
        await bus.subscriber.stop()
        assert bus.subscriber.consumer is None
    assert len(await letters(heard)) == 4
    assert "mis de côté" in reader.troubles.causes[READING]


async def is_halted(causes: dict[str, str]) -> bool:
    return READING in causes


async def test_a_message_the_reader_gives_back_is_given_again_and_its_successors_are_not_passed(
    settings: Settings, writer: Database, heard: Database
) -> None:
    events = [said(n) for n in range(6)]
    failures = []

    def fails_for_a_while(tx: sa.Connection, event: Any, now: Any) -> None:
        if event.id == events[2].id and len(failures) < 6:  # with others, with others, alone: twice
            failures.append(event.id)
            raise ConnectionError("the database is away")
        tx.execute(effects.insert().values(event_id=event.id, territory=event.territory, subject=event.subject))

    reader = reader_of(heard, fails_for_a_while, away_patience_s=0.0)
    async with relaying(settings, writer), reading(settings, reader):
        await say(writer, *events)
        took = await until(lambda: has_handled(heard, 6))
    assert await heard.read(handled) == [event.id for event in events]
    assert len(failures) == 6
    assert took > 2 * settings.kafka_session_s  # given back with a pause, never in a hot loop


async def given_back_once(settings: Settings, writer: Database, heard: Database, events: list[Any]) -> None:
    """Events of every partition wait for a reader whose database is away twice: for all at once, then for one."""
    failures = []

    def fails_twice(tx: sa.Connection, event: Any, now: Any) -> None:
        if len(failures) < 2:
            failures.append(event.id)
            raise ConnectionError("the database is away")
        count_it(tx, event, now)

    await say(writer, *events)
    async with relaying(settings, writer):
        await until(lambda: is_published(writer))
    reader = reader_of(heard, fails_twice, away_patience_s=0.0, pace=Pace(MOST_AT_ONCE))
    async with reading(settings, reader):
        await until(lambda: at_rest(heard, len(events)))


async def at_rest(heard: Database, most: int) -> bool:
    """Everything is there, or nothing more comes."""
    before = len(await heard.read(handled))
    await asyncio.sleep(1.5)
    return most == before or 0 < before == len(await heard.read(handled))


async def test_what_came_together_is_given_back_together_whatever_its_partition(
    settings: Settings, writer: Database, heard: Database
) -> None:
    events = many(60)
    await given_back_once(settings, writer, heard, events)
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)
    order = await heard.read(by_territory)
    assert all(subjects == sorted(subjects) for subjects in order.values())


async def test_without_going_back_what_came_together_from_other_partitions_is_lost(
    settings: Settings, writer: Database, heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: FastStream itself goes back in the partition of the message that it gave."""
    monkeypatch.setattr(KafkaBus, "_rewind", lambda *_: None)
    await given_back_once(settings, writer, heard, many(60))
    assert 0 < len(await heard.read(handled)) < 60


async def test_the_lag_of_a_reader_is_what_it_has_left_to_read(
    settings: Settings, writer: Database, heard: Database
) -> None:
    def behind() -> int:
        with admin(settings) as client:
            return sum(lag.behind for lag in lags(client, settings) if lag.group.endswith("berceau.matcher"))

    await say(writer, *many(30))
    async with relaying(settings, writer):
        await until(lambda: is_published(writer))
    assert behind() == 30
    async with reading(settings, reader_of(heard)):
        await until(lambda: has_handled(heard, 30))
    assert behind() == 0


async def test_two_processes_share_the_territories_and_each_has_all_that_concerns_its_own(
    settings: Settings, writer: Database, heard: Database
) -> None:
    other = settings.model_copy(update={"member": "2"})
    async with reading(settings, reader_of(heard)) as one, reading(other, reader_of(heard)) as two:
        await until(lambda: share_everything(owned(one), owned(two)))
        async with relaying(settings, writer):
            await say(writer, *many(120))
            await until(lambda: has_handled(heard, 120))
        for process in (one, two):
            assert owned(process)["declarations"] == owned(process)["messages"]
    assert len(await heard.read(handled)) == 120
    order = await heard.read(by_territory)
    assert all(subjects == sorted(subjects) for subjects in order.values())


def owned(bus: KafkaBus) -> dict[str, set[int]]:
    """The partitions that a process has, by stream."""
    found: dict[str, set[int]] = {"declarations": set(), "messages": set()}
    for part in bus.subscriber.consumer.assignment() if bus.subscriber.consumer else ():
        found[part.topic.removeprefix(bus.settings.kafka_prefix)].add(part.partition)
    return found


async def share_everything(one: dict[str, set[int]], two: dict[str, set[int]]) -> bool:
    return all(one[s] and two[s] and one[s] | two[s] == set(range(6)) and not one[s] & two[s] for s in one)
