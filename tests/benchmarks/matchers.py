"""How fast one matcher and two decide many territories, on real Apache Kafka and PostgreSQL: prints, asserts nothing.

    python -m tests.benchmarks.matchers [--territories 48] [--children 12] [--matchers 1 2]

The matchers are ready before the first event is on the broker; time runs from there to the last round. Beside the wall
clock stands what the processes used of the processors: on a machine with two cores that also runs the broker
and the database, two matchers can not be twice as fast, and the second figure is the one to reckon with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from deploy.servers.kafka import running_kafka
from deploy.servers.postgres import running_postgres
from deploy.servers.processes import children_of
from services.bus import tables as bus
from services.bus.database import Database, open_postgresql
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics
from services.matcher import tables as t
from tests import servers
from tests.bus import harness
from tests.connected.matchers import matchers, owners, tell, town_events
from tests.journey.cluster import Worker

PARTITIONS = 12
SETTLING_S = 8.0
"""Until the processes have shared the partitions and loaded their solvers."""

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What one run took. `processor_s` is that of the matchers and of the processes that solve for them."""

    matchers: int
    events: int
    rounds: int
    seconds: float
    processor_s: float
    share: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"{self.matchers} matcher(s): {self.events} events and {self.rounds} rounds in {self.seconds:.1f} s, "
            f"{self.events / self.seconds:.0f} events/s; processor {self.processor_s:.1f} s, "
            f"{1000 * self.processor_s / self.events:.1f} ms an event with its rounds; "
            f"territories by matcher {list(self.share)}"
        )


async def measure(settings: Settings, database_url: str, territories: int, children: int, count: int) -> Figures:
    """One run on an empty database and topics of its own."""
    names = [f"town-{n:03}" for n in range(territories)]
    events = [event for name in names for event in town_events(name, children, places=children // 2)]
    writer = await harness.postgres_database(database_url, "ingest")
    decided = open_postgresql(database_url, "matcher")
    with tempfile.TemporaryDirectory() as home, matchers(settings, database_url, Path(home), count) as found:
        await asyncio.sleep(SETTLING_S)
        started = sum(processor_s(worker) for worker in found)
        begun = time.monotonic()
        await tell(settings, writer, events)
        await harness.until(lambda: is_done(decided, territories, len(events)), patience_s=1200)
        seconds = time.monotonic() - begun
        used = sum(processor_s(worker) for worker in found) - started
        held = list((await decided.read(owners)).values())
        rounds = await decided.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(t.rounds)) or 0)
    for database in (writer, decided):
        await database.close()
    share = tuple(held.count(member) for member in sorted(set(held)))
    return Figures(count, len(events), rounds, seconds, used, share)


def processor_s(worker: Worker) -> float:
    """What a process and those that it started have used so far."""
    assert worker.process is not None
    return sum(_processor_s(pid) for pid in (worker.process.pid, *children_of(worker.process.pid)))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


async def is_done(decided: Database, territories: int, events: int) -> bool:
    return await decided.read(heard) >= events and await decided.read(settled) >= territories


def heard(tx: sa.Connection) -> int:
    if not sa.inspect(tx).has_table("inbox", schema="matcher"):
        return 0
    return tx.scalar(sa.select(sa.func.count()).select_from(bus.inbox)) or 0


def settled(tx: sa.Connection) -> int:
    """Territories that were decided and wait for nothing."""
    decided = sa.select(t.rounds.c.territory).where(t.rounds.c.proposed > 0)
    quiet = (t.territories.c.due_at.is_(None), t.territories.c.territory.in_(decided))
    return tx.scalar(sa.select(sa.func.count()).select_from(t.territories).where(*quiet)) or 0


async def compare(kafka: str, postgres: str, territories: int, children: int, counts: list[int]) -> None:
    for count in counts:
        settings = harness.settings(kafka=kafka, kafka_prefix=f"bench{count}{time.monotonic_ns()}.")
        with admin(settings) as client:
            create_topics(client, settings, partitions=PARTITIONS, replicas=1)
        with servers.fresh_database(postgres) as url:
            print(await measure(settings, url, territories, children, count), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--territories", type=int, default=48)
    options.add_argument("--children", type=int, default=12)
    options.add_argument("--matchers", type=int, nargs="+", default=[1, 2])
    given = options.parse_args()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load}; {given.territories} territories of {given.children} children")
    with running_kafka() as node, running_postgres() as server:
        asyncio.run(compare(node.bootstrap, server.url(), given.territories, given.children, given.matchers))


if __name__ == "__main__":
    main()
