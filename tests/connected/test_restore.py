"""A cluster comes back from its backup on fresh topics, and what a service had not heard yet is said to it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.vocabulary import ProposalState
from services.bus import outbox
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics
from services.calendar import FixedClock
from services.cli import backup, workers
from services.cli.all_topics import ALL_TOPICS
from services.cli.checks_of_carriers import broker
from tests.connected.together import OnKafka, running
from tests.journey.conftest import MONDAY
from tests.journey.town import ask, open_town, open_tuesdays
from tests.journey.world import World


async def test_what_the_matcher_had_not_heard_at_the_backup_reaches_it_after_the_restore(
    settings: Settings, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock(MONDAY)
    monkeypatch.setattr(workers, "clock_of", lambda _: clock)
    own = settings.model_copy(update={"database": database_url, "public_url": "http://127.0.0.1"})
    async with running(own, clock, ("ingest",)) as alone:
        world = World(alone, "t1")
        await open_town(world)
        request, _ = await ask(world)
        await open_tuesdays(world)
        await world.until(lambda: all_published(alone), "the broker to have everything")
    after, done = await restored_to_fresh_topics(own, "r1.", tmp_path)
    assert done.same == {"t1": True}
    assert done.published_again >= 4, "the territory, its crèche, the request and the place"
    async with running(after, clock) as profile:
        await World(profile, "t1", world.keys).proposal_of(request, ProposalState.PREPARED)
        await World(profile, "t1").until(lambda: all_published(profile), "the broker to have everything")
    again, _ = await restored_to_fresh_topics(after, "r2.", tmp_path)
    topics = [check for check in await broker(again) if check.name.startswith("sujet ")]
    assert [check.detail for check in topics if check.state == "failed"] == [], "what was heard is missed by nobody"


async def restored_to_fresh_topics(own: Settings, prefix: str, folder: Path) -> tuple[Settings, backup.Restored]:
    """A backup of now, brought back beside topics that hold nothing."""
    saved = await backup._save(own, folder)
    after = own.model_copy(update={"kafka_prefix": f"{own.kafka_prefix}{prefix}"})
    with admin(after) as client:
        create_topics(client, after, partitions=2, replicas=1, retention_days=ALL_TOPICS)
    return after, await backup.restored(after, Path(saved.backup), replace=True)


async def all_published(profile: OnKafka) -> bool:
    return await profile.ingest.read(outbox.oldest_unpublished) is None
