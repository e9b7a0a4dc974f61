"""The screens on real files, with or without a week's events in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from services import vault
from services.bus.database import open_sqlite
from services.calendar import FixedClock
from services.ingest.guichet import Guichet
from services.ingest.schema import create_all
from tests.ingest.pages.town import NOW, Town
from tests.ingest.proposals import LINK_KEY

DATABASE, CONTACTS = "ingest.db", "vault.db"


@dataclass
class Files:
    """What the files of a town hold once its week is lived."""

    database: bytes
    contacts: bytes


_lived: dict[bool, Files] = {}
"""By whether the week is empty. A week costs a quarter of a second to live and nothing to copy, and each test of a
process would live the same one."""


@asynccontextmanager
async def opened(folder: Path, *, empty: bool = False) -> AsyncIterator[Town]:
    """A town whose files are in `folder`, and nobody else's."""
    if empty not in _lived:
        with TemporaryDirectory() as home:
            _lived[empty] = await live(Path(home), empty=empty)
    write(_lived[empty], folder)
    async with town_in(folder) as it:
        await it.open()
        yield it
        await it.client.aclose()


async def live(home: Path, *, empty: bool) -> Files:
    """Live the week in `home`."""
    async with town_in(home) as it:
        await it.guichet.database.write(create_all)
        await it.guichet.vault.write(vault.metadata.create_all)
        await it.begin()
        if not empty:
            await it.fill()
    return read(home)


def read(home: Path) -> Files:
    assert not [*home.glob("*-wal")], "a closed file holds everything"
    return Files((home / DATABASE).read_bytes(), (home / CONTACTS).read_bytes())


def write(files: Files, home: Path) -> None:
    (home / DATABASE).write_bytes(files.database)
    (home / CONTACTS).write_bytes(files.contacts)


@asynccontextmanager
async def town_in(folder: Path) -> AsyncIterator[Town]:
    database, contacts = open_sqlite(folder / DATABASE, "OFF"), open_sqlite(folder / CONTACTS, "OFF")
    clock = FixedClock(NOW)
    yield Town(Guichet(database, contacts, vault.Keyring(b"v" * 32), clock, LINK_KEY, "http://guichet.test"), clock)
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
