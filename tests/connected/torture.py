"""The table of the long tests: each run writes its line, and `docs/torture.md` is made from the lines.

    python -m tests.connected.torture --check

A line says what was done, what was found, what the twin found, and on what: commit, versions, processors and load. A
line is replaced by the next run of its test; nobody edits the table by hand.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deploy.servers.kafka import LIBS
from deploy.servers.postgres import find_binaries, postgres_version

DOCS = Path(__file__).resolve().parents[2] / "docs"
LINES, TABLE = DOCS / "torture.json", DOCS / "torture.md"
HEADER = """# Les longs essais

Fait par `make torture` : chaque essai écrit sa ligne dans `docs/torture.json`, et cette table en est tirée. À côté de
chaque essai se trouve son jumeau, le même sans la garde, qui doit échouer : sinon l'essai ne montre rien. Les durées
dépendent de la machine et de sa charge ; elles ne sont jamais une condition.

| essai | ce qui est fait | trouvé | jumeau | graine | secondes | base et courtier | versions | commit | charge |
|---|---|---|---|---|---|---|---|---|---|
"""

FOUND = Path(__file__).parent / "torture_found.md"
"""What the tests found on the way, written by hand: it stands below the table."""

COLUMNS = ("done", "found", "twin", "seed", "seconds", "on", "versions", "commit", "load")


def record(
    test: str, done: str, found: str, *, twin: str = "", seed: int | None = None, begun: float, on: str
) -> None:  # fmt: skip
    """Note what a long test found; `begun` is when it began (`time.monotonic`), `on` names database and broker."""
    line = {
        "done": done, "found": found, "twin": twin, "seed": seed, "seconds": round(time.monotonic() - begun),
        "on": on, "versions": versions(), "commit": COMMIT,
        "load": f"{os.getloadavg()[1]:.1f} / {os.cpu_count()} cœurs",
    }  # fmt: skip
    lines = read()
    lines[test] = {**line, "twin": twin or lines.get(test, {}).get("twin", "")}
    _write(lines)
    print(f"{test}: {done}; {found}")


def record_twin(test: str, found: str) -> None:
    """Note what the twin of a long test found: the guard off."""
    lines = read()
    lines.setdefault(test, {})["twin"] = found
    _write(lines)
    print(f"{test}, twin: {found}")


def read() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(LINES.read_text(encoding="utf-8")) if LINES.exists() else {}
    return found


def _write(lines: Mapping[str, Mapping[str, Any]]) -> None:
    in_order = {test: lines[test] for test in sorted(lines, key=_order)}
    LINES.write_text(json.dumps(in_order, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(rendered(in_order), encoding="utf-8")


def _order(test: str) -> tuple[int, str]:
    number = "".join(letter for letter in test.split()[0] if letter.isdigit())
    return (int(number or 99), test)


def rendered(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """The table that these lines give."""
    rows = [" | ".join([f"| {test}", *(_cell(line.get(name)) for name in COLUMNS)]) for test, line in lines.items()]
    return HEADER + "".join(f"{row} |\n" for row in rows) + FOUND.read_text(encoding="utf-8")


def _cell(value: object) -> str:
    return "–" if value in (None, "") else str(value)


def postgres() -> str:
    return f"PostgreSQL {postgres_version(find_binaries())}"


def kafka() -> str:
    jar = next(LIBS.glob("kafka_*.jar")).stem
    return f"Apache Kafka {jar.rpartition('-')[2]}"


def sqlite() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def versions() -> str:
    named = ("faststream", "aiokafka", "sqlalchemy", "asyncpg")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in named)])


def _commit() -> str:
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=DOCS
    )
    return head.stdout.strip()


COMMIT = _commit()
"""What runs here, whatever is taken meanwhile."""

if __name__ == "__main__":
    sys.exit(0 if TABLE.read_text(encoding="utf-8") == rendered(read()) else 1)
