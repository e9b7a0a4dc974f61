"""Who did what, and who read what is sensitive: rows that are only ever added, by ids and never by names.

A row is written in the transaction of the act, so that there is none of an act that failed and no act without one.
`audit_chain` seals the rows a moment later, beside the service: no two acts wait for each other's seal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from services.bus.rows import insert_rows
from services.bus.tables import audit

READ_AGAIN_AFTER = timedelta(hours=1)
"""A page that is open, and read again each time something moves, is one read an hour."""

TECHNICIAN = "technician"
"""The role of whoever types a command on the machine itself."""


@dataclass(frozen=True)
class Entry:
    """One act or read. `did` is an event's type, or a word of the service; `file` the request that it concerns."""

    at: datetime
    who: str
    role: str
    did: str
    about: str
    territory: str
    file: str | None = None


@dataclass(frozen=True)
class Kept(Entry):
    """The same as it is kept; `link` is none until it is sealed."""

    id: int = 0
    link: int | None = None


def note(tx: sa.Connection, *entries: Entry) -> None:
    """Keep `entries` if and only if `tx` commits."""
    insert_rows(tx, audit, [vars(entry) for entry in entries])


def unnoted(tx: sa.Connection, reads: Sequence[Entry]) -> list[Entry]:
    """Those reads that the same person has not made lately."""
    if not reads:
        return []
    lately = sa.select(audit.c.did, audit.c.about).where(
        audit.c.who == reads[0].who, audit.c.at > reads[0].at - READ_AGAIN_AFTER
    )
    known = {tuple(row) for row in tx.execute(lately)}
    return [read for read in dict.fromkeys(reads) if (read.did, read.about) not in known]


@dataclass(frozen=True)
class Wanted:
    """What of the trail is asked for: whatever is named, together. `file` is also found as what an entry is about."""

    who: str | None = None
    did: str | None = None
    file: str | None = None
    territory: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    @property
    def conditions(self) -> list[sa.ColumnElement[bool]]:
        c = audit.c
        same = [c[name] == given for name in ("who", "did", "territory") if (given := getattr(self, name))]
        about = [sa.or_(c.file == self.file, c.about == self.file)] if self.file else []
        after = [c.at >= self.since] if self.since else []
        return [*same, *about, *after, *([c.at < self.before] if self.before else [])]


def entries(
    tx: sa.Connection, *, who: str | None = None, file: str | None = None, limit: int = 100
) -> list[Kept]:  # fmt: skip
    """The newest entries first: of a person, of a file, of both, of all."""
    return found(tx, Wanted(who=who, file=file), limit)


def found(tx: sa.Connection, wanted: Wanted, limit: int, skipped: int = 0) -> list[Kept]:
    """The newest entries first, without as many as are `skipped`."""
    columns = [audit.c[name] for name in Kept.__dataclass_fields__]
    query = sa.select(*columns).where(*wanted.conditions).order_by(audit.c.at.desc(), audit.c.id.desc())
    return [Kept(**row) for row in tx.execute(query.limit(limit).offset(skipped)).mappings()]
