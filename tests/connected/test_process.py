"""A service as a process on Kafka: it starts whatever is away, wakes what is due, and ends in order."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from contracts.base import Event
from contracts.proposals import ProposalFrozen
from deploy.servers.kafka import Kafka, new_kafka
from deploy.servers.processes import free_ports
from services.bus import migrations, outbox
from services.bus.database import Database
from services.bus.health import health_routes
from services.bus.service import Service
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics, lags
from services.bus.web import stop_on_signals
from services.bus.wiring import open_database, run_on_kafka
from tests.bus import harness
from tests.bus.harness import NOW, clock, handled, many, reader_of, said, say, until
from tests.connected.carriers import has_handled, relaying

SLOW_S = 0.4


def answers(tx: sa.Connection, event: Event, now: datetime) -> None:
    """Count the event, and say something that has to leave by the relay."""
    harness.count_it(tx, event, now)
    frozen: Any = {"source": "matcher", "territory": event.territory, "time": NOW}
    outbox.record(tx, ProposalFrozen.say(event.subject, cause=event.id, **frozen))


def slowly(tx: sa.Connection, event: Event, now: datetime) -> None:
    time.sleep(SLOW_S)
    answers(tx, event, now)


class Ticks:
    """What is due: nothing, but it says when it was asked."""

    def __init__(self) -> None:
        self.at: list[float] = []

    async def tick(self, now: datetime) -> int:
        self.at.append(time.monotonic())
        return 0

    async def next_due(self) -> datetime | None:
        return None


def service_of(database: Database, handler: Any = answers) -> tuple[Service, Ticks]:
    reader, ticks = reader_of(database, handler), Ticks()
    app = FastAPI()
    app.include_router(health_routes("matcher", database, reader, clock, relayed=True))
    return Service("matcher", database, reader, app, ticks.tick, ticks.next_due), ticks


@contextlib.asynccontextmanager
async def running(service: Service, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """The service at work, and a client for its pages; stopped and over at the end."""
    stop = asyncio.Event()
    process = asyncio.create_task(run_on_kafka(service, settings, stop))
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
            yield client
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await process


def on_a_port(settings: Settings) -> Settings:
    return settings.model_copy(update={"port": free_ports(1)[0]})


async def is_ready(client: httpx2.AsyncClient, status: int = 200) -> bool:
    try:
        return (await client.get("/readyz")).status_code == status
    except httpx2.ConnectError:
        return False


def decisions_on_the_broker(settings: Settings) -> int:
    with admin(settings) as client:
        return sum(lag.end for lag in lags(client, settings) if "decisions" in lag.topic and "ingest" in lag.group)


async def test_a_service_hears_answers_ticks_and_shows_itself_on_kafka(
    settings: Settings, writer: Database, heard: Database
) -> None:
    settings = on_a_port(settings)
    service, ticks = service_of(heard)
    async with running(service, settings) as client, relaying(settings, writer):
        await until(lambda: is_ready(client))
        await say(writer, *many(20))
        await until(lambda: has_handled(heard, 20))
        assert ticks.at[-1] - ticks.at[0] < len(ticks.at)  # woken by what it heard, not only once a second
        await until(lambda: asyncio.to_thread(lambda: decisions_on_the_broker(settings) == 20))
        measured = (await client.get("/metrics")).text
    assert 'berceau_events_in_total{outcome="handled",service="matcher",type="vacancy.reconfirmed"}' in measured
    assert 'berceau_events_out_total{service="matcher",stream="decisions"}' in measured
    assert 'berceau_lag_events{service="matcher",stream="declarations"}' in measured
    assert 'berceau_outbox_age_seconds{service="matcher"} 0.0' in measured


async def test_sigterm_lets_the_message_in_hand_finish_and_its_answer_leave(
    settings: Settings, writer: Database, heard: Database
) -> None:
    settings = on_a_port(settings)
    service, _ = service_of(heard, slowly)
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with relaying(settings, writer):
        process = asyncio.create_task(run_on_kafka(service, settings, stop))
        await say(writer, *many(10))
        await until(lambda: has_handled(heard, 1), look_every_s=0.01)
        await asyncio.sleep(SLOW_S / 4)  # the next one is in hand
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await process
    done = len(await heard.read(handled))
    assert 2 <= done < 10
    assert decisions_on_the_broker(settings) == done
    with admin(settings) as client:
        mine = [lag for lag in lags(client, settings) if "matcher" in lag.group and "declarations" in lag.topic]
    assert sum(lag.done or 0 for lag in mine) == done  # what was finished was committed too


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kafka]:
    broker = new_kafka(tmp_path / "node")
    yield broker
    broker.kill()


async def test_a_process_that_starts_before_its_broker_says_so_and_waits(
    node: Kafka, writer: Database, heard: Database
) -> None:
    settings = on_a_port(harness.settings(kafka=node.bootstrap))
    service, _ = service_of(heard)
    await say(writer, said(1))
    async with running(service, settings) as client:
        await until(lambda: is_ready(client, 503))
        assert (await client.get("/livez")).status_code == 200
        assert "connecting" in (await client.get("/readyz")).text
        await asyncio.to_thread(node.start)
        with admin(settings) as administrator:
            create_topics(administrator, settings, partitions=6, replicas=1)
        async with relaying(settings, writer):
            await until(lambda: has_handled(heard, 1))
        await until(lambda: is_ready(client))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_settings_open_the_right_database_brought_to_the_present(
    kind: str, database_url: str, tmp_path: Path
) -> None:
    given = {"database": database_url, "kafka": "127.0.0.1:9"} if kind == "postgresql" else {"data": tmp_path}
    database = await open_database(harness.settings(**given), "notifier")
    assert database.kind == kind
    assert await database.read(migrations.differences, "notifier") == []
    await database.close()


async def test_a_database_that_is_away_at_the_start_is_waited_for_until_the_process_is_stopped() -> None:
    given = harness.settings(database="postgresql+asyncpg://me:word@127.0.0.1:9/berceau", kafka="127.0.0.1:9")
    stop = asyncio.Event()
    opening = asyncio.create_task(open_database(given, "notifier", stop))
    await asyncio.sleep(0.5)
    assert not opening.done()
    stop.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(opening, 10)


def test_a_service_that_is_stopped_before_it_has_begun_ends_as_one_that_worked_does(tmp_path: Path) -> None:
    """Else systemd would call `systemctl stop` beside a database that is away a failure."""
    log = tmp_path / "worker.log"
    key = base64.b64encode(b"k" * 32).decode()
    away = {
        "BERCEAU_KAFKA": "127.0.0.1:9",
        "BERCEAU_DATABASE": "postgresql+asyncpg://me:word@127.0.0.1:9/berceau",
        "BERCEAU_VAULT_KEY": key,
        "BERCEAU_LINK_KEY": key,
    }
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "services.cli", "worker", "matcher", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **away}, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while "away" not in log.read_text():
            assert time.monotonic() < deadline and process.poll() is None, log.read_text()
            time.sleep(0.05)
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()


async def test_a_process_is_not_ready_before_what_it_prepares_is(settings: Settings, heard: Database) -> None:
    settings = on_a_port(settings)
    service, _ = service_of(heard)
    prepared = asyncio.Event()
    service.on_start = (prepared.wait,)
    async with running(service, settings) as client:
        await until(lambda: is_ready(client, 503))
        assert "démarrage en cours" in (await client.get("/readyz")).text
        prepared.set()
        await until(lambda: is_ready(client))
