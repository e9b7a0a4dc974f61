"""What must hold when all is over, whatever died meanwhile: each check names what it finds. Only plain rows are read.

The checks count for themselves: they ask no rule, no solver and no inbox what it thinks of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa

from contracts.base import Event
from services.bus import tables as bus
from services.bus.database import Database
from services.ingest import store as ingest
from services.matcher import tables as matcher
from services.notifier.gateways.phone_threads import Direction, texts
from tests.bus.harness import effects
from tests.journey.stillness import routes
from tests.journey.stubborn import StubbornWorld

REQUESTS, VACANCIES = "/requests", "/vacancies"


async def faults(world: StubbornWorld, phones: Iterable[str]) -> list[str]:
    """Everything that is lost, doubled, overbooked, parked or left for a person."""
    found = [*await lost(world), *await doubled(world)]
    found += [*await mislaid(world), *await doubled_texts(world, phones)]
    found += await world.databases["matcher"].read(overbooked, world.territory)
    found += await world.databases["matcher"].read(open_tasks, world.territory)
    for name, database in world.databases.items():
        found += [f"{name} parked {type_}" for type_ in await database.read(parked, world.territory)]
    return sorted(found)


async def lost(world: StubbornWorld) -> list[str]:
    """Events that took no effect where somebody has a handler for them."""
    found = []
    for writer, reader, types in routes():
        said = set(await world.databases[writer].read(said_in, world.territory, types))
        missing = said - set(await effects_in(world.databases[reader], world.territory))
        found += [f"lost: {reader} never handled {event} of {writer}" for event in sorted(missing)]
    return found


async def has_effects_enough(world: StubbornWorld) -> bool:
    """Whether there are as many effects as there should be, whichever they are: what to look at while one waits, as
    comparing two hundred thousand ids takes seconds."""
    expected: Counter[str] = Counter()
    for writer, reader, types in routes():
        expected[reader] += await world.databases[writer].read(times_said, world.territory, types)
    found = {name: await world.databases[name].read(count_effects, world.territory) for name in expected}
    return all(found[name] >= expected[name] for name in expected)


async def doubled(world: StubbornWorld) -> list[str]:
    """Events that took effect more than once."""
    found = []
    for name, database in world.databases.items():
        times = Counter(await effects_in(database, world.territory))
        found += [f"doubled: {name} handled {event} {n} times" for event, n in times.items() if n > 1]
    return found


async def mislaid(world: StubbornWorld) -> list[str]:
    """Acts that were answered and are not there, or are there and were answered to nobody."""
    found = []
    kinds = ((REQUESTS, ingest.requests, matcher.requests), (VACANCIES, ingest.vacancies, matcher.vacancies))
    for path, at_ingest, at_matcher in kinds:
        held = {"ingest": at_ingest, "matcher": at_matcher}
        for name, table in held.items():
            there = await world.databases[name].read(ids_in, table, world.territory)
            found += [f"mislaid: {id_} of {path} at {name}" for id_ in sorted(there ^ world.taken[path])]
    return found


async def doubled_texts(world: StubbornWorld, phones: Iterable[str]) -> list[str]:
    """The same text twice on one phone. A text names its proposal by the code, so that two events differ."""
    found = []
    for phone in phones:
        times = Counter(await world.databases["notifier"].read(texts_on, phone))
        found += [f"text twice on {phone}: {text[:40]}" for text, n in times.items() if n > 1]
    return found


def said_in(tx: sa.Connection, territory: str, types: list[str]) -> list[str]:
    own = (bus.outbox.c.territory == territory, bus.outbox.c.type.in_(types))
    return list(tx.scalars(sa.select(bus.outbox.c.event_id).where(*own)))


def times_said(tx: sa.Connection, territory: str, types: list[str]) -> int:
    own = (bus.outbox.c.territory == territory, bus.outbox.c.type.in_(types))
    return tx.scalar(sa.select(sa.func.count()).select_from(bus.outbox).where(*own)) or 0


def count_effects(tx: sa.Connection, territory: str) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(effects).where(effects.c.territory == territory)) or 0


async def effects_in(database: Database, territory: str) -> list[str]:
    own = sa.select(effects.c.event_id).where(effects.c.territory == territory)
    return await database.read(lambda tx: list(tx.scalars(own)))


def ids_in(tx: sa.Connection, table: sa.Table, territory: str) -> set[str]:
    (key,) = table.primary_key.columns
    return set(tx.scalars(sa.select(key).where(table.c.territory == territory)))


def texts_on(tx: sa.Connection, phone: str) -> list[str]:
    own = (texts.c.number == phone, texts.c.direction == Direction.TO_PHONE)
    return list(tx.scalars(sa.select(texts.c.text).where(*own)))


def overbooked(tx: sa.Connection, territory: str) -> list[str]:
    """Sections in which more is held than there are places. All hours of these towns are the same, so sums do."""
    v, h = matcher.vacancies, matcher.holds
    rows = sa.select(v.c.section, sa.func.sum(v.c.places)).where(v.c.territory == territory, v.c.is_open)
    places = dict(map(tuple, tx.execute(rows.group_by(v.c.section))))
    held = sa.select(h.c.section, sa.func.sum(h.c.units)).where(h.c.territory == territory).group_by(h.c.section)
    return [
        f"overbooked: {n} held in {section} of {places.get(section, 0)}"
        for section, n in tx.execute(held)
        if n > places.get(section, 0)
    ]


def open_tasks(tx: sa.Connection, territory: str) -> list[str]:
    t = matcher.tasks
    unsettled = (t.c.territory == territory, t.c.settled_at.is_(None))
    return [f"task: {kind}" for kind in tx.scalars(sa.select(t.c.kind).where(*unsettled))]


def parked(tx: sa.Connection, territory: str) -> list[str]:
    letters = tx.execute(sa.select(bus.dead_letters.c.type, bus.dead_letters.c.body))
    return [type_ for type_, body in letters if Event.model_validate_json(body).territory == territory]
