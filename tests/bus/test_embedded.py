"""The embedded bus: each event once, in order, whatever fails in between."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.vacancies import VacancyWithdrawn
from services.bus import dead_letters, inbox, outbox
from services.bus.database import Database
from services.bus.delivery import BadMessageLimit, Message, Reader, TooManyBadMessages, advance, read_up_to
from services.bus.embedded import EmbeddedBus
from services.bus.retries import MAX_TRIES, WrongEvent
from services.bus.tables import outbox as outbox_table
from tests.bus.harness import NOW, by_territory, clock, count_it, handled, many, reader_of, said, say, until


class Naps:
    """A sleep that takes no time and remembers what was asked of it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def bus_of(writer: Database, *readers: Reader) -> EmbeddedBus:
    return EmbeddedBus({"ingest": writer, "notifier": readers[0].database}, readers)  # who says nothing else


async def cursor(database: Database) -> int:
    return await database.read(read_up_to, "declarations")


async def test_what_is_said_is_handled_once_and_in_the_order_of_writing(writer: Database, heard: Database) -> None:
    events = many(450)  # more than a batch
    await say(writer, *events)
    assert await bus_of(writer, reader_of(heard)).drain() == 450
    assert await heard.read(handled) == [event.id for event in events]
    assert await bus_of(writer, reader_of(heard)).drain() == 0


async def test_an_event_that_was_rolled_back_was_never_said(writer: Database, heard: Database) -> None:
    def says_and_fails(tx: sa.Connection) -> None:
        outbox.record(tx, said(1))
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        await writer.write(says_and_fails)
    await bus_of(writer, reader_of(heard)).drain()
    assert await heard.read(handled) == []


async def test_a_message_delivered_again_takes_effect_once(heard: Database) -> None:
    reader, message = reader_of(heard), Message("declarations", "x", said(1).model_dump_json().encode())
    assert [await reader.take(message) for _ in range(3)] == ["handled", "repeated", "repeated"]
    assert await heard.read(handled) == [said(1).id]


