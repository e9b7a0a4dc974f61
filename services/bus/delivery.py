"""How messages enter a service, whatever carried them: checked, noted, handled and committed as one.

What comes together is taken in one transaction, as many as lately went quickly and well. Where one of them fails, none
of them has happened; ever fewer are tried at once until the one that fails is alone, and only that one waits, is tried
again or is put aside.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
Together = Callable[[sa.Connection, Sequence[str]], None]
"""What is done once for all events of a transaction, about the territories named, in their alphabetical order."""

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
class Waited:
    """How long what was given at once has waited for the infrastructure."""

    seconds: float = 0.0


MOST_AT_ONCE = 500
"""Messages in one transaction at most."""

LONGEST_TRANSACTION_S = 0.25
"""Transactions that take longer are made smaller: others wait for the rows that they lock."""


@dataclass
class Pace:
    """How many messages one transaction takes: twice as many after one that was quick, fewer after one that was not."""

    at_once: int = 1

    def went(self, messages: int, seconds: float) -> None:
        if seconds > LONGEST_TRANSACTION_S:
            self.at_once = max(1, messages // 2)
        elif seconds < LONGEST_TRANSACTION_S / 2 and messages == self.at_once:
            self.at_once = min(MOST_AT_ONCE, 2 * messages)

    def failed(self, messages: int, kind: Failure) -> None:
        """Half of them may be free of the one that fails; what is away is waited for with one message in hand."""
        self.at_once = 1 if kind is Failure.AWAY else messages // 2


def _nothing(tx: sa.Connection, territories: Sequence[str]) -> None:
    """Most services have nothing to do for all events at once."""


def _always() -> bool:
    return True


@dataclass
class Reader:
    """A service as its streams see it: its database, its handlers, and what it does when they fail.

    `first` is done before the handlers of a transaction, `last` behind them: locks that several events share are taken
    there, so that two transactions never wait for each other. `away_patience_s` bounds how long what was given at once
    may wait for the infrastructure before the transport is told, so that a broker does not take the reader for dead;
    the transport then gives it again.
    """

    service: str
    database: Database
    handlers: Handlers
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    stopwatch: Callable[[], float] = time.monotonic
    away_patience_s: float = 60.0
    limit: BadMessageLimit = field(default_factory=BadMessageLimit)
    first: Together = _nothing
    last: Together = _nothing
    pace: Pace = field(default_factory=Pace)
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
        (outcome,) = await self._take((message,), Waited())
        return outcome

    async def take_many(self, messages: Sequence[Message], goes_on: Callable[[], bool] = _always) -> list[str]:
        """Take what came together, in its order. What `take` returns for each: fewer if `goes_on` said no in between.

        Raises as `take` does. Some of them may then be done with; given again, they are repeated.
        """
        done: list[str] = []
        waited = Waited()
        while len(done) < len(messages) and goes_on():
            done += await self._take(messages[len(done) : len(done) + self.pace.at_once], waited)
        return done

    async def _take(self, messages: Sequence[Message], waited: Waited) -> list[str]:
        """What became of each, all committed. Empty where several failed: fewer of them are to be tried at once."""
        tries = 0
        fault: Fault | None = None
        while True:
            begun = self.stopwatch()
            try:
                found = await self._settle(messages, fault)
            except Exception as error:
                kind = failure_of(error)
                if len(messages) > 1:
                    self.pace.failed(len(messages), kind)
                    return []
                if kind is Failure.AWAY:
                    waited.seconds += self.stopwatch() - begun  # a server that hangs costs seconds at each try
                    await self._wait_for_infrastructure(error, waited)
                elif fault is not None:
                    raise  # it can not even be parked: the transport gives it again, and a person sees the log
                else:
                    tries += 1
                    fault = await self._try_again_or_give_up(messages[0], Fault(kind, brief(error), tries))
            else:
                self.pace.went(len(messages), self.stopwatch() - begun)
                return self._done(found)

    async def _settle(self, messages: Sequence[Message], fault: Fault | None) -> list[tuple[str, str]]:
        """Handle the messages, or put the only one aside; the type of each and what became of it, committed."""
        if fault is None:
            return await self.database.write(self._handle, messages)
        return [await self.database.write(self._put_aside, messages[0], fault)]

    def _done(self, found: list[tuple[str, str]]) -> list[str]:
        self.troubles.end(HANDLING)
        for (type_, outcome), number in Counter(found).items():
            metrics.EVENTS_IN.labels(self.service, type_, outcome).inc(number)
        for _, outcome in found:
            self.limit.note(parked=outcome == "parked")
        return [outcome for _, outcome in found]

    def _handle(self, tx: sa.Connection, messages: Sequence[Message]) -> list[tuple[str, str]]:
        events = [parse(message.body) for message in messages]
        outcomes = self._apply(tx, events)
        for stream, position in {m.stream: m.position for m in messages if m.position is not None}.items():
            advance(tx, stream, position)
        return [(event.type if event else "unknown", outcome) for event, outcome in zip(events, outcomes, strict=True)]

    def _apply(self, tx: sa.Connection, events: Sequence[Event | None]) -> list[str]:
        """Let what is new take effect, in its order, behind one look into the inbox."""
        now = self.clock()
        known = {event.id: event for event in events if event is not None and type(event) in self.handlers}
        new = {id_: known[id_] for id_ in inbox.first_times(tx, known, now)}
        territories = sorted({event.territory for event in new.values()})
        if territories:
            self.first(tx, territories)
        outcomes = [self._outcome(tx, event, new, now) for event in events]
        if territories:
            self.last(tx, territories)
        return outcomes

    def _outcome(self, tx: sa.Connection, event: Event | None, new: dict[str, Event], now: datetime) -> str:
        if event is None or type(event) not in self.handlers:
            return "skipped"
        if new.pop(event.id, None) is None:
            return "repeated"  # before, or a copy further ahead
        self._take_effect(tx, event, now)
        return "handled"

    def _take_effect(self, tx: sa.Connection, event: Event, now: datetime) -> None:
        with traces.handling(self.service, event):
            self.handlers[type(event)](tx, event, now)

    async def _wait_for_infrastructure(self, error: Exception, waited: Waited) -> None:
        self.troubles.begin(HANDLING, error)
        if waited.seconds >= self.away_patience_s:
            raise error
        pause = wait_before(1 + int(waited.seconds))
        await self.sleep(pause)
        waited.seconds += pause

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
        (outcome,) = self._apply(tx, [parse(letter.body)])
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
