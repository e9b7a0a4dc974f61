"""What a real PostgreSQL and its driver raise is told apart as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from deploy.servers.postgres import running_postgres
from services.bus.database import Database, open_postgresql
from services.bus.retries import Failure, brief, failure_of
from services.bus.tables import cursors, inbox
from tests.bus.harness import NOW, postgres_database

Work = Callable[[sa.Connection], Any]


async def error_of(database: Database, work: Work) -> Exception:
    with pytest.raises((sa.exc.SQLAlchemyError, OSError)) as caught:
        await database.write(work)
    assert isinstance(caught.value, Exception)
    return caught.value


def insert(event_id: str) -> Work:
    return lambda tx: tx.execute(inbox.insert().values(event_id=event_id, received_at=NOW))


@pytest.mark.parametrize(
    ("work", "failure"),
    [
        (insert("a\x00b"), Failure.WRONG),  # the server refuses the text
        (insert("x" * 65), Failure.WRONG),  # too long for its column
        (lambda tx: tx.execute(cursors.insert().values(stream="s", position=2**70)), Failure.WRONG),  # the driver does
        (lambda tx: [insert("twice")(tx), insert("twice")(tx)], Failure.OTHER),
        (lambda tx: tx.execute(sa.text("SELECT * FROM missing")), Failure.OTHER),
        (lambda tx: [tx.execute(sa.text("SET TRANSACTION READ ONLY")), insert("standby")(tx)], Failure.AWAY),
        (lambda tx: tx.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())")), Failure.AWAY),
    ],
)
async def test_an_error_of_postgresql_is_the_failure_that_says_what_to_do(
    work: Work, failure: Failure, heard: Database
) -> None:
    error = await error_of(heard, work)
    assert failure_of(error) is failure, repr(error)


async def test_two_transactions_that_wait_for_each_other_are_nobodys_fault(heard: Database) -> None:
    await heard.write(lambda tx: tx.execute(cursors.insert(), [{"stream": s, "position": 0} for s in "ab"]))

    both = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> Failure | None:
        try:
            async with heard.writes.begin() as tx:
                await tx.execute(sa.select(cursors).where(cursors.c.stream == first).with_for_update())
                await both.wait()
                await tx.execute(sa.select(cursors).where(cursors.c.stream == second).with_for_update())
        except sa.exc.DBAPIError as error:
            return failure_of(error)
        return None

    assert {None, Failure.AWAY} == set(await asyncio.gather(lock("a", "b"), lock("b", "a")))


async def test_a_server_that_stopped_or_is_not_there_is_away_and_a_wrong_password_is_not() -> None:
    with running_postgres() as server:
        database = await postgres_database(server.url(), "matcher")
        stranger = open_postgresql(server.url().replace(server.password, "autre"), "matcher")
        refused = await error_of(stranger, insert("a"))
        assert failure_of(refused) is Failure.OTHER
        assert server.password not in brief(refused)
        await asyncio.to_thread(server.stop)
        for _ in range(3):
            assert failure_of(await error_of(database, insert("a"))) is Failure.AWAY
        await asyncio.to_thread(server.start)
        await database.write(insert("a"))
        await database.close()
        await stranger.close()


async def test_an_error_shows_no_value_that_its_statement_carried(heard: Database) -> None:
    error = await error_of(heard, insert("Dupont" + "x" * 65))
    assert "Dupont" not in str(error)
    assert "Dupont" not in brief(error)
