"""The partner topic on the real broker: taken once, rejected with a reason, never committed before the work."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream.middlewares import AckPolicy

from contracts.vacancies import VacancyOpened
from services.bus.database import Database, open_postgresql
from services.bus.delivery import BadMessageLimit
from services.bus.kafka import topic_name
from services.bus.migrations import upgrade
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics, describe_topics
from services.bus.troubles import Troubles
from services.calendar import FixedClock
from services.ingest.guichet import Guichet
from services.ingest.partner_door import PARTNERS, PartnerDoor
from services.ingest.partners import REJECTS, TOPIC, TOPICS
from services.vault import Keyring
from tests.bus.harness import until
from tests.ingest import people
from tests.ingest.partner_software import Software, free_tuesday, software
from tests.ingest.people import said
from tests.ingest.proposals import LINK_KEY

Message = tuple[dict[str, str], bytes]


@pytest.fixture
def on_broker(settings: Settings) -> Settings:
    """The broker with the two topics of partners."""
    with admin(settings) as client:
        create_topics(client, settings, partitions=2, replicas=1, retention_days=TOPICS)
    return settings


@pytest.fixture
async def guichet(database_url: str) -> AsyncIterator[Guichet]:
    """Ingest on PostgreSQL with a territory; the vault is not needed here."""
    database = open_postgresql(database_url, "ingest")
    await upgrade(database, "ingest")
    await database.write(people.publish_all)
    yield Guichet(database, database, Keyring(b"v" * 32), FixedClock(people.NOW), LINK_KEY)
    await database.close()


@contextlib.asynccontextmanager
async def opened(guichet: Guichet, settings: Settings, **options: Any) -> AsyncIterator[PartnerDoor]:
    stop = asyncio.Event()
    door = PartnerDoor(guichet, settings, Troubles("ingest"), stop, **options)
    task = asyncio.create_task(door.run())
    try:
        yield door
    finally:
        stop.set()
        await task


async def send(settings: Settings, *messages: Message) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as producer:
        for headers, body in messages:
            pairs = [(name, value.encode()) for name, value in headers.items()]
            await producer.send_and_wait(topic_name(settings, TOPIC), body, key=b"S-cailloux", headers=pairs)


async def rejects(settings: Settings, count: int) -> list[dict[str, Any]]:
    """The first `count` messages of the rejects topic."""
    topic = topic_name(settings, REJECTS)
    async with AIOKafkaConsumer(topic, bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        return [json.loads((await asyncio.wait_for(consumer.getone(), 20)).value) for _ in range(count)]


async def count_opened(database: Database) -> int:
    return len(await database.read(said, VacancyOpened))


async def has_opened(database: Database, count: int) -> bool:
    return await count_opened(database) >= count


async def test_good_messages_are_taken_once_and_bad_ones_come_back(guichet: Guichet, on_broker: Settings) -> None:
    theirs: Software = await guichet.database.write(software)
    good = [theirs.says("vacancy.open", free_tuesday(), id=f"good-{n}") for n in range(20)]
    bad = [theirs.says("vacancy.open", free_tuesday(places=0), id="bad"), ({}, b"\xff not json")]
    await send(on_broker, *good[:10], *bad, *good, *good[5:])
    async with opened(guichet, on_broker):
        await until(lambda: has_opened(guichet.database, 20))
        back = await rejects(on_broker, 2)
    assert await count_opened(guichet.database) == 20
    by_code = {reject["problems"][0]["code"]: reject["message"] for reject in back}  # partitions come in any order
    assert by_code.keys() == {"greater_than_equal", "not_signed"}
    assert by_code["greater_than_equal"] == bad[0][1].decode()


async def test_a_message_that_met_a_failure_is_not_committed_and_is_taken_by_the_next_process(
    guichet: Guichet, on_broker: Settings
) -> None:
    theirs: Software = await guichet.database.write(software)
    await send(on_broker, theirs.says("vacancy.open", free_tuesday()))
    away = Guichet(_Away(), guichet.vault, guichet.keyring, guichet.clock, LINK_KEY)  # type: ignore[arg-type]
    async with opened(away, on_broker) as door:
        await until(lambda: _has(door.troubles, PARTNERS))
    assert await count_opened(guichet.database) == 0
    async with opened(guichet, on_broker):
        await until(lambda: has_opened(guichet.database, 1))
    assert await count_opened(guichet.database) == 1


class _Away:
    """A database that does not answer."""

    with_said: ClassVar[list[object]] = []

    async def write(self, *_: object) -> None:
        raise sa.exc.TimeoutError("the pool is empty")


async def _has(troubles: Troubles, part: str) -> bool:
    return part in troubles.causes


async def test_past_a_ratio_of_bad_messages_the_reading_stops_and_nothing_is_lost(
    guichet: Guichet, on_broker: Settings
) -> None:
    theirs: Software = await guichet.database.write(software)
    bad = [theirs.says("vacancy.open", free_tuesday(places=0)) for _ in range(8)]
    await send(on_broker, *bad, theirs.says("vacancy.open", free_tuesday()))
    async with opened(guichet, on_broker, limit=BadMessageLimit(bad=3, out_of=10)) as door:
        await until(lambda: _has(door.troubles, PARTNERS))
        assert "arrêtée" in door.troubles.causes[PARTNERS]
    assert await count_opened(guichet.database) == 0
    async with opened(guichet, on_broker):
        await until(lambda: has_opened(guichet.database, 1))
        assert len(await rejects(on_broker, 8)) == 8


async def test_the_door_reads_by_hand_and_from_the_beginning(guichet: Guichet, on_broker: Settings) -> None:
    async with opened(guichet, on_broker) as door:
        await until(lambda: _is_reading(door))
        consumer: Any = door.subscriber.consumer
        assert door.subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
        assert consumer._enable_auto_commit is False
        assert consumer._auto_offset_reset == "earliest"


async def _is_reading(door: PartnerDoor) -> bool:
    return door.subscriber.consumer is not None


def test_the_two_topics_are_described_beside_those_of_the_table(on_broker: Settings) -> None:
    with admin(on_broker) as client:
        states = describe_topics(client, on_broker, TOPICS)
    assert [(state.name, state.partitions) for state in states] == [(topic_name(on_broker, name), 2) for name in TOPICS]
