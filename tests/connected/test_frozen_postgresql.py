"""A PostgreSQL that hangs, its connections open: everybody is told in time, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from contracts.base import Event
from deploy.servers.postgres import Postgres, running_postgres
from services.bus import dead_letters, health, topics
from services.bus.database import Database
from services.bus.delivery import HANDLING, Reader
from services.bus.migrations import SERVICES
from services.bus.pulse import DatabaseSilent, Pulse
from services.bus.relay import PUBLISHING, Relay
from services.bus.retries import Failure, failure_of
from services.bus.settings import Settings
from services.cli import doctor
from services.cli.failures import Exit
from tests.bus import harness
from tests.bus.harness import clock, handled, many, reader_of, say, until
from tests.cli.command import Command
from tests.cli.conftest import KEYS
from tests.connected.carriers import has_handled, reading, relaying

KNOCK_EVERY_S, ANSWER_WITHIN_S = 0.3, 1.0
"""Shorter than in service, so that the tests are."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = partial(Pulse, knock_every_s=KNOCK_EVERY_S, answer_within_s=ANSWER_WITHIN_S)
    monkeypatch.setattr("services.bus.database.Pulse", impatient)
    monkeypatch.setattr(health, "ANSWER_WITHIN_S", ANSWER_WITHIN_S)


@pytest.fixture
async def database(server: Postgres) -> AsyncIterator[Database]:
    database = await harness.postgres_database(server.url(), "matcher")
    yield database
    await database.close()


async def test_reading_and_writing_end_soon_while_the_server_hangs_and_go_on_after(
    server: Postgres, database: Database
) -> None:
    with server.frozen():
        begun = time.monotonic()
        crowd = [database.read(handled) for _ in range(30)]  # more than the pool holds
        ends = await asyncio.gather(database.write(harness.make_tables), *crowd, return_exceptions=True)
        took = time.monotonic() - begun
    assert {type(end) for end in ends} == {DatabaseSilent}
    assert {failure_of(end) for end in ends if isinstance(end, BaseException)} == {Failure.AWAY}
    assert took < 5, f"{took:.1f} s"
    assert await database.read(handled) == []


async def test_without_a_pulse_the_same_reading_waits_for_ever(server: Postgres, database: Database) -> None:
    with server.frozen():
        bare = asyncio.create_task(replace(database, pulse=None).read(handled))
        assert await asyncio.wait({bare}, timeout=2) == (set(), {bare})
    assert await bare == []


async def test_a_long_statement_of_a_server_that_lives_is_left_alone(database: Database) -> None:
    slow = sa.text("SELECT pg_sleep(1.6)")  # longer than it takes to give up a server that hangs
    works = (database.write(lambda tx: tx.execute(slow)), database.read(lambda tx: tx.execute(slow)))
    assert [answer.rowcount for answer in await asyncio.gather(*works)] == [1, 1]


async def test_who_asks_whether_the_service_is_ready_hears_in_time_that_its_database_hangs(
    server: Postgres, database: Database
) -> None:
    app = FastAPI()
    app.include_router(health.health_routes("matcher", database, reader_of(database), clock, relayed=True))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://matcher") as client:
        assert (await client.get("/readyz")).status_code == 200
        with server.frozen():
            begun = time.monotonic()
            answer = await client.get("/readyz")
            took = time.monotonic() - begun
        assert (answer.status_code, took < 5) == (503, True), f"{took:.1f} s"
        assert "base de données injoignable" in answer.text
        assert (await client.get("/readyz")).status_code == 200


async def test_a_server_that_hangs_under_load_loses_no_event_and_doubles_none(
    server: Postgres, database: Database, settings: Settings
) -> None:
    writer = await harness.postgres_database(server.url(), "ingest")
    events = many(150)
    reader = reader_of(database, slowly)
    async with relaying(settings, writer) as relay, reading(settings, reader):
        await say(writer, *events[:100])
        await until(lambda: has_handled(database, 20), look_every_s=0.01)
        with server.frozen():
            await until(lambda: _in_trouble(relay, reader))
        await say(writer, *events[100:])
        await until(lambda: has_handled(database, len(events)))
    took_effect = await database.read(handled)
    assert sorted(took_effect) == sorted(event.id for event in events)
    assert await database.read(dead_letters.waiting) == []
    await writer.close()


def slowly(tx: sa.Connection, event: Event, now: datetime) -> None:
    """Slow enough that some of what was said still waits when the server hangs."""
    time.sleep(0.02)
    harness.count_it(tx, event, now)


async def _in_trouble(relay: Relay, reader: Reader) -> bool:
    """Both gave their transaction up, and wait for the server."""
    return PUBLISHING in relay.troubles.causes and HANDLING in reader.troubles.causes


def test_a_command_says_what_to_do_when_the_database_hangs(
    server: Postgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "BERCEAU_KAFKA": "127.0.0.1:1", "BERCEAU_DATABASE": server.url()}.items():
        monkeypatch.setenv(name, value)
    with server.frozen():
        begun = time.monotonic()
        said = Command(capsys)("dead-letters", "--json")
        took = time.monotonic() - begun
    assert (said.code, said.out) == (Exit.AWAY, "")
    assert "PostgreSQL" in said.error["cause"]
    assert "berceau doctor" in said.error["remedy"]
    assert took < 5, f"{took:.1f} s"


def test_the_doctor_names_each_database_that_hangs_in_the_time_of_one(
    server: Postgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "BOOTSTRAP_TIMEOUT_MS", 300)
    for name, value in {**KEYS, "BERCEAU_KAFKA": "127.0.0.1:1", "BERCEAU_DATABASE": server.url()}.items():
        monkeypatch.setenv(name, value)
    with server.frozen():
        begun = time.monotonic()
        said = Command(capsys)("doctor")
        took = time.monotonic() - begun
    silent = [line for line in said.out.splitlines() if line.startswith("✗ base")]
    assert [line.split("\u00a0")[0] for line in silent] == [f"✗ base {name}" for name in SERVICES]
    assert all("n'a pas répondu" in line for line in silent)
    assert "✗ courtier\u00a0: injoignable, " in said.out
    assert re.findall(r"\w+(?:Error|Timeout)\b", said.out) == [], "classes are for the log"
    assert took < 10, f"{took:.1f} s"


async def test_the_doctor_tells_what_it_knows_before_a_database_that_hangs_has_been_given_up(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "BERCEAU_KAFKA": "127.0.0.1:1", "BERCEAU_DATABASE": server.url()}.items():
        monkeypatch.setenv(name, value)
    with server.frozen():
        told: list[str] = []
        looking = asyncio.create_task(doctor.examined(lambda check: told.append(check.name)))
        await until(lambda: asyncio.sleep(0, "secrets" in told))
        assert not looking.done() and not any(name.startswith("base") for name in told)
        await looking
    assert "disque" in told
