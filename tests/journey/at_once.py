"""Berceau in this process on PostgreSQL, where writers do not wait for each other: for what happens at one moment."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2
import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import SecretStr

from contracts.replies import ReplyReceived
from contracts.topics import DECLARATIONS
from services.bus import tables as bus
from services.bus.database import open_postgresql
from services.bus.delivery import Message
from services.bus.embedded import EmbeddedBus
from services.bus.migrations import upgrade
from services.bus.settings import Settings
from services.calendar import FixedClock
from services.cli.assembly import SERVICES, guichet_of, ingest_service, matcher_service, notifier_service
from services.cli.embedded import Embedded
from services.matcher.app import decide_here
from tests.journey.cluster import INBOUND_SECRET
from tests.journey.embedded import BASE, EmbeddedProfile

CONNECTIONS = 16


@asynccontextmanager
async def postgres_profile(url: str, start: datetime) -> AsyncIterator[EmbeddedProfile]:
    """The embedded profile on a server's database. Its bus follows a cursor, so it may only run while nobody writes."""
    clock = FixedClock(start)
    town = await _open_town(url, clock)
    notifier = next(service.app for service in town.services if service.name == "notifier")
    async with _client(town.site) as api, _client(notifier) as phones:
        yield EmbeddedProfile(town, clock, api, phones)
    await town.close()


def _client(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)


async def _open_town(url: str, clock: FixedClock) -> Embedded:
    key = SecretStr(base64.b64encode(b"k" * 32).decode())
    secret = SecretStr(INBOUND_SECRET)
    settings = Settings(database=url, vault_key=key, link_key=key, inbound_secret=secret, public_url=BASE)
    databases = {name: open_postgresql(url, name, pool_size=CONNECTIONS) for name in (*SERVICES, "vault")}
    for name, database in databases.items():
        await upgrade(database, name)
    vault = databases["vault"]
    guichet = guichet_of(settings, databases["ingest"], vault, clock)
    ingest = ingest_service(guichet, relayed=False, limits=())
    client = _client(ingest.app)
    services = (
        ingest,
        matcher_service(databases["matcher"], clock, relayed=False, decide=decide_here),
        notifier_service(settings, databases["notifier"], vault, clock, client, relayed=False),
    )
    readers = [service.reader for service in services]
    bus = EmbeddedBus({name: databases[name] for name in SERVICES}, readers)
    return Embedded(guichet, services, databases, bus, clock, ingest.app, settings)


async def judge_at_once(town: Embedded, times: int = 2) -> int:
    """Hand every answer that no matcher has heard to the matcher, `times` over and all at one moment, as two processes
    would that both believe a partition theirs. Returns how many answers there were."""
    rows = await town.databases["ingest"].read(_answers)
    heard = set(await town.databases["matcher"].read(lambda tx: list(tx.scalars(sa.select(bus.inbox.c.event_id)))))
    new = [body for event, body in rows if event not in heard]
    reader = next(service.reader for service in town.services if service.name == "matcher")
    messages = [Message(DECLARATIONS.name, f"race/{n}", body) for n, body in enumerate(new)]
    await asyncio.gather(*(reader.take(message) for message in messages for _ in range(times)))
    return len(new)


def _answers(tx: sa.Connection) -> list[tuple[str, bytes]]:
    answers = bus.outbox.c.type == ReplyReceived.wire_type()
    return [(row.event_id, row.body) for row in tx.execute(sa.select(bus.outbox).where(answers))]
