"""Berceau in one process on SQLite: what `berceau serve` runs without a broker, and the demo with its people."""

from __future__ import annotations

import asyncio
import gc

import uvicorn

from services.bus.allocator import give_large_pieces_back
from services.bus.members import sole_member
from services.bus.settings import Settings
from services.bus.web import WebServer, stop_on_signals
from services.cli.assembly import clock_of
from services.cli.embedded import Embedded, open_embedded
from services.cli.failures import require_port


async def serve_embedded(settings: Settings) -> None:
    """Run the whole of Berceau on SQLite until it is asked to stop.

    Raises MemberTaken where another process serves the same folder, CommandFailed where the port is taken.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    town = await open_embedded(settings, clock_of(settings))
    try:
        async with sole_member(town.databases["matcher"], "matcher", settings.member, stop):
            require_port(settings.host, settings.port)
            await run_with_site(town, settings, stop)
    finally:
        await town.close()


async def run_with_site(town: Embedded, settings: Settings, stop: asyncio.Event) -> None:
    """The services and the site side by side; when one ends so does the other."""
    give_large_pieces_back()
    gc.freeze()  # all that is loaded stays as long as the process: the collector need not walk through it again
    config = uvicorn.Config(town.site, settings.host, settings.port, log_config=None, access_log=False)
    web = WebServer(config, [end for service in town.services for end in service.on_stop])

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
