"""One owner for each territory, on both databases: taken, kept, let go, lost, and what a stale owner can not write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.bus import migrations
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.retries import Failure, failure_of
from services.bus.service import Service, Share
from services.calendar import FixedClock
from services.matcher import leases, moves, rounds, store, timers
from services.matcher import tables as t
from services.matcher.app import build, decide_here
from services.matcher.leases import Holder, LeaseLost, Tenure
from services.matcher.solver.schema import Outcome, Round
from tests.matcher.test_app import Told, hand_over
from tests.matcher.world import TERRITORY, now_at, told_seed

ONE, TWO = Holder("1"), Holder("2")
LONG, SHORT = 60.0, 0.2


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.connected)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        database = open_sqlite(tmp_path / "matcher.sqlite", durability="OFF")
    else:
        database = open_postgresql(request.getfixturevalue("database_url"), "matcher")
    await migrations.upgrade(database, "matcher")
    yield database
    await database.close()


async def lapse() -> None:
    await asyncio.sleep(SHORT * 1.5)


async def test_a_territory_has_one_owner_whose_token_stays_while_it_works(database: Database) -> None:
    token = await database.write(leases.hold, TERRITORY, ONE, LONG)
    assert await database.write(leases.hold, TERRITORY, ONE, LONG) == token
    with pytest.raises(LeaseLost) as refused:
        await database.write(leases.hold, TERRITORY, TWO, LONG)
    assert failure_of(refused.value) is Failure.AWAY
    assert await database.read(leases.owned, ONE) == {TERRITORY: token}
    assert await database.read(leases.owned, TWO) == {}


async def test_a_lease_that_is_over_is_its_owners_until_another_takes_it_with_a_new_token(database: Database) -> None:
    token = await database.write(leases.hold, TERRITORY, ONE, SHORT)
    await lapse()
    await database.write(leases.check, TERRITORY, token)
    assert await database.write(leases.hold, TERRITORY, TWO, LONG) == token + 1
    with pytest.raises(LeaseLost):
        await database.write(leases.check, TERRITORY, token)


async def test_a_renewed_lease_is_not_taken_and_one_let_go_is_taken_at_once(database: Database) -> None:
    await database.write(leases.hold, TERRITORY, ONE, SHORT)
    await database.write(leases.renew, ONE, LONG)
    await lapse()
    with pytest.raises(LeaseLost):
        await database.write(leases.hold, TERRITORY, TWO, LONG)
    await database.write(leases.let_go, ONE, [TERRITORY])
    assert await database.write(leases.hold, TERRITORY, TWO, LONG) == 2


async def test_a_process_started_again_under_its_name_takes_at_once_what_its_former_life_held(
    database: Database,
) -> None:
    token = await database.write(leases.hold, TERRITORY, ONE, LONG)
    assert await database.write(leases.hold, TERRITORY, Holder("1"), LONG) == token + 1
    with pytest.raises(LeaseLost):
        await database.write(leases.check, TERRITORY, token)


async def test_of_many_processes_that_want_a_new_territory_one_gets_it(database: Database) -> None:
    async def want(n: int) -> int:
        try:
            return await database.write(leases.hold, TERRITORY, Holder(str(n)), LONG)
        except LeaseLost:
            return 0

    assert sorted(await asyncio.gather(*(want(n) for n in range(8)))) == [0] * 7 + [1]


async def test_a_process_takes_what_its_carrier_gives_it_and_lets_go_of_the_rest(database: Database) -> None:
    await database.write(publish, "east", "west")
    given = {"east", "west"}
    one = Tenure(database, Share(has=lambda name: name in given), ONE)
    two = Tenure(database, Share(has=lambda name: name not in given), TWO)
    assert set(await one.look(now_at(9))) == {"east", "west"}
    assert set(await two.look(now_at(9))) == set()
    given.remove("west")
    assert set(await one.look(now_at(9))) == {"east"}
    two._renew_at = 0.0
    taken = await two.look(now_at(10))
    assert set(taken) == {"west"}
    assert taken["west"].since == now_at(10)
    await one.close()
    assert await database.read(leases.owned, ONE) == {}


async def test_a_process_that_hears_nothing_does_not_renew_and_another_takes_over(database: Database) -> None:
    await database.write(publish, "east")
    deaf = Tenure(database, Share(), ONE, seconds=SHORT)
    await deaf.look(now_at(9))
    deaf.share.is_heard = lambda: False
    other = Tenure(database, Share(), TWO, seconds=SHORT)
    await lapse()
    assert set(await deaf.look(now_at(9))) == {"east"}  # nobody has taken it yet
    assert set(await other.look(now_at(9))) == {"east"}
    assert set(await deaf.look(now_at(9))) == set()


async def test_leases_are_renewed_while_a_long_round_is_decided(database: Database) -> None:
    await database.write(publish, "east")
    owner, other = Tenure(database, Share(), ONE, SHORT), Tenure(database, Share(), TWO, SHORT)
    await owner.look(now_at(9))
    async with owner.renewed():
        await asyncio.sleep(SHORT * 4)
        assert set(await other.look(now_at(9))) == set()
    await lapse()
    other._renew_at = 0.0
    assert set(await other.look(now_at(9))) == {"east"}


def publish(tx: sa.Connection, *names: str) -> None:
    facts = {"policy": "montlucon-modele", "automatic_release": False, "quiet_seconds": 0}
    tx.execute(t.territories.insert(), [{"territory": name, "due_marks": 0, **facts} for name in names])


async def a_town(database: Database) -> Service:
    """One place and one child, heard by a process that then owns the territory."""
    service = build(database, FixedClock(now_at(9)), decide_here)
    world = Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    assert set(await hand_over(service, world)) == {"handled"}
    return service


async def proposed(database: Database) -> int:
    return await database.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(t.proposals)) or 0)


A_SECOND = timedelta(seconds=1)
"""More than the finest that a database's clock tells: what ends at this very instant may not be over for it yet."""


