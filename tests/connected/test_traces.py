"""The same trace where Apache Kafka carries the events and each service has its own schema."""

from __future__ import annotations

import pytest

from services.bus.settings import Settings
from services.calendar import FixedClock
from services.cli import workers
from tests.connected.together import running
from tests.journey.conftest import MONDAY
from tests.journey.test_journey import read_by_family
from tests.journey.test_traces import FROM_A_FREE_PLACE
from tests.journey.town import ask, open_town, open_tuesdays
from tests.journey.world import World
from tests.traced import traced, ways


async def told_why(world: World, request: str) -> list[str]:
    """What the first round says of the request: once it is told, that round is over."""
    return [*(await world.look("coordinator", f"/requests/{request}"))["phrases"]]


async def test_a_free_place_is_one_trace_through_kafka_and_every_outbox(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock(MONDAY)
    own = settings.model_copy(update={"database": database_url, "public_url": "http://127.0.0.1"})
    monkeypatch.setattr(workers, "clock_of", lambda _: clock)
    async with running(own, clock) as profile:
        world = World(profile, "t1")
        await open_town(world, automatic_release=True)
        request, _ = await ask(world)
        await world.until(lambda: told_why(world, request), "the round that the request itself caused to be over")
        with traced() as spans:
            await open_tuesdays(world)
            await world.until(lambda: read_by_family(world, request), "the family to read its text")
            assert FROM_A_FREE_PLACE in ways(spans)
