"""Families who live through the journey while processes die, and who kills and who starts again.

Two families want the only place of each crèche: the first says NON, the second gets it and says OUI.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from services.notifier.gateways import phone_threads
from tests.bus import harness
from tests.journey import ledger
from tests.journey.cluster import COUNTED, Cluster, Worker, fast_clock, next_monday_morning
from tests.journey.stubborn import PATIENCE_S, Patience, S, StubbornWorld, stubborn_world
from tests.journey.town import ask, crèche, open_town, open_tuesdays, with_points

SPEED = 150
"""The quarter of an hour in which a NON can be taken back lasts six seconds; the day of texts four minutes."""

STEADY = 60
"""For minutes of killing: they end before the evening, when no text leaves any more."""

UNHURRIED = 20
"""For the longest: the evening is half an hour away."""

LONGEST_KILLING_S = 3 * 3600.0
"""A thousand kills take an hour and a half."""

SWIFT_START_S = 2.0
"""How long a process takes to start where the machine has nothing else to do: pauses between kills are made for it."""

MEASURED_EACH = 4
"""Of so many starts one is timed."""

AT_WORK = 0.4
"""The share of kills that wait until their process is at work again. The others take it wherever it is, while it
starts too; only those, and a slow machine would never do anything but start processes."""


@contextlib.asynccontextmanager
async def town_on(cluster: Cluster, crèches: int, speed: float = SPEED) -> AsyncIterator[StubbornWorld]:
    """A territory of its own, on a Monday at nine and on a clock that runs fast.

    A slow machine must not take a test into the evening of the one before: by night no text leaves.
    """
    async with stubborn_world(cluster, f"t{secrets.token_hex(3)}") as world:
        next_monday_morning(world.profile)
        for database in world.databases.values():
            await database.write(lambda tx: harness.effects.create(tx, checkfirst=True))
        with fast_clock(cluster.clock_file, speed):
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

    async def have_answered(self) -> bool:
        """The first family's NON is taken, and everybody has heard of it."""
        states = [state for request in self.refusing for state in await self.world.states_of(request)]
        return bool({S.DECLINING, S.DECLINED} & set(states)) and not await ledger.lost(self.world)

    async def saw_an_effect_twice(self) -> bool:
        """In this territory, or in that of an earlier test of which a message was left: it comes first, for ever."""
        found = [await database.read(harness.handled) for database in self.world.databases.values()]
        return any(len(ids) > len(set(ids)) for ids in found)

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
    """Kills a process drawn at random and starts it again at once, `kills` times.

    Where it `follows` the machine, processes that take longer to start live longer too: else a busy machine would do
    nothing but start them.
    """

    workers: dict[str, Worker]
    kills: int
    pause_s: tuple[float, float]
    seed: int
    follows: bool = False
    killed: Counter[str] = field(default_factory=Counter)
    children: set[int] = field(default_factory=set)
    _slowness: float = 1.0

    async def run(self, patience: Patience) -> None:
        draw = random.Random(self.seed)
        names = [sorted(self.workers)[n % len(self.workers)] for n in range(self.kills)]
        draw.shuffle(names)  # at random, and each of them for certain
        for name in names:
            worker = self.workers[name]
            if draw.random() < AT_WORK:
                await asyncio.to_thread(worker.until_ready)
            await asyncio.sleep(draw.uniform(*self.pause_s) * self._slowness)
            await self._kill(worker)
            patience.kills += 1

    async def _kill(self, worker: Worker) -> None:
        self.children |= worker.children()
        worker.kill()
        worker.start()
        self.killed[worker.name] += 1
        if self.follows and self.killed.total() % MEASURED_EACH == 0:
            begun = time.monotonic()
            await asyncio.to_thread(worker.until_ready)
            self._slowness = max(1.0, (time.monotonic() - begun) / SWIFT_START_S)

    async def has_killed(self, number: int) -> bool:
        return self.killed.total() >= number


async def live_and_kill(world: StubbornWorld, killer: Killer, crèches: int) -> Families:
    """Families come one after the other while the killing lasts, however slow the machine, and live to the end."""
    families = Families(world)

    async def come(n: int) -> None:
        await harness.until(lambda: killer.has_killed(n * killer.kills // crèches), patience_s=LONGEST_KILLING_S)
        await families.live(n)

    async with asyncio.TaskGroup() as parts:
        parts.create_task(killer.run(world.patience))
        for n in range(crèches):
            parts.create_task(come(n))
    return families


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
    async with town_on(cluster, 1, STEADY) as world:
        families = Families(world)
        cluster.use((*COUNTED, *how), names)
        living = asyncio.create_task(families.live(0))
        try:
            yield families, Undertaker(cluster)
        finally:
            living.cancel()
            await asyncio.wait([living])
            cluster.use(COUNTED, names)
