"""How one message enters a service, whatever carried it: checked, noted, handled and committed as one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from contracts.base import Event
from contracts.topics import EVENTS, parse
from services.bus import dead_letters, inbox, metrics
from services.bus.database import Database
from services.bus.retries import MAX_TRIES, Failure, failure_of, wait_before
from services.bus.tables import cursors

log = structlog.get_logger()

Clock = Callable[[], datetime]
Handler = Callable[[sa.Connection, Any, datetime], None]
Handlers = Mapping[type[Event], Handler]


class TooManyBadMessages(Exception):
    """The reader stops rather than drain a stream into the dead letters. A person looks, then restarts it."""


@dataclass(frozen=True)
class Message:
    """Bytes from a stream. `origin` names them once and for all; `position` is set where a cursor is kept."""

    stream: str
    origin: str
    body: bytes
    position: int | None = None


@dataclass
class BadMessageLimit:
    """At most `bad` of the last `out_of` messages may be parked."""

    bad: int = 20
    out_of: int = 100
    _last: deque[bool] = field(default_factory=deque)

    def note(self, parked: bool) -> None:
        self._last.append(parked)
        while len(self._last) > self.out_of:
            self._last.popleft()
        if parked and sum(self._last) > self.bad:
            raise TooManyBadMessages(f"{sum(self._last)} messages mis de côté sur les {len(self._last)} derniers")


@dataclass
class Reader:
    """A service as its streams see it: its database, its handlers, and what it does when they fail.

    `away_patience_s` bounds how long one message may wait for the infrastructure before the transport is told, so that
    a broker does not take the reader for dead; the transport then gives the message again.
    """

    service: str
    database: Database
    handlers: Handlers
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    away_patience_s: float = 60.0
    limit: BadMessageLimit = field(default_factory=BadMessageLimit)
    away: str | None = None

    def cares_for(self, type_: str) -> bool:
        """False for events that this service may skip without opening a transaction."""
        known = EVENTS.get(type_)
        return known is None or known in self.handlers

    async def take(self, message: Message) -> str:
        """Return once the message is done with: `handled`, `repeated`, `skipped` or `parked`.

        Raises the last error if the infrastructure stays away longer than `away_patience_s`, TooManyBadMessages if the
        stream itself looks broken.
        """
        tries, waited = 0, 0.0
        while True:
            try:
                outcome = await self.database.write(self._handle, message)
                self._back()
                self.limit.note(parked=False)
                return outcome
            except Exception as error:
                kind = failure_of(error)
                if kind is Failure.AWAY:
                    waited += await self._wait_for_infrastructure(error, waited)
                    continue
                tries += 1
                if kind is Failure.OTHER and tries < MAX_TRIES:
                    log.warning("retry", service=self.service, origin=message.origin, tries=tries, error=_brief(error))
                    await self.sleep(wait_before(tries))
                    continue
                if not await self._park(message, kind, error, tries):
                    raise
                return "parked"

    def _handle(self, tx: sa.Connection, message: Message) -> str:
        event = parse(message.body)
        outcome = self._apply(tx, event)
        if message.position is not None:
            advance(tx, message.stream, message.position)
        metrics.EVENTS_IN.labels(self.service, event.type if event else "unknown", outcome).inc()
        return outcome

    def _apply(self, tx: sa.Connection, event: Event | None) -> str:
        handler = self.handlers.get(type(event)) if event else None
        if event is None or handler is None:
            return "skipped"
        now = self.clock()
        if not inbox.first_time(tx, event.id, now):
            return "repeated"
        handler(tx, event, now)
        return "handled"

    async def _wait_for_infrastructure(self, error: Exception, waited: float) -> float:
        self.away = _brief(error)
        metrics.AWAY.labels(self.service).set(1)
        if waited >= self.away_patience_s:
            raise error
        pause = wait_before(1 + int(waited))
        log.warning("away", service=self.service, error=self.away, next_try_s=round(pause, 2))
        await self.sleep(pause)
        return pause

    def _back(self) -> None:
        if self.away is not None:
            log.info("back", service=self.service)
            self.away = None
            metrics.AWAY.labels(self.service).set(0)

    async def _park(self, message: Message, kind: Failure, error: Exception, tries: int) -> bool:
        """Keep the message for a person; the stream goes on. False where even that failed."""
        log.error("parked", service=self.service, origin=message.origin, reason=kind.value, error=_brief(error))
        try:
            await self.database.write(self._put_aside, message, kind, _brief(error), tries)
        except sa.exc.OperationalError:
            return False
        self.limit.note(parked=True)
        return True

    def _put_aside(self, tx: sa.Connection, message: Message, kind: Failure, error: str, tries: int) -> None:
        dead_letters.park(
            tx, stream=message.stream, origin=message.origin, body=message.body, type_=_type_of(message.body),
            reason=kind.value, error=error, tries=tries, now=self.clock(),
        )  # fmt: skip
        if message.position is not None:
            advance(tx, message.stream, message.position)
        metrics.EVENTS_IN.labels(self.service, _type_of(message.body) or "undecodable", "parked").inc()


def _type_of(body: bytes) -> str | None:
    try:
        return Event.model_validate_json(body).type
    except ValueError:
        return None


def _brief(error: BaseException) -> str:
    """The error without the data it met: an event's fields may not enter a log."""
    if isinstance(error, sa.exc.StatementError):
        return f"{type(error).__name__}: {str(error.orig)[:300]}"
    return f"{type(error).__name__}: {str(error)[:300]}"


def read_up_to(tx: sa.Connection, stream: str) -> int:
    """The position up to which this service handled `stream`."""
    return tx.scalar(sa.select(cursors.c.position).where(cursors.c.stream == stream)) or 0


def advance(tx: sa.Connection, stream: str, position: int) -> None:
    moved = tx.execute(cursors.update().where(cursors.c.stream == stream).values(position=position))
    if moved.rowcount == 0:
        tx.execute(cursors.insert().values(stream=stream, position=position))
