"""In the demo a family asks for another place for a child who has one: once, and in hours that a form takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.vocabulary import RequestKind
from services.bus.database import Database, open_sqlite
from services.bus.migrations import upgrade
from services.cli.asked_again import who_may_move
from services.ingest import store
from services.ingest.projection import tables as seen

TODAY = date(2026, 12, 2)
NOW = datetime(2026, 12, 2, 9, tzinfo=UTC)
ASKED = {"day": "mon", "start": "08:00:00", "end": "17:00:00"}
WITH_THE_WAY = {"day": "mon", "start": "07:40:00", "end": "17:20:00"}
NEED = {
    "kind": "regular", "born": "2026-01-10", "commune": "03185", "period": {"start": "2026-12-07"},
    "travel_minutes": 20,
    "wishes": [{"structure": "S-a", "rank": 1}, {"structure": "S-b", "rank": 2}],
    "patterns": [{"slots": [ASKED], "rank": 1}], "accepts_partial": True, "min_days": 1,
    "accepts_split": True,
}  # fmt: skip


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_sqlite(tmp_path / "ingest.sqlite", "OFF")
    await upgrade(database, "ingest")
    yield database
    await database.close()


def ask(tx: sa.Connection, request: str, kind: str = "regular") -> None:
    about = {"id": request, "territory": "t", "family": "F-1", "child": "E-1", "kind": kind, "state": "open"}
    store.put(tx, store.requests, {**about, "need": {**NEED, "kind": kind}, "registered_at": NOW})


def place(tx: sa.Connection, request: str, **otherwise: Any) -> None:
    row = {"id": f"O-{request}", "territory": "t", "request": request, "structure": "S-b", "slots": [WITH_THE_WAY]}
    dates = {"start": date(2026, 12, 7), "confirmed_at": NOW}
    tx.execute(seen.placements.insert().values(**{**row, **dates, **otherwise}))


async def test_a_child_asks_for_its_better_wish_in_the_week_it_asked_for(ingest: Database) -> None:
    await ingest.write(ask, "R-1")
    await ingest.write(place, "R-1")
    (asked,) = await ingest.read(who_may_move, "S-b", TODAY)
    assert (asked.request, asked.need.kind, asked.need.current) == ("R-1-bis", RequestKind.TRANSFER, "O-R-1")
    assert [wish.structure for wish in asked.need.wishes] == ["S-a"]
    assert [slot.model_dump(mode="json") for slot in asked.need.patterns[0].slots] == [ASKED]
    assert (asked.need.accepts_partial, asked.need.period.start) == (False, date(2026, 12, 30))
    assert not asked.need.accepts_split, "one wish is left, and a child who has a place shares no week"


async def test_nobody_asks_twice_nor_for_a_place_that_is_left_or_for_a_part_of_the_days(ingest: Database) -> None:
    for name in ("R-1", "R-2", "R-3", "R-4"):
        await ingest.write(ask, name)
    await ingest.write(ask, "R-1-bis", "transfer")
    await ingest.write(place, "R-1")
    await ingest.write(lambda tx: place(tx, "R-2", last_day=date(2027, 1, 8)))
    await ingest.write(lambda tx: place(tx, "R-3", partial=True))
    await ingest.write(place, "R-4")
    assert [asked.request for asked in await ingest.read(who_may_move, "S-b", TODAY)] == ["R-4-bis"]
    assert await ingest.read(who_may_move, "S-a", TODAY) == []
