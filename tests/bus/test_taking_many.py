"""What comes together is taken in one transaction, and each of it takes effect once, whatever is wrong with another."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import ConsumerRecord
from pydantic import SecretStr

from contracts.base import Event
from services.bus import dead_letters, inbox
from services.bus.database import Database
from services.bus.delivery import LONGEST_TRANSACTION_S, MOST_AT_ONCE, Message, Pace, Reader, TooManyBadMessages
from services.bus.kafka import KafkaBus, open_broker
from services.bus.retries import MAX_TRIES, Failure, WrongEvent, wait_before
from services.bus.settings import Settings
from tests.bus.harness import (
    TERRITORIES,
    by_territory,
    count_it,
    handled,
    many,
    postgres_database,
    reader_of,
    said,
    sqlite_database,
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def heard(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        database = await sqlite_database(tmp_path, "matcher")
    else:
        database = await postgres_database(request.getfixturevalue("database_url"), "matcher")
    yield database
    await database.close()


def messages(events: Sequence[Event]) -> list[Message]:
    bodies = [event.model_dump_json().encode() for event in events]
    return [Message("declarations", f"declarations/0/{n}", body) for n, body in enumerate(bodies)]


async def at_once(_seconds: float) -> None:
    """No pause between two tries."""


def eager(database: Database, *given: Any, **options: Any) -> Reader:
    """A reader that takes everything in one transaction."""
    return reader_of(database, *given, pace=Pace(MOST_AT_ONCE), sleep=at_once, **options)


class Counting:
    """A handler that fails for some events; how often it was called for each."""

    def __init__(self, *bad: Event, error: Exception | None = None) -> None:
        self.bad = {event.id for event in bad}
        self.error = error or LookupError("nobody knows it")
        self.calls: list[str] = []

    def __call__(self, tx: sa.Connection, event: Event, now: datetime) -> None:
        self.calls.append(event.id)
        count_it(tx, event, now)
        if event.id in self.bad:
            raise self.error


async def test_what_comes_together_takes_effect_once_in_its_order_with_copies_among_it(heard: Database) -> None:
    events = many(5)
    reader = eager(heard)
    assert await reader.take_many(messages(events[:2])) == ["handled"] * 2
    outcomes = await reader.take_many(messages([*events, events[4], events[0]]))
    assert outcomes == ["repeated"] * 2 + ["handled"] * 3 + ["repeated"] * 2
    assert await heard.read(handled) == [event.id for event in events]


async def test_without_the_inbox_what_comes_again_takes_effect_again(
    heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin."""
    monkeypatch.setattr(inbox, "first_times", lambda tx, event_ids, now: list(event_ids))
    events = many(3)
    for _ in range(2):
        await eager(heard).take_many(messages(events))
    assert sorted(await heard.read(handled)) == sorted([event.id for event in events] * 2)


async def test_the_inbox_is_asked_once_for_all_that_comes_together(heard: Database) -> None:
    statements: list[str] = []
    engine = heard.threads.writing if heard.threads else heard.writes.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    await eager(heard).take_many(messages(many(50)))
    assert len([one for one in statements if "INTO inbox" in one]) == 1
    assert len(await heard.read(handled)) == 50


async def test_one_that_fails_is_put_aside_and_the_others_take_effect_once_in_their_order(heard: Database) -> None:
    events = many(40)
    handler = Counting(events[23])
    garbage = Message("declarations", "declarations/0/99", b"\xff")
    await eager(heard, handler).take_many([*messages(events), garbage])
    assert {subject for some in (await heard.read(by_territory)).values() for subject in some} == {
        event.subject for event in events if event is not events[23]
    }
    assert len(await heard.read(handled)) == 39
    order = await heard.read(by_territory)
    assert all(subjects == sorted(subjects) for subjects in order.values())
    letters = await heard.read(dead_letters.waiting)
    assert [(letter.origin, letter.reason) for letter in letters] == [
        ("declarations/0/23", "other"), ("declarations/0/99", "wrong"),
    ]  # fmt: skip
    assert letters[0].tries == MAX_TRIES
    assert len(handler.calls) < 3 * len(events)  # halved until it is alone, not one by one for all