async def test_without_the_inbox_key_a_message_delivered_again_takes_effect_again(
    heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin."""
    monkeypatch.setattr(inbox, "first_times", lambda tx, event_ids, now: list(event_ids))
    reader, message = reader_of(heard), Message("declarations", "x", said(1).model_dump_json().encode())
    assert [await reader.take(message) for _ in range(3)] == ["handled"] * 3
    assert await heard.read(handled) == [said(1).id] * 3


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing that the program wrote gets to run."""


def killed_at(event_id: str) -> Any:
    calls = []

    def handler(tx: sa.Connection, event: Event, now: datetime) -> None:
        count_it(tx, event, now)
        if event.id == event_id and not calls:
            calls.append(event.id)
            raise Killed

    return handler


async def test_a_crash_inside_a_handler_delivers_the_event_again(writer: Database, heard: Database) -> None:
    events = [said(n) for n in range(5)]
    await say(writer, *events)
    bus = bus_of(writer, reader_of(heard, killed_at(events[2].id)))
    with pytest.raises(Killed):
        await bus.drain()
    before = await cursor(heard)  # whatever shared its transaction comes again too
    assert before < 3
    assert await heard.read(handled) == [event.id for event in events[:before]]
    await bus.drain()
    assert await heard.read(handled) == [event.id for event in events]


async def test_a_cursor_moved_before_the_handler_commits_would_lose_the_event(
    writer: Database, heard: Database
) -> None:
    """The twin: the cursor in a transaction of its own."""
    events = [said(n) for n in range(5)]
    await say(writer, *events)
    reader = reader_of(heard, killed_at(events[2].id))

    async def deliver() -> None:
        for row in await writer.read(outbox.after, await cursor(heard), 100):
            await heard.write(advance, row.stream, row.position)
            await reader.take(Message(row.stream, f"{row.stream}/{row.position}", row.body))

    with pytest.raises(Killed):
        await deliver()
    await deliver()
    assert events[2].id not in await heard.read(handled)


async def test_an_event_that_always_fails_is_parked_after_five_tries_and_the_stream_goes_on(
    writer: Database, heard: Database
) -> None:
    calls, naps = [], Naps()

    def fails_for_one(tx: sa.Connection, event: Event, now: datetime) -> None:
        count_it(tx, event, now)
        if event.id == said(1).id:
            calls.append(event.id)
            raise RuntimeError("no room for this one")

    await say(writer, said(0), said(1), said(2))
    await bus_of(writer, reader_of(heard, fails_for_one, sleep=naps)).drain()
    assert await heard.read(handled) == [said(0).id, said(2).id]
    (letter,) = await heard.read(dead_letters.waiting)
    assert len(calls) >= letter.tries == MAX_TRIES  # and once more where others shared its transaction
    assert (letter.reason, letter.error) == ("other", "RuntimeError: no room for this one")
    assert len(naps.seconds) == MAX_TRIES - 1
    assert naps.seconds == sorted(naps.seconds)


async def test_data_that_break_their_contract_are_parked_at_once(writer: Database, heard: Database) -> None:
    naps = Naps()

    def refuses(tx: sa.Connection, event: Event, now: datetime) -> None:
        raise WrongEvent("the section is of another structure")

    await say(writer, said(1))
    await writer.write(break_the_body_of, said(2))
    await bus_of(writer, reader_of(heard, refuses, sleep=naps)).drain()
    letters = await heard.read(dead_letters.waiting)
    assert [(letter.reason, letter.tries) for letter in letters] == [("wrong", 1), ("wrong", 1)]
    assert naps.seconds == []
    assert "P-directrice" not in letters[1].error  # the fields of an event stay out of errors, and so of logs


def break_the_body_of(tx: sa.Connection, event: Event) -> None:
    outbox.record(tx, event)
    body = event.model_dump_json().replace('"said_by":"P-directrice"', '"said_by":["P-directrice"]').encode()
    tx.execute(outbox_table.update().where(outbox_table.c.event_id == event.id).values(body=body))


async def test_what_the_infrastructure_breaks_is_tried_without_limit_and_counts_no_try(
    writer: Database, heard: Database
) -> None:
    failures, naps = list(range(3 * MAX_TRIES)), Naps()

    def away(tx: sa.Connection, event: Event, now: datetime) -> None:
        if failures:
            failures.pop()
            raise ConnectionResetError("the database went away")
        count_it(tx, event, now)

    reader = reader_of(heard, away, sleep=naps)
    await say(writer, said(1))
    await bus_of(writer, reader).drain()
    assert await heard.read(handled) == [said(1).id]
    assert await heard.read(dead_letters.waiting) == []
    assert len(naps.seconds) == 3 * MAX_TRIES
    assert reader.troubles.causes == {}


async def test_a_reader_tells_its_transport_when_its_patience_ends(heard: Database) -> None:
    def away(tx: sa.Connection, event: Event, now: datetime) -> None:
        raise ConnectionResetError("gone")

    reader = reader_of(heard, away, sleep=Naps(), away_patience_s=1.0)
    with pytest.raises(ConnectionResetError):
        await reader.take(Message("declarations", "x", said(1).model_dump_json().encode()))
    assert "handling" in reader.troubles.causes


async def test_a_type_without_a_handler_is_passed_and_the_cursor_with_it(writer: Database, heard: Database) -> None:
    other = VacancyWithdrawn.say(
        "V-1", source="ingest", territory="t", time=NOW, reason="staff_shortage", said_by="P-directrice"
    )
    await say(writer, said(1), other)
    await bus_of(writer, reader_of(heard)).drain()
    assert await heard.read(handled) == [said(1).id]
    assert await cursor(heard) == 2


async def test_a_type_of_a_newer_writer_is_passed_and_is_no_dead_letter(heard: Database) -> None:
    body = said(1).model_dump_json().replace("vacancy.reconfirmed", "vacancy.imagined").encode()
    assert await reader_of(heard).take(Message("declarations", "x", body, 1)) == "skipped"
    assert await heard.read(dead_letters.count_waiting) == 0
    assert await cursor(heard) == 1


async def test_the_reader_stops_rather_than_drain_a_stream_into_the_dead_letters(
    writer: Database, heard: Database
) -> None:
    def refuses(tx: sa.Connection, event: Event, now: datetime) -> None:
        raise WrongEvent("no")

    await say(writer, *many(30))
    bus = bus_of(writer, reader_of(heard, refuses, limit=BadMessageLimit(bad=5, out_of=20)))
    with pytest.raises(TooManyBadMessages, match="6 messages mis de côté sur les 6 derniers"):
        await bus.drain()
    assert await heard.read(dead_letters.count_waiting) == 6


async def test_bad_messages_that_are_few_among_many_do_not_stop_the_reader(writer: Database, heard: Database) -> None:
    def refuses_some(tx: sa.Connection, event: Event, now: datetime) -> None:
        if event.subject.endswith("0"):
            raise WrongEvent("no")
        count_it(tx, event, now)

    await say(writer, *many(100))
    bus = bus_of(writer, reader_of(heard, refuses_some, limit=BadMessageLimit(bad=2, out_of=20)))
    await bus.drain()
    assert await heard.read(dead_letters.count_waiting) == 10
    assert sum(len(subjects) for subjects in (await heard.read(by_territory)).values()) == 90


async def test_the_bus_delivers_when_woken_and_ends_when_stopped(writer: Database, heard: Database) -> None:
    bus, stop = bus_of(writer, reader_of(heard)), asyncio.Event()
    running = asyncio.create_task(bus.run(stop, look_every_s=60))
    await asyncio.sleep(0.05)
    await say(writer, said(1))
    async with asyncio.timeout(5):
        await until(lambda: has_handled(heard))
        stop.set()
        await running
    assert await heard.read(handled) == [said(1).id]


async def test_whoever_waits_for_the_news_has_all_of_them(writer: Database, heard: Database) -> None:
    bus, stop = bus_of(writer, reader_of(heard)), asyncio.Event()
    running = asyncio.create_task(bus.run(stop, look_every_s=60))
    await bus.all_heard("matcher", patience_s=60)
    await say(writer, *many(30))
    async with asyncio.timeout(60):
        await bus.all_heard("matcher", patience_s=60)
        assert len(await heard.read(handled)) == 30
        await bus.all_heard("matcher", patience_s=60)  # nothing new: nothing to wait for
        stop.set()
        await running


async def test_nobody_waits_for_the_news_beyond_their_patience(writer: Database, heard: Database) -> None:
    await say(writer, said(1))
    async with asyncio.timeout(60):
        await bus_of(writer, reader_of(heard)).all_heard("matcher", patience_s=0.01)  # nobody delivers
    assert await heard.read(handled) == []


async def has_handled(database: Database) -> bool:
    return bool(await database.read(handled))


async def test_what_a_broker_lost_is_published_again_from_the_instant_that_is_named(writer: Database) -> None:
    events = many(6)
    await say(writer, *events[:3])
    await writer.write(outbox.mark_published, [1, 2, 3], clock())
    await writer.write(
        outbox.record, *(event.model_copy(update={"time": NOW + timedelta(days=1)}) for event in events[3:])
    )
    await writer.write(outbox.mark_published, [4, 5, 6], clock())
    assert await writer.write(outbox.publish_again, NOW + timedelta(days=1)) == 3
    waiting = await writer.read(outbox.unpublished, 10)
    assert [row.event_id for row in waiting] == [event.id for event in events[3:]]
