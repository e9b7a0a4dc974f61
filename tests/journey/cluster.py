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

from services.bus.database import Database
from services.bus.settings import Settings, from_environment
from services.bus.topics import admin, create_topics
from services.bus.wiring import database_at
from services.calendar import ShiftedClock, local, system_clock
from services.cli.all_topics import ALL_TOPICS
from tests.journey import stillness
from tests.journey.forked import Forked

NAMES = ("ingest", "matcher", "notifier")
SERVE = "serve"
"""The process in which all three are, on SQLite."""
READY_WITHIN_S = 180.0
REST_WITHIN_S = 90.0
POLL_S = 0.05
PARTITIONS = 6
INBOUND_SECRET = "inbound-of-the-tests"
BERCEAU = ("-m", "services.cli")
"""How a process of Berceau is started."""

COUNTED = ("-m", "tests.journey.counted")
"""The same, whose effects are counted and which may die where told: forked, as many of them are started."""


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
    program: tuple[str, ...] = BERCEAU
    process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def arguments(self) -> list[str]:
        does = ["serve"] if self.name == SERVE else ["worker", self.name]
        return [*self.program, *does, "--port", str(self.port)]

    def start(self) -> None:
        if self.program[: len(COUNTED)] == COUNTED:
            self.process = Forked(self.arguments[len(COUNTED) :], self.environment, self.log)
            return
        with self.log.open("ab") as log:
            command = [sys.executable, *self.arguments]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def children(self) -> set[int]:
        """The processes that this one started, which must not outlive it."""
        if self.process is None:
            return set()
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in listed.read_text().split()} if listed.exists() else set()

    def kill(self) -> None:
        """As a power cut does: kill -9."""
        self._end(signal.SIGKILL)

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

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
        worker = self.workers.get(name) or self.workers[SERVE]
        return f"http://127.0.0.1:{worker.port}"

    def stop(self) -> None:
        """All at once: each has to finish what it holds."""
        for worker in self.workers.values():
            worker.ask_to_stop()
        for worker in self.workers.values():
            worker.stop()

    def use(self, program: tuple[str, ...], names: tuple[str, ...] = NAMES) -> None:
        """Kill these processes and start them as `program` instead."""
        for name in names:
            worker = self.workers[name]
            worker.kill()
            worker.program = program
            worker.start()


@dataclass
class ClusterProfile:
    """One scenario's way in."""

    cluster: Cluster
    api: httpx2.AsyncClient
    phones: httpx2.AsyncClient
    ingest: Database
    territory: str
    patience_s: float = 5.0

    @property
    def clock_file(self) -> Path:
        return self.cluster.clock_file

    def now(self) -> datetime:
        return ShiftedClock(self.clock_file)()

    async def settle(self) -> None:
        """Wait until nothing of this territory is on its way or due. Processes drive themselves: this only looks."""
        deadline = time.monotonic() + REST_WITHIN_S
        while waiting := await self.ingest.read(stillness.unrest, self.territory, self.now()):
            assert time.monotonic() < deadline, f"no rest within {REST_WITHIN_S:.0f} s: {waiting}"
            await asyncio.sleep(POLL_S)

    async def pass_time(self, by: timedelta) -> None:
        """Move every process's clock to each hour at which something is due, and let it be done."""
        until = self.now() + by
        while (due := await self.ingest.read(stillness.next_due, self.territory)) is not None and due < until:
            self.jump(due - self.now())
            await self.settle()
        self.jump(until - self.now())

    def jump(self, by: timedelta) -> None:
        """The same in one go, for a time in which nothing of this scenario happens."""
        if by > timedelta():
            shift_clock(self.clock_file, by)


def next_monday_morning(profile: ClusterProfile) -> None:
    """Scenarios tell hours and weekdays: each begins on a Monday at nine, as the embedded ones do."""
    now = local(profile.now())
    nine = now.replace(hour=9, minute=0, second=0, microsecond=0)
    monday = nine + timedelta(days=(7 - now.weekday()) % 7)
    if monday < now - timedelta(minutes=30):
        monday += timedelta(days=7)
    profile.jump(monday - now)


