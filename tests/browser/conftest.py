"""One town on a port for a module, one Chromium for the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site, chromium, served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A town in the middle of a week, shared by the tests of a module."""
    folder: Path = tmp_path_factory.mktemp("town")
    with served(folder) as it:
        yield it


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A real headless Chromium."""
    with chromium(chromium_path) as it:
        yield it
