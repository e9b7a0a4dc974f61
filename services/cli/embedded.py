"""The embedded profile: the three services in one process, each on its own SQLite file, events carried in between.

Only this way of putting them together differs from the cluster; the services are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import httpx2
from fastapi import FastAPI

from services.bus.database import Database, Durability, open_sqlite
from services.bus.delivery import Clock
from services.bus.embedded import EmbeddedBus
from services.bus.health import problems_of
from services.bus.migrations import upgrade
from services.bus.retention import Purge, delivered
from services.bus.service import Service, run_ticks
from services.bus.settings import Settings
from services.cli.assembly import SERVICES, guichet_of, ingest_service, matcher_service, notifier_service
from services.cli.checks_of_backups import watch_backups
from services.cli.retention import run_audit, run_retention
from services.ingest.guichet import Guichet
from services.ingest.protection import LIMITS, Limit
from services.matcher.draws import NewSeed
from services.matcher.rounds import Decide

NEWS_PATIENCE_S = 0.5
"""How long a round waits for news that are on their way; an urgent request may be among them, and waits no longer."""


@dataclass
class Embedded:
    """A whole Berceau in one process. `site` is what a browser sees."""

    guichet: Guichet
    services: tuple[Service, ...]
    databases: dict[str, Database]
    bus: EmbeddedBus
    clock: Clock
    site: FastAPI
    settings: Settings

    @property
    def phones_url(self) -> str:
        return f"{self.settings.public_url}/telephones"

    @property
    def carried_by(self) -> str:
        return "Un seul processus sur SQLite"

    async def settle(self) -> int:
        """Deliver and do what is due until nothing moves. Returns how much did."""
        total = 0
        while moved := await self.bus.deliver_all() + await self._tick():
            total += moved
        return total

    async def _tick(self) -> int:
        now = self.clock()
        return sum([await service.tick(now) for service in self.services])

    async def next_due(self) -> datetime | None:
        """When a service next has something to do by itself."""
        due = [await service.next_due() for service in self.services]
        return min((at for at in due if at is not None), default=None)

    async def run(self, stop: asyncio.Event) -> None:
        """Carry events and do what is due, in real time, until `stop`."""
        wakes = [asyncio.Event() for _ in self.services]
        for database in self.databases.values():
            database.on_said.extend(wake.set for wake in wakes)
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.bus.run(stop))
            parts.create_task(watch_backups(self.settings, stop))
            for service, wake in zip(self.services, wakes, strict=True):
                parts.create_task(run_ticks(self._as_it_ticks(service), self.clock, stop, wake))
                parts.create_task(run_retention(service, partial(self._delivered, service), stop))
                parts.create_task(run_audit(service, self.settings, stop))

    def _as_it_ticks(self, service: Service) -> Service:
        """The matcher hears what was said before it decides: while news come in one by one, each round would be thrown
        away by the next. The others do at once what is due."""

        async def tick(_now: datetime) -> int:
            await self.bus.all_heard(service.name, NEWS_PATIENCE_S)
            return await service.tick(self.clock())

        return replace(service, tick=tick) if service.name == "matcher" else service

    async def _delivered(self, service: Service) -> Purge:
        return delivered(await self.bus.read_by_all(service.name))

    async def close(self) -> None:
        for service in self.services:
            await service.close()


async def open_embedded(
    settings: Settings,
    clock: Clock,
    *,
    durability: Durability = "FULL",
    decide: Decide | None = None,
    new_seed: NewSeed | None = None,
    limits: Sequence[Limit] = LIMITS,
) -> Embedded:
    """Open, and make where needed, the databases under `settings.data`, and put the services together on them."""
    databases = {name: open_sqlite(settings.data / f"{name}.sqlite", durability) for name in (*SERVICES, "vault")}
    for name, database in databases.items():
        await upgrade(database, name)
    vault = databases["vault"]
    guichet = guichet_of(settings, databases["ingest"], vault, clock)
    ingest = ingest_service(guichet, relayed=False, limits=limits)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(ingest.app), base_url=settings.public_url)
    services = (
        ingest,
        matcher_service(databases["matcher"], clock, relayed=False, decide=decide, new_seed=new_seed),
        notifier_service(settings, databases["notifier"], vault, clock, client, relayed=False),
    )
    bus = EmbeddedBus({name: databases[name] for name in SERVICES}, [service.reader for service in services])
    return Embedded(guichet, services, databases, bus, clock, _one_site(services, clock), settings)


def _one_site(services: tuple[Service, ...], clock: Clock) -> FastAPI:
    """Ingest's site on the one port: with the notifier's doors, and with what ails or is measured in the others."""
    site, notifier = services[0].app, services[2].app
    site.state.beside = [
        partial(problems_of, one.name, one.database, one.reader, clock, relayed=False) for one in services[1:]
    ]
    for door in notifier.state.doors:
        site.include_router(door)
    return site
