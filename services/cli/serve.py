"""`berceau serve` and `berceau worker`: Berceau in one process, or one service of it in each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import uvicorn

from services.bus.service import Service
from services.bus.settings import Settings
from services.bus.wiring import WebServer, open_database, run_on_kafka, stop_on_signals
from services.cli.assembly import clock_of, guichet_of, ingest_service, matcher_service, notifier_service
from services.cli.embedded import Embedded, open_embedded
from services.ingest.partner_door import PartnerDoor

INGEST, MATCHER, NOTIFIER = "ingest", "matcher", "notifier"


async def serve_embedded(settings: Settings, started: Callable[[Embedded], Awaitable[None]] | None = None) -> None:
    """Run the whole of Berceau on SQLite until it is asked to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    town = await open_embedded(settings, clock_of(settings))
    try:
        if started is not None:
            await started(town)
        await run_with_site(town, settings, stop)
    finally:
        await town.close()


async def run_with_site(town: Embedded, settings: Settings, stop: asyncio.Event) -> None:
    """The services and the site side by side; when one ends so does the other."""
    web = WebServer(uvicorn.Config(town.site, settings.host, settings.port, log_config=None, access_log=False))

    async def until_asked() -> None:
        await stop.wait()
        web.should_exit = True

    async with asyncio.TaskGroup() as parts:
        parts.create_task(town.run(stop))
        parts.create_task(until_asked())
        parts.create_task(_serve(web, stop))


async def _serve(web: WebServer, stop: asyncio.Event) -> None:
    try:
        await web.serve()
    finally:
        stop.set()


async def run_worker(name: str, settings: Settings) -> None:
    """Run one service on Apache Kafka and its own database until it is asked to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    service = await open_service(name, settings, stop)
    async with asyncio.TaskGroup() as parts:
        if name == INGEST:
            door = PartnerDoor(service.app.state.guichet, settings, service.reader.troubles, stop)
            parts.create_task(door.run())
        parts.create_task(run_on_kafka(service, settings, stop))


async def open_service(name: str, settings: Settings, stop: asyncio.Event) -> Service:
    """Service `name` on its own database, and on the vault where it may look into it."""
    clock = clock_of(settings)
    database = await open_database(settings, name, stop)
    if name == MATCHER:
        return matcher_service(database, clock, relayed=True)
    vault = await open_database(settings, "vault", stop)
    if name == INGEST:
        service = ingest_service(guichet_of(settings, database, vault, clock), relayed=True)
    else:
        client = httpx2.AsyncClient(base_url=settings.inbound_url)
        service = notifier_service(settings, database, vault, clock, client, relayed=True)
    service.databases = (vault,)
    return service


async def serve_on_kafka(settings: Settings) -> None:
    """The three services in one process, on Kafka and their databases: ports follow each other from `port`."""
    async with asyncio.TaskGroup() as parts:
        for n, name in enumerate((INGEST, MATCHER, NOTIFIER)):
            own = settings.model_copy(update={"port": settings.port + n})
            parts.create_task(run_worker(name, own))
