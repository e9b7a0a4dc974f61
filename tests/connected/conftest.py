"""One private corner of the real broker and database for each test of the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.bus.database import Database
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics
from tests.bus import harness

PARTITIONS = 6


@pytest.fixture
def settings(kafka_bootstrap: str, topic_prefix: str) -> Settings:
    """The settings of a process on the real broker, its topics made."""
    given = harness.settings(kafka=kafka_bootstrap, kafka_prefix=topic_prefix)
    with admin(given) as client:
        create_topics(client, given, partitions=PARTITIONS, replicas=1)
    return given


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Database]:
    """The PostgreSQL schema of the service that says something."""
    database = await harness.postgres_database(database_url, "ingest")
    yield database
    await database.close()


@pytest.fixture
async def heard(database_url: str) -> AsyncIterator[Database]:
    """The PostgreSQL schema of the service that hears it."""
    database = await harness.postgres_database(database_url, "matcher")
    yield database
    await database.close()
