"""A database that is away does not end a demo: its people come back a little later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from services.bus.database import open_sqlite
from services.bus.pulse import DatabaseSilent
from services.calendar import PARIS, FixedClock
from services.cli.players import COMES_BACK_AFTER, Players
from services.cli.town import keep_trying

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)


class SilentAtFirst:
    """A database that hangs so many times; `kept` what it did all the same before it fell silent."""

    def __init__(self, silent: int, *, kept: bool = False) -> None:
        self.silent, self.kept, self.rows = silent, kept, list[str]()

    async def write(self, do: Callable[..., Any], *args: Any) -> None:
        self.silent -= 1
        if self.silent < 0 or self.kept:
            if args[0] in self.rows:
                raise sa.exc.IntegrityError("insert", {}, ValueError("it is there"))
            self.rows.append(args[0])
        if self.silent >= 0:
            raise DatabaseSilent

    async def read(self, do: Callable[..., Any], *args: Any) -> list[Any]:
        self.silent -= 1
        if self.silent >= 0:
            raise DatabaseSilent
        return []


def players_at(database: Any, clock: FixedClock) -> Players:
    town: Any = SimpleNamespace(clock=clock, databases={"ingest": database})
    nothing: Any = None
    return Players(town, nothing, nothing, 7, {})


async def test_who_finds_the_guichet_away_comes_back_a_little_later() -> None:
    clock, tries = FixedClock(NOW), list[datetime]()
    database = SilentAtFirst(1)
    players = players_at(SilentAtFirst(0), clock)

    async def do() -> None:
        tries.append(clock())
        await database.write(lambda: None, "a gesture")

    players.plan(NOW, do)
    await players.act(NOW)
    assert database.rows == []
    clock.advance(COMES_BACK_AFTER + timedelta(seconds=1))
    await players.act(clock())
    assert (len(tries), database.rows, players.agenda) == (2, ["a gesture"], [])


async def test_a_look_at_screens_that_are_away_is_taken_another_time() -> None:
    players = players_at(SilentAtFirst(1), FixedClock(NOW))
    assert [await players.act(NOW) for _ in range(2)] == [0, 0]


async def test_a_fault_of_the_demo_itself_ends_it() -> None:
    """The twin."""
    players = players_at(SilentAtFirst(0), FixedClock(NOW))

    async def do() -> None:
        raise KeyError("a mistake")

    players.plan(NOW, do)
    with pytest.raises(KeyError):
        await players.act(NOW)


@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept without an answer"])
async def test_families_who_move_in_while_the_database_hangs_are_written_once(kept: bool) -> None:
    database: Any = SilentAtFirst(2 if not kept else 1, kept=kept)
    await keep_trying(database, lambda tx, name: None, "a family")
    assert database.rows == ["a family"]


async def test_what_is_written_twice_by_mistake_is_told(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "x.sqlite", durability="OFF")
    await database.write(lambda tx: tx.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)") and None)
    insert = "INSERT INTO t VALUES (1)"
    await keep_trying(database, lambda tx: tx.exec_driver_sql(insert))
    with pytest.raises(sa.exc.IntegrityError):
        await keep_trying(database, lambda tx: tx.exec_driver_sql(insert))
    await database.close()
