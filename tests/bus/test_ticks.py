"""What is due, and what happens when doing it fails: the process goes on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI

from services.bus.audit_chain import SEALING
from services.bus.database import Database
from services.bus.delivery import HANDLING
from services.bus.kafka import READING
from services.bus.relay import PUBLISHING
from services.bus.retention import PURGING
from services.bus.retries import wait_before
from services.bus.service import TICKING, Service, run_ticks
from services.bus.troubles import WORDS, Troubles
from services.bus.wiring import CONNECTING
from services.ingest.partner_door import PARTNERS
from tests.bus.harness import clock, reader_of, until


def service_of(database: Database, tick: Any) -> Service:
    async def next_due() -> datetime:
        return clock() + timedelta(milliseconds=20)

    return Service("matcher", database, reader_of(database), FastAPI(), tick, next_due)


async def test_a_tick_that_fails_ends_nothing_is_told_and_is_tried_again_more_slowly(heard: Database) -> None:
    calls: list[float] = []

    async def tick(now: datetime) -> int:
        calls.append(asyncio.get_running_loop().time())
        if len(calls) <= 5:
            raise ZeroDivisionError("a fault of ours")
        return 0

    service, stop = service_of(heard, tick), asyncio.Event()
    running = asyncio.create_task(run_ticks(service, clock, stop, asyncio.Event()))
    await until(lambda: asyncio.sleep(0, TICKING in service.reader.troubles.causes), look_every_s=0.005)
    assert "ZeroDivisionError" in service.reader.troubles.causes[TICKING]
    await until(lambda: asyncio.sleep(0, len(calls) > 8))
    assert service.reader.troubles.causes == {}
    assert calls[5] - calls[0] >= sum(wait_before(n) for n in range(1, 6))
    stop.set()
    await running


def test_whoever_asks_reads_each_part_in_french_words_beside_its_name() -> None:
    parts = (CONNECTING, HANDLING, PARTNERS, PUBLISHING, PURGING, READING, SEALING, TICKING)
    assert set(WORDS) == set(parts)
    troubles = Troubles("ingest")
    for part in (TICKING, "another"):
        troubles.begin(part, "la base ne répond pas")
    assert troubles.told() == [
        "another\u00a0: la base ne répond pas",
        "travail à l'heure dite (ticking)\u00a0: la base ne répond pas",
    ]
