"""The matcher as a service: it hears, keeps its timers, runs its rounds, and shows how it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from fastapi import FastAPI

from services.bus.database import Database
from services.bus.delivery import Clock, Reader
from services.bus.health import health_routes
from services.bus.service import TICKING, Service
from services.matcher import metrics, rounds, timers
from services.matcher import tables as t
from services.matcher.handlers import HANDLERS
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import SolverProcess, decide


def build(
    database: Database, clock: Clock, decide_part: rounds.Decide | None = None, *, relayed: bool = False
) -> Service:
    """The matcher on `database`. Without `decide_part`, parts are solved in a process of their own."""
    pool = SolverProcess() if decide_part is None else None
    solve = decide_part or pool.decide  # type: ignore[union-attr]
    reader = Reader("matcher", database, HANDLERS, clock)
    app = FastAPI(title="Berceau : attribution", docs_url=None, redoc_url=None)
    app.include_router(health_routes("matcher", database, reader, clock, relayed=relayed))

    listening = Listening(reader)

    async def tick(now: datetime) -> int:
        fired = await fire_timers(database, now, listening.since(now))
        return fired + await run_rounds(database, now, solve)

    async def next_due() -> datetime | None:
        return await database.read(_next_due)

    return Service("matcher", database, reader, app, tick, next_due, on_close=(pool.close,) if pool else ())


@dataclass
class Listening:
    """Since when this process has been hearing what people say. It began with its first look, or after a trouble."""

    reader: Reader
    _since: datetime | None = None

    def since(self, now: datetime) -> datetime:
        if self._since is None or self.reader.troubles.causes.keys() - {TICKING}:
            self._since = now
        return self._since


async def fire_timers(database: Database, now: datetime, listening_since: datetime | None = None) -> int:
    """Fire what is due, each timer in a transaction of its own."""
    due = await database.read(timers.due, now)
    for timer in due:
        await database.write(timers.fire, timer, now, listening_since)
    return len(due)


async def run_rounds(database: Database, now: datetime, decide_part: rounds.Decide) -> int:
    due = await database.read(rounds.due_territories, now)
    for territory in due:
        await rounds.run_round(database, territory, now, decide_part)
    if due:
        await database.read(_measure)
    return len(due)


def _next_due(tx: sa.Connection) -> datetime | None:
    return min((due for due in (timers.next_due(tx), rounds.next_due(tx)) if due), default=None)


def _measure(tx: sa.Connection) -> None:
    """Count proposals by state and open tasks by kind."""
    metrics.PROPOSALS.clear()
    for state, number in tx.execute(sa.select(t.proposals.c.state, sa.func.count()).group_by(t.proposals.c.state)):
        metrics.PROPOSALS.labels(state).set(number)
    unsettled = sa.select(t.tasks.c.kind, sa.func.count()).where(t.tasks.c.settled_at.is_(None))
    metrics.TASKS_OPEN.clear()
    for kind, number in tx.execute(unsettled.group_by(t.tasks.c.kind)):
        metrics.TASKS_OPEN.labels(kind).set(number)


async def decide_here(part: Round) -> Outcome:
    """Solve in place: for the simulation and for tests, where one thread does everything."""
    return decide(part)
