"""The leases row by row, on a clock that stands still: who owns what, until when, and what a takeover leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from services.bus import migrations
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.retries import brief
from services.bus.service import Share
from services.matcher import leases
from services.matcher import tables as t
from services.matcher.leases import LEASE_S, RENEWALS_A_LEASE, Holder, Lease, LeaseLost, Tenure
from tests.bus.harness import until
from tests.matcher.test_leases import publish
from tests.matcher.world import empty_engine, now_at

NOON = datetime(2026, 9, 7, 12, tzinfo=UTC)
ONE, FORMER, TWO = Holder("1", "x"), Holder("1", "y"), Holder("2", "x")
"""A process, the same in an earlier life, and another that drew the same life."""


@pytest.fixture
def tx(monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Connection]:
    clock_says(monkeypatch, NOON)
    with empty_engine().begin() as connection:
        yield connection


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_sqlite(tmp_path / "matcher.sqlite", durability="OFF")
    await migrations.upgrade(database, "matcher")
    yield database
    await database.close()


def clock_says(monkeypatch: pytest.MonkeyPatch, when: datetime) -> None:
    monkeypatch.setattr(leases, "database_now", lambda tx: when)


def rows(tx: sa.Connection) -> dict[str, tuple[str, str, int, float]]:
    """By territory: who holds it, its token and how many seconds past noon it ends."""
    return {
        row.territory: (row.member, row.life, row.token, (row.until - NOON).total_seconds())
        for row in tx.execute(sa.select(t.leases))
    }


def held_by_each(tx: sa.Connection) -> None:
    for territory, holder in (("a", ONE), ("b", FORMER), ("c", TWO), ("d", ONE)):
        leases.hold(tx, territory, holder, 60)


def test_the_databases_clock_is_the_hour_it_is_to_the_millisecond() -> None:
    with empty_engine().begin() as tx:
        before, told = datetime.now(UTC), leases.database_now(tx)
        assert before - timedelta(milliseconds=2) <= told <= datetime.now(UTC)


def test_a_lease_lasts_what_it_is_taken_for_and_its_owner_is_on_its_row(tx: sa.Connection) -> None:
    assert leases.hold(tx, "a", ONE) == 1
    assert rows(tx) == {"a": ("1", "x", 1, LEASE_S)}
    leases.renew(tx, ONE)
    leases.hold(tx, "b", TWO, 60)
    assert rows(tx) == {"a": ("1", "x", 1, LEASE_S), "b": ("2", "x", 1, 60)}


def test_a_new_row_is_nobodys_and_free_at_once(tx: sa.Connection) -> None:
    leases._make(tx, "a")
    assert rows(tx) == {"a": ("", "", 0, 0)}
    leases._make(tx, "a")
    assert len(rows(tx)) == 1


def test_a_lease_is_over_at_the_very_instant_of_its_end_and_not_before(
    tx: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tx, "a")
    leases.hold(tx, "a", ONE, 60)
    clock_says(monkeypatch, NOON + timedelta(seconds=59.999))
    assert leases.free(tx, TWO) == []
    with pytest.raises(LeaseLost, match="le territoire a est au processus 1 jusqu'à 12:01:00 UTC"):
        leases.hold(tx, "a", TWO)
    clock_says(monkeypatch, NOON + timedelta(seconds=60))
    assert leases.free(tx, TWO) == ["a"]
    assert leases.hold(tx, "a", TWO, 60) == 2
    assert tx.scalar(sa.select(t.leases.c.taken_at)) == NOON + timedelta(seconds=60)
    with pytest.raises(LeaseLost, match=r"le territoire a a changé de processus depuis \(jeton 1\)"):
        leases.check(tx, "a", 1)


def test_what_a_process_may_take_is_what_nobody_has_and_what_its_earlier_life_had(tx: sa.Connection) -> None:
    publish(tx, "e", "d", "c", "b", "a")
    held_by_each(tx)
    assert leases.free(tx, ONE) == ["b", "e"]
    assert leases.free(tx, FORMER) == ["a", "d", "e"]
    assert leases.free(tx, TWO) == ["e"]


def test_a_lease_that_is_over_is_not_free_for_its_own_process(
    tx: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tx, "a")
    leases.hold(tx, "a", ONE, 60)
    clock_says(monkeypatch, NOON + timedelta(hours=1))
    assert leases.free(tx, ONE) == []
    assert leases.free(tx, FORMER) == ["a"]


def test_a_process_renews_and_lets_go_only_what_is_its_own_in_this_life(
    tx: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by_each(tx)
    clock_says(monkeypatch, NOON + timedelta(seconds=10))
    leases.renew(tx, ONE, 60)
    leases.let_go(tx, ONE, ["a", "b", "c"])
    assert rows(tx) == {"a": ("", "", 1, 10), "b": ("1", "y", 1, 60), "c": ("2", "x", 1, 60), "d": ("1", "x", 1, 70)}
    assert leases.owned(tx, ONE) == {"d": 1}
    assert leases.hold(tx, "a", TWO) == 2


def test_what_a_process_owns_is_told_in_order_with_its_tokens(tx: sa.Connection) -> None:
    for territory in ("c", "a", "b"):
        leases.hold(tx, territory, FORMER)
        leases.hold(tx, territory, ONE)
    assert list(leases.owned(tx, ONE).items()) == [("a", 2), ("b", 2), ("c", 2)]
    assert leases.owned(tx, FORMER) == {}


def test_a_lease_lets_write_who_has_its_token_and_nobody_else(tx: sa.Connection) -> None:
    leases.hold(tx, "a", ONE)
    Lease("a", 1, NOON).fence(tx)
    for other in (Lease("a", 2, NOON), Lease("b", 1, NOON)):
        with pytest.raises(LeaseLost):
            other.fence(tx)


def test_all_the_territories_of_a_transaction_are_held_as_long_as_the_tenure_says(tx: sa.Connection) -> None:
    tenure = Tenure(database=None, share=Share(), holder=ONE, seconds=33)  # type: ignore[arg-type]  # asks none
    tenure.hold_all(tx, ["a", "b"])
    assert rows(tx) == dict.fromkeys("ab", ("1", "x", 1, 33))


async def test_a_process_keeps_saying_since_when_it_owns_a_territory(database: Database) -> None:
    await database.write(publish, "a", "b")
    tenure = Tenure(database, Share(), ONE, 60)
    first = await tenure.look(now_at(9))
    assert dict(first) == {name: Lease(name, 1, now_at(9)) for name in ("a", "b")}
    assert await tenure.look(now_at(10)) == first


async def test_the_log_says_what_a_process_takes_and_lets_go(database: Database) -> None:
    await database.write(publish, "a", "b")
    given = {"a", "b"}
    tenure = Tenure(database, Share(has=lambda name: name in given), ONE, 60)
    with structlog.testing.capture_logs() as log:
        await tenure.look(now_at(9))
        given.remove("a")
        assert set(await tenure.look(now_at(9))) == {"b"}
    assert log == [
        {"event": "territory taken", "territory": "a", "token": 1, "log_level": "info"},
        {"event": "territory taken", "territory": "b", "token": 1, "log_level": "info"},
        {"event": "territories let go", "territories": 1, "log_level": "info"},
    ]


async def test_leases_are_renewed_and_looked_for_a_third_of_their_length_apart(database: Database) -> None:
    await database.write(publish, "a")
    tenure = Tenure(database, Share(), ONE, 60)
    begun = asyncio.get_running_loop().time()
    await tenure.look(now_at(9))
    assert begun <= tenure._renew_at - 60 / RENEWALS_A_LEASE <= asyncio.get_running_loop().time()
    await database.write(publish, "b")
    assert set(await tenure.look(now_at(9))) == {"a"}
    tenure._renew_at = begun
    assert set(await tenure.look(now_at(9))) == {"a", "b"}


async def test_what_is_renewed_ends_as_late_as_a_lease_is_long(database: Database) -> None:
    await database.write(publish, "a")
    tenure = Tenure(database, Share(), ONE, 60)
    await tenure.look(now_at(9))
    tenure.seconds = 3600
    await tenure._renew()
    until = await database.read(lambda tx: tx.scalar(sa.select(t.leases.c.until)))
    assert until is not None and until > datetime.now(UTC) + timedelta(seconds=3000)


async def test_a_deaf_process_takes_nothing_and_renews_nothing(database: Database) -> None:
    await database.write(publish, "a")
    deaf = Tenure(database, Share(is_heard=lambda: False), ONE, 60)
    assert not await deaf.look(now_at(9))
    await database.write(leases.hold, "a", ONE, 60.0)
    before = await database.read(rows)
    await deaf._renew()
    assert await database.read(rows) == before


async def test_who_is_slower_to_take_a_territory_takes_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw it free; one was first."""
    await database.write(publish, "a", "b")
    await database.write(leases.hold, "a", TWO, 60.0)
    monkeypatch.setattr(leases, "free", lambda tx, holder: ["a", "b"])
    assert set(await Tenure(database, Share(), ONE, 60).look(now_at(9))) == {"b"}


