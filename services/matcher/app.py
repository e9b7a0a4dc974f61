"""The matcher as a service: it hears, keeps its timers, runs its rounds, and shows how it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
import structlog
from fastapi import FastAPI

from services.bus import traces
from services.bus.database import Database
from services.bus.delivery import Clock, Reader
from services.bus.health import health_routes
from services.bus.retries import Failure, brief, failure_of, where
from services.bus.service import TICKING, Service, Share
from services.matcher import intake, leases, metrics, rounds, timers
from services.matcher import tables as t
from services.matcher.beside import Explain, beside_here
from services.matcher.draws import NewSeed, fresh_seed
from services.matcher.handlers import HANDLERS
from services.matcher.leases import Holder, Lease, LeaseLost, Tenure
from services.matcher.memory import Memories
from services.matcher.remembered import Remembered
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import SolverProcess, decide
from services.matcher.writing import fenced

log = structlog.get_logger()
Thing = TypeVar("Thing")


def build(
    database: Database, clock: Clock, decide_part: rounds.Decide | None = None, *, relayed: bool = False,
    member: str = "1", new_seed: NewSeed = fresh_seed,
) -> Service:  # fmt: skip
    """The matcher on `database`, as `member` of several. Without `decide_part`, parts are solved in a process apart."""
    pool = SolverProcess() if decide_part is None else None
    solve = Remembered(decide_part or pool.decide).decide  # type: ignore[union-attr]
    explain = pool.explain if pool else beside_here
    memories, share = Memories(), Share()
    tenure = Tenure(database, share, Holder(member))
    reader = Reader("matcher", database, HANDLERS, clock, first=tenure.hold_all)
    app = FastAPI(title="Berceau : attribution", docs_url=None, redoc_url=None)
    app.include_router(health_routes("matcher", database, reader, clock, relayed=relayed))

    listening = Listening(reader)

    async def tick(now: datetime) -> int:
        held = await tenure.look(now)
        async with tenure.renewed():
            with _raised_last() as failures:
                fired, due = await fire_timers(database, now, held, listening.since(now), failures)
                return fired + await run_rounds(database, due, now, solve, new_seed, held, memories, failures, explain)

    async def next_due() -> datetime | None:
        return await database.read(_next_due, tenure.holder)

    on_start = (pool.ready,) if pool else ()
    on_close = (tenure.close, *((pool.close,) if pool else ()))
    return Service("matcher", database, reader, app, tick, next_due, share=share, on_start=on_start, on_close=on_close)


@dataclass
class Listening:
    """Since when this process has been hearing what people say. It began with its first look, or after a trouble."""

    reader: Reader
    _since: datetime | None = None

    def since(self, now: datetime) -> datetime:
        if self._since is None or self.reader.troubles.causes.keys() - {TICKING}:
            self._since = now
        return self._since


def _due(tx: sa.Connection, now: datetime, held: Mapping[str, Lease]) -> tuple[list[timers.Timer], list[str]]:
    """The timers of these territories that are due, and every territory of which a round is: most looks find nothing,
    so that they are one."""
    return timers.due(tx, now, held), rounds.due_territories(tx, now)


async def fire_timers(
    database: Database, now: datetime, held: Mapping[str, Lease], listening_since: datetime, failures: list[Exception]
) -> tuple[int, list[str]]:  # fmt: skip
    """Fire what is due in these territories, each timer in a transaction of its own. How many that was, and the
    territories of which a round is due by then.

    Silence counts from when this process began to listen, and to decide for the territory.
    """
    due, territories = await database.read(_due, now, held)

    async def fire(timer: timers.Timer) -> None:
        lease = held[timer.territory]
        since = max(listening_since, lease.since)
        await database.write(fenced, lease.fence, timers.fire, timer, now, since)

    fired = await _each(due, fire, failures)
    return fired, await database.read(rounds.due_territories, now) if due else territories


async def run_rounds(
    database: Database, due: Sequence[str], now: datetime, decide_part: rounds.Decide, new_seed: NewSeed,
    held: Mapping[str, Lease], memories: Memories, failures: list[Exception], explain: Explain = beside_here,
) -> int:  # fmt: skip
    """Decide those territories of which a round is due that are held. Where there is one, nobody's turn is to be
    noted."""
    due = [territory for territory in due if territory in held]

    async def run(territory: str) -> None:
        if len(due) > 1:
            await database.write(fenced, held[territory].fence, rounds.begin, territory, now)
        with traces.span("matcher round", traces.cause_of(f"round/{territory}"), territory=territory):
            fence, memory = held[territory].fence, memories.of(territory, held[territory].token)
            await intake.run(database, territory, now, decide_part, new_seed, fence, explain)
            await rounds.run_round(database, territory, now, decide_part, new_seed, fence, memory)

    done = await _each(due, run, failures)
    if due:
        await database.read(_measure)
    return done


@contextmanager
def _raised_last() -> Iterator[list[Exception]]:
    """The failures that those within note; the first is raised once all have had their turn."""
    failures: list[Exception] = []
    yield failures
    if failures:
        raise failures[0]


async def _each(things: Sequence[Thing], do: Callable[[Thing], Awaitable[None]], failures: list[Exception]) -> int:
    """Do it for each; what fails is noted in `failures`, and keeps no other from its turn. How many had theirs.

    Raises at once what concerns all: a database that is away.
    """
    for thing in things:
        try:
            await do(thing)
        except LeaseLost as lost:
            metrics.STALE_WRITES.inc()
            log.warning("stale write refused", cause=str(lost))
        except Exception as error:
            if failure_of(error) is Failure.AWAY:
                raise
            log.error("failed while others go on", cause=brief(error), where=where(error))
            failures.append(error)
    return len(things)


def _next_due(tx: sa.Connection, holder: Holder) -> datetime | None:
    mine = leases.owned(tx, holder)
    return min((due for due in (timers.next_due(tx, mine), rounds.next_due(tx, mine)) if due), default=None)


def _measure(tx: sa.Connection) -> None:
    """Count proposals by state and open tasks by kind."""
    metrics.PROPOSALS.clear()
    for state, number in tx.execute(_BY_STATE):
        metrics.PROPOSALS.labels(state).set(number)
    metrics.TASKS_OPEN.clear()
    for kind, number in tx.execute(_UNSETTLED):
        metrics.TASKS_OPEN.labels(kind).set(number)


_BY_STATE = sa.select(t.proposals.c.state, sa.func.count()).group_by(t.proposals.c.state)
_UNSETTLED = (
    sa.select(t.tasks.c.kind, sa.func.count()).where(t.tasks.c.settled_at.is_(None)).group_by(t.tasks.c.kind)
)  # fmt: skip


async def decide_here(part: Round) -> Outcome:
    """Solve in place: for the simulation and for tests, where one thread does everything."""
    return decide(part)
