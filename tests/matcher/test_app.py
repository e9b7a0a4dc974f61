"""The matcher as whoever runs it sees it: its ticks, when it is next due, its listening, its solver's process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from httpx2 import ASGITransport, AsyncClient

from contracts.base import Event
from contracts.confirmations import AdmissionRefused
from contracts.vocabulary import RefusalReason
from services.bus import tables as bus
from services.bus.database import Database, open_sqlite
from services.bus.delivery import HANDLING, Message
from services.bus.service import TICKING, Service
from services.calendar import FixedClock
from services.matcher import moves, reading, store
from services.matcher import tables as t
from services.matcher.app import Listening, build, decide_here
from services.matcher.beside import beside
from services.matcher.solver import solve
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import SolverDied, SolverProcess
from tests.matcher.world import World, now_at, run_now


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_sqlite(tmp_path / "matcher.sqlite", durability="OFF")
    for metadata in (bus.metadata, t.metadata):
        async with database.writes.begin() as connection:
            await connection.run_sync(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(now_at(9))


@pytest.fixture
def service(database: Database, clock: FixedClock) -> Service:
    return build(database, clock, decide_here)


class Told(World):
    """A world that only says: what it says is handed to a real reader."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Event] = []

    def take(self, event: Event) -> None:
        self.messages.append(event)


async def hand_over(service: Service, world: Told) -> list[str]:
    found = []
    for event in world.messages:
        body = event.model_dump_json().encode()
        found.append(await service.reader.take(Message("declarations", event.id, body)))
    world.messages.clear()
    return found


async def test_a_tick_does_what_is_due_and_then_says_when_it_next_will(service: Service, clock: FixedClock) -> None:
    world = Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    assert set(await hand_over(service, world)) == {"handled"}
    assert await service.next_due() == clock()
    assert await service.tick(clock()) == 1
    assert await service.tick(clock()) == 0
    due = await service.next_due()
    assert due is not None and due > clock()


async def test_the_same_message_twice_takes_effect_once(service: Service, clock: FixedClock) -> None:
    world = Told()
    world.begin()
    world.open_place()
    world.messages *= 2
    outcomes = await hand_over(service, world)
    assert outcomes.count("repeated") == len(outcomes) / 2


async def test_what_cannot_be_understood_is_put_aside_and_the_rest_goes_on(service: Service) -> None:
    world = Told()
    world.begin()
    facts = {"proposal": "nobody", "reason": RefusalReason.AGE, "said_by": "director"}
    world.hear(AdmissionRefused, "nobody", **facts)
    world.ask("r-1")
    assert await hand_over(service, world) == ["handled", "handled", "parked", "handled"]


async def test_the_matcher_says_that_it_is_ready_and_what_it_counts(service: Service, clock: FixedClock) -> None:
    world = Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    await hand_over(service, world)
    await service.tick(clock())
    async with AsyncClient(transport=ASGITransport(app=service.app), base_url="http://matcher") as client:
        assert (await client.get("/readyz")).status_code == 200
        assert 'berceau_proposals{state="prepared"} 1.0' in (await client.get("/metrics")).text


def test_listening_begins_with_the_first_look_and_again_after_a_trouble(service: Service) -> None:
    listening, start = Listening(service.reader), now_at(9)
    assert listening.since(start) == start
    assert listening.since(start + timedelta(hours=1)) == start
    service.reader.troubles.begin(TICKING, "slow")  # its own work, not its hearing
    assert listening.since(start + timedelta(hours=2)) == start
    service.reader.troubles.begin(HANDLING, "away")
    assert listening.since(start + timedelta(hours=3)) == start + timedelta(hours=3)
    service.reader.troubles.end(HANDLING)
    assert listening.since(start + timedelta(hours=4)) == start + timedelta(hours=3)


async def test_a_solver_that_was_killed_is_started_again_and_the_round_with_it() -> None:
    world = World().begin()
    world.open_place()
    world.ask("r-1")
    part = one_part(world)
    solver = SolverProcess()
    outcome = await solver.decide(part)
    assert outcome == run_now(decide_here(part))
    assert await solver.explain(part, outcome, {}) == beside(part, outcome, {})
    for process in list(solver._pool._processes.values()):
        process.kill()
    with pytest.raises(SolverDied):
        while True:
            await solver.decide(part)
    again: Outcome = await solver.decide(part)
    await solver.close()
    assert [placed.request for placed in again.placed] == ["r-1"]


async def test_a_territory_whose_round_ends_the_solver_keeps_no_other_from_its_turn(
    database: Database, clock: FixedClock
) -> None:  # fmt: skip
    async def fatal(part: Round) -> Outcome:
        raise SolverDied(part.territory)

    service, world = build(database, clock, fatal), Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    await hand_over(service, world)
    await database.write(publish_elsewhere, clock() + timedelta(seconds=0.5))
    for _ in range(2):
        clock.advance(timedelta(seconds=1))
        with pytest.raises(SolverDied):
            await service.tick(clock())
    decided = sa.select(t.rounds.c.territory)
    assert await database.read(lambda tx: list(tx.scalars(decided))) == ["vichy"]


async def test_a_timer_that_fails_keeps_no_round_from_its_turn(service: Service, clock: FixedClock) -> None:
    world = Told()
    world.begin()
    world.open_place()
    world.ask("r-1")
    await hand_over(service, world)
    await service.database.write(set_timer_about_nothing, clock())
    with pytest.raises(sa.exc.NoResultFound):
        await service.tick(clock())
    assert await service.database.read(lambda tx: list(tx.scalars(sa.select(t.proposals.c.request)))) == ["r-1"]


def set_timer_about_nothing(tx: sa.Connection, due_at: datetime) -> None:
    """A task that was put off, and is not there."""
    store.set_timer(tx, moves.AGAIN, "nothing", "montlucon", due_at)


def publish_elsewhere(tx: sa.Connection, due_at: datetime) -> None:
    """A territory that is due behind the other."""
    facts = {"policy": "montlucon-modele", "automatic_release": False, "quiet_seconds": 0, "due_at": due_at}
    tx.execute(t.territories.insert().values(territory="vichy", **facts))


def test_what_solves_loads_no_database_and_no_web() -> None:
    """It is there before the first round is; with the whole matcher in it, it came a second later."""
    look = "import sys, services.matcher.solver_process as p; p._load(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "ortools" in loaded
    assert not loaded & {"fastapi", "sqlalchemy", "services.matcher.app", "services.bus.database"}


def test_a_live_round_does_not_wait_for_what_other_modes_would_have_placed() -> None:
    world = World().begin()
    world.open_place()
    world.ask("r-1")
    part = one_part(world)
    live, compared = run_now(decide_here(part)), solve.decide(part)
    assert live.prices == () and compared.prices
    assert live.placed == compared.placed


def one_part(world: World) -> Round:
    world.seal()
    with world.engine.connect() as tx:
        loaded = reading.load(tx, "montlucon", world.now)
    assert loaded is not None
    return loaded.round
