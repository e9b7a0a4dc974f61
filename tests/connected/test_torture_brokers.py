"""T9, T10, and a cluster of three brokers that loses its leader: nothing lost, nothing doubled. With their twins."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka.errors import KafkaError as AdminError

from deploy.servers.kafka import Kafka, new_cluster, new_kafka, start_cluster
from services.bus import outbox
from services.bus.database import Database
from services.bus.kafka import topic_name
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics, lags
from tests.bus import harness
from tests.bus.harness import NOW, handled, many, reader_of, say, until
from tests.connected import torture
from tests.connected.carriers import reading, relaying, sending
from tests.connected.said_under_fire import Speaker

SEED = 20261122
PARTITIONS = 6
NAMES = ("m1", "m2", "m3", "m4", "m5")
JOINS = int(os.environ.get("BERCEAU_T10_JOINS", "200"))
KILLS = int(os.environ.get("BERCEAU_T9_KILLS", "20"))
"""The figures of the design; a busy machine may be given smaller ones, and the table says which."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kafka]:
    broker = new_kafka(tmp_path / "node")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Kafka]]:
    brokers = new_cluster(tmp_path / "three", 3)
    start_cluster(brokers)
    yield brokers
    for broker in brokers:
        broker.kill()


def on(*brokers: Kafka) -> Settings:
    """The settings of a process on these brokers, their topics made."""
    settings = harness.settings(kafka=",".join(broker.bootstrap for broker in brokers))
    with admin(settings) as client:
        create_topics(client, settings, partitions=PARTITIONS, replicas=min(3, len(brokers)))
    return settings


@contextlib.asynccontextmanager
async def speaking(writer: Database, pace_s: float = 0.005) -> AsyncIterator[Speaker]:
    speaker, stop = Speaker(writer, pace_s), asyncio.Event()
    task = asyncio.create_task(speaker.run(stop))
    try:
        yield speaker
    finally:
        stop.set()
        await task


async def has_all(heard: Database, wanted: set[str]) -> bool:
    return wanted <= set(await heard.read(handled))


async def effects(heard: Database) -> Counter[str]:
    return Counter(await heard.read(handled))


@pytest.mark.torture
@pytest.mark.timeout(1800)
async def test_a_broker_killed_twenty_times_loses_nothing(node: Kafka, writer: Database, heard: Database) -> None:
    begun, draw, kills, settings = time.monotonic(), random.Random(SEED), KILLS, on(node)
    async with relaying(settings, writer) as relay, reading(settings, reader_of(heard)):
        relay.ack_patience_s = 2.0
        async with speaking(writer, 0.1) as speaker:
            for _ in range(kills):
                await asyncio.sleep(draw.uniform(0.3, 2.0))
                await asyncio.to_thread(node.kill)
                await asyncio.to_thread(node.start)
        await until(lambda: has_all(heard, speaker.acknowledged), patience_s=600)
    assert await effects(heard) == dict.fromkeys(speaker.acknowledged, 1)
    torture.record(
        "T9 tué", f"courtier tué {kills} fois, {len(speaker.acknowledged)} événements", "0 perdu, 0 doublé",
        seed=SEED, begun=begun, on=f"{torture.postgres()}, {torture.kafka()}",
        twin="relais qui marque avant l'acquittement : 40 perdus sur 60 (test_relay.py, à chaque `make test`)",
    )  # fmt: skip


async def empty_the_broker(node: Kafka, writer: Database, heard: Database, *, replay: bool) -> tuple[int, int]:
    """What is said, and what is lost of it, when the broker forgets everything while nobody reads."""
    settings = on(node)
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        await say(writer, *many(400))
        await until(lambda: has_all(heard, {event.id for event in many(400)}))
    async with relaying(settings, writer):
        await say(writer, *many(1_000)[400:])
        await until(lambda: is_published(writer))
    await asyncio.to_thread(node.empty)
    on(node)
    if replay:
        await writer.write(outbox.publish_again, NOW)
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        await say(writer, *many(1_100)[1_000:])
        await until(lambda: is_read(settings, 1_100 if replay else 100), patience_s=120)
    found = await effects(heard)
    assert set(found.values()) == {1}
    return 1_100, 1_100 - len(found)


