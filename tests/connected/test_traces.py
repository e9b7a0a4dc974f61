"""The same trace where Apache Kafka carries the events and each service has its own schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2
import pytest

from services.bus.database import Database
from services.bus.service import Service
from services.bus.settings import Settings
from services.bus.wiring import KafkaProcess, kafka_process
from services.calendar import FixedClock
from services.cli import workers
from tests.journey.conftest import MONDAY
from tests.journey.test_journey import read_by_family
from tests.journey.test_traces import FROM_A_FREE_PLACE
from tests.journey.town import ask, open_town, open_tuesdays
from tests.journey.world import World
from tests.traced import traced, ways

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
async def running(settings: Settings, clock: FixedClock) -> AsyncIterator[OnKafka]:
    stop = asyncio.Event()
    services: list[Service] = [await workers.open_service(name, settings, stop) for name in NAMES]
    processes: list[KafkaProcess] = [kafka_process(service, settings, stop, clock) for service in services]
    tasks = [asyncio.create_task(process.run()) for process in processes]
    clients = [
        httpx2.AsyncClient(transport=httpx2.ASGITransport(service.app), base_url="http://127.0.0.1")
        for service in services
    ]
    try:
        yield OnKafka(clients[0], clients[2], services[0].database, clock)
    finally:
        stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
        for service in services:
            await service.close()


async def test_a_free_place_is_one_trace_through_kafka_and_every_outbox(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock(MONDAY)
    own = settings.model_copy(update={"database": database_url, "public_url": "http://127.0.0.1"})
    monkeypatch.setattr(workers, "clock_of", lambda _: clock)
    async with running(own, clock) as profile:
        world = World(profile, "t1")
        await open_town(world, automatic_release=True)
        request, _ = await ask(world)
        await asyncio.sleep(3)  # the round that the request itself caused is over
        with traced() as spans:
            await open_tuesdays(world)
            await world.until(lambda: read_by_family(world, request), "the family to read its text")
            assert FROM_A_FREE_PLACE in ways(spans)
