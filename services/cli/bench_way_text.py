"""How long a posted place takes to become a text at the operator's door, beside the floor of one such way.

The floor is what any such way has to do once: commit, wake who publishes, produce to Kafka, fetch, commit, and call
the operator over HTTP. Ours goes that way twice, by a round in between: ingest to matcher, matcher to notifier.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import httpx2
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.bus.settings import Settings
from services.cli.bench_way_door import BODY, INSERT, WRITERS
from services.cli.bench_way_places import WEEKDAYS, Door, Site, request, vacancy

OF_A_TERRITORY = 50
PATIENCE_S = 300.0
PHONE = "+3363998{:04}"
"""Numbers kept for fiction."""

TOOK = b'{"id": "bench", "status": "accepted"}'
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(TOOK), TOOK)


@dataclass
class Operator:
    """Takes every text, and notes when each phone was first written to."""

    first_at: dict[str, float] = field(default_factory=dict)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                now = time.perf_counter()
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                self.first_at.setdefault(json.loads(await reader.readexactly(length))["to"], now)
                self.called.set()
                writer.write(ANSWER)
        writer.close()

    async def texted(self, phone: str) -> float:
        """When `phone` was written to. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while phone not in self.first_at:
                self.called.clear()
                await self.called.wait()
        return self.first_at[phone]


@contextlib.asynccontextmanager
async def running_operator() -> AsyncIterator[Operator]:
    operator = Operator()
    server = await asyncio.start_server(operator.answer, "127.0.0.1", 0)
    operator.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield operator
    finally:
        server.close()


@dataclass(frozen=True)
class Wait:
    """A family that waits for one weekday at one structure."""

    territory: str
    structure: str
    weekday: str
    phone: str


@dataclass(frozen=True)
class Delays:
    """Milliseconds of each."""

    p50: float
    p99: float


async def families(site: Site, count: int) -> list[Wait]:
    """So many who wait, fifty a territory, each in a cell of its own."""
    waits = list[Wait]()
    async with site.door() as door:
        for n in range(count):
            if n % OF_A_TERRITORY == 0:
                territory = f"text-{n // OF_A_TERRITORY}"
                await site.open_territory(door, territory)
            if n % len(WEEKDAYS) == 0:
                structure = f"{territory}-S{n}"
                await site.open_structure(door, territory, structure)
            waits.append(Wait(territory, structure, WEEKDAYS[n % len(WEEKDAYS)], PHONE.format(n)))
    async with asyncio.TaskGroup() as parts:
        for k in range(WRITERS):
            parts.create_task(_ask(site, waits[k::WRITERS]))
    return waits


async def _ask(site: Site, waits: list[Wait]) -> None:
    async with site.door() as door:
        for wait in waits:
            body = request(wait.structure, wait.weekday, wait.phone)
            await door.act("POST", "/requests", body, site.keys[wait.territory])


async def _post(site: Site, door: Door, wait: Wait) -> float:
    """Post the place that this family waits for; when that began."""
    begun = time.perf_counter()
    await door.act("POST", "/vacancies", vacancy(wait.structure, wait.weekday), site.keys[wait.territory])
    return begun


async def one_after_another(site: Site, operator: Operator, waits: list[Wait]) -> list[float]:
    """Ours, alone: from a place posted to the operator's door, seconds each."""
    found = []
    for wait in waits:
        async with site.door() as door:  # open before the clock runs: a busy machine outlives a connection that rests
            begun = await _post(site, door, wait)
            found.append(await operator.texted(wait.phone) - begun)
    return found


async def at_once(site: Site, operator: Operator, waits: list[Wait]) -> list[float]:
    """Ours, in a burst: sixteen programs post as fast as they are answered."""

    async def some(mine: list[Wait]) -> list[tuple[str, float]]:
        async with site.door() as door:
            return [(wait.phone, await _post(site, door, wait)) for wait in mine]

    parts = await asyncio.gather(*(some(waits[k::WRITERS]) for k in range(WRITERS)))
    return [await operator.texted(phone) - begun for part in parts for phone, begun in part]


async def bare_ways(settings: Settings, operator: Operator, topic: str, count: int) -> list[float]:
    """The floor, one after another, seconds each."""
    out = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True)
    heard = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka, group_id=f"{topic}.floor", enable_auto_commit=False,
        auto_offset_reset="latest",
    )  # fmt: skip
    connection, wake = await asyncpg.connect((settings.database or "").replace("+asyncpg", "")), asyncio.Event()
    async with out, heard, httpx2.AsyncClient() as client:
        while await heard.getmany(timeout_ms=1_000) or not heard.assignment():
            pass  # what was there before
        publishing = asyncio.create_task(_publish(out, topic, wake))
        ways = [await _bare_way(connection, wake, heard, client, operator) for _ in range(count)]
        publishing.cancel()
    await connection.close()
    return ways


async def _publish(out: AIOKafkaProducer, topic: str, wake: asyncio.Event) -> None:
    """Who publishes, woken for each."""
    while True:
        await wake.wait()
        wake.clear()
        await out.send_and_wait(topic, BODY, key=b"bench")


async def _bare_way(
    connection: asyncpg.Connection, wake: asyncio.Event, heard: AIOKafkaConsumer, client: httpx2.AsyncClient,
    operator: Operator,
) -> float:  # fmt: skip
    begun, phone = time.perf_counter(), f"floor-{secrets.token_hex(8)}"
    await connection.execute(INSERT, secrets.token_hex(16), BODY)
    wake.set()
    await heard.getone()
    await connection.execute("INSERT INTO notifier.inbox VALUES ($1, now())", phone)
    await client.post(f"{operator.url}/messages", json={"to": phone})
    await heard.commit()
    return operator.first_at[phone] - begun


def delays(seconds: list[float]) -> Delays:
    ms = sorted(1000 * one for one in seconds)
    return Delays(statistics.median(ms), ms[min(len(ms) - 1, int(0.99 * len(ms)))])
