"""The files of the embedded profile, copied while the service runs, all at one instant.

All at one instant, because a reader's cursor counts the rows of its writer: a copy of the reader that is newer than
that of its writer would pass over what the writer says after a restore.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from services.bus.database import BUSY_MS, sqlite_engine
from services.bus.migrations import SERVICES
from services.cli.backup_manifest import SEE, States, states_of
from services.cli.failures import NBSP, CommandFailed


def copy(data: Path, folder: Path) -> States:
    """Copy every database of `data` into `folder`; the hashes of the states that were copied."""
    with contextlib.ExitStack() as opened:
        sources = {name: opened.enter_context(_opened(data / f"{name}.sqlite")) for name in SERVICES}
        _at_one_instant(sources)
        for name, source in sources.items():
            with _opened(folder / f"{name}.sqlite") as target:
                source.backup(target)
                _check_whole(target, name)
    return _states(folder)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)) as connection:
        yield connection


def _at_one_instant(sources: dict[str, sqlite3.Connection]) -> None:
    """Begin a reading of each file while none can be written: every writer waits for these few statements."""
    with contextlib.ExitStack() as held:
        for source in sources.values():
            (path,) = [row[2] for row in source.execute("PRAGMA database_list")]
            writer = held.enter_context(_opened(Path(path)))
            writer.execute("BEGIN IMMEDIATE")
        for source in sources.values():
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _check_whole(target: sqlite3.Connection, name: str) -> None:
    (said,) = target.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        cause = f"La base {name} est abîmée{NBSP}: {said}."
        raise CommandFailed(cause, "Ne l'écrasez pas, et restaurez la sauvegarde d'avant.", SEE)


def _states(folder: Path) -> States:
    engines = {name: sqlite_engine(folder / f"{name}.sqlite") for name in ("ingest", "matcher")}
    with contextlib.ExitStack() as opened:
        reading: dict[str, sa.Connection] = {
            name: opened.enter_context(engine.begin()) for name, engine in engines.items()
        }
        found = states_of(reading.__getitem__)
    for engine in engines.values():
        engine.dispose()
    return found


def is_there(data: Path) -> bool:
    return any((data / f"{name}.sqlite").exists() for name in SERVICES)


def is_running(data: Path) -> bool:
    """Whether somebody has one of these files open: only who is alone may lock it whole."""
    return any(_is_open(data / f"{name}.sqlite") for name in SERVICES if (data / f"{name}.sqlite").exists())


def _is_open(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
        return False


ASIDE = "avant-"


def put_aside(data: Path, stamp: str) -> Path:
    """Keep what is there in a folder of its own; where.

    It stays within `data`: the account of the service may write nowhere else, and a volume can not be renamed.
    """
    aside = data / f"{ASIDE}{stamp}"
    there = [path for path in data.iterdir() if not path.name.startswith(ASIDE)]
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    return aside


def bring_back(backup: Path, data: Path) -> None:
    """Copy the databases of `backup` to `data`, which holds none."""
    data.mkdir(parents=True, exist_ok=True)
    for name in SERVICES:
        shutil.copyfile(backup / f"{name}.sqlite", data / f"{name}.sqlite")
        (data / f"{name}.sqlite").chmod(0o600)
