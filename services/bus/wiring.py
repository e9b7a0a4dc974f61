"""A service on real carriers: its database opened and brought to the present, its events through Apache Kafka.

The process starts whatever is away, says so at `/readyz`, and waits. Asked to stop, it finishes the message in hand,
publishes what that said, and disconnects.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass, field

import uvicorn

from services.bus.allocator import give_large_pieces_back
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.delivery import Clock
from services.bus.kafka import KafkaBus, open_broker
from services.bus.members import Name, sole_member
from services.bus.migrations import upgrade
from services.bus.relay import PUBLISHING, Relay
from services.bus.service import Service, run_ticks
from services.bus.settings import Settings
from services.bus.troubles import Troubles, until_back
from services.bus.waits import first_of
from services.bus.web import WebServer

CONNECTING = "connecting"
"""The part of a process that holds its broker, among its troubles."""

PING_EVERY_S, PING_PATIENCE_S = 5.0, 2.0
LAST_FLUSH_S = 5.0
"""How long the events of the last message may take to leave; those that do not leave wait in the outbox."""


def database_at(settings: Settings, name: str) -> Database:
    """The database of service `name`, as it is: a PostgreSQL schema, or an SQLite file under `settings.data`."""
    if settings.database:
        return open_postgresql(settings.database, name)
    return open_sqlite(settings.data / f"{name}.sqlite")


async def open_database(settings: Settings, name: str, stop: asyncio.Event | None = None) -> Database:
    """The same, brought to the present. Waits for a server that is away until `stop`, then raises CancelledError."""
    database = database_at(settings, name)

    async def up_to_date() -> bool:
        await upgrade(database, name)
        return True

    if not await until_back(up_to_date, Troubles(name), "migrating", stop or asyncio.Event()):
        await database.close()
        raise asyncio.CancelledError
    return database


def web_server(service: Service, settings: Settings) -> WebServer:
    config = uvicorn.Config(service.app, settings.host, settings.port, log_config=None, access_log=False)
    return WebServer(config, service.on_stop)


@dataclass
class KafkaProcess:
    """The parts of a service's process on Kafka, and the order in which they end."""

    service: Service
    bus: KafkaBus
    relay: Relay
    stop: asyncio.Event
    clock: Clock
    due: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Work until `stop`; raises what no waiting can mend."""
        troubles = self.service.reader.troubles
        if await until_back(self._connected, troubles, CONNECTING, self.stop):
            try:
                async with asyncio.TaskGroup() as parts:
                    parts.create_task(run_ticks(self.service, self.clock, self.stop, self.due))
                    parts.create_task(self.relay.run(self.stop))
                    parts.create_task(self._look_after_the_broker(troubles))
                    await self.stop.wait()
                    await self.bus.stop_reading()
                await self._flush()
            finally:
                await self.bus.stop()

    async def _connected(self) -> bool:
        """Ready for the first event: what it would otherwise wait for is opened and loaded.

        All that is loaded stays as long as the process. The collector, which walked through it again and again (a third
        of what a batch of places cost), is told to look at it no more.
        """
        service = self.service
        for database in (service.database, *service.databases):
            await database.open_some()
        for prepare in service.on_start:
            await prepare()
        await self.bus.start()
        gc.freeze()
        return True

    async def _look_after_the_broker(self, troubles: Troubles) -> None:
        """Say when the broker does not answer: a reader that hears nothing can not tell."""
        while not self.stop.is_set():
            if await self.bus.broker.ping(PING_PATIENCE_S):
                troubles.end(CONNECTING)
            else:
                troubles.begin(CONNECTING, "le courtier Kafka ne répond pas")
            await first_of((self.stop,), PING_EVERY_S)

    async def _flush(self) -> None:
        troubles = self.service.reader.troubles
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_FLUSH_S):
                while await until_back(self.relay.publish_waiting, troubles, PUBLISHING, asyncio.Event()):
                    pass


def kafka_process(service: Service, settings: Settings, stop: asyncio.Event, clock: Clock) -> KafkaProcess:
    """The parts of `service`, put together but not started."""
    due = asyncio.Event()
    bus = KafkaBus(settings, service.reader, open_broker(settings), taken=due.set)
    relay = Relay(service.name, service.database, bus.send, clock, service.reader.troubles)
    service.reader.troubles.causes[CONNECTING] = "démarrage en cours"  # until it has begun to read
    service.share.has = bus.owns
    service.share.is_heard = lambda: CONNECTING not in service.reader.troubles.causes
    service.database.on_said.append(relay.wake)
    service.database.on_said.append(due.set)
    return KafkaProcess(service, bus, relay, stop, clock, due)


async def run_on_kafka(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Run `service` until `stop`: its reader, its relay, what is due, and its web pages. Closes it at the end.

    Raises MemberTaken where another process of this name is alive.
    """
    give_large_pieces_back()
    try:
        async with sole_member(service.database, service.name, settings.member, stop) as name:
            await _work(service, settings, stop, name)
    finally:
        await service.close()


async def _work(service: Service, settings: Settings, stop: asyncio.Event, name: Name) -> None:
    process = kafka_process(service, settings, stop, service.reader.clock)
    web = web_server(service, settings)

    async def worked() -> None:
        try:
            await process.run()
        finally:
            stop.set()
            web.should_exit = True

    async with asyncio.TaskGroup() as parts:
        parts.create_task(web.serve())
        parts.create_task(name.watch(stop))
        parts.create_task(worked())
