"""Ingest as a service: its doors, what it hears, and what it tidies up by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from services.bus.delivery import Reader
from services.bus.health import health_routes
from services.bus.service import Service
from services.ingest import credentials, families, idempotency, inbound, projection
from services.ingest.api import add_api, sms
from services.ingest.api.described import describe
from services.ingest.api.errors import People, speak_french
from services.ingest.finished import erase_finished
from services.ingest.guichet import Guichet
from services.ingest.pages import failures
from services.ingest.protection import LIMITS, Buckets, Limit, Protection
from services.ingest.sessions import cookie_name

TIDY_EVERY = timedelta(hours=1)


def build(
    guichet: Guichet, *, relayed: bool = False, limits: Sequence[Limit] = LIMITS, pages: APIRouter | None = None
) -> Service:
    """Ingest on the guichet's databases.

    `pages` are the screens (`pages.pages_router`), which whoever assembles the services hands over with the published
    rules. `limits` is empty where one client stands for many, as in a demo.
    """
    reader = build_reader(guichet)
    tidy = Tidying(guichet)
    app = create_app(guichet, reader, relayed=relayed, limits=limits, pages=pages)

    async def next_due() -> datetime | None:
        return None  # tidying is never urgent: it goes along with the next tick

    return Service(
        "ingest", guichet.database, reader, app, tidy.tick, next_due, databases=(guichet.vault,),
        on_stop=(guichet.streams.end,),
    )  # fmt: skip


def build_reader(guichet: Guichet) -> Reader:
    """Ingest as its streams see it."""
    return projection.reader_on(guichet.database, guichet.link_key, guichet.clock)


def create_app(
    guichet: Guichet, reader: Reader, *, relayed: bool = False, limits: Sequence[Limit] = LIMITS,
    pages: APIRouter | None = None,
) -> FastAPI:  # fmt: skip
    """The web application. What its routes need hangs on `app.state.guichet`."""
    app = FastAPI(
        title="Berceau", version="1", docs_url=None, redoc_url=None,
        description="Places d'accueil, demandes et propositions d'un territoire.", routes=list(_api_routes()),
    )  # fmt: skip
    app.state.guichet = guichet
    people = None if pages is None else People(failures.is_for_people, failures.read_frame, failures.failure)
    speak_french(app, people)
    describe(app)
    app.include_router(health_routes("ingest", guichet.database, reader, guichet.clock, relayed=relayed))
    if pages is not None:
        app.include_router(pages)
    app.add_middleware(
        Protection, buckets=Buckets(limits), cookie=cookie_name(guichet), secure=guichet.is_secure, people=people
    )
    return app


@cache
def _api_routes() -> tuple[BaseRoute, ...]:
    """The doors for programs, made once a process: the framework reads each parameter of each, a third of a second."""
    doors = APIRouter()
    add_api(doors)
    doors.include_router(sms.routes)
    return tuple(doors.routes)


class Tidying:
    """Drops what has served its time, once in a while: links, sessions, keys, words of SMS, families whose time
    is over, orphans of the vault."""

    def __init__(self, guichet: Guichet) -> None:
        self._guichet = guichet
        self._last: datetime | None = None

    async def tick(self, now: datetime) -> int:
        """Tidy if it is time. Always 0: nothing that anybody waits for has moved."""
        if self._last is None or now - self._last >= TIDY_EVERY:
            self._last = now
            await self._guichet.database.write(tidy, now)
            await erase_finished(self._guichet, now)
            await families.sweep(self._guichet, now)
        return 0


def tidy(tx: sa.Connection, now: datetime) -> int:
    """Drop what no longer opens, repeats or helps anything. Returns how many rows."""
    return credentials.forget(tx, now) + idempotency.forget(tx, now) + inbound.forget_words(tx, now)
