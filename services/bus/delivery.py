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
from services.bus import dead_letters, inbox, metrics, traces
from services.bus.database import Database
from services.bus.retries import MAX_TRIES, Failure, brief, failure_of, wait_before
from services.bus.tables import cursors
from services.bus.troubles import Troubles

log = structlog.get_logger()

Clock = Callable[[], datetime]
Handler = Callable[[sa.Connection, Any, datetime], None]
Handlers = Mapping[type[Event], Handler]

HANDLING = "handling"
"""The part of a process that its reader answers for among its troubles."""


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


@dataclass(frozen=True)
class Fault:
    """Why a message is put aside."""

    kind: Failure
    error: str
    tries: int


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
    troubles: Troubles = field(init=False)

    def __post_init__(self) -> None:
        self.troubles = Troubles(self.service)

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
        fault: Fault | None = None
        while True:
            try:
                type_, outcome = await self._settle(message, fault)
            except Exception as error:
                kind = failure_of(error)
                if kind is Failure.AWAY:
                    waited += await self._wait_for_infrastructure(error, waited)
                elif fault is not None:
                    raise  # it can not even be parked: the transport gives it again, and a person sees the log
                else:
                    tries += 1
                    fault = await self._try_again_or_give_up(message, Fault(kind, brief(error), tries))
            else:
                return self._done(type_, outcome)

    async def _settle(self, message: Message, fault: Fault | None) -> tuple[str, str]:
        """Handle the message, or put it aside; its type and what became of it, committed."""
        if fault is None:
            return await self.database.write(self._handle, message)
        return await self.database.write(self._put_aside, message, fault)

    def _done(self, type_: str, outcome: str) -> str:
        self.troubles.end(HANDLING)
        metrics.EVENTS_IN.labels(self.service, type_, outcome).inc()
        self.limit.note(parked=outcome == "parked")
        return outcome

    def _handle(self, tx: sa.Connection, message: Message) -> tuple[str, str]:
        event = parse(message.body)
        outcome = self._apply(tx, event)
        if message.position is not None:
            advance(tx, message.stream, message.position)
        return event.type if event else "unknown", outcome

    def _apply(self, tx: sa.Connection, event: Event | None) -> str:
        handler = self.handlers.get(type(event)) if event else None
        if event is None or handler is None:
            return "skipped"
        now = self.clock()
        if not inbox.first_time(tx, event.id, now):
            return "repeated"
        with traces.handling(self.service, event):
            handler(tx, event, now)
        return "handled"

    async def _wait_for_infrastructure(self, error: Exception, waited: float) -> float:
        self.troubles.begin(HANDLING, brief(error))
        if waited >= self.away_patience_s:
            raise error
        pause = wait_before(1 + int(waited))
        await self.sleep(pause)
        return pause

    async def _try_again_or_give_up(self, message: Message, fault: Fault) -> Fault | None:
        """None after a pause, if the message deserves another try."""
        again = fault.kind is Failure.OTHER and fault.tries < MAX_TRIES
        told = {"service": self.service, "origin": message.origin, "tries": fault.tries, "error": fault.error}
        if not again:
            log.error("parked", reason=fault.kind.value, **told)
            return fault
        log.warning("retry", **told)
        await self.sleep(wait_before(fault.tries))
        return None

    def _put_aside(self, tx: sa.Connection, message: Message, fault: Fault) -> tuple[str, str]:
        """Keep the message for a person; the stream goes on."""
        type_ = _type_of(message.body)
        dead_letters.park(
            tx, stream=message.stream, origin=message.origin, body=message.body, type_=type_,
            reason=fault.kind.value, error=fault.error, tries=fault.tries, now=self.clock(),
        )  # fmt: skip
        if message.position is not None:
            advance(tx, message.stream, message.position)
        return type_ or "undecodable", "parked"

    def redrive(self, tx: sa.Connection, letter: dead_letters.Letter, by: str, note: str = "") -> str:
        """Handle a parked message again and close its letter, both or none; what `take` would have returned.

        Raises what the handler raises: the letter then waits as before.
        """
        outcome = self._apply(tx, parse(letter.body))
        dead_letters.settle(tx, letter.id, by=by, note=note or outcome, now=self.clock(), did="dead_letter.redriven")
        return outcome


def _type_of(body: bytes) -> str | None:
    try:
        return Event.model_validate_json(body).type
    except ValueError:
        return None


def read_up_to(tx: sa.Connection, stream: str) -> int:
    """The position up to which this service handled `stream`."""
    return tx.scalar(_READ_UP_TO, {"_stream": stream}) or 0


def advance(tx: sa.Connection, stream: str, position: int) -> None:
    moved = tx.execute(_ADVANCE, {"_stream": stream, "position": position})
    if moved.rowcount == 0:
        tx.execute(cursors.insert().values(stream=stream, position=position))


_MINE = cursors.c.stream == sa.bindparam("_stream")
_READ_UP_TO = sa.select(cursors.c.position).where(_MINE)
_ADVANCE = cursors.update().where(_MINE).values(position=sa.bindparam("position"))
"""Built once: every message asks these."""
