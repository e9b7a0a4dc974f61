"""Whether a cluster has come to rest, and when something is next due: one look at the databases of all services.

The three schemas are in one PostgreSQL, so one statement sees one instant of them. Whatever is on its way is a row
somewhere (said and not heard, due and not done, sent and not noted), and each step moves it on in one transaction: so
nothing to see is nothing on its way. Only tests may look across services like this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import sqlalchemy as sa

from contracts.base import Event
from contracts.topics import TOPICS
from services.ingest import projection
from services.matcher.handlers import HANDLERS as MATCHER
from services.notifier.app import PHONE_RECEIPTS
from services.notifier.handlers import HANDLERS as NOTIFIER

HEARD_BY = {"ingest": tuple(projection.handlers(b"")), "matcher": tuple(MATCHER), "notifier": tuple(NOTIFIER)}
"""The events that each service has a handler for."""

DUE = """
    SELECT 'round' AS what, due_at FROM matcher.territories WHERE territory = :territory AND due_at IS NOT NULL
    UNION ALL SELECT kind, due_at FROM matcher.timers WHERE territory = :territory
    UNION ALL SELECT 'text', send_at FROM notifier.messages WHERE territory = :territory AND state = 'planned'
"""
UNDONE = f"""
    SELECT 'due: ' || what AS what FROM ({DUE}) AS due WHERE due_at <= :now
    UNION ALL SELECT 'text being sent' FROM notifier.messages WHERE territory = :territory AND state = 'sending'
    UNION ALL SELECT 'receipt' FROM notifier.simulated_receipts WHERE position >
        coalesce((SELECT position FROM notifier.bookmarks WHERE name = '{PHONE_RECEIPTS}'), 0)
"""


def routes() -> Iterator[tuple[str, str, list[str]]]:
    """Who says what to whom: writer, reader, and the types that the reader handles."""
    for topic in TOPICS:
        for reader in topic.readers:
            types = wire_types(set(topic.events) & set(HEARD_BY[reader]))
            if types:
                yield topic.writer, reader, types


def wire_types(events: Iterable[type[Event]]) -> list[str]:
    return sorted(event.wire_type() for event in events)


def _unheard(writer: str, reader: str, types: list[str]) -> str:
    listed = ", ".join(f"'{type_}'" for type_ in types)
    return f"""
        SELECT '{reader} has not heard: ' || type FROM {writer}.outbox AS said
        WHERE territory = :territory AND type IN ({listed})
        AND NOT EXISTS (SELECT 1 FROM {reader}.inbox AS heard WHERE heard.event_id = said.event_id)
    """


UNREST = sa.text(" UNION ALL ".join([UNDONE, *(_unheard(*route) for route in routes())]))


def unrest(tx: sa.Connection, territory: str, now: datetime) -> list[str]:
    """What of a territory is on its way or due at `now`; empty once it rests until something is done or due."""
    return sorted(tx.scalars(UNREST, {"territory": territory, "now": now}))


def next_due(tx: sa.Connection, territory: str) -> datetime | None:
    """When something of a territory is next due."""
    return tx.scalar(sa.text(f"SELECT min(due_at) FROM ({DUE}) AS due"), {"territory": territory})
