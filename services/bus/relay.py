"""What carries a service's events from its outbox to the broker: at least once, in order for each key.

A row is marked once the broker has acknowledged it, never before. A relay that dies in between publishes again, and
the readers' inboxes take no notice. Rows are found by not being published yet, not by a cursor: on PostgreSQL a row
may commit behind a later one, and a cursor would have passed it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from services.bus import metrics, outbox
from services.bus.database import Database
from services.bus.outbox import Recorded
from services.bus.retries import BrokerAway
from services.bus.troubles import Troubles, until_back
from services.bus.waits import first_of

PUBLISHING = "publishing"
"""The part of a process that its relay answers for among its troubles."""

BATCH = 500
"""So many share one claim, one wait for the broker and one mark, which took a fifth of the time of 200."""
FIRST_REST_S, LONGEST_REST_S = 0.05, 0.5
"""How long a relay rests before it looks again, unless it is woken: first, where another one is at work, and at most.

What its own process says wakes it, so that there is nothing to look for in between; each look costs a transaction.
"""

ACK_PATIENCE_S = 10.0
"""How long a batch may hold its database transaction while the broker does not acknowledge."""

Send = Callable[[Recorded], Awaitable["asyncio.Future[object]"]]
"""Hands one event to the broker's client; the future it returns is done once the broker has acknowledged."""


def alone(tx: sa.Connection) -> bool:
    """True if no other relay of this service is at work; it then stays so until the transaction ends."""
    lock = sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended("relay of " + sa.func.current_schema(), 0))
    return bool(tx.scalar(sa.select(lock)))


@dataclass
class Relay:
    """Publishes the outbox of one service. Several processes may run one each: one of them works at a time.

    On SQLite a single process may run it: there is no lock to share, and holding the file's only writer while the
    broker thinks would stop the service.
    """

    service: str
    database: Database
    send: Send
    clock: Callable[[], datetime]
    troubles: Troubles
    alone: Callable[[sa.Connection], bool] = alone
    ack_patience_s: float = ACK_PATIENCE_S
    _in_flight: list[asyncio.Future[object]] = field(default_factory=list)
    _was_alone: bool = True
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something was said: publish now rather than at the next look."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop`, whatever is away meanwhile."""
        rest = FIRST_REST_S
        while not stop.is_set():
            self._wake.clear()
            if await until_back(self.publish_waiting, self.troubles, PUBLISHING, stop) == BATCH:
                continue  # more may wait
            await first_of((self._wake, stop), LONGEST_REST_S if self._was_alone else rest)
            rest = FIRST_REST_S if self._wake.is_set() else min(LONGEST_REST_S, rest * 2)

    async def publish_waiting(self) -> int:
        """Publish the oldest rows that wait; how many. 0 also where another relay is at it.

        Raises BrokerAway if the broker does not acknowledge in time; nothing is marked then.
        """
        await self._acknowledged()  # of an earlier batch: never two copies of a row in one client
        if self.database.kind == "postgresql":
            return await self.database.alive(self._publish_alone())
        rows = await self.database.read(outbox.unpublished, BATCH)
        if rows:
            await self._publish(rows)
            await self.database.write(outbox.mark_published, [row.position for row in rows], self.clock())
        return len(rows)

    async def _publish_alone(self) -> int:
        async with self.database.writes.begin() as connection:
            self._was_alone = await connection.run_sync(self.alone)
            if not self._was_alone:
                return 0
            rows = await connection.run_sync(outbox.unpublished, BATCH)
            if rows:
                await self._publish(rows)
                await connection.run_sync(outbox.mark_published, [row.position for row in rows], self.clock())
        return len(rows)

    async def _publish(self, rows: Sequence[Recorded]) -> None:
        for row in rows:
            self._in_flight.append(await self.send(row))
        await self._acknowledged()
        for stream, number in Counter(row.stream for row in rows).items():
            metrics.EVENTS_OUT.labels(self.service, stream).inc(number)

    async def _acknowledged(self) -> None:
        """Wait until the broker has acknowledged everything that was handed to its client.

        What is not acknowledged in time stays in flight: the client will not give it up, and sending it once more
        beside would let the copies pile up while the broker is away.
        """
        if not self._in_flight:
            return
        done, late = await asyncio.wait(self._in_flight, timeout=self.ack_patience_s)
        if late:
            raise BrokerAway(f"{len(late)} événement{'s' if len(late) > 1 else ''} sans accusé de réception")
        self._in_flight.clear()
        for sent in done:
            if error := sent.exception():
                raise BrokerAway(type(error).__name__) from error
