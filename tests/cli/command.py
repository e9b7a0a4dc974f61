"""One command line, run in this process, with what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from services.cli.main import run


@dataclass(frozen=True)
class Said:
    """The exit code and the two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """What a program is told of a failure."""
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error


@dataclass
class Command:
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Said:
        self.capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        streams = self.capsys.readouterr()
        return Said(code, streams.out, streams.err)