def shift_clock(path: Path, by: timedelta) -> None:
    shift, *fast = path.read_text().split()
    _write_clock(path, " ".join([str(float(shift) + by.total_seconds()), *fast]))


@contextlib.contextmanager
def fast_clock(path: Path, speed: float) -> Iterator[None]:
    """Meanwhile an hour passes in an hour's `speed`th part, for every process."""
    shift, since = float(path.read_text()), system_clock().timestamp()
    _write_clock(path, f"{shift} {speed} {since}")
    try:
        yield
    finally:
        left_at = float(path.read_text().split()[0]) + (system_clock().timestamp() - since + 0.1) * (speed - 1)
        _write_clock(path, str(left_at))


def _write_clock(path: Path, words: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(words)
    new.replace(path)


@contextlib.asynccontextmanager
async def open_cluster_profile(cluster: Cluster, territory: str) -> AsyncIterator[ClusterProfile]:
    ingest = database_at(cluster.settings, "ingest")
    async with (
        httpx2.AsyncClient(base_url=cluster.url("ingest")) as api,
        httpx2.AsyncClient(base_url=cluster.url("notifier")) as phones,
    ):
        yield ClusterProfile(cluster, api, phones, ingest, territory)
    await ingest.close()


@contextlib.contextmanager
def running_cluster(
    home: Path, kafka: str, database: str, prefix: str, start: datetime, program: tuple[str, ...] = BERCEAU
) -> Iterator[Cluster]:
    """The three services, ready to be used; their clock says `start` when they are asked first."""
    ports = {name: free_port() for name in NAMES}
    carriers = {"BERCEAU_KAFKA": kafka, "BERCEAU_KAFKA_PREFIX": prefix, "BERCEAU_DATABASE": database}
    environment = _environment(home, ports["ingest"], start) | carriers
    _make_topics(from_environment(environment))
    with _running(home, ports, environment, program) as cluster:
        yield cluster


@contextlib.contextmanager
def running_serve(home: Path, start: datetime, program: tuple[str, ...] = BERCEAU) -> Iterator[Cluster]:
    """`berceau serve`: all three in one process, on SQLite as it is in service."""
    port = free_port()
    environment = _environment(home, port, start) | {"BERCEAU_DATA": str(home / "data")}
    with _running(home, {SERVE: port}, environment, program) as cluster:
        yield cluster


@contextlib.contextmanager
def _running(
    home: Path, ports: dict[str, int], environment: dict[str, str], program: tuple[str, ...]
) -> Iterator[Cluster]:  # fmt: skip
    workers = {name: Worker(name, port, environment, home / f"{name}.log", program) for name, port in ports.items()}
    cluster = Cluster(workers, home / "clock", from_environment(environment))
    try:
        for worker in workers.values():
            worker.start()
        for worker in workers.values():
            worker.until_ready()
        yield cluster
    finally:
        cluster.stop()


def _make_topics(settings: Settings) -> None:
    with admin(settings) as client:
        create_topics(client, settings, partitions=PARTITIONS, replicas=1, retention_days=ALL_TOPICS)


def _environment(home: Path, port: int, start: datetime) -> dict[str, str]:
    key = base64.b64encode(b"k" * 32).decode()
    clock_file = home / "clock"
    clock_file.write_text(str((start - system_clock()).total_seconds()))
    return {
        **os.environ,
        "BERCEAU_KAFKA_SESSION_S": "2",
        "BERCEAU_VAULT_KEY": key,
        "BERCEAU_LINK_KEY": key,
        "BERCEAU_INBOUND_SECRET": INBOUND_SECRET,
        "BERCEAU_INBOUND_URL": f"http://127.0.0.1:{port}",
        "BERCEAU_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BERCEAU_CLOCK_FILE": str(clock_file),
    }
