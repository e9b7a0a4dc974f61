"""What ingest keeps of what people declared, as it is now. What was said, and when, is in the outbox.

When to modify: together with a migration. Names, phones and e-mail addresses have no column here: they are the vault's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import ClosingReason
from services.bus.rows import Known, Rows, insert_rows
from services.bus.tables import Instant

metadata = sa.MetaData()


def named(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """A column that holds an id of the contracts."""
    return sa.Column(name, sa.String(64), nullable=nullable)


def key(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.String(64), primary_key=True)


territories = sa.Table(
    "territories",
    metadata,
    key(),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("published_at", Instant, nullable=False),
)

structures = sa.Table(
    "structures",
    metadata,
    key(),
    named("territory"),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("commune", sa.String(5), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("award_mode", sa.String(32), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("published_at", Instant, nullable=False),
    sa.Index("structures_of_territory", "territory", "commune"),
)

sections = sa.Table(
    "sections",
    metadata,
    key(),
    named("structure"),
    named("territory"),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("age_from_months", sa.Integer, nullable=False),
    sa.Column("age_to_months", sa.Integer, nullable=False),
    sa.Column("places", sa.Integer, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False, default=False),
    sa.Index("sections_of_structure", "structure"),
)
"""`closed`: the structure no longer publishes it; what happened there stays readable."""

agreements = sa.Table(
    "agreements",
    metadata,
    key(),
    named("territory"),
    named("structure"),
    named("section"),
    named("agreed_by"),
    sa.Column("notice_hours", sa.Float, nullable=False),
    sa.Column("age_from_months", sa.Integer, nullable=False),
    sa.Column("age_to_months", sa.Integer, nullable=False),
    sa.Column("days_per_child", sa.Integer, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("signed_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Index("agreements_of_structure", "structure"),
)

vacancies = sa.Table(
    "vacancies",
    metadata,
    key(),
    named("territory"),
    named("structure"),
    named("section"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("places", sa.Integer, nullable=False),
    sa.Column("start", sa.Date, nullable=False),
    sa.Column("end", sa.Date),
    sa.Column("audience", sa.String(32), nullable=False),
    sa.Column("release_at", Instant),
    named("agreement", nullable=True),
    named("snapshot", nullable=True),
    named("said_by"),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("counted_at", Instant, nullable=False),
    sa.Column("confirmed_at", Instant),
    sa.Column("withdrawn_at", Instant),
    sa.Column("withdrawal_reason", sa.String(32)),
    sa.Index("vacancies_of_section", "section", "withdrawn_at"),
    sa.Index("vacancies_of_structure", "structure", "withdrawn_at"),
    sa.Index("vacancies_of_territory", "territory", "withdrawn_at"),
)
"""`counted_at`: placements made since are taken off the count. `confirmed_at`: when somebody last said that it is
still free, none while a refusal by the structure leaves it in doubt. `snapshot`: the whole picture that said it."""

snapshots = sa.Table(
    "snapshots",
    metadata,
    key(),
    named("section"),
    sa.Column("as_of", Instant, nullable=False),
    sa.Index("snapshots_of_section", "section", "as_of"),
)

requests = sa.Table(
    "requests",
    metadata,
    key(),
    named("territory"),
    named("family"),
    named("child"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("need", sa.JSON, nullable=False),
    named("prescriber", nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("closing_reason", sa.String(32)),
    sa.Column("registered_at", Instant, nullable=False),
    sa.Column("amended_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Index("requests_of_family", "family"),
    sa.Index("requests_of_prescriber", "prescriber"),
    sa.Index("requests_of_territory", "territory", "state"),
)
"""`state` is open or closed. `need` is `NeedFacts` as JSON."""

holds = sa.Table(
    "holds",
    metadata,
    key(),
    named("territory"),
    named("request"),
    named("section"),
    named("by"),
    sa.Column("asked_at", Instant, nullable=False),
    named("proposal", nullable=True),
    sa.Column("denied", sa.String(500)),
    sa.Index("holds_of_request", "request"),
)

siblings = sa.Table(
    "siblings",
    metadata,
    key(),
    named("territory"),
    named("family"),
    sa.Column("requests", sa.JSON, nullable=False),
    sa.Column("together", sa.JSON, nullable=False),
    sa.Column("combinations", sa.JSON, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("parted_at", Instant),
    sa.Index("siblings_of_family", "family"),
)
"""Requests of one family that are decided together, as it asked, until `parted_at`."""

notes = sa.Table(
    "notes",
    metadata,
    key(),
    named("about"),
    named("what"),
    named("by"),
    sa.Column("text", sa.String(500), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("notes_about", "about"),
)
"""Words in free text beside an act, which `what` names as its event does. Only the coordinator reads them (why a
proposal is kept back: whoever may let it leave), and they never travel."""

campaigns = sa.Table(
    "campaigns",
    metadata,
    key(),
    named("territory"),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date, nullable=False),
    sa.Column("requests_until", sa.Date, nullable=False),
    sa.Column("commission_on", sa.Date, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    named("draft", nullable=True),
    sa.Column("draft_asked_at", Instant),
    sa.Column("released_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("closed", sa.JSON),
    sa.Index("campaigns_of_territory", "territory", "state"),
)
"""`draft` is the last one that was asked; `closed` what the matcher said once the decisions were written."""

releases = sa.Table("releases", metadata, key(), named("territory"), sa.Column("at", Instant, nullable=False))
"""By proposal, when somebody let it leave: until the matcher has heard, the list says that it is on its way."""

gestures = sa.Table(
    "gestures",
    metadata,
    key(),
    named("territory"),
    named("campaign", nullable=True),
    sa.Column("kind", sa.String(16), nullable=False),
    named("structure"),
    named("section"),
    sa.Column("slots", sa.JSON),
    sa.Column("start", sa.Date),
    sa.Column("end", sa.Date),
    sa.Column("audience", sa.String(32)),
    sa.Column("places", sa.Integer),
    sa.Column("until", sa.Date),
    named("request", nullable=True),
    sa.Column("pattern", sa.Integer),
    sa.Column("reason", sa.String(500), nullable=False),
    named("by"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("weighed", sa.JSON),
    sa.Column("confirmed_at", Instant),
    sa.Column("undone_at", Instant),
    named("undone_by", nullable=True),
    sa.Index("gestures_of_territory", "territory", "undone_at"),
)
"""Places kept back, and children placed by persons. `weighed`: whom a forced placement touches, as the matcher said."""

OPEN, CLOSED = "open", "closed"


def put(tx: sa.Connection, table: sa.Table, row: Mapping[str, Any], *, only_new: bool = False) -> None:
    """Insert `row`, or replace what it says where its key is known already (`only_new`: leave that one alone)."""
    put_many(tx, table, [row], only_new=only_new)


def put_many(tx: sa.Connection, table: sa.Table, rows: Rows, *, only_new: bool = False) -> None:
    """The same for rows that all name the same columns."""
    insert_rows(tx, table, rows, Known.LEFT if only_new else Known.REPLACED)


def one_at_a_time(tx: sa.Connection, id_: str) -> None:
    """Wait for whoever does the act of this id at this moment: a button pressed twice is looked at one by one.

    SQLite's writers follow each other anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(id_, 0))))


