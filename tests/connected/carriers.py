"""A reader and a relay on the real broker, for as long as a test needs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from services.bus.database import Database
from services.bus.delivery import Reader
from services.bus.kafka import KafkaBus, open_broker
from services.bus.relay import Relay
from services.bus.settings import Settings
from services.bus.troubles import Troubles
from tests.bus.harness import clock, handled, reader_of


@contextlib.asynccontextmanager
async def reading(settings: Settings, reader: Reader) -> AsyncIterator[KafkaBus]:
    """`reader` is fed from the broker."""
    bus = KafkaBus(settings, reader, open_broker(settings), taken=lambda: None)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop_reading()
        await bus.stop()


@contextlib.asynccontextmanager
async def sending(settings: Settings, database: Database) -> AsyncIterator[Relay]:
    """A relay of ingest, connected and at rest."""
    bus = KafkaBus(settings, reader_of(database, service="ingest"), open_broker(settings), taken=lambda: None)
    await bus.broker.connect()
    try:
        yield Relay("ingest", database, bus.send, clock, Troubles("ingest"))
    finally:
        await bus.stop()


@contextlib.asynccontextmanager
async def relaying(settings: Settings, database: Database) -> AsyncIterator[Relay]:
    """The same at work, woken by what is said."""
    async with sending(settings, database) as relay:
        database.on_said.append(relay.wake)
        stop = asyncio.Event()
        task = asyncio.create_task(relay.run(stop))
        try:
            yield relay
        finally:
            stop.set()
            await task


async def has_handled(database: Database, count: int) -> bool:
    return len(await database.read(handled)) >= count
