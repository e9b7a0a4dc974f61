"""The same scenarios on each profile: in one process, and on real Kafka and PostgreSQL with a process a service."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from services.calendar import PARIS
from tests import servers
from tests.journey.cluster import Cluster, next_monday_morning, open_cluster_profile, running_cluster
from tests.journey.embedded import open_profile
from tests.journey.world import World

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str, postgres_url: str) -> Iterator[Cluster]:
    """The three services as processes, shared by every scenario: each has a territory of its own."""
    home = tmp_path_factory.mktemp("cluster")
    prefix = f"journey{secrets.token_hex(4)}."
    with (
        servers.fresh_database(postgres_url) as database,
        running_cluster(home, kafka_bootstrap, database, prefix, MONDAY) as running,
    ):
        yield running


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.connected)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    territory = f"t{secrets.token_hex(3)}"
    if request.param == "embedded":
        profile = await open_profile(tmp_path, MONDAY)
        yield World(profile, territory)
        await profile.api.aclose()
        await profile.town.close()
    else:
        async with open_cluster_profile(request.getfixturevalue("cluster"), territory) as shared:
            next_monday_morning(shared)
            yield World(shared, territory)
