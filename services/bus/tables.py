"""The tables that every service has in its own database: what it said, heard, parked, and how far it read.

When to modify: together with a migration in each service.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData()


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. SQLite has no time zones, so there it is stored without one and read as UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Position = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself only for its own INTEGER."""

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(64), nullable=False, unique=True),
    sa.Column("stream", sa.String(64), nullable=False),
    sa.Column("territory", sa.String(64), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("published_at", Instant),
    sa.Index("outbox_unpublished", "position", sqlite_where=sa.text("published_at IS NULL"),
             postgresql_where=sa.text("published_at IS NULL")),
)  # fmt: skip

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", sa.String(64), primary_key=True),
    sa.Column("received_at", Instant, nullable=False),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("stream", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", Position, primary_key=True, autoincrement=True),
    sa.Column("stream", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(128), nullable=False, unique=True),
    sa.Column("type", sa.String(64)),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("parked_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("settled_by", sa.String(64)),
    sa.Column("note", sa.Text),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Position, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("did", sa.String(64), nullable=False),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("file", sa.String(64)),
    sa.Column("territory", sa.String(64), nullable=False),
    sa.Column("link", sa.BigInteger, unique=True),
    sa.Column("seal", sa.String(64)),
    sa.Index("audit_of_person", "who", "at"),
    sa.Index("audit_of_file", "file", "at"),
    sa.Index("audit_unsealed", "id", sqlite_where=sa.text("link IS NULL"), postgresql_where=sa.text("link IS NULL")),
)
"""Who did or read what, by ids only. `file` is the request concerned. `link` numbers the rows of the chain."""

audit_chain = sa.Table(
    "audit_chain",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("first_seal", sa.String(64), nullable=False),
    sa.Column("first_at", Instant),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("last_seal", sa.String(64), nullable=False),
    sa.Column("seal", sa.String(64), nullable=False),
)
"""One row: where the chain ends, and the last link that was dropped once it was old, with when it had been written."""
