"""kill -9 during the journey: nothing lost, nothing doubled, nobody written to twice, no cell overbooked.

Families ask, are called, answer and get their places while processes die at random. Every effect is counted by a row
of the handler's own transaction, so that a guard that is off shows. Beside each test stands its twin with a guard off.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from services.calendar import PARIS
from services.notifier.gateways import phone_threads
from tests import servers
from tests.bus import harness
from tests.journey import ledger
from tests.journey.cluster import NAMES, Cluster, Worker, fast_clock, running_cluster, running_serve
from tests.journey.stubborn import PATIENCE_S, S, StubbornWorld, stubborn_world
from tests.journey.town import ask, crèche, open_town, open_tuesdays, with_points

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)
COUNTED = ("-m", "tests.journey.counted")
SPEED = 300
"""The quarter of an hour in which a NON can be taken back lasts three seconds."""

SEED = 20261130


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


@contextlib.asynccontextmanager
async def town_on(cluster: Cluster, crèches: int) -> AsyncIterator[StubbornWorld]:
    """A territory of its own, on a clock that runs fast."""
    async with stubborn_world(cluster, f"t{secrets.token_hex(3)}") as world:
        for database in world.databases.values():
            await database.write(lambda tx: harness.effects.create(tx, checkfirst=True))
        with fast_clock(cluster.clock_file, SPEED):
            await open_town(world, structures=crèches)
            yield world


@dataclass
class Families:
    """Two families for the only place of each crèche: the first says NON, the second gets it and says OUI."""

    world: StubbornWorld
    refusing: dict[str, str] = field(default_factory=dict)
    accepting: dict[str, str] = field(default_factory=dict)

    @property
    def phones(self) -> list[str]:
        return [*self.refusing.values(), *self.accepting.values()]

    async def live(self, n: int) -> None:
        """Both families' way at crèche `n`. Odd ones answer by link, even ones by SMS; the last by both."""
        wish = [{"structure": crèche(self.world, n), "rank": 1}]
        first, phone = await ask(self.world, wishes=wish, criteria=with_points("single_parent"))
        second, other = await ask(self.world, wishes=wish)
        self.refusing[first], self.accepting[second] = phone, other
        await open_tuesdays(self.world, n=n)
        await self.world.answer_offer(first, phone, "non", by_link=n % 2 == 1)
        made = await self.world.answer_offer(second, other, "oui", by_link=n % 2 == 0)
        await self.world.reply(other, f"OUI {made['code']}")
        await self.world.proposal_of(second, S.ACCEPTED)
        await self.world.confirm(made["id"], n)
        await self.world.proposal_of(second, S.CONFIRMED)

    async def ends(self) -> dict[str, list[str]]:
        """What became of each request, and how many texts its family got."""
        found = {}
        for request, phone in (self.refusing | self.accepting).items():
            told = [_kind(text) for text in await self.world.texts_to(phone)]
            found[request] = [*await self.world.states_of(request), *told]
        return found

    def expected(self) -> dict[str, list[str]]:
        refused = {request: [S.DECLINED, "offer", "NON noted"] for request in self.refusing}
        return refused | {request: [S.CONFIRMED, "offer", "OUI noted"] for request in self.accepting}

    async def are_answered_and_at_rest(self) -> bool:
        states = [state for request in self.refusing for state in await self.world.states_of(request)]
        return S.DECLINED in states and not await ledger.lost(self.world)

    async def saw_an_effect_twice(self) -> bool:
        return bool(await ledger.doubled(self.world))

    async def somebody_got_a_text_twice(self) -> bool:
        """This family, or one of an earlier test whose text came first."""
        phones = await self.world.databases["notifier"].read(phone_threads.all_phones)
        return bool(await ledger.doubled_texts(self.world, [phone.number for phone in phones]))

    async def heard_of_an_unknown_text(self) -> bool:
        return "task: to_verify" in await self.world.databases["matcher"].read(ledger.open_tasks, self.world.territory)

    async def parked(self) -> list[str]:
        found = []
        for database in self.world.databases.values():
            found += await database.read(ledger.parked, self.world.territory)
        return found

    async def faults(self) -> list[str]:
        """What is wrong once all is quiet, or still is after a while."""
        with contextlib.suppress(AssertionError):
            await harness.until(self._all_is_heard)
        return await ledger.faults(self.world, self.phones)

    async def _all_is_heard(self) -> bool:
        return not await ledger.lost(self.world)


