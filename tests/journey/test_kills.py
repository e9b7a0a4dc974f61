"""kill -9 during the journey: nothing lost, nothing doubled, nobody written to twice, no cell overbooked.

Families ask, are called, answer and get their places while processes die at random. Every effect is counted by a row
of the handler's own transaction, so that a guard that is off shows. Beside each test stands its twin with a guard off.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.bus import tables as bus
from services.calendar import PARIS
from services.matcher import tables as matcher
from services.notifier.gateways import phone_threads
from tests import servers
from tests.bus import harness
from tests.journey import ledger
from tests.journey.cluster import COUNTED, NAMES, Cluster, running_cluster, running_serve
from tests.journey.deaths import SPEED, UNHURRIED, Families, Killer, dying, live_and_kill, town_on
from tests.journey.embedded import open_profile
from tests.journey.stubborn import StubbornWorld
from tests.journey.town import ask, open_town, open_tuesdays

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)
SEED = 20261130

pytestmark = pytest.mark.timeout(600)
"""These tests wait for facts, which come when the machine has the time; half a minute each where it has nothing else
to do."""


@pytest.fixture(scope="module")
def mortals(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str, postgres_url: str) -> Iterator[Cluster]:
    """The three services as processes, whose effects are counted."""
    home = tmp_path_factory.mktemp("mortals")
    with (
        servers.fresh_database(postgres_url) as database,
        running_cluster(home, kafka_bootstrap, database, f"kills{secrets.token_hex(4)}.", MONDAY, COUNTED) as running,
    ):
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Cluster]:
    """`berceau serve`, whose effects are counted."""
    with running_serve(tmp_path, MONDAY, COUNTED) as running:
        yield running


async def check(families: Families, killer: Killer, begun: float) -> None:
    found = await families.faults()
    assert found == []
    assert await families.ends() == families.expected()
    assert not [pid for pid in killer.children if is_at_work(pid)], "a process that was killed left others behind"
    world, kills = families.world, dict(sorted(killer.killed.items()))
    acts = sum(len(ids) for ids in world.taken.values())
    print(
        f"kills {kills} (seed {killer.seed}): {len(families.phones)} families, {acts} acts taken, "
        f"{world.broken} tries without an answer, 0 lost, 0 doubled, {time.monotonic() - begun:.0f} s"
    )


def is_at_work(pid: int) -> bool:
    """A dead process that nobody has reaped yet has no command any more."""
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and command.read_bytes() != b""


async def random_kills(
    cluster: Cluster, kills: int, crèches: int, pause_s: tuple[float, float], seed: int, speed: float = SPEED
) -> None:
    begun, killer = time.monotonic(), Killer(cluster.workers, kills, pause_s, seed, follows=speed != SPEED)
    async with town_on(cluster, crèches, speed) as world:
        families = await live_and_kill(world, killer, crèches)
        await check(families, killer, begun)


async def test_twenty_kills_at_random_lose_nothing_and_double_nothing(mortals: Cluster) -> None:
    await random_kills(mortals, 20, 7, (0.4, 1.8), SEED)
    assert not [name for name, worker in mortals.workers.items() if not worker.is_up]


async def test_the_one_process_on_sqlite_killed_at_random_loses_nothing_and_doubles_nothing(site: Cluster) -> None:
    await random_kills(site, 4, 2, (1.0, 2.6), SEED)
    assert site.workers["serve"].is_up


async def test_each_check_of_the_ledger_finds_what_it_is_for(tmp_path: Path) -> None:
    """A town in which nothing is counted, and in which somebody meddled."""
    profile = await open_profile(tmp_path, MONDAY)
    world = StubbornWorld(profile, "t-meddled", databases={name: profile.town.databases[name] for name in NAMES})
    for database in world.databases.values():
        await database.write(harness.effects.create)
    await open_town(world, automatic_release=True)
    _, phone = await ask(world)
    await open_tuesdays(world)
    await profile.settle()
    world.taken[ledger.REQUESTS].add("R-answered-and-gone")
    await world.databases["matcher"].write(meddle, world.territory)
    await world.databases["notifier"].write(repeat_texts)
    found = await ledger.faults(world, [phone])
    kinds = {fault.split()[0].rstrip(":") for fault in found}
    assert kinds == {"lost", "doubled", "mislaid", "text", "overbooked", "task", "matcher"}
    await profile.api.aclose()
    await profile.town.close()


def meddle(tx: sa.Connection, territory: str) -> None:
    """One hold too many, a task, a letter put aside, and an event handled twice."""
    hold = tx.execute(sa.select(matcher.holds)).mappings().one()
    tx.execute(matcher.holds.insert().values({**hold, "hold": "one-too-many"}))
    task = {"task": "X", "territory": territory, "kind": "to_verify", "opened_at": MONDAY}
    tx.execute(matcher.tasks.insert().values(task))
    event = harness.said(1, territory)
    letter = {"stream": "declarations", "origin": "x", "type": event.type, "reason": "other", "error": "", "tries": 5}
    body = event.model_dump_json().encode()
    tx.execute(bus.dead_letters.insert().values(**letter, body=body, parked_at=MONDAY))
    for _ in range(2):
        harness.count_it(tx, event, MONDAY)


def repeat_texts(tx: sa.Connection) -> None:
    for row in tx.execute(sa.select(phone_threads.texts)).mappings().all():
        again = {name: value for name, value in row.items() if name != "position"}
        tx.execute(phone_threads.texts.insert().values({**again, "reference": f"{row['reference']}.again"}))


async def test_who_dies_between_effect_and_acknowledgement_hears_again_and_does_nothing_twice(
    mortals: Cluster,
) -> None:
    async with dying(mortals, NAMES, "--dies", "handled", "--each", "2") as (families, undertaker):
        await undertaker.run(families.have_answered)
        assert undertaker.deaths >= 3
        assert await ledger.doubled(families.world) == []
        assert await families.parked() == []


async def test_without_the_inbox_the_same_death_doubles_an_effect(mortals: Cluster) -> None:
    careless = ("--without", "inbox", "--dies", "handled")
    async with dying(mortals, ("ingest",), *careless) as (families, undertaker):
        await undertaker.run(families.saw_an_effect_twice)
        assert await families.saw_an_effect_twice()


async def test_who_dies_with_a_text_just_sent_sends_it_once_and_says_what_it_does_not_know(mortals: Cluster) -> None:
    async with dying(mortals, ("notifier",), "--dies", "sent") as (families, undertaker):
        await undertaker.run(families.heard_of_an_unknown_text)
        assert undertaker.deaths >= 1
        assert await ledger.doubled_texts(families.world, families.phones) == []


async def test_without_the_intent_the_same_death_sends_a_text_twice(mortals: Cluster) -> None:
    async with dying(mortals, ("notifier",), "--without", "intent", "--dies", "sent") as (families, undertaker):
        await undertaker.run(families.somebody_got_a_text_twice)
        assert await families.somebody_got_a_text_twice()


@pytest.mark.torture
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("seed", range(3))
async def test_a_hundred_kills_at_random_lose_nothing_and_double_nothing(mortals: Cluster, seed: int) -> None:
    await random_kills(mortals, 100, 30, (0.4, 2.2), seed, UNHURRIED)
    assert not [name for name, worker in mortals.workers.items() if not worker.is_up]


@pytest.mark.torture
@pytest.mark.timeout(3_000)
async def test_the_one_process_on_sqlite_killed_thirty_times_loses_nothing_and_doubles_nothing(site: Cluster) -> None:
    await random_kills(site, 30, 15, (1.5, 4.0), SEED, UNHURRIED)
    assert site.workers["serve"].is_up
