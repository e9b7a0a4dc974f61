"""One event in a territory that the matcher keeps in its database: how long the round that follows takes, whole.

A drawn territory is declared to the matcher, and a first round proposes its places, so that most of what is free is
held. Then things happen one by one, of every kind, and after each of them the round runs as it does in the service:
read, decide, check, write. In one process, on SQLite.

When to modify: when a round runs otherwise.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.bus import tables as bus
from services.bus.database import Database, open_sqlite
from services.cli.bench_again import Solving, percentiles
from services.cli.bench_town import POLICY, TERRITORY, Declared, Happening, declared
from services.matcher import rounds, store
from services.matcher import tables as t
from services.matcher.handlers import HANDLERS
from services.matcher.memory import Memory
from services.matcher.remembered import Remembered
from services.territory.chance import seeded
from services.territory.rounds import INSTANT, RoundPlan, drawn_round

A_WHILE = timedelta(seconds=20)
"""Between two events: a few hundred of them are one working day."""


@dataclass
class Life:
    """A territory under way: its database, its hour, how often something was said, and what its rounds know."""

    database: Database
    now: datetime
    said: int = 0
    parts: int = 0
    solving: Solving = field(default_factory=Solving)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.remembered = Remembered(self.solving.decide)

    def hear(self, tx: sa.Connection, told: list[Declared]) -> None:
        """Have the matcher hear these, in one transaction."""
        for event, subject, facts in told:
            self.said += 1
            says: dict[str, Any] = {"cause": f"bench/{self.said}", "source": "ingest", "territory": TERRITORY}
            HANDLERS[event](tx, event.say(subject, **says, time=self.now, **facts), self.now)

    async def round(self) -> float:
        """CPU seconds of a round, whole."""
        self.solving.seconds, start = 0.0, time.process_time()
        decide = self.remembered.decide
        tally = await rounds.run_round(self.database, TERRITORY, self.now, decide, _seed, memory=self.memory)
        self.parts = len(tally.outcomes) if tally else 0
        return time.process_time() - start


def lived(plan: RoundPlan, seed: int, events: int) -> dict[str, Any]:
    """CPU seconds of the round after each event: in the solver, and whole."""
    return asyncio.run(_lived(plan, seed, events))


async def _lived(plan: RoundPlan, seed: int, events: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(open_sqlite(Path(folder) / "matcher.sqlite3", "OFF"), INSTANT)
        try:
            return await _measured(life, plan, seed, events)
        finally:
            await life.database.close()


async def _measured(life: Life, plan: RoundPlan, seed: int, events: int) -> dict[str, Any]:
    town = drawn_round(plan, seed)
    happening = Happening(town, drawn_round(plan, seed + 1).requests, seeded(seed).of("lived"))
    await life.database.write(_make_tables)
    await life.database.write(life.hear, list(declared(town, seeded(seed))))
    first = await life.round()
    life.now += A_WHILE
    await life.round()  # it sees what the first has given away
    wholes, solved = list[float](), list[float]()
    for number in range(events):
        life.now += A_WHILE
        live = await life.database.read(_live)
        await life.database.write(life.hear, [happening.next(number, live)])
        wholes.append(await life.round())
        solved.append(life.solving.seconds)
    sizes = {"requests": plan.requests, "structures": plan.structures, "events": events, "parts": life.parts}
    sizes |= {"held": len(await life.database.read(_live))}
    return {**sizes, "first": first, "policy": POLICY, "solver": percentiles(solved), "whole": percentiles(wholes)}


def _make_tables(tx: sa.Connection) -> None:
    for metadata in (bus.metadata, t.metadata):
        metadata.create_all(tx)


def _live(tx: sa.Connection) -> list[tuple[str, str]]:
    return [(row.proposal, row.request) for row in store.live_proposals(tx)]


def _seed(territory: str, day: date) -> str:
    """A draw that every run of the bench repeats."""
    return f"{territory}/{day.isoformat()}"
