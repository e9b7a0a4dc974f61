"""The databases of a writer and of a reader, as SQLite files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.bus.database import Database
from tests.bus import harness


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Database]:
    database = await harness.sqlite_database(tmp_path, "ingest")
    yield database
    await database.close()


@pytest.fixture
async def heard(tmp_path: Path) -> AsyncIterator[Database]:
    database = await harness.sqlite_database(tmp_path, "matcher")
    yield database
    await database.close()
