"""The same scenarios on each profile: in one process, and on real Kafka and PostgreSQL with a process a service."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from services.calendar import PARIS
from tests.journey.embedded import open_profile
from tests.journey.world import World

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    profile = await open_profile(tmp_path, MONDAY)
    yield World(profile, f"t{secrets.token_hex(3)}")
    await profile.api.aclose()
    await profile.town.close()
