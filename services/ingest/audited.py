"""What ingest adds to the audit trail: each act of somebody at a door, and each look of staff at what is sensitive.

When to modify: a new act that says no event notes itself here (`did`); a new sensitive field is a line of `READ`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.releases import ReleaseGiven
from contracts.vocabulary import HEALTH_CRITERIA
from services.bus import audit, outbox
from services.bus.audit import Entry
from services.bus.database import Database
from services.ingest import store
from services.ingest.actors import STAFF, Act, Actor
from services.ingest.projection import tables as seen

READ_CONTACT, READ_HEALTH = "contact.read", "health.read"

_HEALTH = frozenset(criterion.value for criterion in HEALTH_CRITERIA)


def declared(tx: sa.Connection, act: Act, event: Event) -> None:
    """Say what somebody declared, and note who did."""
    declared_many(tx, [(act, event)])


def declared_many(tx: sa.Connection, said: Sequence[tuple[Act, Event]]) -> None:
    """The same for many acts, in their order."""
    outbox.record(tx, *(event for _, event in said))
    audit.note(tx, *(entry for act, event in said for entry in _entries(tx, act, event)))


def _entries(tx: sa.Connection, act: Act, event: Event) -> Iterator[Entry]:
    about = event.proposals if isinstance(event, ReleaseGiven) else (event.subject,)
    files = {name: _file_of(tx, event, name) for name in about}
    yield from (_entry(act, event.type, name, file) for name, file in files.items())


def did(tx: sa.Connection, act: Act, what: str, about: str) -> None:
    """Note an act that says no event: `what` is `noun.participle`, as an event's type is."""
    audit.note(tx, _entry(act, what, about, None))


def _entry(act: Act, what: str, about: str, file: str | None) -> Entry:
    actor = act.actor
    return Entry(act.now, actor.id, actor.role.value, what, about, act.territory, file or actor.request)


def _file_of(tx: sa.Connection, event: Event, about: str) -> str | None:
    """The request that an event concerns, if it does one."""
    if event.type.startswith("request."):
        return event.subject
    named = _said(event, "request")
    proposal = _said(event, "proposal") or (about if isinstance(event, ReleaseGiven) else None)
    for table, key in ((seen.proposals, proposal), (seen.placements, _said(event, "placement"))):
        named = named or (_request_of(tx, table, key) if key else None)
    return named or (_request_of(tx, seen.tasks, about) if event.type == "task.handled" else None)


def _said(event: Event, field: str) -> str | None:
    """What the event says there. Asking it for a field that it has not costs more than all the rest."""
    return getattr(event, field) if field in type(event).model_fields else None


def _request_of(tx: sa.Connection, table: sa.Table, key: str) -> str | None:
    row = store.find(tx, table, key)
    return row["request"] if row else None


async def note_reads(database: Database, actor: Actor, now: datetime, views: Sequence[Mapping[str, Any]]) -> None:
    """Before staff, or a program, gets to see contacts or health: who looks at whose. A family reads its own freely."""
    if actor.role not in STAFF:
        return
    reads = list(_reads(actor, now, views))
    if new := await database.read(audit.unnoted, reads):
        await database.write(audit.note, *new)


def _reads(actor: Actor, now: datetime, views: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for view in views:
        file, family = view.get("request"), view.get("family")
        about = file or family
        for what, is_there in ((READ_CONTACT, "contacts" in view and family), (READ_HEALTH, _shows_health(view))):
            if is_there and about:
                yield Entry(now, actor.id, actor.role.value, what, about, actor.territory, file)


def _shows_health(view: Mapping[str, Any]) -> bool:
    return (
        bool(view.get("needs_person"))
        or _speaks_of_health(view.get("reasons"))
        or _speaks_of_health(view.get("criteria"))
    )


def _speaks_of_health(lines: Collection[Mapping[str, Any]] | None) -> bool:
    return any(line["criterion"] in _HEALTH for line in lines or ())
