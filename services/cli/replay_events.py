"""A territory's events, from the logs of the three services, and the state that they give in a scratch database.

What a service has not heard yet is left out, so that a running installation compares equal: each service's own rows
and the list of what it heard are read in one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import sqlalchemy as sa

from contracts.base import Event
from contracts.topics import DECISIONS, DECLARATIONS, MESSAGES, parse
from services.bus.database import sqlite_engine
from services.bus.delivery import Handlers
from services.bus.tables import inbox, outbox
from services.cli.replay_declared import FIRST, LAST
from services.cli.replay_held import holds, vacancies
from services.cli.replay_states import State
from services.cli.replay_timers import Timer, timers
from services.ingest import schema

BATCH = 1_000
Bodies = Mapping[str, list[tuple[str, bytes]]]
"""Event ids and bodies by stream, each in the order of writing."""


@dataclass(frozen=True)
class Witness:
    """One service at one instant: its own rows, what it said, and the ids of what it heard."""

    service: str
    live: State
    said: list[tuple[str, bytes]]
    heard: frozenset[str]
    begins: datetime | None


def said_about(tx: sa.Connection, territory: str) -> list[tuple[str, bytes]]:
    """What a service said about `territory`, in the order of writing."""
    query = sa.select(outbox.c.event_id, outbox.c.body).where(outbox.c.territory == territory)
    return [(row.event_id, row.body) for row in tx.execute(query.order_by(outbox.c.position))]


def heard(tx: sa.Connection) -> frozenset[str]:
    return frozenset(tx.scalars(sa.select(inbox.c.event_id)))


def log_begins(tx: sa.Connection) -> datetime | None:
    """When the oldest event that the log still holds was recorded, if older ones were dropped; None if it is whole."""
    row = tx.execute(sa.select(outbox.c.position, outbox.c.recorded_at).order_by(outbox.c.position).limit(1)).first()
    return None if row is None or row.position == 1 else row.recorded_at


def known_to(witness: Witness, everything: Bodies) -> Bodies:
    """What this service knows of each stream: what it said itself, and what it heard of the others."""
    own = {"ingest": DECLARATIONS.name, "matcher": DECISIONS.name}[witness.service]
    others = {
        stream: [(id_, body) for id_, body in bodies if id_ in witness.heard]
        for stream, bodies in everything.items()
        if stream != own
    }
    return {**others, own: witness.said}


def replayed(events: Bodies, handlers: Handlers, now: datetime) -> sa.Engine:
    """A scratch database, in memory, with the state that these events give. Whoever asked for it disposes of it."""
    engine = sqlite_engine()
    declared = [parse(body) for _, body in events[DECLARATIONS.name]]
    with engine.begin() as tx:
        schema.create_all(tx)
        _declare(tx, declared, last=False)
        for event in read(events[DECISIONS.name], events[MESSAGES.name]):
            handler = handlers.get(type(event))
            if handler is not None:
                handler(tx, event, now)
        _declare(tx, declared, last=True)
    return engine


def _declare(tx: sa.Connection, events: Iterable[Event | None], *, last: bool) -> None:
    apply = LAST if last else FIRST
    for event in events:
        act = apply.get(type(event)) if event is not None else None
        if act is not None:
            act(tx, event)


def kept(events: Bodies) -> tuple[State, Mapping[str, Timer]]:
    """What the matcher keeps of places after these events, with what it waits for."""
    declared, decided = list(read(events[DECLARATIONS.name])), list(read(events[DECISIONS.name]))
    due = timers(declared, decided)
    rows = {name: timer.row() for name, timer in due.items()}
    return {"holds": holds(decided), "vacancies": vacancies(declared), "timers": rows}, due


def last_instant(events: Bodies) -> datetime | None:
    """When the last of these events was said, None if there is none."""
    return max((event.time for event in read(*events.values())), default=None)


def read(*streams: list[tuple[str, bytes]]) -> Iterator[Event]:
    """The events of these streams one stream after another, without those of a type that is not known here."""
    for _, body in chain(*streams):
        event = parse(body)
        if event is not None:
            yield event
