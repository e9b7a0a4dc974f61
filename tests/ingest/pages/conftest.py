"""The screens on real files, with or without a week's events in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services import vault
from services.bus.database import open_sqlite
from services.calendar import FixedClock
from services.ingest.guichet import Guichet
from services.ingest.schema import create_all
from tests.ingest.pages.town import NOW, Town
from tests.ingest.proposals import LINK_KEY


@asynccontextmanager
async def opened(folder: Path, *, empty: bool = False) -> AsyncIterator[Town]:
    """A town whose files are in `folder`."""
    database, contacts = open_sqlite(folder / "ingest.db", "OFF"), open_sqlite(folder / "vault.db", "OFF")
    await database.write(create_all)
    await contacts.write(vault.metadata.create_all)
    clock = FixedClock(NOW)
    guichet = Guichet(database, contacts, vault.Keyring(b"v" * 32), clock, LINK_KEY, "http://guichet.test")
    town = Town(guichet, clock)
    await town.open(empty=empty)
    yield town
    await town.client.aclose()
    await database.close()
    await contacts.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:  # type: ignore[override]
    """A town in the middle of a week."""
    async with opened(tmp_path) as it:
        yield it


@pytest.fixture
async def quiet_town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town where nothing has happened yet."""
    async with opened(tmp_path, empty=True) as it:
        yield it
