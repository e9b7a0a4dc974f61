"""How fast an event goes its way, each part beside its floor: what the same broker and database do with nothing else.

Ours and the floor take turns in one run, on a database and topics of their own that are removed at the end. When to
modify: with what a floor is made of, which is said beside each figure.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import asyncpg

from services.bus.settings import Settings
from services.cli import bench_way_text as text
from services.cli.bench_way_bus import Ground, bare_consume, bare_relay, consume, own_ground, relay
from services.cli.bench_way_door import AT_ONCE, bare_commits, post_places
from services.cli.bench_way_places import Site, running_site
from services.cli.failures import NBSP

WANTED = {"consume": 0.5, "relay": 0.3, "door": 0.4, "batches": 0.4}
"""The least share of the floor that is asked for (reliability.md)."""

BATCHES = 16
"""One for each of the sixteen programs, at each turn."""

MOST_TIMES_FLOOR, ALONE_P99_MS, BURST_P99_MS = 5.0, 250.0, 1000.0
"""The most that is asked for, from a posted place to its text (reliability.md)."""

SAYS = {
    "relay": "Publier ; plancher : le plus lent de prendre-et-marquer et du producteur nu",
    "consume": "Lire et traiter ; plancher : getmany, puis une insertion par lot",
    "door": "Recevoir en HTTP, 16 à la fois, place par place ; plancher : 16 boucles d'un commit nu",
    "batches": "La même chose, par lots de 500",
    "text": "D'une place publiée au SMS ; plancher : commit, réveil, Kafka, commit, appel HTTP",
    "burst": "La même chose, en rafale",
}


@dataclass(frozen=True)
class Figure:
    """Events a second, the median of the turns."""

    part: str
    ours: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.ours / self.floor

    @property
    def row(self) -> dict[str, Any]:
        facts = {"part": self.part, "unit": "per_second", "ours": self.ours, "floor": self.floor}
        return {**facts, "ratio": self.ratio, "wanted": WANTED[self.part], "reached": self.ratio >= WANTED[self.part]}


@dataclass(frozen=True)
class Delay:
    """From a posted place to its text, in milliseconds; `most` is what p99 may be."""

    part: str
    ours: text.Delays
    floor: text.Delays
    most: float

    @property
    def ratio(self) -> float:
        return self.ours.p50 / self.floor.p50

    @property
    def row(self) -> dict[str, Any]:
        reached = self.ours.p99 <= self.most and (self.part == "burst" or self.ratio <= MOST_TIMES_FLOOR)
        facts = {"part": self.part, "unit": "ms", "ours": self.ours.p50, "floor": self.floor.p50, "ratio": self.ratio}
        return {**facts, "wanted": MOST_TIMES_FLOOR, "p99": self.ours.p99, "p99_wanted": self.most, "reached": reached}


@dataclass(frozen=True)
class Sizes:
    """`events` and `turns` for what is counted a second, texts one after another, and at once (0: none)."""

    events: int
    turns: int
    texts: int
    burst: int


async def measured(settings: Settings, sizes: Sizes, *, bus_only: bool = False) -> list[Figure | Delay]:
    """Each part's figure; `bus_only`: of those that need no service."""
    async with own_database(settings) as own, own_ground(own) as ground:
        events, turns = sizes.events, sizes.turns
        found: list[Figure | Delay] = [
            await _figure("relay", turns, lambda: relay(ground, events), lambda: bare_relay(ground, events)),
            await _figure("consume", turns, lambda: consume(ground, events), lambda: bare_consume(ground, events)),
        ]
        if bus_only:
            return found
        async with text.running_operator() as operator:
            site_of = own.model_copy(update={"kafka_prefix": f"site-{secrets.token_hex(4)}."})
            async with running_site(site_of, operator.url) as site:
                found += await _texts(site, operator, ground, sizes)  # before the matcher has thousands of places
                for part, at_once in (("door", 1), ("batches", AT_ONCE)):
                    ours = partial(post_places, site, events if at_once == 1 else BATCHES * AT_ONCE, at_once)
                    found.append(await _figure(part, turns, ours, lambda: bare_commits(own, events)))
                return found


async def _texts(site: Site, operator: text.Operator, ground: Ground, sizes: Sizes) -> list[Figure | Delay]:
    waits = await text.families(site, sizes.texts + sizes.burst)
    ours, floor, alone = list[float](), list[float](), waits[: sizes.texts]
    for n in range(sizes.turns):
        floor += await text.bare_ways(site.settings, operator, ground.topic, max(1, sizes.texts // sizes.turns))
        ours += await text.one_after_another(site, operator, alone[n :: sizes.turns])
    bare = text.delays(floor)
    found: list[Figure | Delay] = [Delay("text", text.delays(ours), bare, ALONE_P99_MS)]
    if sizes.burst:
        burst = text.delays(await text.at_once(site, operator, waits[sizes.texts :]))
        found.append(Delay("burst", burst, bare, BURST_P99_MS))
    return found


async def _figure(
    part: str, turns: int, ours: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]]
) -> Figure:
    found = [(await floor(), await ours()) for _ in range(turns)]
    return Figure(part, statistics.median(one for _, one in found), statistics.median(one for one, _ in found))


@contextlib.asynccontextmanager
async def own_database(settings: Settings) -> AsyncIterator[Settings]:
    """A database beside the one that is named: nothing of an installation is touched. Its account may make one."""
    server, name = (settings.database or "").replace("+asyncpg", ""), f"bench_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield settings.model_copy(update={"database": (settings.database or "").rpartition("/")[0] + f"/{name}"})
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def shown(figures: list[Figure | Delay]) -> list[str]:
    """The figures in French, two lines each."""
    lines = []
    for figure in figures:
        verdict = "atteint" if figure.row["reached"] else "pas atteint"
        lines += [
            f"{SAYS[figure.part].replace(' ;', NBSP + ';').replace(' :', NBSP + ':')}.",
            f"  {_told(figure)} ({verdict})",
        ]
    return [*lines, f"Charge de la machine{NBSP}: {os.getloadavg()[0]:.1f} pour {os.cpu_count()} cœurs.", _versions()]


def _told(figure: Figure | Delay) -> str:
    if isinstance(figure, Figure):
        wanted = f"voulu {WANTED[figure.part]:.0%}"
        return f"{figure.ours:.0f}/s, plancher {figure.floor:.0f}/s{NBSP}: {figure.ratio:.0%}, {wanted}"
    p99 = f"p99 {figure.ours.p99:.0f} ms, voulu {figure.most:.0f} ms"
    if figure.part == "burst":
        return f"p50 {figure.ours.p50:.0f} ms, {p99}"
    times = f"{figure.ratio:.1f} fois, voulu {MOST_TIMES_FLOOR:.0f}"
    return f"p50 {figure.ours.p50:.1f} ms, plancher {figure.floor.p50:.1f} ms{NBSP}: {times}{NBSP}; {p99}"


def _versions() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("faststream", "aiokafka", "sqlalchemy", "asyncpg"))


def as_rows(figures: list[Figure | Delay]) -> list[dict[str, Any]]:
    return [figure.row for figure in figures]
