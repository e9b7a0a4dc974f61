"""What is written by the hundred, and what has to come back, on either kind of database.

The rows are numbered by the table itself, as an outbox is: their keys are in no order that any index would give.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from services.bus.rows import Known, change_rows, insert_rows
from services.bus.tables import Instant, Position
from services.ingest import store

metadata = sa.MetaData()
numbered = sa.Table(
    "numbered",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(8), nullable=False, unique=True),
    sa.Column("said", sa.JSON),
    sa.Column("body", sa.LargeBinary),
    sa.Column("at", Instant),
    sa.Column("day", sa.Date),
    sa.Column("share", sa.Float),
    sa.Column("count", sa.Integer),
    sa.Column("closed", sa.Boolean, nullable=False, default=False),
)
named = sa.Table("named", metadata, store.key(), sa.Column("what", sa.String(64)))

MANY, APART = 5_000, 7_919
GIVEN = [f"{n * APART % MANY:04}" for n in range(MANY)]
"""Every key once, neighbours far apart."""

ROWS: list[dict[str, Any]] = [
    {"key": "all", "said": {"à": ["é", 1, None, [2]]}, "body": b"\x00\xff'{}\\", "share": 0.1, "count": 0,
     "at": datetime(2026, 3, 29, 1, 30, 0, 123_456, UTC), "day": date(2026, 10, 25), "closed": True},
    {"key": "none", "said": None, "body": None, "share": None, "count": None, "at": None, "day": None, "closed": False},
    {"key": "list", "said": [["a"], []], "body": b"", "share": -1e300, "count": -2**31,
     "at": datetime(1970, 1, 1, tzinfo=UTC), "day": date(1, 1, 1), "closed": False},
    {"key": 'N,"{\\', "said": "NULL", "body": b"NULL", "share": 0.0, "count": 2**31 - 1,
     "at": datetime(2999, 12, 31, 23, 59, 59, 999_999, UTC), "day": date(2999, 12, 31), "closed": True},
]  # fmt: skip
"""Each kind of value, with what lists and JSON write in their own way; two of each, and none."""


def in_order(tx: sa.Connection) -> list[str]:
    """The keys by their numbers, of two batches."""
    for part in (GIVEN[: MANY // 2], GIVEN[MANY // 2 :]):
        insert_rows(tx, numbered, [{"key": key} for key in part])
    return list(tx.scalars(sa.select(numbered.c.key).order_by(numbered.c.position)))


def given_back(tx: sa.Connection) -> list[dict[str, Any]]:
    insert_rows(tx, numbered, ROWS)
    columns = [numbered.c[name] for name in ROWS[0]]
    return [dict(row) for row in tx.execute(sa.select(*columns).order_by(numbered.c.position)).mappings()]


def alone(tx: sa.Connection) -> list[dict[str, Any]]:
    """The same, each by itself."""
    for row in ROWS:
        insert_rows(tx, numbered, [row])
    columns = [numbered.c[name] for name in ROWS[0]]
    return [dict(row) for row in tx.execute(sa.select(*columns).order_by(numbered.c.position)).mappings()]


def without_a_value(tx: sa.Connection) -> list[str]:
    """The keys of rows whose JSON is the database's own NULL: JSON's `null` is another thing."""
    insert_rows(tx, numbered, [{"key": "a"}, {"key": "b"}])
    insert_rows(tx, numbered, [{"key": "c", "said": None}, {"key": "d", "said": None}])
    return sorted(tx.scalars(sa.select(numbered.c.key).where(numbered.c.said.is_(sa.null()))))


def twice_the_same(tx: sa.Connection, known: Known) -> list[tuple[str, str]]:
    """Rows of which two share a key, on a table that has another of them: what is there then."""
    insert_rows(tx, named, [{"id": "there", "what": "before"}])
    told = (("there", "again"), ("new", "first"), ("new", "second"), ("other", "only"))
    insert_rows(tx, named, [{"id": id_, "what": what} for id_, what in told], known)
    return [(row.id, row.what) for row in tx.execute(sa.select(named).order_by(named.c.id))]


REPLACED = [("new", "second"), ("other", "only"), ("there", "again")]
LEFT = [("new", "first"), ("other", "only"), ("there", "before")]


def changed(tx: sa.Connection) -> list[tuple[str, Any]]:
    """Three rows, two of which are changed by the same call, and one key that no row has."""
    insert_rows(tx, numbered, [{"key": key, "said": {"was": key}} for key in "abc"])
    told = (("c", {"is": "c"}), ("a", None), ("nobody", {"is": "lost"}))
    change_rows(tx, numbered, ("key",), [{"key": key, "said": said} for key, said in told])
    return [(row.key, row.said) for row in tx.execute(sa.select(numbered).order_by(numbered.c.key))]


CHANGED = [("a", None), ("b", {"was": "b"}), ("c", {"is": "c"})]
