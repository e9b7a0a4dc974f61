"""The broker's topics as an administrator sees them: made from the table, described, and how far each reader is.

Blocking functions for a command line; nothing is printed here. `client` is kafka-python's admin client, so that a
caller opens and closes one connection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    KafkaAdminClient,
    OffsetSpec,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import ClusterAuthorizationFailedError, KafkaError, SecurityDisabledError
from kafka.structs import TopicPartition

from contracts.topics import TOPICS
from services.bus.kafka import group_of, topic_name
from services.bus.kafka_security import for_kafka_python
from services.bus.retries import BrokerAway
from services.bus.settings import Settings

PARTITIONS = 48
"""In production. Fixed when a topic is made: raising it later moves keys, and with them the order of a territory."""

OF_THE_TABLE = MappingProxyType({topic.name: topic.retention_days for topic in TOPICS})
"""How many days the broker keeps each topic of events; partners' topics come beside them."""

READERS = MappingProxyType({topic.name: topic.readers for topic in TOPICS})
"""Who reads each topic of events."""

MS_A_DAY = 86_400_000
BOOTSTRAP_TIMEOUT_MS = 5_000


@dataclass(frozen=True)
class TopicState:
    """A topic as the broker has it; `partitions` is 0 where it does not exist. `rights`: what whoever asks may do with
    it, in Kafka's words."""

    name: str
    partitions: int
    replicas: int
    retention_days: float | None
    min_insync_replicas: int | None
    rights: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lag:
    """What a group has left to read of one partition. `done` is None where it never committed anything."""

    group: str
    topic: str
    partition: int
    done: int | None
    end: int

    @property
    def behind(self) -> int:
        return self.end - (self.done or 0)


@contextlib.contextmanager
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A client that is closed at the end. Raises BrokerAway, also for what fails inside."""
    try:
        servers = (settings.kafka or "").split(",")
        client = KafkaAdminClient(
            bootstrap_servers=servers, bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS, **for_kafka_python(settings)
        )
        with contextlib.closing(client):
            yield client
    except KafkaError as error:
        raise BrokerAway(f"{type(error).__name__}: {error}") from error


def create_topics(
    client: KafkaAdminClient, settings: Settings, *, partitions: int = PARTITIONS, replicas: int = 3,
    retention_days: Mapping[str, int] = OF_THE_TABLE,
) -> list[str]:  # fmt: skip
    """Make the topics that are not there yet; their names. With three copies, two must acknowledge."""
    there = set(client.list_topics())
    wanted = {topic_name(settings, name): days for name, days in retention_days.items()}
    missing = {name: days for name, days in wanted.items() if name not in there}
    if missing:
        client.create_topics(
            {
                name: {
                    "num_partitions": partitions,
                    "replication_factor": replicas,
                    "configs": {
                        "retention.ms": str(days * MS_A_DAY),
                        "min.insync.replicas": str(max(1, replicas - 1)),
                        "cleanup.policy": "delete",
                    },
                }
                for name, days in missing.items()
            },
            wait_for_metadata=True,
        )
    return sorted(missing)


def describe_topics(
    client: KafkaAdminClient, settings: Settings, named: Iterable[str] = tuple(OF_THE_TABLE)
) -> list[TopicState]:  # fmt: skip
    """Each of these topics as the broker has it, in the order in which they are named."""
    names = [topic_name(settings, name) for name in named]
    there = sorted(set(names) & set(client.list_topics()))
    found = {topic["name"]: topic for topic in client.describe_topics(there)} if there else {}
    return [_state(name, found.get(name), _configs(client, name) if name in found else {}) for name in names]


def _configs(client: KafkaAdminClient, name: str) -> dict[str, Any]:
    answer = client.describe_configs([ConfigResource("TOPIC", name)], config_filter="all")
    configs: dict[str, Any] = next(iter(answer["topic"].values()))
    return configs


def _state(name: str, found: dict[str, Any] | None, configs: dict[str, Any]) -> TopicState:
    if found is None:
        return TopicState(name, 0, 0, None, None)
    parts = found["partitions"]
    retention = int(configs["retention.ms"]["value"]) / MS_A_DAY
    return TopicState(
        name, len(parts), len(parts[0]["replica_nodes"]), retention, int(configs["min.insync.replicas"]["value"]),
        tuple(sorted(found["authorized_operations"])),
    )  # fmt: skip


def has_access_control(client: KafkaAdminClient) -> bool:
    """False where the broker lets everybody who reaches it read and write everything."""
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    try:
        client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    except SecurityDisabledError:
        return False
    except ClusterAuthorizationFailedError:
        return True  # so much so that we may not see it
    return True


def lags(
    client: KafkaAdminClient, settings: Settings, readers: Mapping[str, Iterable[str]] = READERS
) -> list[Lag]:  # fmt: skip
    """How far each reader is in each partition of each topic it reads, sorted; a missing topic is left out."""
    parts = {state.name: range(state.partitions) for state in describe_topics(client, settings, tuple(readers))}
    ends = _ends(client, [TopicPartition(name, number) for name, numbers in parts.items() for number in numbers])
    found: list[Lag] = []
    for topic, names in readers.items():
        for group in (group_of(settings, name) for name in names):
            found += _lags_of(client, group, topic_name(settings, topic), parts, ends)
    return sorted(found, key=lambda lag: (lag.group, lag.topic, lag.partition))


def _lags_of(
    client: KafkaAdminClient, group: str, topic: str, parts: Mapping[str, range], ends: Mapping[TopicPartition, int]
) -> Iterator[Lag]:  # fmt: skip
    done = client.list_group_offsets({group: None}).get(group, {})
    for number in parts[topic]:
        here = TopicPartition(topic, number)
        yield Lag(group, topic, number, done[here].offset if here in done else None, ends[here])


def written(client: KafkaAdminClient, settings: Settings) -> dict[str, int]:
    """How many events each topic of the table was given since it was made, what it dropped by age included."""
    found: dict[str, int] = {}
    for topic in TOPICS:
        (state,) = describe_topics(client, settings, (topic.name,))
        parts = [TopicPartition(state.name, number) for number in range(state.partitions)]
        found[topic.name] = sum(_ends(client, parts).values())
    return found


def hold_events(client: KafkaAdminClient, settings: Settings) -> bool:
    """Whether anything was ever written to one of the topics."""
    states = describe_topics(client, settings)
    parts = [TopicPartition(state.name, number) for state in states for number in range(state.partitions)]
    return any(_ends(client, parts).values())


def _ends(client: KafkaAdminClient, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
    if not parts:
        return {}
    ends = client.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.LATEST))
    return {part: found.offset for part, found in ends.items()}