AWAY, WRONG = ConnectionError("gone"), LookupError("not a matter of waiting")


class Failing:
    """A database that fails at once; how often it was asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def read(self, *given: object) -> object:
        self.asked += 1
        raise self.error

    write = read


async def test_renewing_goes_on_while_the_database_is_away_and_says_so() -> None:
    database = Failing(AWAY)
    tenure = Tenure(database, Share(), ONE, 0.003)  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as log:
        async with tenure.renewed():
            await until(lambda: asyncio.sleep(0, database.asked > 2), patience_s=5, look_every_s=0.001)
    assert {(line["event"], line["cause"]) for line in log} == {("leases not renewed", brief(AWAY))}
    await tenure.close()


async def test_what_is_not_a_matter_of_waiting_ends_the_renewing_and_is_raised_at_the_end() -> None:
    tenure = Tenure(Failing(WRONG), Share(), ONE, 0.003)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        async with asyncio.timeout(5):
            await tenure._keep_renewing()
    with pytest.raises(LookupError):
        await tenure.close()


async def test_a_renewing_ends_with_what_it_was_for(database: Database) -> None:
    tenure = Tenure(database, Share(), ONE, 60)
    before = asyncio.all_tasks()
    async with tenure.renewed():
        assert len(asyncio.all_tasks()) == len(before) + 1
    assert asyncio.all_tasks() == before


async def test_a_process_that_ends_leaves_nothing_that_others_would_wait_for(database: Database) -> None:
    await database.write(publish, "a", "b")
    await database.write(leases.hold, "b", TWO, 60.0)
    tenure = Tenure(database, Share(), ONE, 60)
    await tenure.look(now_at(9))
    await tenure.close()
    assert await database.read(leases.owned, ONE) == {}
    assert await database.read(leases.owned, TWO) == {"b": 1}


@pytest.mark.connected
async def test_several_leases_are_locked_in_one_order_whatever_the_databases_language(database_url: str) -> None:
    """Two that each lock several would else wait for each other. The order is that of Python's `sorted`."""
    database = open_postgresql(database_url, "matcher")
    await migrations.upgrade(database, "matcher")
    for name in ("é", "b", "Z", "a"):
        await database.write(leases.hold, name, ONE, 60.0)
    await database.write(leases.hold, "c", TWO, 60.0)
    asked: list[tuple[str, Any]] = []
    sa.event.listen(database.writes.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    await database.write(leases.renew, ONE, 60.0)
    await database.write(leases.let_go, ONE, ["Z", "c", "a"])
    locks = [(statement, given) for statement, given in asked if "COLLATE" in statement]
    assert all(statement.endswith("FOR UPDATE") for statement, _ in locks)
    await database.write(leases.hold, "Z", ONE, 60.0)
    await database.write(leases.hold, "a", ONE, 60.0)
    assert await database.write(asked_again, locks) == [sorted(["é", "b", "Z", "a"]), ["Z", "a"]]
    await database.close()


def asked_again(tx: sa.Connection, queries: Sequence[tuple[str, Any]]) -> list[list[str]]:
    return [list(tx.exec_driver_sql(statement, given).scalars()) for statement, given in queries]
