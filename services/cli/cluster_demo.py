"""The demo on a cluster: the three services as processes on Apache Kafka and PostgreSQL, and the same people.

For a first look at what production runs; `make cluster-demo` starts both servers around it. The services share a clock
that runs faster, by a file.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from services.bus.database import Database
from services.bus.delivery import Clock
from services.bus.settings import PREFIX, Settings
from services.bus.topics import admin, create_topics
from services.bus.web import stop_on_signals
from services.bus.wiring import database_at
from services.calendar import ShiftedClock, system_clock
from services.cli.all_topics import ALL_TOPICS
from services.cli.assembly import SERVICES, guichet_of
from services.cli.demo import Plan, first_morning, settings_of
from services.cli.demo_command import watch
from services.cli.report import report
from services.ingest.guichet import Guichet

PARTITIONS, REPLICAS = 6, 1
"""One machine: a single broker."""
READY_WITHIN_S = 60


@dataclass(frozen=True)
class ClusterPlace:
    """The cluster as the demo's people see it."""

    guichet: Guichet
    databases: dict[str, Database]
    clock: Clock
    phones_url: str
    carried_by: str = "Trois services sur Apache Kafka et PostgreSQL"


async def run_on_cluster(plan: Plan, kafka: str, database: str) -> dict[str, Any]:
    """Live the plan's days on the cluster, in front of whoever watches."""
    with tempfile.TemporaryDirectory(prefix="berceau-demo-") as scratch:
        settings = _settings(plan, Path(scratch), kafka, database)
        stop = asyncio.Event()
        stop_on_signals(stop)
        with admin(settings) as client:
            create_topics(client, settings, partitions=PARTITIONS, replicas=REPLICAS, retention_days=ALL_TOPICS)
        with running_workers(settings, Path(scratch)) as ports:
            await asyncio.gather(*(until_ready(settings, port) for port in ports))
            _start_clock(settings, plan.speed)
            async with _place(settings) as place:
                refused = await watch(place, plan, stop)
                return {
                    **await report(place, first_morning(), place.clock()),
                    "refused_gestures": refused,
                }


def _settings(plan: Plan, scratch: Path, kafka: str, database: str) -> Settings:
    clock_file = scratch / "clock"
    clock_file.write_text(str((first_morning() - system_clock()).total_seconds()), encoding="ascii")
    return settings_of(plan, scratch).model_copy(
        update={
            "kafka": kafka,
            "database": database,
            "clock_file": clock_file,
            "inbound_url": f"http://{plan.host}:{plan.port}",
        }
    )


def _start_clock(settings: Settings, speed: float) -> None:
    """From now on the territory's clock runs from the first morning, `speed` times as fast."""
    now = system_clock()
    shift = (first_morning() - now).total_seconds()
    assert settings.clock_file is not None  # noqa: S101 - set by _settings
    settings.clock_file.write_text(f"{shift} {speed} {now.timestamp()}", encoding="ascii")


@contextmanager
def running_workers(settings: Settings, scratch: Path) -> Iterator[list[int]]:
    """A process for each service; their logs stay in the demo's folder while it lasts."""
    ports = {name: settings.port + n for n, name in enumerate(SERVICES)}
    with ExitStack() as stack:
        for name, port in ports.items():
            log = stack.enter_context((scratch / f"{name}.log").open("wb"))
            command = [sys.executable, "-m", "services.cli", "worker", name, "--port", str(port)]
            process = subprocess.Popen(command, env=environment_of(settings), stdout=log, stderr=log)  # noqa: S603
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield list(ports.values())


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment that gives another process these settings."""
    own = settings.model_dump()
    values = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in own.items()}
    return {**os.environ, **{PREFIX + name.upper(): str(value) for name, value in values.items() if value is not None}}


async def until_ready(settings: Settings, port: int) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(READY_WITHIN_S * 5):
            try:
                if (await client.get(f"http://{settings.host}:{port}/readyz")).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise TimeoutError(f"le service du port {port} n'est pas prêt après {READY_WITHIN_S} s")


@asynccontextmanager
async def _place(settings: Settings) -> AsyncIterator[ClusterPlace]:
    databases = {name: database_at(settings, name) for name in (*SERVICES, "vault")}
    assert settings.clock_file is not None  # noqa: S101 - set by _settings
    clock = ShiftedClock(settings.clock_file)
    try:
        guichet = guichet_of(settings, databases["ingest"], databases["vault"], clock)
        phones = f"http://{settings.host}:{settings.port + SERVICES.index('notifier')}/telephones"
        yield ClusterPlace(guichet, databases, clock, phones)
    finally:
        for database in databases.values():
            await database.close()