async def test_a_transaction_that_kept_what_did_not_fail_would_have_lost_the_one_that_did(
    heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: what fails is passed, and the inbox row is there."""
    take_effect = Reader._take_effect

    def careless(self: Reader, tx: sa.Connection, event: Event, now: datetime) -> None:
        try:
            take_effect(self, tx, event, now)
        except LookupError:
            tx.execute(sa.text("DELETE FROM effects WHERE event_id = :id"), {"id": event.id})

    monkeypatch.setattr(Reader, "_take_effect", careless)
    events = many(4)
    await eager(heard, Counting(events[1])).take_many(messages(events))
    assert events[1].id not in await heard.read(handled)
    assert await heard.read(dead_letters.waiting) == []


async def test_what_can_not_even_be_put_aside_is_left_to_whoever_gave_it(
    heard: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given again later, and a person sees the log: here it would be tried for ever without a pause."""

    def refuse(tx: sa.Connection, **letter: Any) -> None:
        raise LookupError("no such letter")

    monkeypatch.setattr(dead_letters, "park", refuse)
    reader = eager(heard, Counting(*(events := many(1)), error=WrongEvent("no")))
    async with asyncio.timeout(20):
        with pytest.raises(LookupError, match="no such letter"):
            await reader.take_many(messages(events))


async def test_what_is_away_counts_no_try_and_is_waited_for_with_all_of_them(heard: Database) -> None:
    events, failures = many(30), list(range(3 * MAX_TRIES))

    def away(tx: sa.Connection, event: Event, now: datetime) -> None:
        if event.id == events[11].id and failures:
            failures.pop()
            raise ConnectionResetError("the database went away")
        count_it(tx, event, now)

    await eager(heard, away).take_many(messages(events))
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)
    assert await heard.read(dead_letters.waiting) == []


async def test_the_patience_for_what_is_away_is_shared_by_all_that_was_given_at_once(heard: Database) -> None:
    """Else a hundred of them could each wait a minute, and the broker would take the reader for dead."""
    naps: list[float] = []
    calls: Counter[str] = Counter()

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    def each_fails_for_a_while(tx: sa.Connection, event: Event, now: datetime) -> None:
        calls[event.id] += 1
        if calls[event.id] < MAX_TRIES:
            raise ConnectionResetError("gone")
        count_it(tx, event, now)

    reader = reader_of(heard, each_fails_for_a_while, sleep=nap, stopwatch=lambda: 0.0, away_patience_s=1.0)
    with pytest.raises(ConnectionResetError):
        await reader.take_many(messages(many(40)))
    assert 1.0 <= sum(naps) < 1.0 + wait_before(2)
    assert len(await heard.read(handled)) > 1  # the first ones went through, each after some waiting


async def test_the_time_that_a_hanging_server_takes_for_each_try_counts_as_waiting(heard: Database) -> None:
    naps: list[float] = []
    hours = itertools.count()

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    def hangs(tx: sa.Connection, event: Event, now: datetime) -> None:
        raise ConnectionResetError("gone")

    reader = reader_of(heard, hangs, sleep=nap, stopwatch=lambda: 4.0 * next(hours), away_patience_s=10.0)
    with pytest.raises(ConnectionResetError):
        await reader.take_many(messages(many(3)))
    assert len(naps) == 2, "three tries of four seconds are more than ten"


async def test_a_process_that_stops_finishes_the_transaction_in_hand_and_takes_no_other(heard: Database) -> None:
    handler = Counting()
    reader = reader_of(heard, handler, pace=Pace(4))
    assert len(await reader.take_many(messages(many(30)), lambda: not handler.calls)) == 4
    assert len(await heard.read(handled)) == 4