async def steal(database: Database) -> None:
    """Another process takes over, as it does once a lease is over."""
    await database.write(lambda tx: tx.execute(t.leases.update().values(until=datetime.now().astimezone() - A_SECOND)))
    await database.write(leases.hold, TERRITORY, TWO, LONG)


async def decide_too_late(database: Database, part: Round) -> Outcome:
    outcome = await decide_here(part)
    await steal(database)
    return outcome


async def test_no_part_of_a_round_lands_whose_owner_lost_the_territory_while_it_decided(database: Database) -> None:
    await a_town(database)
    own = (await database.read(lambda tx: tx.execute(sa.select(t.leases)).one())).token

    async def decide(part: Round) -> Outcome:
        return await decide_too_late(database, part)

    with pytest.raises(LeaseLost):
        await rounds.run_round(
            database, TERRITORY, now_at(9), decide, told_seed, lambda tx: leases.check(tx, TERRITORY, own)
        )
    assert await proposed(database) == 0


async def test_without_the_fence_the_same_round_lands(database: Database) -> None:
    await a_town(database)

    async def decide(part: Round) -> Outcome:
        return await decide_too_late(database, part)

    await rounds.run_round(database, TERRITORY, now_at(9), decide, told_seed)
    assert await proposed(database) == 1


async def test_a_process_that_lost_the_territory_neither_fires_its_timers_nor_hears_for_it(database: Database) -> None:
    service = await a_town(database)
    await database.write(store.set_timer, moves.ROUND, "v-1", TERRITORY, now_at(8))
    await steal(database)
    assert await service.tick(now_at(9)) == 0
    assert await service.next_due() is None
    assert len(await database.read(timers.due, now_at(9))) == 1
    late = Told()
    late.ask("r-2")
    service.reader.away_patience_s = 0.0
    with pytest.raises(LeaseLost):
        await hand_over(service, late)


async def test_silence_counts_from_the_takeover_since_answers_may_still_wait_on_their_stream(
    database: Database,
) -> None:
    await database.write(publish, TERRITORY)
    seen: list[datetime | None] = []
    service = build(database, FixedClock(now_at(9)), decide_here)
    await service.tick(now_at(9))
    await database.write(store.set_timer, moves.ROUND, "v-1", TERRITORY, now_at(8))
    await steal(database)
    await database.write(leases.let_go, TWO, [TERRITORY])

    def note(tx: sa.Connection, timer: timers.Timer, now: datetime, since: datetime | None) -> bool:
        seen.append(since)
        return True

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timers, "fire", note)
        await asyncio.sleep(0)
        later = now_at(9) + timedelta(hours=2)
        while not seen:
            await service.tick(later)
            await asyncio.sleep(0.2)
    assert seen == [later]
