"""The relay without a broker: what it marks, when it wakes, what it does while the broker is away."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.bus import outbox
from services.bus.database import Database
from services.bus.outbox import Recorded
from services.bus.relay import LONGEST_REST_S, PUBLISHING, Relay
from services.bus.retries import BrokerAway
from services.bus.troubles import Troubles
from tests.bus.harness import clock, many, said, say, until


class Broker:
    """A broker in memory. While `away` it acknowledges nothing; back again, what it was sent meanwhile."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.away = False
        self._late: list[asyncio.Future[object]] = []

    async def send(self, row: Recorded) -> asyncio.Future[object]:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.sent.append(row.event_id)
        if self.away:
            self._late.append(future)
        else:
            future.set_result(None)
        return future

    def come_back(self) -> None:
        self.away = False
        for future in self._late:
            future.set_result(None)
        self._late.clear()

    def refuse(self, error: Exception) -> None:
        for future in self._late:
            future.set_exception(error)
        self._late.clear()

    def relay(self, database: Database, **options: object) -> Relay:
        relay = Relay("ingest", database, self.send, clock, Troubles("ingest"))
        relay.ack_patience_s = 0.02
        return relay


async def left(database: Database) -> int:
    return len(await database.read(outbox.unpublished, 10_000))


async def test_what_was_said_is_published_once_in_the_order_of_writing(writer: Database) -> None:
    broker, events = Broker(), many(450)
    await say(writer, *events)
    relay = broker.relay(writer)
    while await relay.publish_waiting():
        pass
    assert broker.sent == [event.id for event in events]
    assert await left(writer) == 0


async def test_one_event_without_an_answer_is_told_in_the_singular(writer: Database) -> None:
    broker = Broker()
    relay, broker.away = broker.relay(writer), True
    await say(writer, *many(1))
    with pytest.raises(BrokerAway, match="1 événement sans accusé de réception"):
        await relay.publish_waiting()


async def test_nothing_is_marked_before_the_broker_acknowledges_and_nothing_is_sent_twice_to_its_client(
    writer: Database,
) -> None:
    broker = Broker()
    relay, broker.away = broker.relay(writer), True
    await say(writer, *many(10))
    for _ in range(3):
        with pytest.raises(BrokerAway, match="10 événements sans accusé de réception"):
            await relay.publish_waiting()
    assert await left(writer) == 10
    assert len(broker.sent) == 10
    broker.come_back()
    assert await relay.publish_waiting() == 10  # once more, as the marks were lost: the inbox takes no notice
    assert await left(writer) == 0


async def test_what_the_broker_refuses_stays_in_the_outbox(writer: Database) -> None:
    broker = Broker()
    relay, broker.away = broker.relay(writer), True
    await say(writer, said(1))
    with pytest.raises(BrokerAway):
        await relay.publish_waiting()
    broker.refuse(PermissionError("not your topic"))
    with pytest.raises(BrokerAway, match="PermissionError"):
        await relay.publish_waiting()
    assert await left(writer) == 1


async def test_a_relay_that_rests_publishes_at_once_when_something_is_said(writer: Database) -> None:
    broker, stop = Broker(), asyncio.Event()
    relay = broker.relay(writer)
    writer.on_said.append(relay.wake)
    running = asyncio.create_task(relay.run(stop))
    await asyncio.sleep(3 * LONGEST_REST_S)  # it rests as long as it ever does by now
    begun = time.monotonic()
    await say(writer, said(1))
    await until(lambda: asyncio.sleep(0, bool(broker.sent)), look_every_s=0.001)
    assert time.monotonic() - begun < LONGEST_REST_S / 2
    stop.set()
    await running


async def test_a_relay_that_nobody_wakes_finds_what_another_process_said(writer: Database) -> None:
    broker, stop = Broker(), asyncio.Event()
    running = asyncio.create_task(broker.relay(writer).run(stop))
    await say(writer, said(1))
    await until(lambda: asyncio.sleep(0, bool(broker.sent)), patience_s=4 * LONGEST_REST_S)
    stop.set()
    await running
    assert broker.sent == [said(1).id]


async def test_a_relay_says_that_its_broker_is_away_and_goes_on_when_it_is_back(writer: Database) -> None:
    broker, stop = Broker(), asyncio.Event()
    relay, broker.away = broker.relay(writer), True
    running = asyncio.create_task(relay.run(stop))
    await say(writer, *many(5))
    await until(lambda: asyncio.sleep(0, PUBLISHING in relay.troubles.causes))
    broker.come_back()
    await until(lambda: left_is(writer, 0))
    await until(lambda: asyncio.sleep(0, not relay.troubles.causes))
    stop.set()
    await running
    assert set(broker.sent) == {event.id for event in many(5)}


async def left_is(database: Database, count: int) -> bool:
    return await left(database) == count


async def test_a_relay_that_is_told_of_what_is_said_does_not_look_for_it_in_between(writer: Database) -> None:
    broker = Broker()
    relay, stop, looks = broker.relay(writer), asyncio.Event(), 0
    look = relay.publish_waiting

    async def counted() -> int:
        nonlocal looks
        looks += 1
        return await look()

    relay.publish_waiting = counted  # type: ignore[method-assign]
    running = asyncio.create_task(relay.run(stop))
    await say(writer, *many(3))
    relay.wake()

    async def all_sent() -> bool:
        return len(broker.sent) == 3

    await until(all_sent)
    await asyncio.sleep(LONGEST_REST_S * 0.6)
    stop.set()
    await running
    assert looks <= 3  # the first, the one that was woken, and one more where it rested before
