"""`berceau` on an installation of its own: a folder, fresh secrets, and an environment that nothing else leaks into."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from services.bus.settings import PREFIX
from tests.cli.command import Command

KEYS = {
    "BERCEAU_VAULT_KEY": base64.b64encode(b"v" * 32).decode(),
    "BERCEAU_LINK_KEY": base64.b64encode(b"l" * 32).decode(),
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of an embedded installation, set for this test only."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    own = {"BERCEAU_DATA": str(tmp_path / "data"), **KEYS}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    return own


@pytest.fixture
def berceau(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process."""
    return Command(capsys)


@pytest.fixture(autouse=True)
def logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that runs in this process must not leave its streams, closed by then, to the tests that follow."""
    monkeypatch.setattr("services.cli.serve_command.configure_logs", lambda *_: None)
    monkeypatch.setattr("services.cli.demo_command.configure_logs", lambda *_: None)