async def test_bad_messages_among_good_ones_stop_the_reader_where_they_are_too_many(heard: Database) -> None:
    refused = many(60)
    reader = eager(heard, Counting(*refused, error=WrongEvent("no")))
    with pytest.raises(TooManyBadMessages):
        await reader.take_many(messages(refused))
    assert await heard.read(dead_letters.count_waiting) == reader.limit.bad + 1


async def test_what_nobody_handles_is_passed_without_a_row(heard: Database) -> None:
    foreign = said(1).model_dump_json().replace("vacancy.reconfirmed", "vacancy.imagined").encode()
    await eager(heard).take_many([Message("declarations", "declarations/0/0", foreign)] * 2)
    assert await heard.read(handled) == []
    assert await heard.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(inbox.inbox))) == 0


async def test_what_is_shared_is_done_first_and_last_once_and_only_for_what_is_new(heard: Database) -> None:
    told: list[tuple[str, ...]] = []

    def first(tx: sa.Connection, territories: Sequence[str]) -> None:
        told.append(("first", *territories))

    def last(tx: sa.Connection, territories: Sequence[str]) -> None:
        told.append(("last", *territories, str(len(handled(tx)))))

    reader = eager(heard, first=first, last=last)
    events = many(6)
    await reader.take_many(messages(events[::-1]))
    await reader.take_many(messages(events))
    names = sorted(TERRITORIES[:6])
    assert told == [("first", *names), ("last", *names, "6")]


def test_a_transaction_grows_while_it_is_quick_and_shrinks_when_it_is_slow_or_fails() -> None:
    pace = Pace()
    for _ in range(20):
        pace.went(pace.at_once, LONGEST_TRANSACTION_S / 10)
    assert pace.at_once == MOST_AT_ONCE
    pace.went(3, LONGEST_TRANSACTION_S / 10)  # few came: nothing learned
    assert pace.at_once == MOST_AT_ONCE
    pace.went(MOST_AT_ONCE, LONGEST_TRANSACTION_S * 1.1)
    assert pace.at_once == MOST_AT_ONCE // 2
    pace.failed(8, Failure.OTHER)
    assert pace.at_once == 4
    pace.failed(4, Failure.AWAY)
    assert pace.at_once == 1
    pace.went(1, LONGEST_TRANSACTION_S * 9)
    assert pace.at_once == 1


async def test_two_processes_that_are_given_the_same_events_in_another_order_do_each_once(heard: Database) -> None:
    """As at a change of owner, when the one before has not heard of it yet."""
    events = many(120)
    one, two = eager(heard), eager(heard)
    await asyncio.gather(one.take_many(messages(events)), two.take_many(messages(events[::-1])))
    assert sorted(await heard.read(handled)) == sorted(event.id for event in events)


async def test_what_came_together_is_given_again_where_it_takes_longer_than_the_broker_waits(tmp_path: Path) -> None:
    """A client that asks its broker for nothing for five minutes leaves its group."""
    database = await sqlite_database(tmp_path, "matcher")
    seconds = itertools.count(step=20)
    reader = reader_of(database, stopwatch=lambda: float(next(seconds)))
    secret = base64.b64encode(b"x" * 32).decode()
    bus = KafkaBus(
        settings := Settings(kafka="127.0.0.1:9", vault_key=SecretStr(secret), link_key=SecretStr(secret)),
        reader, open_broker(settings), lambda: None,
    )  # fmt: skip
    await bus._take([_record(n, event) for n, event in enumerate(many(10))])
    assert len(await database.read(handled)) == 1, "each try and each look at the clock takes 20 seconds"
    await database.close()


def _record(offset: int, event: Event) -> ConsumerRecord[bytes, bytes]:
    body = event.model_dump_json().encode()
    return ConsumerRecord("declarations", 0, offset, 0, 0, b"key", body, None, 3, len(body), ())