def _kind(text: str) -> str:
    kinds = {"place proposée": "offer", "NON ": "NON noted", "OUI ": "OUI noted"}
    return next((kind for words, kind in kinds.items() if words in text), text)


@dataclass
class Killer:
    """Kills a process drawn at random and starts it again at once, `kills` times."""

    workers: dict[str, Worker]
    kills: int
    pause_s: tuple[float, float]
    seed: int = SEED
    killed: Counter[str] = field(default_factory=Counter)
    children: set[int] = field(default_factory=set)

    async def run(self) -> None:
        draw = random.Random(self.seed)
        names = [sorted(self.workers)[n % len(self.workers)] for n in range(self.kills)]
        draw.shuffle(names)  # at random, and each of them for certain
        for name in names:
            await asyncio.sleep(draw.uniform(*self.pause_s))
            worker = self.workers[name]
            self.children |= worker.children()
            worker.kill()
            worker.start()
            self.killed[name] += 1


async def live_and_kill(world: StubbornWorld, killer: Killer, crèches: int) -> Families:
    """Families come one after the other for as long as the killing may last, and live to the end."""
    families = Families(world)
    gap = killer.kills * sum(killer.pause_s) / 2 / crèches

    async def come(n: int) -> None:
        await asyncio.sleep(n * gap)
        await families.live(n)

    async with asyncio.TaskGroup() as parts:
        parts.create_task(killer.run())
        for n in range(crèches):
            parts.create_task(come(n))
    return families


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


async def random_kills(cluster: Cluster, kills: int, crèches: int, pause_s: tuple[float, float], seed: int) -> None:
    begun, killer = time.monotonic(), Killer(cluster.workers, kills, pause_s, seed)
    async with town_on(cluster, crèches) as world:
        families = await live_and_kill(world, killer, crèches)
        await check(families, killer, begun)


async def test_twenty_kills_at_random_lose_nothing_and_double_nothing(mortals: Cluster) -> None:
    await random_kills(mortals, 20, 7, (0.4, 2.2), SEED)
    assert not [name for name, worker in mortals.workers.items() if not worker.is_up]


async def test_the_one_process_on_sqlite_killed_at_random_loses_nothing_and_doubles_nothing(site: Cluster) -> None:
    await random_kills(site, 5, 3, (1.5, 4.0), SEED)
    assert site.workers["serve"].is_up


@dataclass
class Undertaker:
    """Starts again what died by itself, until `enough` happened."""

    cluster: Cluster
    deaths: int = 0

    async def run(self, enough: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not await enough():
            assert time.monotonic() < deadline, f"not yet, after {self.deaths} deaths"
            for worker in self.cluster.workers.values():
                if not worker.is_up:
                    worker.start()
                    self.deaths += 1
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def dying(cluster: Cluster, names: tuple[str, ...], *how: str) -> AsyncIterator[tuple[Families, Undertaker]]:
    """One crèche and its two families while processes die where they do the most harm, each time they may."""
    async with town_on(cluster, 1) as world:
        families = Families(world)
        cluster.use((*COUNTED, *how), names)
        living = asyncio.create_task(families.live(0))
        try:
            yield families, Undertaker(cluster)
        finally:
            living.cancel()
            await asyncio.wait([living])
            cluster.use(COUNTED, names)


async def test_who_dies_between_effect_and_acknowledgement_hears_again_and_does_nothing_twice(
    mortals: Cluster,
) -> None:
    async with dying(mortals, NAMES, "--dies", "handled", "--each", "9") as (families, undertaker):
        await undertaker.run(families.are_answered_and_at_rest)
        assert undertaker.deaths >= 3
        assert await ledger.doubled(families.world) == []
        assert await families.parked() == []


async def test_without_the_inbox_the_same_deaths_double_effects(mortals: Cluster) -> None:
    async with dying(mortals, NAMES, "--without", "inbox", "--dies", "handled", "--each", "5") as (
        families,
        undertaker,
    ):
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
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(5))
async def test_a_hundred_kills_at_random_lose_nothing_and_double_nothing(mortals: Cluster, seed: int) -> None:
    await random_kills(mortals, 100, 30, (0.4, 2.2), seed)
    assert not [name for name, worker in mortals.workers.items() if not worker.is_up]


@pytest.mark.torture
@pytest.mark.timeout(1200)
async def test_the_one_process_on_sqlite_killed_thirty_times_loses_nothing_and_doubles_nothing(site: Cluster) -> None:
    await random_kills(site, 30, 15, (1.5, 4.0), SEED)
    assert site.workers["serve"].is_up
