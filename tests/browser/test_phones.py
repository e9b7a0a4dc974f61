"""The simulated phones in a real browser: they follow by themselves, and nothing that somebody types is lost."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request
from playwright.sync_api import Browser, Page, expect

from services.bus.database import Database, open_sqlite
from services.calendar import FixedClock
from services.notifier.gateways import phone_threads
from services.notifier.gateways.phone_threads import PhoneState
from services.notifier.phones import Inbound, phone_routes
from tests.browser.site import DESK, PHONE
from tests.browser.test_accessibility import AXE, violations

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
NUMBERS = ("+33639981234", "+33639985678")
OFFER = "Guichet enfance: place proposée. Voyez https://guichet.exemple/p/essai ou répondez OUI 4801"


@dataclass
class Phones:
    """The phones behind a port, and the replies that ingest's door took."""

    url: str
    loop: asyncio.AbstractEventLoop
    database: Database
    replies: list[str] = field(default_factory=list)

    def receive(self, reference: str, text: str, number: str = NUMBERS[0]) -> None:
        work = self.database.write(phone_threads.deliver, reference, number, text, NOW)
        asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def of(self, number: str) -> str:
        return f"{self.url}/telephones/{number.lstrip('+')}"


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    ready: Future[Phones] = Future()
    stop = threading.Event()
    folder = tmp_path_factory.mktemp("phones")
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, ready, stop)), daemon=True)
    thread.start()
    yield ready.result(60)
    stop.set()
    thread.join(20)


async def _serve(folder: Path, ready: Future[Phones], stop: threading.Event) -> None:
    async with _database(folder) as database:
        with socket.create_server(("127.0.0.1", 0)) as port:
            it = Phones(f"http://127.0.0.1:{port.getsockname()[1]}", asyncio.get_running_loop(), database)
            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(_door(it)), base_url="http://ingest"
            ) as client:
                app = FastAPI()
                app.include_router(phone_routes(database, FixedClock(NOW), Inbound(client, "/sms")))
                server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
                serving = asyncio.create_task(server.serve(sockets=[port]))
                ready.set_result(it)
                await asyncio.to_thread(stop.wait)
                server.should_exit = True
                await serving


@contextlib.asynccontextmanager
async def _database(folder: Path) -> AsyncIterator[Database]:
    """Two phones: one with an offer, one that is off and has not received it."""
    database = open_sqlite(folder / "notifier.db", "OFF")
    await database.write(phone_threads.metadata.create_all)
    await database.write(phone_threads.switch, NUMBERS[1], PhoneState.OFF, NOW)
    for n, number in enumerate(NUMBERS):
        await database.write(phone_threads.deliver, f"m-{n}", number, OFFER, NOW)
    yield database
    await database.close()


def _door(phones: Phones) -> FastAPI:
    """Where replies go: it takes them and keeps their words."""
    app = FastAPI()

    @app.post("/sms")
    async def take(request: Request) -> dict[str, str]:
        phones.replies.append((await request.json())["text"])
        return {}

    return app


@contextlib.contextmanager
def visit(browser: Browser, size: tuple[int, int] = PHONE, **options: Any) -> Iterator[Page]:
    viewport = {"width": size[0], "height": size[1]}
    with browser.new_context(viewport=viewport, locale="fr-FR", **options) as context:  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        yield context.new_page()


def test_a_text_that_arrives_appears_by_itself_and_what_is_being_typed_stays(browser: Browser, phones: Phones) -> None:
    with visit(browser) as page:
        page.goto(phones.of(NUMBERS[0]))
        field = page.get_by_label("Répondre par SMS")
        field.press_sequentially("OUI 48")
        phones.receive("m-late", "Guichet enfance: encore un texte")
        page.get_by_text("encore un texte").wait_for()
        expect(field).to_be_focused()
        field.press_sequentially("01")
        expect(field).to_have_value("OUI 4801")
        page.get_by_role("button", name="Envoyer").click()
        page.get_by_text(re.compile("^Famille")).wait_for()
        assert phones.replies == ["OUI 4801"]


def test_a_page_in_pause_stays_as_it_is_until_somebody_goes_on(browser: Browser, phones: Phones) -> None:
    with visit(browser) as page:
        page.goto(f"{phones.url}/telephones")
        page.get_by_role("button", name="Mettre en pause").click()
        phones.receive("m-pause", "Guichet enfance: pendant la pause", NUMBERS[1])
        page.wait_for_timeout(3500)
        assert page.get_by_text("pendant la pause").count() == 0
        page.get_by_role("button", name="Reprendre").click()
        page.get_by_text("pendant la pause").wait_for()


def test_without_javascript_the_page_says_how_to_see_what_is_new_and_answers_all_the_same(
    browser: Browser, phones: Phones
) -> None:
    with visit(browser, java_script_enabled=False) as page:
        page.goto(phones.of(NUMBERS[1]))
        assert page.get_by_role("link", name="Actualiser la page").is_visible()
        assert page.get_by_role("button", name="Mettre en pause").count() == 0
        page.get_by_label("Répondre par SMS").fill("NON 4802")
        page.get_by_role("button", name="Envoyer").click()
        page.get_by_text("NON 4802").wait_for()
        assert phones.replies[-1] == "NON 4802"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1280"])
def test_axe_finds_nothing_on_the_phones(browser: Browser, phones: Phones, size: tuple[int, int], scheme: str) -> None:
    with visit(browser, size, color_scheme=scheme, **AXE) as page:
        for address in (f"{phones.url}/telephones", phones.of(NUMBERS[0]), phones.of("+33639980000")):
            page.goto(address)
            assert violations(page) == [], address
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_phones_wear_the_colours_and_sizes_of_the_other_pages() -> None:
    def tokens(package: str, *path: str) -> list[str]:
        text = resources.files(package).joinpath(*path).read_text(encoding="utf-8")
        return re.findall(r"--[a-z0-9-]+: [^;]+;", text)

    assert tokens("services.notifier", "pages", "phones.css") == tokens(
        "services.ingest", "pages", "static", "berceau.css"
    )
