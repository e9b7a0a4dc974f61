"""A guichet on databases of its own, with the territory and its structures in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ingest.files import import_file
from services.ingest.guichet import Guichet
from services.territory import Territory
from services.territory.files import structures_csv
from tests.ingest.files import town


@pytest.fixture(scope="session")
def tiny() -> Territory:
    """Drawn once: five structures, some thirty places and twenty requests."""
    return town.town()


@pytest.fixture
async def empty(tmp_path: Path, tiny: Territory) -> AsyncIterator[Guichet]:
    """The territory and its counsellors, no structure yet."""
    async with town.opened(tmp_path) as guichet:
        await town.move_in(guichet.database, tiny)
        yield guichet


@pytest.fixture
async def guichet(empty: Guichet, tiny: Territory) -> Guichet:
    """The same with the structures imported from their file."""
    summary = await import_file(empty, town.act(), "structures", structures_csv(tiny).encoded())
    assert summary.rejected == ()
    return empty
