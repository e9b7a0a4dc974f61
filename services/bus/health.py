"""The three doors that every service opens to whoever watches it: alive, ready, measured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.bus import dead_letters, metrics, outbox
from services.bus.causes import in_words
from services.bus.database import Database
from services.bus.delivery import Reader

ANSWER_WITHIN_S = 3.0
"""Whoever watches hears within this, and the two seconds that giving up takes, that the database hangs. What is asked
takes milliseconds."""

OLDEST_OUTBOX_S = 60.0
"""An event that nobody could get for this long means that the way is broken."""


def health_routes(
    service: str, database: Database, reader: Reader, clock: Callable[[], datetime], *, relayed: bool
) -> APIRouter:
    """`/livez`, `/readyz` and `/metrics`. `relayed`: events leave by a relay, so an old outbox means trouble."""
    routes = APIRouter(include_in_schema=False)  # for whoever watches, not for software

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz(request: Request, response: Response) -> dict[str, Any]:
        """503 with the cause while the service, or one beside it in this process, can not do its work."""
        problems = await problems_of(service, database, reader, clock, relayed) + await _beside(request)
        response.status_code = 503 if problems else 200
        return {"status": "away" if problems else "ok", "problems": problems}

    @routes.get("/metrics")
    async def measured(request: Request) -> Response:
        await problems_of(service, database, reader, clock, relayed)
        await _beside(request)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


async def _beside(request: Request) -> list[str]:
    """What keeps the services from their work whose doors are this one's: `app.state.beside`, set where there are."""
    asked: Sequence[Callable[[], Awaitable[list[str]]]] = getattr(request.app.state, "beside", ())
    return [problem for ask in asked for problem in await ask()]


async def problems_of(
    service: str, database: Database, reader: Reader, clock: Callable[[], datetime], relayed: bool
) -> list[str]:
    """What keeps a service from its work, in French; what is measured on the way goes into the metrics."""
    problems = reader.troubles.told()
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            age, letters, letter_age = await database.read(_state, clock(), relayed)
    except TimeoutError:
        return [*problems, f"base de données injoignable\u00a0: pas de réponse en {ANSWER_WITHIN_S:.0f} s"]
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return [*problems, f"base de données injoignable\u00a0: {in_words(error)}"]
    metrics.OUTBOX_AGE.labels(service).set(age)
    metrics.DEAD_LETTERS.labels(service).set(letters)
    metrics.DEAD_LETTER_AGE.labels(service).set(letter_age)
    if age > OLDEST_OUTBOX_S:
        problems.append(f"un événement attend d'être publié depuis {age:.0f} s")
    return problems


def _state(tx: sa.Connection, now: datetime, relayed: bool) -> tuple[float, int, float]:
    waiting = _seconds_since(outbox.oldest_unpublished(tx), now) if relayed else 0.0
    return waiting, dead_letters.count_waiting(tx), _seconds_since(dead_letters.oldest_waiting(tx), now)


def _seconds_since(then: datetime | None, now: datetime) -> float:
    return max(0.0, (now - then).total_seconds()) if then else 0.0
