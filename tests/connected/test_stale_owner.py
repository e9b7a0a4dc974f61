"""T7: a worker stopped past its lease, a second takes over, the first wakes. On both databases.

The first stops with its decision in hand, at the worst instant there is: what it read has not changed when it wakes,
so that only the token tells that it is late.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.bus import migrations
from services.bus.database import Database, open_postgresql, open_sqlite
from services.calendar import FixedClock
from services.matcher import leases, rounds
from services.matcher import tables as t
from services.matcher.app import decide_here
from services.matcher.draws import fresh_seed
from services.matcher.handlers import HANDLERS
from services.matcher.leases import Holder, LeaseLost
from tests.bus.harness import until
from tests.connected import torture
from tests.matcher.test_app import Told
from tests.matcher.world import CRECHE, SECTION, TERRITORY, now_at

FEW, MANY = 6, 100
HEIR = Holder("heir")


@pytest.fixture(params=["sqlite", "postgresql"])
async def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database as `stale_owner` is given it."""
    given: str = request.getfixturevalue("database_url")
    return given if request.param == "postgresql" else str(tmp_path / "matcher.sqlite")


@contextlib.asynccontextmanager
async def towns(where: str, count: int) -> AsyncIterator[Database]:
    """`count` territories, each with one place, one child, and a round that is due."""
    database = open_postgresql(where, "matcher") if "://" in where else open_sqlite(Path(where), "OFF")
    await migrations.upgrade(database, "matcher")
    for n in range(count):
        await database.write(one_town, f"t{n:03}")
    yield database
    await database.close()


def one_town(tx: sa.Connection, name: str) -> None:
    world = Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    for event in world.messages:
        body = event.model_dump_json()
        for own in (TERRITORY, CRECHE, SECTION, "v-1", "r-1", "f-r-1"):
            body = body.replace(f'"{own}"', f'"{name}-{own}"')
        named = type(event).model_validate_json(body).model_copy(update={"territory": name})
        HANDLERS[type(named)](tx, named, now_at(9))


async def wake_too_late(where: str, fenced: str, database: Database, count: int, *, decide: bool) -> Counter[str]:
    """What the sleeper says of each of its rounds, the heir having taken over before it woke. The heir has decided by
    then as well in every other round, if it does so at all."""
    said: Counter[str] = Counter()
    command = [sys.executable, "-m", "tests.connected.stale_owner", where, fenced]
    sleeper = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        for n in range(count):
            territory = await word(sleeper, "decided")
            await until(lambda: asyncio.to_thread(is_stopped, sleeper.pid), look_every_s=0.01)
            token = await take_over(database, territory)
            if decide and n % 2:
                await decide_as_heir(database, territory, token)
            os.kill(sleeper.pid, signal.SIGCONT)
            said[await word(sleeper, "ended")] += 1
            if decide and not n % 2:
                await decide_as_heir(database, territory, token)
    finally:
        sleeper.kill()
        await sleeper.communicate()
    return said


async def word(process: asyncio.subprocess.Process, kind: str) -> str:
    """What the process says of this kind next; its log is in between."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.decode().startswith(f"{kind} "):
            return line.decode().split()[1]
    raise AssertionError(f"it ended before it said {kind}")


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def take_over(database: Database, territory: str) -> int:
    """As soon as the database says that the lease is over."""
    token = 0

    async def taken() -> bool:
        nonlocal token
        with contextlib.suppress(LeaseLost):
            token = await database.write(leases.hold, territory, HEIR, 3600.0)
        return token > 0

    await until(taken, look_every_s=0.02)
    return token


async def decide_as_heir(database: Database, territory: str, token: int) -> None:
    own = leases.Lease(territory, token, now_at(9))
    await rounds.run_round(database, territory, FixedClock(now_at(10))(), decide_here, fresh_seed, own.fence)


async def written(database: Database) -> Counter[str]:
    """How often each territory was decided, and how many places it gave."""
    query = sa.select(t.rounds.c.territory, sa.func.count(), sa.func.sum(t.rounds.c.proposed))
    rows = await database.read(lambda tx: tx.execute(query.group_by(t.rounds.c.territory)).all())
    return Counter((row[1], row[2]) for row in rows)


async def sleep_and_wake(where: str, count: int) -> tuple[Counter[str], Counter[str]]:
    """What the sleeper says of its rounds, and what was written."""
    begun = time.monotonic()
    async with towns(where, count) as database:
        said = await wake_too_late(where, "fenced", database, count, decide=True)
        done = await written(database)
    kind = "PostgreSQL" if "://" in where else "SQLite"
    print(f"T7 {kind}: {count} rounds, {said['written']} stale writes, {time.monotonic() - begun:.0f} s")
    return said, done


async def test_no_round_of_an_owner_that_slept_past_its_lease_lands(where: str) -> None:
    said, done = await sleep_and_wake(where, FEW)
    assert said == {"lost": FEW}
    assert done == {(1, 1): FEW}  # each decided once, by the heir


async def test_without_the_token_every_such_round_lands(where: str) -> None:
    async with towns(where, FEW) as database:
        said = await wake_too_late(where, "not", database, FEW, decide=False)
        assert said == {"written": FEW}
        assert await written(database) == {(1, 1): FEW}  # all of them stale: the heir has decided nothing


@pytest.mark.torture
@pytest.mark.timeout(900)
async def test_no_round_in_a_hundred_of_an_owner_that_slept_past_its_lease_lands(where: str) -> None:
    begun = time.monotonic()
    said, done = await sleep_and_wake(where, MANY)
    assert said == {"lost": MANY}
    assert done == {(1, 1): MANY}
    kind = torture.postgres() if "://" in where else torture.sqlite()
    torture.record(
        f"T7 {kind.split()[0]}", f"{MANY} séances dont le processus dort au-delà de son bail, un autre prend la suite",
        "0 écriture périmée", begun=begun, on=kind, twin="jeton non contrôlé : toutes écrites (à chaque `make test`)",
    )  # fmt: skip
