"""The matcher as a service: it hears, keeps its timers, runs its rounds, and shows how it is."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
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


class SolverProcess:
    """Solves outside this process, so that a long round never keeps a message waiting.

    The process is spawned: a forked one would inherit database connections and locks.
    """

    def __init__(self) -> None:
        self._pool = _one_process()

    async def decide(self, part: Round) -> Outcome:
        """Raises SolverDied, once the next process is ready: the round is run again."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, decide, part)
        except BrokenProcessPool as error:
            self._pool = _one_process()
            raise SolverDied("le processus de calcul s'est arrêté") from error

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _one_process() -> ProcessPoolExecutor:
    """Starts at once, beside everything else, and not with the first round."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=_end_with_the_matcher)
    pool.submit(_load)
    return pool


def _end_with_the_matcher() -> None:
    """A matcher that is killed can not end its solver, which would wait for work for ever: it looks by itself.

    Ctrl-C reaches both processes; the matcher decides when this one ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after_the_parent, daemon=True).start()


def _end_after_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _load() -> None:
    """OR-Tools, before the first round needs it."""
    from services.matcher.solver import solve  # noqa: F401


def decide(part: Round) -> Outcome:
    """The outcome of one part. Whoever solves loads OR-Tools; the other processes do without it."""
    from services.matcher.solver import solve

    return solve.decide(part)


class SolverDied(ConnectionError):
    """The process that solves was ended from outside, for want of memory say: away, and tried again."""


async def decide_here(part: Round) -> Outcome:
    """Solve in place: for the simulation and for tests, where one thread does everything."""
    return decide(part)
