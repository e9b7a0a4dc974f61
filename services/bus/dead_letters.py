"""Messages that a person has to look at. Nothing is edited here: a letter is redriven as it is, or discarded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.bus import audit
from services.bus.tables import dead_letters

LONGEST_ERROR = 2_000


@dataclass(frozen=True)
class Letter:
    """A parked message. `origin` says where it came from, once: stream and position, or topic, partition, offset.

    While nobody has settled it, the last three are None.
    """

    id: int
    stream: str
    origin: str
    type: str | None
    body: bytes
    reason: str
    error: str
    tries: int
    parked_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    note: str | None


_COLUMNS = [dead_letters.c[column.name] for column in fields(Letter)]


def park(
    tx: sa.Connection, *, stream: str, origin: str, body: bytes, type_: str | None, reason: str, error: str,
    tries: int, now: datetime,
) -> None:  # fmt: skip
    """Keep the message for a person. Parking the same message of the same origin twice keeps one letter."""
    row = {
        "stream": stream,
        "origin": _free_origin(tx, origin, body),
        "type": type_,
        "body": body,
        "reason": reason,
        "error": error[:LONGEST_ERROR],
        "tries": tries,
        "parked_at": now,
    }
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(insert(dead_letters).values(row).on_conflict_do_nothing(index_elements=["origin"]))


def _free_origin(tx: sa.Connection, origin: str, body: bytes) -> str:
    """`origin`, told apart if other bytes had it: a broker that was emptied and refilled counts from zero again."""
    there = tx.scalar(sa.select(dead_letters.c.body).where(dead_letters.c.origin == origin))
    return origin if there is None or there == body else f"{origin}#{hashlib.sha256(body).hexdigest()[:16]}"


def waiting(tx: sa.Connection, limit: int = 100) -> list[Letter]:
    """Letters that nobody has settled, oldest first."""
    rows = tx.execute(
        sa.select(*_COLUMNS).where(dead_letters.c.settled_at.is_(None)).order_by(dead_letters.c.id).limit(limit)
    )
    return [Letter(**row._mapping) for row in rows]


def letter(tx: sa.Connection, letter_id: int) -> Letter | None:
    """The letter of that number, waiting or settled."""
    row = tx.execute(sa.select(*_COLUMNS).where(dead_letters.c.id == letter_id)).first()
    return None if row is None else Letter(**row._mapping)


def settled(tx: sa.Connection, limit: int = 100) -> list[Letter]:
    """Letters that somebody redrove or discarded, the last one first. They are kept with their note."""
    done = dead_letters.c.settled_at.is_not(None)
    rows = tx.execute(sa.select(*_COLUMNS).where(done).order_by(dead_letters.c.settled_at.desc()).limit(limit))
    return [Letter(**row._mapping) for row in rows]


def oldest_waiting(tx: sa.Connection) -> datetime | None:
    """When the letter that has waited longest was parked."""
    query = sa.select(dead_letters.c.parked_at).where(dead_letters.c.settled_at.is_(None))
    return tx.scalar(query.order_by(dead_letters.c.parked_at).limit(1))


def count_waiting(tx: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(dead_letters).where(dead_letters.c.settled_at.is_(None))
    return tx.scalar(query) or 0


def settle(
    tx: sa.Connection, letter_id: int, *, by: str, note: str, now: datetime, did: str = "dead_letter.discarded"
) -> bool:  # fmt: skip
    """Close a letter with a note, which is also how one is discarded. False if it was closed before."""
    done = tx.execute(
        dead_letters.update()
        .where(dead_letters.c.id == letter_id, dead_letters.c.settled_at.is_(None))
        .values(settled_at=now, settled_by=by, note=note)
        .returning(dead_letters.c.id)
    )
    if done.first() is None:
        return False
    audit.note(tx, audit.Entry(now, by, audit.TECHNICIAN, did, str(letter_id), ""))
    return True