def find(tx: sa.Connection, table: sa.Table, id_: str) -> dict[str, Any] | None:
    """The row of that id as a dictionary, or None."""
    row = tx.execute(_by_id(table), {"wanted": id_}).mappings().first()
    return None if row is None else dict(row)


@cache
def _by_id(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id == sa.bindparam("wanted"))


def update(tx: sa.Connection, table: sa.Table, id_: str, **values: Any) -> bool:
    """Change one row. False if there is none."""
    return tx.execute(_update(table), {"_wanted": id_, **values}).rowcount > 0


@cache
def _update(table: sa.Table) -> sa.Update:
    """Built once for each table. What changes is named by the values that it is run with."""
    return sa.update(table).where(table.c.id == sa.bindparam("_wanted"))


def rows(tx: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(query).mappings()]


def families_kept() -> sa.Select[tuple[str]]:
    """Asks for the families of which a request stays that was not erased."""
    return sa.select(requests.c.family).where(is_kept()).distinct()


def is_kept() -> sa.ColumnElement[bool]:
    """A request that was not erased."""
    return sa.or_(requests.c.closing_reason.is_(None), requests.c.closing_reason != ClosingReason.ERASED.value)


def sections_of(tx: sa.Connection, structure: str) -> list[dict[str, Any]]:
    """The sections that a structure publishes now, youngest children first."""
    mine = sections.c.structure == structure
    order = (sections.c.age_from_months, sections.c.id)
    return rows(tx, sa.select(sections).where(mine, sa.not_(sections.c.closed)).order_by(*order))


def replace_snapshot(tx: sa.Connection, section: str, now: datetime) -> None:
    """A newer whole picture of what a section has free takes the place of its regular vacancies."""
    of_section = (vacancies.c.section == section, vacancies.c.kind == "regular", vacancies.c.withdrawn_at.is_(None))
    tx.execute(sa.update(vacancies).where(*of_section).values(withdrawn_at=now, withdrawal_reason=REPLACED))


REPLACED = "replaced"
"""A vacancy ended because a snapshot says it anew: nothing was withdrawn."""
