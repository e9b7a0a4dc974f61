"""Schemathesis against the JSON door, served for real, with a key for every invented person.

It reads `/openapi.json`, sends what the description allows and what it forbids, and holds each answer to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tests.ingest.doors import Doors

PEERS = ("director", "other_director", "counsellor", "other_counsellor")
"""People who must not see each other's files."""

NOT_HELD_TO = "positive_data_acceptance"
"""A description says what a body looks like, not whether a section exists or a date is a working day."""


SHORT = "fuzzing"
"""What is allowed and what is not, drawn from one seed."""

LONG = "coverage,fuzzing,stateful"
"""Moreover each bound, each missing part, each method that is not there; and one act after another."""

SAID = "schemathesis.txt"


@dataclass(frozen=True)
class Run:
    """How a run ended, and all that it printed."""

    code: int
    words: str

    @property
    def found(self) -> list[str]:
        """The failures of its summary, by their codes."""
        return [line.split()[1] for line in self.words.splitlines() if line.strip().startswith("❌ ST")]


@contextlib.asynccontextmanager
async def served(doors: Doors) -> AsyncIterator[str]:
    """The door on a free port. Its address."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(doors.service.app, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[port]))
        yield f"http://127.0.0.1:{port.getsockname()[1]}"
        server.should_exit = True
        await serving


async def fuzz(
    doors: Doors, folder: Path, names: dict[str, str], *only: str, phases: str = SHORT, examples: int = 2
) -> Run:
    """Let it try every operation, or the paths in `only`; `names` are ids of things that are there.

    What it says stands in `folder` as it says it, for whoever wonders how far a long run has come.
    """
    _write_settings(doors, folder, names)
    said = folder / SAID
    async with served(doors) as address:
        with said.open("wb") as words:
            process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("st")), "run", f"{address}/openapi.json", "--no-color",
                "--seed", "1", "--checks", "all,object_level_authorization", "--exclude-checks", NOT_HELD_TO,
                "--warnings", "off", "--phases", phases, "--max-examples", str(examples), "--continue-on-failure",
                *(word for path in only for word in ("--include-path", path)),
                cwd=folder, stdout=words, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:  # this test was stopped: nobody waits for what it would still find
                process.kill()
    return Run(code, said.read_text(encoding="utf-8"))


def _write_settings(doors: Doors, folder: Path, names: dict[str, str]) -> None:
    people = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for name, key in sorted(doors.keys.items())
    ]
    (folder / "people.json").write_text(json.dumps({"auth": people}))
    lines = [
        "[auth.wfc]", 'path = "people.json"', 'user = "coordinator"', f"peers = {json.dumps(PEERS)}",
        "[parameters]", *(f'"path.{name}" = {json.dumps(value)}' for name, value in names.items()),
    ]  # fmt: skip
    (folder / "schemathesis.toml").write_text("\n".join(lines))
