"""A broker that delivers each event one to three times, in any order: what is on the topics, put there again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from contracts.topics import TOPICS
from services.bus.kafka import topic_name
from services.bus.settings import Settings

COPY = ("copy", b"1")
AT_ONCE = 40


class Repeater:
    """`copies` counts what was put there again."""

    def __init__(self, settings: Settings, partitions: int, seed: int) -> None:
        self._settings, self._draw = settings, random.Random(seed)
        self._parts = [TopicPartition(topic_name(settings, t.name), n) for t in TOPICS for n in range(partitions)]
        self._waiting: list[ConsumerRecord[bytes, bytes]] = []
        self.copies = 0

    async def run(self) -> None:
        kafka: dict[str, Any] = {"bootstrap_servers": self._settings.kafka}
        async with AIOKafkaConsumer(**kafka, auto_offset_reset="latest") as consumer, AIOKafkaProducer(**kafka) as out:
            consumer.assign(self._parts)
            while True:
                for records in (await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)).values():
                    self._take([record for record in records if COPY not in record.headers])
                await self._put(out)

    def _take(self, records: list[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            self._waiting += [record] * self._draw.randrange(3)
        self._draw.shuffle(self._waiting)

    async def _put(self, out: AIOKafkaProducer) -> None:
        """Half of what waits: the others come behind what is said next."""
        now, self._waiting = self._waiting[::2], self._waiting[1::2]
        for record in now:
            await out.send(record.topic, record.value, key=record.key, headers=[*record.headers, COPY])
        self.copies += len(now)


@contextlib.asynccontextmanager
async def repeating(settings: Settings, partitions: int, seed: int) -> AsyncIterator[Repeater]:
    repeater = Repeater(settings, partitions, seed)
    task = asyncio.create_task(repeater.run())
    try:
        yield repeater
    finally:
        task.cancel()
        await asyncio.wait([task])
