"""ingest's own database in memory, with an invented territory in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from services.bus.database import sqlite_engine
from services.ingest.schema import create_all
from tests.ingest import people


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
