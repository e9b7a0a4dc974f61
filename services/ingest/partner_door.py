"""Reads the partner topic beside ingest's own reader, and writes its rejects.

When to modify: with `services/bus/kafka.py`, whose settings it shares; what a message means is in `partners.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import LogicSubscriber

from services.bus.delivery import BadMessageLimit, TooManyBadMessages
from services.bus.kafka import HEARTBEATS_A_SESSION, group_of, open_broker, topic_name
from services.bus.retries import MAX_TRIES, BrokerAway, Failure, brief, failure_of, wait_before
from services.bus.settings import Settings
from services.bus.troubles import Troubles, until_back
from services.ingest.guichet import Guichet
from services.ingest.partners import GROUP, MESSAGES, REJECTED, REJECTS, TOPIC, reject_of, take
from services.ingest.problems import Problem, Refused

log = structlog.get_logger()

PARTNERS = "partners"
"""The part of the process that this door is, among its troubles."""


@dataclass
class PartnerDoor:
    """One consumer of the partner topic. `limit` bounds the bad messages among the last ones."""

    guichet: Guichet
    settings: Settings
    troubles: Troubles
    stop: asyncio.Event
    limit: BadMessageLimit = field(default_factory=BadMessageLimit)
    broker: KafkaBroker = field(init=False)
    subscriber: LogicSubscriber[Any] = field(init=False)
    _halted: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.broker = open_broker(self.settings)
        session_ms = int(self.settings.kafka_session_s * 1000)
        self.subscriber = self.broker.subscriber(
            topic_name(self.settings, TOPIC),
            group_id=group_of(self.settings, GROUP),
            group_instance_id=self.settings.member,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_A_SESSION,
            decoder=_as_it_is,
            no_reply=True,
        )
        self.subscriber(self.on_message)

    async def run(self) -> None:
        """Read until `stop`, whatever is away meanwhile."""
        try:
            if await until_back(self._connected, self.troubles, PARTNERS, self.stop):
                await self.stop.wait()
                await self.subscriber.stop()
        finally:
            await self.broker.stop()

    async def _connected(self) -> bool:
        try:
            await self.broker.start()
        except KafkaError as error:
            await self.broker.stop()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return True

    async def on_message(self, message: KafkaMessage) -> None:
        """Take one message; it is committed when this returns, given again when this raises."""
        record = message.raw_message
        assert isinstance(record, ConsumerRecord)  # noqa: S101 - batches are never asked for
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        origin = f"{TOPIC}/{record.partition}/{record.offset}"
        outcome = await until_back(
            lambda: self._take(headers, record.value or b"", origin), self.troubles, PARTNERS, self.stop
        )
        if outcome is None:
            raise NackMessage  # asked to stop while something was away: nothing was done
        MESSAGES.labels(outcome).inc()
        self._count(outcome)

    async def _take(self, headers: Mapping[str, str], body: bytes, origin: str) -> str:
        """What became of the message. Raises what is away."""
        try:
            return await self._try(headers, body, origin)
        except Refused as refused:
            await self._reject(reject_of(refused, origin, headers, body))
            log.info("partner_message_rejected", origin=origin, codes=[problem.code for problem in refused.problems])
            return REJECTED

    async def _try(self, headers: Mapping[str, str], body: bytes, origin: str) -> str:
        """Several times where the failure is unexplained; then the partner is told that it was ours."""
        now, key = self.guichet.clock(), self.guichet.link_key
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return await self.guichet.database.write(take, key, headers, body, now)
            except Refused:
                raise
            except Exception as error:
                if failure_of(error) is Failure.AWAY:
                    raise
                log.error("partner_message_failed", origin=origin, tries=attempt, error=brief(error))
                await asyncio.sleep(wait_before(attempt))
        rule = "Berceau n'a pas su traiter ce message."
        raise Refused([Problem("", "unexpected", rule, "Gardez-le, et appelez le guichet.")])

    async def _reject(self, body: bytes) -> None:
        """Acknowledged by all replicas before the message itself is committed. Raises BrokerAway."""
        try:
            await self.broker.publish(body, topic_name(self.settings, REJECTS))
        except KafkaError as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    def _count(self, outcome: str) -> None:
        try:
            self.limit.note(parked=outcome == REJECTED)
        except TooManyBadMessages as error:
            self._halt(str(error))

    def _halt(self, why: str) -> None:
        """Stop reading partners for good. The rest of ingest goes on; a person looks, then restarts."""
        log.critical("partners_halted", cause=why)
        self.troubles.begin(PARTNERS, f"lecture des partenaires arrêtée, {why}")
        if self._halted is None:
            self._halted = asyncio.create_task(self.subscriber.stop())


async def _as_it_is(message: KafkaMessage) -> KafkaMessage:
    """No decoding: what can not be parsed is rejected with a reason."""
    return message
