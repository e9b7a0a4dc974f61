"""The first place is rehearsed about nobody: all of it is asked, and none of it stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from services.bus import tables as bus
from services.bus.database import Database, open_sqlite
from services.matcher import tables as t
from services.matcher.app import decide_here
from services.matcher.rehearsal import rehearse
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import SolverDied
from tests.matcher.world import now_at


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = open_sqlite(tmp_path / "rehearsed.sqlite", durability="OFF")
    for metadata in (bus.metadata, t.metadata):
        await made.write(metadata.create_all)
    yield made
    await made.close()


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """Every statement that a database is asked."""
    found = list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(" ".join(statement.split()))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def rows(tx: sa.Connection) -> int:
    tables = [*bus.metadata.tables.values(), *t.metadata.tables.values()]
    return sum(tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables)


async def test_a_whole_place_is_lived_and_nothing_stays(database: Database, asked: list[str]) -> None:
    outcomes = list[Outcome]()

    async def decide(part: Round) -> Outcome:
        outcomes.append(await decide_here(part))
        return outcomes[-1]

    with structlog.testing.capture_logs() as log:
        await rehearse(database, decide, lambda: now_at(9))
    assert log == []
    assert [len(outcome.placed) for outcome in outcomes] == [1]
    for table in ("inbox", "leases", "vacancies", "holds", "proposals", "timers", "outbox", "explanations", "rounds"):
        assert any(statement.startswith(f"INSERT INTO {table} ") for statement in asked), table
    assert await database.read(rows) == 0


async def test_one_that_fails_is_told_and_keeps_nobody_from_starting(database: Database) -> None:
    async def decide(part: Round) -> Outcome:
        raise ValueError("a fault of ours")

    with structlog.testing.capture_logs() as log:
        await rehearse(database, decide, lambda: now_at(9))
    assert [line["event"] for line in log] == ["not rehearsed"]


async def test_what_is_away_is_waited_for_before_the_start(database: Database) -> None:
    async def decide(part: Round) -> Outcome:
        raise SolverDied("ended from outside")

    with pytest.raises(SolverDied):
        await rehearse(database, decide, lambda: now_at(9))