async def is_published(writer: Database) -> bool:
    return await writer.read(outbox.oldest_unpublished) is None


async def is_read(settings: Settings, count: int) -> bool:
    """Read to the end, of so many; a broker that has just come back answers a little later."""
    try:
        with admin(settings) as client:
            mine = [lag for lag in lags(client, settings) if lag.group.endswith("berceau.matcher")]
    except (AdminError, ConnectionError):
        return False
    return sum(lag.end for lag in mine) == count and sum(lag.behind for lag in mine) == 0


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_a_broker_that_was_emptied_is_filled_again_from_the_outbox(
    node: Kafka, writer: Database, heard: Database
) -> None:
    begun = time.monotonic()
    count, lost = await empty_the_broker(node, writer, heard, replay=True)
    assert lost == 0
    torture.record(
        "T9 vidé", f"courtier vidé avec 600 événements non lus, puis rempli depuis le journal ({count} événements)",
        "0 perdu, 0 doublé", begun=begun, on=f"{torture.postgres()}, {torture.kafka()}",
    )  # fmt: skip


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_a_broker_that_was_emptied_and_not_filled_again_loses_what_nobody_had_read(
    node: Kafka, writer: Database, heard: Database
) -> None:
    _, lost = await empty_the_broker(node, writer, heard, replay=False)
    assert lost == 600
    torture.record_twin("T9 vidé", f"sans remplir depuis le journal : {lost} perdus")


@contextlib.asynccontextmanager
async def coming_and_going(settings: Settings, heard: Database, joins: int, draw: random.Random) -> AsyncIterator[None]:
    """Three readers, of which one after the other leaves and another comes in its place."""
    async with contextlib.AsyncExitStack() as last:
        present: dict[str, contextlib.AsyncExitStack] = {}
        for _ in range(joins):
            if len(present) == 3:
                await present.pop(draw.choice(sorted(present))).aclose()
            name = draw.choice([name for name in NAMES if name not in present])  # never two of one name
            member = settings.model_copy(update={"member": name})
            present[name] = contextlib.AsyncExitStack()
            await present[name].enter_async_context(reading(member, reader_of(heard)))
            await asyncio.sleep(draw.uniform(0.0, 0.6))
        for stack in present.values():
            last.push_async_exit(stack)
        yield


@pytest.mark.torture
@pytest.mark.timeout(1200)
async def test_a_storm_of_rebalances_loses_nothing_and_ends_without_lag(
    settings: Settings, writer: Database, heard: Database
) -> None:
    begun, joins, draw = time.monotonic(), JOINS, random.Random(SEED)  # as many leaves
    async with relaying(settings, writer):
        async with speaking(writer, 0.1) as speaker, coming_and_going(settings, heard, joins, draw):
            pass
        quiet = time.monotonic()
        async with reading(settings, reader_of(heard)):
            await until(lambda: is_read(settings, len(speaker.acknowledged)), patience_s=180)
        lag_0_after = time.monotonic() - quiet
    assert await effects(heard) == dict.fromkeys(speaker.acknowledged, 1)
    torture.record(
        "T10", f"{joins} arrivées et {joins} départs de lecteurs, {len(speaker.acknowledged)} événements",
        f"0 perdu, 0 doublé, retard 0 après {lag_0_after:.0f} s", seed=SEED, begun=begun,
        on=f"{torture.postgres()}, {torture.kafka()}",
    )  # fmt: skip


@pytest.mark.torture
async def test_readers_that_commit_by_themselves_lose_what_they_held_when_they_left(
    settings: Settings, writer: Database
) -> None:
    async with sending(settings, writer) as relay:
        await say(writer, *many(300))
        while await relay.publish_waiting():
            pass
    done: set[bytes] = set()
    for _ in range(10):
        done |= await read_some_and_leave(settings)
    lost = 300 - len(done)
    assert lost > 0
    torture.record_twin("T10", f"lecteurs qui acquittent d'eux-mêmes : {lost} perdus sur 300")


