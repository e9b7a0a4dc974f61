"""Several matchers as processes of their own, and towns for them to decide. Every person is invented."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from contracts.base import Event
from deploy.servers.processes import free_ports
from services.bus.database import Database
from services.bus.settings import Settings
from services.calendar import system_clock
from services.matcher import tables as t
from tests.bus.harness import say
from tests.connected.carriers import sending
from tests.journey.cluster import Worker
from tests.matcher.test_app import Told
from tests.matcher.world import CRECHE, SECTION, TERRITORY, now_at

NOW = now_at(9)
"""What the processes' clocks say when they start: the Monday of the matcher's other tests."""


def town_events(name: str, children: int = 1, places: int = 1) -> list[Event]:
    """All that the matcher has to hear of a territory before it can decide: one crèche, its places, its children."""
    world = Told()
    world.begin()
    world.open_place(places=places)
    for n in range(children):
        world.ask(f"r-{n}")
    return [_in(name, event, children) for event in world.messages]


def a_child_more(name: str, n: int) -> list[Event]:
    world = Told()
    world.ask(f"r-{n}")
    world.open_place(f"more-{n}")
    return [_in(name, event, n + 1) for event in world.messages]


def _in(name: str, event: Event, children: int) -> Event:
    """The same event of another territory, whose ids are its own."""
    body = event.model_dump_json()
    own = [TERRITORY, CRECHE, SECTION, event.id, event.subject, *(f"r-{n}" for n in range(children))]
    own += [f"f-{one}" for one in own] + [f"family-{one}" for one in own]
    for one in sorted(set(own)):
        body = body.replace(f'"{one}"', f'"{name}-{one}"')
    said = type(event).model_validate_json(body)
    return said.model_copy(update={"territory": name, "id": f"{event.id[:24]}-{name}-{event.subject}"[:64]})


async def tell(settings: Settings, writer: Database, events: Sequence[Event]) -> None:
    """Say these and carry them to the broker, in order."""
    for start in range(0, len(events), 500):
        await say(writer, *events[start : start + 500])
    async with sending(settings, writer) as relay:
        while await relay.publish_waiting():
            pass


def matcher_process(settings: Settings, database: str, member: str, home: Path) -> Worker:
    """`berceau worker matcher`, not started."""
    clock = home / "clock"
    clock.write_text(str((NOW - system_clock()).total_seconds()))
    own = {
        "BERCEAU_KAFKA": settings.kafka or "",
        "BERCEAU_KAFKA_PREFIX": settings.kafka_prefix,
        "BERCEAU_KAFKA_SESSION_S": str(settings.kafka_session_s),
        "BERCEAU_DATABASE": database,
        "BERCEAU_MEMBER": member,
        "BERCEAU_VAULT_KEY": settings.vault_key.get_secret_value(),
        "BERCEAU_LINK_KEY": settings.link_key.get_secret_value(),
        "BERCEAU_CLOCK_FILE": str(clock),
    }
    return Worker("matcher", free_ports(1)[0], {**os.environ, **own}, home / f"matcher-{member}.log")


@contextlib.contextmanager
def matchers(settings: Settings, database: str, home: Path, count: int) -> Iterator[list[Worker]]:
    """`count` of them at work, killed at the end."""
    found = [matcher_process(settings, database, str(n + 1), home) for n in range(count)]
    try:
        for one in found:
            one.start()
        for one in found:
            one.until_ready()
        yield found
    finally:
        for one in found:
            one.kill()


def proposed_in(tx: sa.Connection) -> dict[str, int]:
    """How many proposals each territory has."""
    p = t.proposals.c
    return {row[0]: row[1] for row in tx.execute(sa.select(p.territory, sa.func.count()).group_by(p.territory))}


def owners(tx: sa.Connection) -> dict[str, str]:
    """The member that owns each territory."""
    return {row.territory: row.member for row in tx.execute(sa.select(t.leases))}


def decided_at(tx: sa.Connection) -> list[datetime]:
    return list(tx.scalars(sa.select(t.rounds.c.at).order_by(t.rounds.c.at)))
