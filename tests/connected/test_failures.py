"""Handlers that fail, messages that poison, databases that die: nothing lost, nothing blocked (T11, T8 in small)."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy

from contracts.base import Event
from deploy.servers.postgres import running_postgres
from services.bus import dead_letters
from services.bus.database import Database
from services.bus.delivery import Message, Reader
from services.bus.health import health_routes
from services.bus.kafka import group_of, topic_name
from services.bus.retries import MAX_TRIES
from services.bus.settings import Settings
from tests.bus.harness import clock, count_it, handled, many, postgres_database, reader_of, say, until
from tests.connected import torture
from tests.connected.carriers import has_handled, reading, relaying, sending

EVENTS, POISON = 240, 4
FAILING_SHARE = 0.2
LONGEST_SILENCE_S = 10
SEED = 20261102


@dataclass
class FailingHandler:
    """One call in five fails, and every call for a poisoned event. The draw is seeded."""

    poisoned: set[str]
    draw: random.Random = field(default_factory=lambda: random.Random(SEED))
    calls: Counter[str] = field(default_factory=Counter)
    seen_at: list[float] = field(default_factory=list)

    def __call__(self, tx: sa.Connection, event: Event, now: datetime) -> None:
        self.calls[event.id] += 1
        self.seen_at.append(time.monotonic())
        count_it(tx, event, now)  # before the failure: it must be rolled back with it
        if event.id in self.poisoned or self.draw.random() < FAILING_SHARE:
            raise RuntimeError("this call fails")

    @property
    def longest_silence_s(self) -> float:
        return max(after - before for before, after in zip(self.seen_at, self.seen_at[1:], strict=False))


async def publish(settings: Settings, writer: Database, events: list[Any]) -> None:
    await say(writer, *events)
    async with sending(settings, writer) as relay:
        while await relay.publish_waiting():
            pass


async def test_one_failing_call_in_five_and_poison_lose_nothing_and_block_nothing(
    settings: Settings, writer: Database, heard: Database
) -> None:
    handler = await fail_and_go_on(settings, writer, heard, EVENTS, POISON)
    assert handler.longest_silence_s < LONGEST_SILENCE_S


@pytest.mark.torture
@pytest.mark.timeout(1800)
async def test_ten_times_as_many_that_fail_lose_nothing_and_block_nothing(
    settings: Settings, writer: Database, heard: Database
) -> None:
    begun = time.monotonic()
    handler = await fail_and_go_on(settings, writer, heard, 10 * EVENTS, 10 * POISON)
    assert handler.longest_silence_s < LONGEST_SILENCE_S
    torture.record(
        "T11", f"{10 * EVENTS} événements, un appel sur cinq échoue, {10 * POISON} empoisonnés",
        f"0 perdu, les empoisonnés mis de côté après {MAX_TRIES} essais ; {handler.longest_silence_s:.1f} s d'attente "
        "au plus", seed=SEED, begun=begun, on=f"{torture.postgres()}, {torture.kafka()}",
        twin="`ACK` simple : au moins un échec sur deux est perdu (à chaque `make test`)",
    )  # fmt: skip


async def fail_and_go_on(
    settings: Settings, writer: Database, heard: Database, count: int, poison: int
) -> FailingHandler:
    """Take so many events while calls fail; each must take effect once, but those that are put aside."""
    events = many(count)
    poisoned = {event.id for event in events[10 :: count // poison]}
    handler = FailingHandler(poisoned)
    await publish(settings, writer, list(events))
    async with reading(settings, reader_of(heard, handler)):
        took = await until(lambda: has_handled(heard, count - poison), patience_s=600)
        await until(lambda: has_parked(heard, poison))
    letters = await heard.read(dead_letters.waiting)
    effects = await heard.read(handled)
    assert sorted(effects) == sorted({event.id for event in events} - poisoned)
    assert {event_id(letter) for letter in letters} == poisoned
    assert {letter.tries for letter in letters} == {MAX_TRIES}
    assert all(handler.calls[name] >= MAX_TRIES for name in poisoned)  # and the times it failed among others
    assert sum(handler.calls.values()) > count  # the failures did happen
    print(f"T11: {took:.1f} s, {sum(handler.calls.values())} calls, silence {handler.longest_silence_s:.2f} s at most")
    return handler


async def test_the_plain_acknowledgement_of_faststream_loses_what_failed(
    settings: Settings, writer: Database, heard: Database
) -> None:
    """The twin: `AckPolicy.ACK` commits after an exception too."""
    handler, taken = FailingHandler(set()), []
    await publish(settings, writer, list(many(EVENTS)))
    broker = KafkaBroker(settings.kafka or "", apply_types=False, logger=None, allow_auto_create_topics=False)
    reader = reader_of(heard, handler)

    @broker.subscriber(
        topic_name(settings, "declarations"),
        group_id=group_of(settings, "twin"),
        ack_policy=AckPolicy.ACK,
        auto_offset_reset="earliest",
        decoder=lambda message: message.body,
    )
    async def on_message(body: bytes) -> None:
        taken.append(body)
        await heard.write(reader._handle, [Message("declarations", "twin", body)])

    async with broker:
        await broker.start()
        await until(lambda: asyncio.sleep(0, len(taken) >= EVENTS))
        await asyncio.sleep(0.5)
    lost = EVENTS - len(await heard.read(handled))
    assert len(taken) == EVENTS  # and none of them came again
    assert lost >= EVENTS * FAILING_SHARE / 2
    print(f"twin: {lost} of {EVENTS} lost")


def event_id(letter: dead_letters.Letter) -> str:
    return Event.model_validate_json(letter.body).id


async def has_parked(database: Database, count: int) -> bool:
    return await database.read(dead_letters.count_waiting) >= count


def health_client(reader: Reader) -> httpx2.AsyncClient:
    app = FastAPI()
    app.include_router(health_routes("matcher", reader.database, reader, clock, relayed=False))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://matcher")


async def test_a_database_killed_under_its_reader_is_waited_for_and_no_try_is_counted(settings: Settings) -> None:
    def slowly(tx: sa.Connection, event: Event, now: datetime) -> None:
        """Transactions take several events at once: at full speed all are handled before the server is killed."""
        time.sleep(0.02)
        count_it(tx, event, now)

    events = many(150)
    with running_postgres() as server:
        writer, heard = (
            await postgres_database(server.url(), "ingest"),
            await postgres_database(server.url(), "matcher"),
        )
        reader = reader_of(heard, slowly)
        await publish(settings, writer, list(events))
        async with health_client(reader) as health, reading(settings, reader):
            await until(lambda: has_handled(heard, 20), look_every_s=0.005)
            await asyncio.to_thread(server.kill)
            await until(lambda: names(health, "handling"))
            assert await answers(health, 503)
            await asyncio.sleep(1.0)
            assert (await health.get("/livez")).status_code == 200
            await asyncio.to_thread(server.start)
            await until(lambda: has_handled(heard, 150))
            await until(lambda: answers(health, 200))
        assert sorted(await heard.read(handled)) == sorted(event.id for event in events)
        assert await heard.read(dead_letters.waiting) == []
        await heard.close()
        await writer.close()


async def answers(health: httpx2.AsyncClient, status: int) -> bool:
    return (await health.get("/readyz")).status_code == status


async def names(health: httpx2.AsyncClient, part: str) -> bool:
    """Whether the trouble of this part is told: the door itself may find the database gone before the reader does."""
    return part in (await health.get("/readyz")).text


async def test_a_reader_whose_database_stays_away_gives_back_and_takes_again_without_a_hot_loop(
    settings: Settings, writer: Database, heard: Database
) -> None:
    attempts: list[float] = []

    def away(tx: sa.Connection, event: Event, now: datetime) -> None:
        attempts.append(time.monotonic())
        if time.monotonic() - attempts[0] < 5:
            raise ConnectionRefusedError("the database is away")
        count_it(tx, event, now)

    reader = reader_of(heard, away, away_patience_s=0.5)
    async with relaying(settings, writer), reading(settings, reader):
        await say(writer, *many(1))
        await until(lambda: has_handled(heard, 1))
    assert await heard.read(dead_letters.waiting) == []
    assert len(attempts) < 60


@pytest.mark.parametrize("member", ["1", "2"])
async def test_a_member_that_comes_back_reads_on_where_it_was(
    member: str, settings: Settings, writer: Database, heard: Database
) -> None:
    """The same static member at once, another once the first one's session has ended."""
    await publish(settings, writer, list(many(60)))
    async with reading(settings, reader_of(heard)):
        await until(lambda: has_handled(heard, 60))
    await publish(settings, writer, list(many(90)[60:]))
    async with reading(settings.model_copy(update={"member": member}), reader_of(heard)):
        took = await until(lambda: has_handled(heard, 90))
    assert len(await heard.read(handled)) == 90
    assert took < (1.5 if member == "1" else settings.kafka_session_s + 5)
