"""Two processes with the same name: the second is told what to do, on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.bus import members
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.members import MemberTaken, sole_member
from tests.bus import harness

SOON_S = 0.5
HOLDER = """
import asyncio, sys
from services.bus.database import open_postgresql, open_sqlite
from services.bus.members import sole_member
from pathlib import Path

async def live(kind, where):
    database = open_sqlite(Path(where)) if kind == "sqlite" else open_postgresql(where, "matcher")
    async with sole_member(database, "matcher", "1", asyncio.Event()):
        print("locked", flush=True)
        await asyncio.sleep(60)

asyncio.run(live(*sys.argv[1:]))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.connected)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The kind of the database, and where it is."""
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "matcher.sqlite")
    return "postgresql", request.getfixturevalue("database_url")


@contextlib.asynccontextmanager
async def opened(place: tuple[str, str]) -> AsyncIterator[Database]:
    kind, where = place
    database = open_sqlite(Path(where)) if kind == "sqlite" else open_postgresql(where, "matcher")
    yield database
    await database.close()


@contextlib.contextmanager
def living(place: tuple[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Another process that is member 1 of the matcher."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, *place], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def is_free(database: Database, service: str, member: str) -> bool:
    try:
        async with sole_member(database, service, member, asyncio.Event(), 0.0):
            return True
    except MemberTaken:
        return False


async def test_a_second_process_of_the_same_name_is_refused_with_its_remedy(place: tuple[str, str]) -> None:
    with living(place):
        async with opened(place) as database:
            with pytest.raises(MemberTaken) as refused:
                async with sole_member(database, "matcher", "1", asyncio.Event(), SOON_S):
                    pass
    assert "matcher" in refused.value.cause
    assert ("BERCEAU_MEMBER" if place[0] == "postgresql" else "BERCEAU_DATA") in refused.value.remedy


async def test_a_process_that_was_killed_is_started_again_under_its_name_at_once(place: tuple[str, str]) -> None:
    with living(place) as other:
        os.kill(other.pid, signal.SIGKILL)
        async with opened(place) as database, sole_member(database, "matcher", "1", asyncio.Event()):
            assert other.wait() == -signal.SIGKILL


async def test_a_process_that_ended_in_order_leaves_its_name(place: tuple[str, str]) -> None:
    async with opened(place) as one, opened(place) as two:
        async with sole_member(one, "matcher", "1", asyncio.Event(), SOON_S):
            assert not await is_free(two, "matcher", "1")
        assert await is_free(two, "matcher", "1")


async def test_other_names_and_other_services_are_free(database_url: str) -> None:
    place = ("postgresql", database_url)
    with living(place):
        async with opened(place) as database:
            assert not await is_free(database, "matcher", "1")
            assert await is_free(database, "matcher", "2")
            assert await is_free(database, "notifier", "1")


async def test_a_name_that_another_took_while_the_database_was_away_ends_the_watch(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "WATCH_EVERY_S", 0.1)
    place, stop = ("postgresql", database_url), asyncio.Event()
    async with opened(place) as one, opened(place) as two, sole_member(one, "matcher", "1", stop, SOON_S) as name:
        other = members.Name(two, "matcher", "1", 10.0)
        await two.write(cut_the_others)
        await other.lock()
        with pytest.raises(MemberTaken):  # it looks only now: whoever looks first has the name
            await asyncio.wait_for(name.watch(stop), 10)
        await other.unlock()


async def test_a_name_is_locked_again_after_the_database_cut_the_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "WATCH_EVERY_S", 0.1)
    place, stop = ("postgresql", database_url), asyncio.Event()
    async with opened(place) as one, opened(place) as two, sole_member(one, "matcher", "1", stop, SOON_S) as name:
        watching = asyncio.create_task(name.watch(stop))
        before = name._connection
        await two.write(cut_the_others)
        await harness.until(lambda: asyncio.sleep(0, name._connection not in (None, before)))
        await asyncio.sleep(0.2)
        assert not await is_free(two, "matcher", "1")
        stop.set()
        await watching


def cut_the_others(tx: sa.Connection) -> None:
    """What a restart of the server does to every session but ours."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    tx.execute(sa.text(f"{cut} AND datname = current_database() AND backend_type = 'client backend'"))


def refused(*command: str, **given: str) -> str:
    """What the command says, which must refuse to start."""
    key = harness.settings().vault_key.get_secret_value()
    own = {"BERCEAU_VAULT_KEY": key, "BERCEAU_LINK_KEY": key, **given}
    berceau = [sys.executable, "-m", "services.cli", *command]
    ended = subprocess.run(berceau, env={**os.environ, **own}, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 5, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_berceau_worker_refuses_a_name_that_is_taken(database_url: str, kafka_bootstrap: str) -> None:
    """The whole command: its words, and its exit code."""
    with living(("postgresql", database_url)):
        carriers = {"BERCEAU_KAFKA": kafka_bootstrap, "BERCEAU_DATABASE": database_url}
        said = refused("worker", "matcher", **carriers)
    assert "tourne déjà sous le nom" in said
    assert "BERCEAU_MEMBER" in said


def test_berceau_serve_refuses_a_folder_that_another_process_serves(tmp_path: Path) -> None:
    with living(("sqlite", str(tmp_path / "matcher.sqlite"))):
        said = refused("serve", BERCEAU_DATA=str(tmp_path))
    assert "utilise déjà la base SQLite" in said
    assert "BERCEAU_DATA" in said
