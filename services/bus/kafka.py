"""Apache Kafka as a carrier: the outbox's bytes out, the same bytes into the reader.

Nothing here promises more than at least once: the promise is the outbox before and the inbox behind. A message is
committed after its work. Its type is read from the CloudEvents header, so that what a service has no handler for is
passed without being parsed.

A process is one static member of its service's group and reads all its topics as one: with the range assignor and the
same number of partitions everywhere, a territory has one owner for everything that concerns it. A restart within the
session keeps the partitions and costs no rebalance; a member that does not come back loses them when its session ends.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.partitioner import DefaultPartitioner
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import LogicSubscriber
from faststream.middlewares import AckPolicy

from contracts.base import Event
from contracts.topics import read_by
from services.bus import metrics
from services.bus.delivery import MOST_AT_ONCE, Message, Reader, TooManyBadMessages
from services.bus.kafka_security import for_faststream
from services.bus.outbox import Recorded
from services.bus.retries import LONGEST_WAIT_S, BrokerAway, brief
from services.bus.settings import Settings

log = structlog.get_logger()
Record: TypeAlias = ConsumerRecord[bytes, bytes]

TYPE = "ce_type"
"""The header that names an event's type."""

READING = "reading"
"""The part of a process that takes messages from the broker, among its troubles."""

REQUEST_TIMEOUT_MS = 10_000
HEARTBEATS_A_SESSION = 3
LONGEST_TAKE_S = 60.0
"""After this what is left of what came together is given again: a client that asks for nothing for five minutes leaves
its group (aiokafka: `max_poll_interval_ms`)."""

STOP_PATIENCE_S = 10.0
"""How long the message in hand may take once the process is asked to stop."""


def topic_name(settings: Settings, topic: str) -> str:
    return settings.kafka_prefix + topic


def group_of(settings: Settings, service: str) -> str:
    """The consumer group of a service."""
    return f"{settings.kafka_prefix}berceau.{service}"


def open_broker(settings: Settings) -> KafkaBroker:
    """The one connection of a process. FastStream's defaults would lose messages: each is set here, once."""
    return KafkaBroker(
        (settings.kafka or "").split(","),
        client_id=f"berceau-{settings.member}",
        security=for_faststream(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        graceful_timeout=STOP_PATIENCE_S,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=logging.getLogger("berceau.kafka"),
        log_level=logging.DEBUG,
    )


def attributes(row: Recorded) -> dict[str, str]:
    """The headers of an event: CloudEvents in binary mode (Kafka protocol binding, 3.2)."""
    event = Event.model_validate_json(row.body)
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": event.id,
        TYPE: event.type,
        "ce_source": event.source,
        "ce_subject": event.subject,
        "ce_time": event.time.isoformat(),
    }
    return headers | ({"traceparent": event.traceparent} if event.traceparent else {})


def _partition(territory: str, parts: list[int]) -> int:
    """Where the producer puts what is said of `territory`."""
    return int(DefaultPartitioner()(territory.encode(), parts, parts))


async def _readable_headers(record: Record, parse: Callable[..., Awaitable[Any]]) -> Any:
    """Headers that are no text would fail outside of our hands, and the message would be passed: make them text."""
    headers = [(name, (value or b"").decode(errors="replace").encode()) for name, value in record.headers]
    return await parse(dataclasses.replace(record, headers=headers))


async def _as_it_is(message: KafkaMessage) -> KafkaMessage:
    """No decoding: the reader parses, so that what can not be parsed is parked."""
    return message


async def _in_time(end: Coroutine[Any, Any, None]) -> None:
    """aiokafka waits for its broker without limit, and a process has to end: what it held is in the outbox still.

    Without its broker aiokafka may also end by a cancellation or a KafkaError of its own: neither is anybody's fault.
    """
    ending = asyncio.create_task(end)
    await asyncio.wait({ending}, timeout=STOP_PATIENCE_S + 1)
    if not ending.cancel() and not ending.cancelled() and (error := ending.exception()):
        log.warning("ended_badly", error=brief(error))
        if not isinstance(error, KafkaError):
            raise error


