"""One service in each process, on Apache Kafka and its own database: what `berceau worker` runs.

Apart from `serve`, so that a process without a broker does not load a broker's client.
"""

from __future__ import annotations

import asyncio

import httpx2

from services.bus.retention import PUBLISHED, Purge
from services.bus.service import Service
from services.bus.settings import Settings
from services.bus.web import stop_on_signals
from services.bus.wiring import open_database, run_on_kafka
from services.cli.assembly import clock_of, guichet_of, ingest_service, matcher_service, notifier_service
from services.cli.retention import run_audit, run_retention

INGEST, MATCHER, NOTIFIER = "ingest", "matcher", "notifier"


async def run_worker(name: str, settings: Settings) -> None:
    """Run one service on Apache Kafka and its own database until it is asked to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    service = await open_service(name, settings, stop)
    async with asyncio.TaskGroup() as parts:
        if name == INGEST:
            from services.cli.checks_of_backups import watch_backups
            from services.ingest.partner_door import PartnerDoor

            door = PartnerDoor(service.app.state.guichet, settings, service.reader.troubles, stop)
            parts.create_task(door.run())
            parts.create_task(watch_backups(settings, stop))
        parts.create_task(keep_tidy(service, stop))
        parts.create_task(run_audit(service, settings, stop))
        parts.create_task(run_on_kafka(service, settings, stop))


async def keep_tidy(service: Service, stop: asyncio.Event) -> None:
    """Drop what nobody can need any more: of the log, what the broker has acknowledged."""

    async def published() -> Purge:
        return PUBLISHED

    await run_retention(service, published, stop)


async def open_service(name: str, settings: Settings, stop: asyncio.Event) -> Service:
    """Service `name` on its own database, and on the vault where it may look into it."""
    clock = clock_of(settings)
    database = await open_database(settings, name, stop)
    if name == MATCHER:
        return matcher_service(database, clock, relayed=True, member=settings.member)
    vault = await open_database(settings, "vault", stop)
    if name == INGEST:
        service = ingest_service(guichet_of(settings, database, vault, clock), relayed=True)
    else:
        client = httpx2.AsyncClient(base_url=settings.door_of_replies)
        service = notifier_service(settings, database, vault, clock, client, relayed=True)
    service.databases = (vault,)
    return service


async def serve_on_kafka(settings: Settings) -> None:
    """The three services in one process, on Kafka and their databases: ports follow each other from `port`."""
    async with asyncio.TaskGroup() as parts:
        for n, name in enumerate((INGEST, MATCHER, NOTIFIER)):
            own = settings.model_copy(update={"port": settings.port + n})
            parts.create_task(run_worker(name, own))
