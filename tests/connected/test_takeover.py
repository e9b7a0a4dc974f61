"""Two matchers: each has its own territories, and when one dies the other decides for its within seconds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.bus.database import Database, open_postgresql
from services.bus.settings import Settings
from tests.bus.harness import until
from tests.connected.matchers import a_child_more, matchers, owners, proposed_in, tell, town_events

TOWNS = [f"town-{n:02}" for n in range(12)]


@pytest.fixture
async def decided(database_url: str) -> AsyncIterator[Database]:
    """What the matchers keep; they make its tables themselves."""
    database = open_postgresql(database_url, "matcher")
    yield database
    await database.close()


async def test_the_territories_of_a_matcher_that_dies_are_decided_by_the_other_within_seconds(
    settings: Settings, writer: Database, decided: Database, database_url: str, tmp_path: Path
) -> None:
    await tell(settings, writer, [event for town in TOWNS for event in town_events(town)])
    with matchers(settings, database_url, tmp_path, 2) as (one, _):
        await until(lambda: have(decided, 1), patience_s=90)
        await until(lambda: are_shared(decided), patience_s=60)
        orphans = [town for town, member in (await decided.read(owners)).items() if member == "1"]
        one.kill()
        begun = time.monotonic()
        await tell(settings, writer, [event for town in TOWNS for event in a_child_more(town, 1)])
        await until(lambda: have(decided, 2), patience_s=60)
        took = time.monotonic() - begun
    assert {(await decided.read(owners))[town] for town in orphans} == {"2"}
    print(f"{len(orphans)} territories taken over and decided {took:.1f} s after the kill")


async def have(database: Database, proposals: int) -> bool:
    found = await database.read(proposed_in)
    return all(found.get(town, 0) == proposals for town in TOWNS)


async def are_shared(database: Database) -> bool:
    return set((await database.read(owners)).values()) == {"1", "2"}
