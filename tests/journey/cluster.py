"""Berceau as it runs in production: a process for each service, on real Apache Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from services.bus.database import Database, open_postgresql
from services.bus.settings import Settings, from_environment
from services.bus.topics import admin, create_topics
from services.calendar import ShiftedClock, system_clock

NAMES = ("ingest", "matcher", "notifier")
READY_WITHIN_S = 60.0
POLL_S = 0.1
PARTITIONS = 6
BEAT_S = 1.1
"""Longer than a service rests before it looks whether something is due."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Worker:
    """One service in a process of its own, which can be killed and started again."""

    name: str
    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "worker", self.name, "--port", str(self.port)],
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """As a power cut does: kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait(20)
            self.process = None

    def until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            assert self.process is None or self.process.poll() is None, self._last_words()
            time.sleep(POLL_S)
        raise AssertionError(f"{self.name} was not ready within {READY_WITHIN_S:.0f} s\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


@dataclass
class Cluster:
    """The processes, and what they share."""

    workers: dict[str, Worker]
    clock_file: Path
    settings: Settings

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.workers[name].port}"


@dataclass
class ClusterProfile:
    """One scenario's way in."""

    cluster: Cluster
    api: httpx2.AsyncClient
    phones: httpx2.AsyncClient
    ingest: Database
    patience_s: float = 30.0

    @property
    def clock_file(self) -> Path:
        return self.cluster.clock_file

    def now(self) -> datetime:
        return ShiftedClock(self.clock_file)()

    async def settle(self) -> None:
        """Nothing to drive: processes do what is due by themselves, and whoever waits looks again."""

    async def pass_time(self, by: timedelta) -> None:
        """Move every process's clock, half a day at a time as timers would meet it, and let it act in between."""
        await asyncio.sleep(BEAT_S)
        until = self.now() + by
        while (left := until - self.now()) > timedelta(seconds=1):
            await self.jump(min(left, timedelta(hours=12)))

    async def jump(self, by: timedelta) -> None:
        """The same in one go, for a time in which nothing of this scenario happens."""
        shift_clock(self.clock_file, by)
        await asyncio.sleep(BEAT_S)


def shift_clock(path: Path, by: timedelta) -> None:
    seconds = float(path.read_text() or 0) + by.total_seconds()
    new = path.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(path)


@contextlib.asynccontextmanager
async def open_cluster_profile(cluster: Cluster) -> AsyncIterator[ClusterProfile]:
    ingest = open_postgresql(str(cluster.settings.database), "ingest")
    async with (
        httpx2.AsyncClient(base_url=cluster.url("ingest")) as api,
        httpx2.AsyncClient(base_url=cluster.url("notifier")) as phones,
    ):
        yield ClusterProfile(cluster, api, phones, ingest)
    await ingest.close()


@contextlib.contextmanager
def running_cluster(home: Path, kafka: str, database: str, prefix: str, start: datetime) -> Iterator[Cluster]:
    """The three services, ready to be used; their clock says `start` when they are asked first."""
    clock_file = home / "clock"
    clock_file.write_text("0")
    shift_clock(clock_file, start - system_clock())
    ports = {name: free_port() for name in NAMES}
    environment = _environment(kafka, database, prefix, clock_file, ports)
    settings = from_environment(environment)
    _make_topics(settings)
    workers = {name: Worker(name, ports[name], environment, home / f"{name}.log") for name in NAMES}
    with contextlib.ExitStack() as stack:
        for worker in workers.values():
            worker.start()
            stack.callback(worker.stop)
        for worker in workers.values():
            worker.until_ready()
        yield Cluster(workers, clock_file, settings)


def _make_topics(settings: Settings) -> None:
    with admin(settings) as client:
        create_topics(client, settings, partitions=PARTITIONS, replicas=1)


def _environment(kafka: str, database: str, prefix: str, clock_file: Path, ports: dict[str, int]) -> dict[str, str]:
    key = base64.b64encode(b"k" * 32).decode()
    return {
        **os.environ,
        "BERCEAU_KAFKA": kafka,
        "BERCEAU_KAFKA_PREFIX": prefix,
        "BERCEAU_KAFKA_SESSION_S": "2",
        "BERCEAU_DATABASE": database,
        "BERCEAU_VAULT_KEY": key,
        "BERCEAU_LINK_KEY": key,
        "BERCEAU_INBOUND_SECRET": "inbound-of-the-tests",
        "BERCEAU_INBOUND_URL": f"http://127.0.0.1:{ports['ingest']}",
        "BERCEAU_PUBLIC_URL": f"http://127.0.0.1:{ports['ingest']}",
        "BERCEAU_CLOCK_FILE": str(clock_file),
    }
