"""ingest's own database in memory, and the whole of it behind its doors on real files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services import vault
from services.bus.database import open_sqlite, sqlite_engine
from services.calendar import FixedClock
from services.ingest.guichet import Guichet
from services.ingest.schema import create_all
from tests.ingest import people
from tests.ingest.doors import Doors
from tests.ingest.proposals import LINK_KEY


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    """One open transaction on an empty database."""
    engine = sqlite_engine()
    with engine.begin() as connection:
        create_all(connection)
        yield connection
    engine.dispose()


@pytest.fixture
def town(tx: sa.Connection) -> sa.Connection:
    """The same with the territory and its two structures published."""
    people.publish_all(tx)
    return tx


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    """Ingest behind its doors, with the territory published and a key for everybody."""
    database, contacts = open_sqlite(tmp_path / "ingest.db", "OFF"), open_sqlite(tmp_path / "vault.db", "OFF")
    await database.write(create_all)
    await contacts.write(vault.metadata.create_all)
    clock = FixedClock(people.NOW)
    guichet = Guichet(database, contacts, vault.Keyring(b"v" * 32), clock, LINK_KEY, inbound_secret="operator-secret")
    opened = Doors(guichet, clock)
    await opened.open()
    yield opened
    await opened.close()
    await database.close()
    await contacts.close()