async def read_some_and_leave(settings: Settings) -> set[bytes]:
    """Half of what was fetched is done with when the reader leaves; its client acknowledges all of it."""
    topic = topic_name(settings, "declarations")
    options: dict[str, Any] = {"group_id": f"{settings.kafka_prefix}twin", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka, enable_auto_commit=True, **options
    ) as consumer:
        batch = await consumer.getmany(timeout_ms=3_000, max_records=60)
        records = [record.value for records in batch.values() for record in records]
        return set(records[: len(records) // 2])


async def leader_of(settings: Settings, topic: str, brokers: list[Kafka], partition: int = 0) -> Kafka:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as client:
        await client.client.force_metadata_update()
        await client.partitions_for(topic)
        number = client.client.cluster.leader_for_partition(TopicPartition(topic, partition))
    return brokers[number - 1]


@pytest.mark.torture
@pytest.mark.timeout(1200)
async def test_three_brokers_that_lose_their_leader_lose_no_event(
    three: list[Kafka], writer: Database, heard: Database
) -> None:
    begun, losses, settings = time.monotonic(), 6, on(*three)
    topic = topic_name(settings, "declarations")
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        async with speaking(writer, 0.05) as speaker:
            for n in range(losses):
                leader = await leader_of(settings, topic, three, n % PARTITIONS)
                await asyncio.to_thread(leader.kill)
                before = len(speaker.acknowledged)
                await until(lambda: goes_on(heard, before), patience_s=180)  # without it  # noqa: B023
                await asyncio.to_thread(leader.start)
        await until(lambda: has_all(heard, speaker.acknowledged), patience_s=120)
    assert await effects(heard) == dict.fromkeys(speaker.acknowledged, 1)
    torture.record(
        "Trois courtiers", f"chef tué {losses} fois, deux continuent, {len(speaker.acknowledged)} événements",
        "0 perdu, 0 doublé", begun=begun, on=f"{torture.postgres()}, {torture.kafka()} (3 copies, 2 exigées)",
    )  # fmt: skip


async def goes_on(heard: Database, before: int) -> bool:
    return len(await heard.read(handled)) > before + 20


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("acks", ["all", 1])
async def test_only_who_waits_for_all_copies_keeps_what_a_lost_leader_had_taken(three: list[Kafka], acks: Any) -> None:
    """The followers stand still while the leader takes events, and the leader dies before they go on."""
    settings = on(*three)
    topic = topic_name(settings, "declarations")
    leader = await leader_of(settings, topic, three)
    followers = [broker for broker in three if broker is not leader]
    acknowledged = []
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks=acks, request_timeout_ms=3_000)
    await producer.start()
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as careful:
        await careful.send_and_wait(topic, b"before", partition=0)  # all copies have it
    for broker in followers:
        broker.pause()
    for n in range(20):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(producer.send_and_wait(topic, str(n).encode(), partition=0), 0.5)
            acknowledged.append(str(n).encode())
    await asyncio.to_thread(leader.kill)
    for broker in followers:
        broker.resume()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.stop(), 5)
    kept = await values_of(settings, topic)
    lost = [value for value in acknowledged if value not in kept]
    if acks == "all":
        assert lost == []
    else:
        assert lost  # what was on its way to the followers is not, nor what a busy machine did not acknowledge
        found = f"acks=1 : {len(lost)} perdus avec le chef, des {len(acknowledged)} acquittés"
        torture.record_twin("Trois courtiers", found)


async def values_of(settings: Settings, topic: str) -> set[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        found: set[bytes] = set()
        async with asyncio.timeout(120):
            while b"before" not in found:
                for records in (await consumer.getmany(timeout_ms=3_000)).values():
                    found |= {record.value for record in records}
        for records in (await consumer.getmany(timeout_ms=3_000)).values():
            found |= {record.value for record in records}
        return found
