"""A small territory for the tests of the matcher's service."""

from __future__ import annotations

import pytest

from tests.matcher.world import World


@pytest.fixture
def world() -> World:
    return World().begin()
