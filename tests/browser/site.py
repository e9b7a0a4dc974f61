"""The screens on a real port, in a thread of their own, and a real Chromium that looks at them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from services.bus.web import WebServer
from tests.ingest.pages.conftest import opened
from tests.ingest.pages.town import Town

T = TypeVar("T")

ARGUMENTS = (
    "--no-sandbox",  # as root in a container; the pages are ours
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK = (360, 780), (1280, 900)


@dataclass
class Site:
    """A town behind a port. `run` does something to it, on its own loop; `stop` asks it to end, as SIGTERM does."""

    url: str
    town: Town
    loop: asyncio.AbstractEventLoop
    stopping: threading.Event
    stopped: threading.Event

    def stop(self) -> None:
        self.stopping.set()

    def has_stopped_within(self, seconds: float) -> bool:
        return self.stopped.wait(seconds)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """A town in the middle of a week, until the block ends."""
    ready: Future[Site] = Future()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, ready, stop)), daemon=True)
    thread.start()
    try:
        yield ready.result(60)
    finally:
        stop.set()
        thread.join(20)


async def _serve(folder: Path, ready: Future[Site], stop: threading.Event) -> None:
    try:
        async with opened(folder) as town:
            with socket.create_server(("127.0.0.1", 0)) as port:
                config = uvicorn.Config(town.app, log_level="warning", lifespan="off")
                server, stopped = WebServer(config, town.service.on_stop), threading.Event()
                serving = asyncio.create_task(server.serve(sockets=[port]))
                url = f"http://127.0.0.1:{port.getsockname()[1]}"
                ready.set_result(Site(url, town, asyncio.get_running_loop(), stop, stopped))
                await asyncio.to_thread(stop.wait)
                server.should_exit = True
                await serving
                stopped.set()
    except BaseException as fault:
        if not ready.done():
            ready.set_exception(fault)
        raise


@contextlib.contextmanager
def chromium(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def context_for(
    browser: Browser, site: Site, who: str | None = None, size: tuple[int, int] = PHONE, **options: Any
) -> BrowserContext:
    """A fresh browser, signed in as `who`, without JavaScript unless the test asks for it."""
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, locale="fr-FR", **{"java_script_enabled": False, **options})  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    if who is not None:
        secret = site.run(site.town.session(who))
        context.add_cookies([{"name": "berceau", "value": secret, "url": site.url}])
    return context