@dataclass
class KafkaBus:
    """The carrier of one process: `reader` is fed, `send` is what its relay calls. `taken` is told of each message."""

    settings: Settings
    reader: Reader
    broker: KafkaBroker
    taken: Callable[[], None]
    subscriber: LogicSubscriber[Any] = field(init=False)
    _goes_on: bool = True
    _halted: asyncio.Task[None] | None = None
    _lags: dict[TopicPartition, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._streams = {topic_name(self.settings, topic.name): topic for topic in read_by(self.reader.service)}
        session_ms = int(self.settings.kafka_session_s * 1000)
        self.subscriber = self.broker.subscriber(
            *self._streams,
            group_id=group_of(self.settings, self.reader.service),
            group_instance_id=self.settings.member,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_A_SESSION,
            partition_assignment_strategy=(RangePartitionAssignor,),
            parser=_readable_headers,
            decoder=_as_it_is,
            no_reply=True,
        )
        self.subscriber(self.on_message)

    def owns(self, territory: str) -> bool:
        """Whether this process reads what is said of `territory`: false too while it has no partitions at all."""
        consumer = self.subscriber.consumer
        if consumer is None:
            return False
        topic = next(iter(self._streams))
        parts = sorted(consumer.partitions_for_topic(topic) or ())
        return bool(parts) and TopicPartition(topic, _partition(territory, parts)) in consumer.assignment()

    async def start(self) -> None:
        """Connect and begin to read. Raises BrokerAway."""
        try:
            await self.broker.start()
        except KafkaError as error:
            await self.broker.stop()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    async def stop_reading(self) -> None:
        """Finish the transaction in hand, commit what it took, take no other."""
        self._goes_on = False
        await _in_time(self.subscriber.stop())

    async def stop(self) -> None:
        """Send what the client still holds and disconnect; a broker that is away is not waited for."""
        await _in_time(self.broker.stop())

    async def send(self, row: Recorded) -> asyncio.Future[Any]:
        """Hand an event to the client: key is the territory. The future is done once all replicas have it."""
        try:
            return await self.broker.publish(
                row.body,
                topic_name(self.settings, row.stream),
                key=row.territory.encode(),
                headers=attributes(row),
                correlation_id=row.event_id,
                no_confirm=True,
            )
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    async def on_message(self, message: KafkaMessage) -> None:
        """Take a message and those that are here with it; all are committed when this returns, given again when this
        raises: the inbox knows those that were done with."""
        first = message.raw_message
        assert isinstance(first, ConsumerRecord)  # noqa: S101 - FastStream is never asked for batches
        records = [first, *await self._here_already()]
        try:
            await self._take([record for record in records if self._is_cared_for(record)])
        except NackMessage:
            self._rewind(records[1:])  # FastStream rewinds the partition of the first
            raise
        for record in {(record.topic, record.partition): record for record in records}.values():
            self._note_lag(record)

    async def _here_already(self) -> list[Record]:
        """What the client has fetched with the message in hand; nothing is waited for.

        An error that the client tells here is left: it fetches again, and tells whoever reads next if it persists.
        """
        if self.subscriber.consumer is None:
            return []
        try:
            found = await self.subscriber.consumer.getmany(timeout_ms=0, max_records=MOST_AT_ONCE - 1)
        except (KafkaError, ConsumerStoppedError) as error:
            log.warning("nothing_more", service=self.reader.service, error=brief(error))
            return []
        return [record for records in found.values() for record in records]

    def _rewind(self, records: Iterable[Record]) -> None:
        """Have these given again: what is committed next ends before them."""
        consumer = self.subscriber.consumer
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            here = TopicPartition(record.topic, record.partition)
            firsts[here] = min(record.offset, firsts.get(here, record.offset))
        for here, offset in firsts.items():
            if consumer is not None and here in consumer.assignment():
                consumer.seek(here, offset)

    def _is_cared_for(self, record: Record) -> bool:
        type_ = next(((value or b"").decode(errors="replace") for name, value in record.headers if name == TYPE), None)
        if type_ is None or self.reader.cares_for(type_):
            return True
        metrics.EVENTS_IN.labels(self.reader.service, type_, "skipped").inc()
        return False

    async def _take(self, records: Sequence[Record]) -> None:
        """Take them, or as many as can be in time and before the process stops; the others are given again."""
        if not records:
            return
        begun = self.reader.stopwatch()

        def goes_on() -> bool:
            return self._goes_on and self.reader.stopwatch() - begun < LONGEST_TAKE_S

        try:
            done = await self.reader.take_many([self._message(record) for record in records], goes_on)
        except TooManyBadMessages as error:
            self._halt(str(error))
            raise NackMessage from error
        except Exception as error:
            origin = self._message(records[0]).origin
            log.error("given_back", service=self.reader.service, origin=origin, error=brief(error))
            await asyncio.sleep(min(LONGEST_WAIT_S, self.settings.kafka_session_s))  # never a hot loop on one message
            raise NackMessage from error
        self._rewind(records[len(done) :])
        self.taken()

    def _message(self, record: Record) -> Message:
        stream = self._streams[record.topic].name
        return Message(stream, f"{stream}/{record.partition}/{record.offset}", record.value or b"")

    def _halt(self, why: str) -> None:
        """Stop reading for good. The process goes on, not ready: a restart would only park the next ones."""
        log.critical("halted", service=self.reader.service, cause=why)
        self.reader.troubles.begin(READING, f"lecture arrêtée, {why}")
        if self._halted is None:
            self._halted = asyncio.create_task(self.stop_reading())

    def _note_lag(self, record: Record) -> None:
        consumer = self.subscriber.consumer
        if consumer is None:
            return
        stream = self._streams[record.topic].name
        here = TopicPartition(record.topic, record.partition)
        self._lags[here] = (consumer.highwater(here) or record.offset + 1) - record.offset - 1
        mine = consumer.assignment()
        behind = sum(lag for part, lag in self._lags.items() if part.topic == record.topic and part in mine)
        metrics.LAG.labels(self.reader.service, stream).set(behind)
