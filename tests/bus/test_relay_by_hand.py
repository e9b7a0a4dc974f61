"""The relay step by step: what it takes at once, marks and counts, how long it rests, and who is alone at work."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
import sqlalchemy as sa

from services.bus import metrics, outbox, relay
from services.bus import tables as bus
from services.bus.database import Database, sqlite_engine
from services.bus.relay import FIRST_REST_S, LONGEST_REST_S, PUBLISHING, Relay, alone
from services.bus.retries import BrokerAway
from services.bus.troubles import Troubles
from tests.bus.harness import NOW, many, postgres_database, said, say
from tests.bus.test_relay import Broker
from tests.matcher.world import OneThread


class Watched(OneThread):
    """In memory; how often it was written to."""

    kind = "sqlite"
    written = 0

    async def write(self, do: Any, *args: Any, **kwargs: Any) -> Any:
        type(self).written += 1
        return await super().write(do, *args, **kwargs)


@pytest.fixture
def database() -> Database:
    engine = sqlite_engine(durability="OFF")
    bus.metadata.create_all(engine)
    return cast(Database, Watched(engine))


def relay_of(broker: Broker, database: Database) -> Relay:
    return Relay("by-hand", database, broker.send, lambda: NOW, Troubles("by-hand"), ack_patience_s=0.02)


def published(tx: sa.Connection) -> list[object]:
    return list(tx.scalars(sa.select(bus.outbox.c.published_at).order_by(bus.outbox.c.position)))


def counted() -> float:
    return metrics.EVENTS_OUT.labels("by-hand", "declarations")._value.get()  # type: ignore[no-any-return]


async def test_a_relay_takes_so_many_at_once_marks_them_with_the_hour_and_counts_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH", 2)
    await say(database, *many(5))
    broker, before = Broker(), counted()
    at_work = relay_of(broker, database)
    assert [await at_work.publish_waiting() for _ in range(4)] == [2, 2, 1, 0]
    assert broker.sent == [event.id for event in many(5)]
    assert await database.read(published) == [NOW] * 5
    assert counted() == before + 5


async def test_a_relay_with_nothing_to_do_writes_nothing(database: Database) -> None:
    before = Watched.written
    assert await relay_of(Broker(), database).publish_waiting() == 0
    assert Watched.written == before


async def test_what_the_broker_does_not_acknowledge_is_neither_marked_nor_counted(database: Database) -> None:
    await say(database, said(1), said(2))
    broker, before = Broker(), counted()
    broker.away, at_work = True, relay_of(broker, database)
    with pytest.raises(BrokerAway, match=r"^2 événements sans accusé de réception$"):
        await at_work.publish_waiting()
    assert (await database.read(published), counted()) == ([None, None], before)
    broker.refuse(PermissionError("not yours"))
    with pytest.raises(BrokerAway, match=r"^PermissionError$") as raised:
        await at_work.publish_waiting()
    assert isinstance(raised.value.__cause__, PermissionError)
    assert (await database.read(published), broker.sent) == ([None, None], [said(1).id, said(2).id])
    broker.away = False
    assert await at_work.publish_waiting() == 2


async def test_one_event_that_is_not_acknowledged_is_said_in_the_singular(database: Database) -> None:
    await say(database, said(1))
    broker = Broker()
    broker.away = True
    with pytest.raises(BrokerAway, match=r"^1 événement sans accusé de réception$"):
        await relay_of(broker, database).publish_waiting()


async def test_a_relay_beside_another_rests_ever_longer_until_it_is_woken_and_not_while_more_may_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    at_work, stop, found = relay_of(Broker(), database), asyncio.Event(), [*[0] * 7, relay.BATCH, *[0] * 4]

    at_work._was_alone = False

    async def rest(events: tuple[asyncio.Event, ...], seconds: float) -> None:
        assert events == (at_work._wake, stop)
        rests.append(seconds)
        if len(rests) == 10:
            at_work.wake()

    async def publish(work: object, troubles: Troubles, part: str, stopped: asyncio.Event) -> int:
        assert (work, troubles, part, stopped) == (at_work.publish_waiting, at_work.troubles, PUBLISHING, stop)
        assert not at_work._wake.is_set()
        if len(found) == 1:
            stop.set()
        return found.pop(0)

    monkeypatch.setattr(relay, "first_of", rest)
    monkeypatch.setattr(relay, "until_back", publish)
    await asyncio.wait_for(at_work.run(stop), 5)
    longer = [0.05, 0.1, 0.2, 0.4, 0.5, 0.5, 0.5]
    assert longer[0] == FIRST_REST_S and longer[-1] == LONGEST_REST_S
    assert rests == [*longer, 0.5, 0.5, 0.5, 0.05]
    assert found == []


@pytest.mark.connected
async def test_one_relay_of_a_service_works_at_a_time_and_those_of_others_beside_it(database_url: str) -> None:
    ingest, notifier = [await postgres_database(database_url, name) for name in ("ingest", "notifier")]
    async with ingest.writes.begin() as one, ingest.writes.begin() as two, notifier.writes.begin() as other:
        assert [await tx.run_sync(alone) for tx in (one, two, other)] == [True, False, True]
    async with ingest.writes.begin() as later:
        assert await later.run_sync(alone), "until the transaction ended"
    for database in (ingest, notifier):
        await database.close()


@pytest.mark.connected
async def test_on_postgresql_a_relay_that_is_alone_publishes_marks_and_counts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH", 2)
    database = await postgres_database(database_url, "ingest")
    await say(database, *many(3))
    broker, before = Broker(), counted()
    at_work, second = relay_of(broker, database), relay_of(broker, database)
    second.alone = lambda tx: False
    assert await second.publish_waiting() == 0
    assert [await at_work.publish_waiting() for _ in range(3)] == [2, 1, 0]
    assert (await database.read(published), counted()) == ([NOW] * 3, before + 3)
    assert broker.sent == [event.id for event in many(3)]
    assert await database.read(outbox.unpublished, 10) == []
    await database.close()
