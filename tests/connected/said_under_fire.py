"""Who says events while databases and brokers die, and notes what was acknowledged."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from contracts.vacancies import VacancyReconfirmed
from services.bus import outbox
from services.bus.database import Database, open_sqlite
from services.bus.embedded import EmbeddedBus
from services.bus.retries import Failure, failure_of
from tests.bus.harness import TERRITORIES, make_tables, reader_of, said

AFTER_A_FAULT_S = 0.05
ACKNOWLEDGED = "acknowledged"


@dataclass
class Speaker:
    """Says one event after the other; one that got no answer is said again under its id."""

    database: Database
    pace_s: float = 0.0
    acknowledged: set[str] = field(default_factory=set)
    unanswered: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        for n in count():
            if stop.is_set():
                return
            await self._say(said(n, TERRITORIES[n % len(TERRITORIES)]))
            await asyncio.sleep(self.pace_s)

    async def _say(self, event: VacancyReconfirmed) -> None:
        while event.id not in self.acknowledged:
            try:
                await self.database.write(outbox.record, event)
            except sa.exc.IntegrityError:
                self.acknowledged.add(event.id)  # the answer was lost, the event was not
            except Exception as error:
                if failure_of(error) is not Failure.AWAY:
                    raise
                self.unanswered += 1
                await asyncio.sleep(AFTER_A_FAULT_S)
            else:
                self.acknowledged.add(event.id)


def live(folder: Path, first: int, careless: bool) -> None:
    """Say events on SQLite and deliver them to a reader in the same process, until it is killed.

    The number of each event that is committed is written behind the others; a careless one does so before it is.
    """
    asyncio.run(_live(folder, first, careless))


async def _live(folder: Path, first: int, careless: bool) -> None:
    writer, heard = open_sqlite(folder / "ingest.sqlite"), open_sqlite(folder / "matcher.sqlite")
    for database in (writer, heard):
        await database.write(make_tables)
    bus = EmbeddedBus({"ingest": writer, "matcher": writer, "notifier": writer}, [reader_of(heard)])
    delivering = asyncio.create_task(bus.run(asyncio.Event()))
    acknowledged = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for n in count(first):
        event = said(n, TERRITORIES[n % len(TERRITORIES)])
        if careless:
            os.write(acknowledged, b"%d\n" % n)
        await writer.write(outbox.record, event)
        if not careless:
            os.write(acknowledged, b"%d\n" % n)
        assert not delivering.done(), delivering


def acknowledged_in(folder: Path) -> list[int]:
    path = folder / ACKNOWLEDGED
    return [int(line) for line in path.read_text().split()] if path.exists() else []
