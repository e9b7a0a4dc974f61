"""The services of a cluster in one process, on the real broker and database, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2

from services.bus.database import Database
from services.bus.service import Service
from services.bus.settings import Settings
from services.bus.wiring import KafkaProcess, kafka_process
from services.calendar import FixedClock
from services.cli import workers

NAMES = ("ingest", "matcher", "notifier")


@dataclass
class OnKafka:
    """The three services in this process, so that one memory has every span; their events go through the broker."""

    api: httpx2.AsyncClient
    phones: httpx2.AsyncClient
    ingest: Database
    clock: FixedClock
    patience_s: float = 40.0

    def now(self) -> datetime:
        return self.clock()

    async def settle(self) -> None:
        await asyncio.sleep(0.1)

    async def pass_time(self, by: timedelta) -> None:
        self.clock.set(self.clock() + by)


@asynccontextmanager
async def running(settings: Settings, clock: FixedClock, names: tuple[str, ...] = NAMES) -> AsyncIterator[OnKafka]:
    """These services at work until the end. The caller sees to it that `workers.clock_of` gives `clock`."""
    stop = asyncio.Event()
    services: list[Service] = [await workers.open_service(name, settings, stop) for name in names]
    processes: list[KafkaProcess] = [kafka_process(service, settings, stop, clock) for service in services]
    tasks = [asyncio.create_task(process.run()) for process in processes]
    clients = [
        httpx2.AsyncClient(transport=httpx2.ASGITransport(service.app), base_url="http://127.0.0.1")
        for service in services
    ]
    try:
        yield OnKafka(clients[0], clients[-1], services[0].database, clock)
    finally:
        stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
        for service in services:
            await service.close()
