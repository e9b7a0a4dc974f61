"""The two ways of events through the bus, publishing and taking, each beside its floor: see `bench_way`."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts.vacancies import VacancyReconfirmed
from services.bus import outbox
from services.bus.database import Database, open_postgresql
from services.bus.delivery import MOST_AT_ONCE, Reader
from services.bus.kafka import KafkaBus, open_broker, topic_name
from services.bus.relay import BATCH, Relay
from services.bus.settings import Settings
from services.bus.tables import metadata
from services.bus.topics import admin, create_topics
from services.bus.troubles import Troubles
from services.calendar import system_clock

PARTITIONS, TERRITORIES = 6, 24
TOPIC, READER, WRITER = "declarations", "matcher", "ingest"


@dataclass
class Ground:
    """A schema and topics that nothing else uses."""

    settings: Settings
    database: Database
    schema: str

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Without SQLAlchemy: what floors are measured on."""
        url = (self.settings.database or "").replace("+asyncpg", "")
        connection = await asyncpg.connect(url, server_settings={"search_path": self.schema})
        try:
            yield connection
        finally:
            await connection.close()

    @property
    def topic(self) -> str:
        return topic_name(self.settings, TOPIC)


@contextlib.asynccontextmanager
async def own_ground(settings: Settings) -> AsyncIterator[Ground]:
    name = f"bench_{secrets.token_hex(4)}"
    own = settings.model_copy(update={"kafka_prefix": f"{name}.", "member": name})
    database = open_postgresql(own.database or "", name)
    async with database.writes.begin() as connection:
        await connection.execute(sa.schema.CreateSchema(name))
    await database.write(metadata.create_all)
    with admin(own) as client:
        topics = create_topics(client, own, partitions=PARTITIONS, replicas=1)
        try:
            yield Ground(own, database, name)
        finally:
            client.delete_topics(topics)
            async with database.writes.begin() as connection:
                await connection.execute(sa.schema.DropSchema(name, cascade=True))
            await database.close()


def _events(count: int) -> list[VacancyReconfirmed]:
    now, run = system_clock(), secrets.token_hex(4)
    facts = {"source": WRITER, "time": now, "said_by": "P-bench"}
    return [
        VacancyReconfirmed.say(f"V-{n}", cause=f"{run}/{n}", territory=f"t-{n % TERRITORIES}", **facts)
        for n in range(count)
    ]


# publishing


async def relay(ground: Ground, events: int) -> float:
    """Ours: the outbox's rows, published and marked."""
    await ground.database.write(lambda tx: outbox.record(tx, *_events(events)))
    bus = KafkaBus(ground.settings, Heard(ground, 0).reader(), open_broker(ground.settings), taken=lambda: None)
    await bus.broker.connect()
    at_work = Relay(WRITER, ground.database, bus.send, system_clock, Troubles(WRITER))
    begun = time.perf_counter()
    while await at_work.publish_waiting():
        pass
    took = time.perf_counter() - begun
    await bus.stop()
    return events / took


async def bare_relay(ground: Ground, events: int) -> float:
    """The slower of taking and marking rows without publishing them, and of publishing without a database."""
    await ground.database.write(lambda tx: outbox.record(tx, *_events(events)))
    return min(await _claim_and_mark(ground, events), await _produce(ground, events))


async def _claim_and_mark(ground: Ground, events: int) -> float:
    claim = "SELECT position, body FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT $1"
    mark = "UPDATE outbox SET published_at = now() WHERE position = ANY($1)"
    async with ground.connection() as connection:
        begun = time.perf_counter()
        while True:
            async with connection.transaction():
                rows = await connection.fetch(claim, BATCH)
                if not rows:
                    return events / (time.perf_counter() - begun)
                await connection.execute(mark, [row["position"] for row in rows])


async def _produce(ground: Ground, events: int) -> float:
    """Bodies and keys as the relay sends them, on a topic of their own run."""
    bodies = [(event.territory.encode(), event.model_dump_json().encode()) for event in _events(events)]
    out = AIOKafkaProducer(bootstrap_servers=ground.settings.kafka, acks="all", enable_idempotence=True)
    async with out:
        begun = time.perf_counter()
        for sent in [await out.send(ground.topic, body, key=key) for key, body in bodies]:
            await sent
        return events / (time.perf_counter() - begun)


# consuming


@dataclass
class Heard:
    """A reader whose handler only counts: what is measured is the way to it."""

    ground: Ground
    wanted: int
    count: int = 0
    first_at: float = 0.0
    all_at: float = 0.0
    all: asyncio.Event = field(default_factory=asyncio.Event)

    def reader(self) -> Reader:
        return Reader(READER, self.ground.database, {VacancyReconfirmed: self._handle}, system_clock)

    def _handle(self, *_: object) -> None:
        self.count += 1
        self.first_at = self.first_at or time.perf_counter()

    def taken(self) -> None:
        """What was counted is committed too."""
        if self.count >= self.wanted:
            self.all_at = time.perf_counter()
            self.all.set()


async def consume(ground: Ground, events: int) -> float:
    """Ours: a reader in its group, from the first message that waits to the last inbox row."""
    await _produce(ground, events)
    heard = Heard(ground, events)
    bus = KafkaBus(ground.settings, heard.reader(), open_broker(ground.settings), taken=heard.taken)
    await bus.start()
    await heard.all.wait()
    await bus.stop_reading()
    await bus.stop()
    return events / (heard.all_at - heard.first_at)


async def bare_consume(ground: Ground, events: int) -> float:
    """aiokafka's `getmany`, one insertion of the ids a batch, one commit of offsets behind it."""
    await _produce(ground, events)
    insert = "INSERT INTO inbox SELECT unnest($1::text[]), now() ON CONFLICT DO NOTHING"
    consumer = AIOKafkaConsumer(
        ground.topic, bootstrap_servers=ground.settings.kafka, group_id=f"{ground.schema}.floor",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    async with consumer, ground.connection() as connection:
        found, begun, turn = 0, 0.0, secrets.token_hex(4)
        while found < events:
            many = await consumer.getmany(timeout_ms=1000, max_records=MOST_AT_ONCE)
            begun = begun or time.perf_counter()
            records = [record for part in many.values() for record in part]
            await connection.execute(insert, [f"{record.partition}/{record.offset}/{turn}" for record in records])
            await consumer.commit()
            found += len(records)
        return found / (time.perf_counter() - begun)
