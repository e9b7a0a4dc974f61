"""One synthetic territory for the whole folder: drawing it again for each test would only cost time."""

from __future__ import annotations

from datetime import date

import pytest

from services.territory import Territory, synthesise

MONDAY = date(2026, 11, 2)


@pytest.fixture(scope="session")
def territory() -> Territory:
    return synthesise(7, MONDAY)
