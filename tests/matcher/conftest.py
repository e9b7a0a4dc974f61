"""A small territory for the tests of the matcher's service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.matcher.world import World, empty_engine


@pytest.fixture
def world() -> World:
    return World().begin()


@pytest.fixture(scope="module")
def engine() -> sa.Engine:
    return empty_engine()


@pytest.fixture
def tx(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of which nothing stays: the tests of a module share their tables."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()
