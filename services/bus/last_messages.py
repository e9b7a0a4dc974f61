"""The last messages of a topic, for a person to read: no group, nothing committed, nobody else's reading moved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from services.bus import topics
from services.bus.kafka import topic_name
from services.bus.kafka_security import for_kafka_python
from services.bus.retries import BrokerAway
from services.bus.settings import Settings

PATIENCE_S = 10.0
"""A broker that has not given everything after this is taken for away."""

POLL_MS = 200


@dataclass(frozen=True)
class Kept:
    """A message as the broker keeps it."""

    partition: int
    offset: int
    at: datetime
    body: bytes


def last_messages(settings: Settings, topic: str, most: int) -> list[Kept]:
    """The last `most` messages of a topic, oldest first; none where there is no such topic. Raises BrokerAway."""
    name = topic_name(settings, topic)
    with _consumer(settings) as consumer:
        parts = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
        found = list(_read(consumer, parts, most)) if parts else []
    return sorted(found, key=lambda kept: (kept.at, kept.partition, kept.offset))[-most:]


@contextlib.contextmanager
def _consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    try:
        servers = (settings.kafka or "").split(",")
        consumer = KafkaConsumer(
            bootstrap_servers=servers, bootstrap_timeout_ms=topics.BOOTSTRAP_TIMEOUT_MS, group_id=None,
            enable_auto_commit=False, allow_auto_create_topics=False, **for_kafka_python(settings),
        )  # fmt: skip
        with contextlib.closing(consumer):
            yield consumer
    except KafkaError as error:
        raise BrokerAway(f"{type(error).__name__}: {error}") from error


def _read(consumer: KafkaConsumer, parts: list[TopicPartition], most: int) -> Iterator[Kept]:
    """Up to `most` of each partition."""
    consumer.assign(parts)
    firsts, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
    for part in parts:
        consumer.seek(part, max(firsts[part], ends[part] - most))
    patience = time.monotonic() + PATIENCE_S
    while any(consumer.position(part) < ends[part] for part in parts):
        if time.monotonic() > patience:
            raise BrokerAway("le courtier ne donne pas la suite du sujet")
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from map(_kept, records)


def _kept(record: Any) -> Kept:
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Kept(record.partition, record.offset, at, record.value or b"")
