"""What was imported: the row of a file is known by its identifier, and by a fingerprint of what it said last.

An import that comes twice then does nothing the second time, and never undoes what somebody changed at the guichet in
between. The fingerprint is keyed: nobody without the key can guess a phone number from it.

When to modify: together with a migration.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.bus.tables import Instant
from services.ingest.store import metadata, named, put_many

rows = sa.Table(
    "imported_rows",
    metadata,
    sa.Column("territory", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    named("by"),
    sa.Column("at", Instant, nullable=False),
)


def fingerprint(key: bytes, cells: Iterable[tuple[str, str]]) -> str:
    """The fingerprint of (column, cell) pairs, in the order in which they are given."""
    said = "\x1e".join(f"{column}\x1f{cell}" for column, cell in cells)
    return hmac.new(key, f"import/1:{said}".encode(), hashlib.sha256).hexdigest()


def known(tx: sa.Connection, territory: str, kind: str, keys: list[str]) -> dict[str, str]:
    """The fingerprint that each of these rows had when it was last taken."""
    mine = (rows.c.territory == territory, rows.c.kind == kind, rows.c.key.in_(keys))
    return {row.key: row.fingerprint for row in tx.execute(sa.select(rows.c.key, rows.c.fingerprint).where(*mine))}


@dataclass(frozen=True)
class Taken:
    """A row of a file that was taken: its identifier, and the fingerprint of what it said."""

    key: str
    fingerprint: str


def remember(
    tx: sa.Connection, territory: str, kind: str, taken: Sequence[Taken], by: str, at: datetime
) -> None:  # fmt: skip
    """This is what these rows said when they were taken."""
    common = {"territory": territory, "kind": kind, "by": by, "at": at}
    put_many(tx, rows, [{**common, "key": row.key, "fingerprint": row.fingerprint} for row in taken])
