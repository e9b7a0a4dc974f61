"""On-call agreements that still hold: for the form that posts an on-call place, and for those who sign them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import VacancyKind
from services.calendar import local_day
from services.ingest import credentials, store
from services.ingest.access import Seen, Thing, may_see, reveal
from services.ingest.actors import Actor

ENDS_SOON = timedelta(days=30)
"""A month to sign the next one: it must be there before the emergency (choice)."""


def agreements_of(tx: sa.Connection, actor: Actor, structure: str, today: date) -> list[dict[str, Any]]:
    """The agreements in force, by section. `valid_until` is their last day."""
    if not may_see(actor, Seen.PLACES, Thing(actor.territory, structure=structure)):
        return []
    table, sections = store.agreements, store.sections
    columns = (table.c.id.label("agreement"), table.c.section, sections.c.name.label("section_name"))
    query = sa.select(*columns, table.c.valid_until).join(sections, sections.c.id == table.c.section)
    wanted = (table.c.structure == structure, *_running(actor, today))
    return store.rows(tx, query.where(*wanted).order_by(table.c.id))


def agreements_in_force(tx: sa.Connection, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Every agreement in force that `actor` may see, with what was agreed and the on-call vacancies that rest on it."""
    table, today = store.agreements, local_day(now)
    rows = store.rows(tx, _WITH_NAMES.where(*_running(actor, today)).order_by(table.c.id))
    posted = _resting(tx, actor.territory, today)
    views = [{**row, "posted": posted.get(row["agreement"], 0), **_soon(row, today)} for row in rows]
    seen = [reveal(actor, Thing(actor.territory, structure=view["structure"]), view) for view in views]
    return [view for view in seen if "notice_hours" in view]


def _running(actor: Actor, today: date) -> tuple[sa.ColumnElement[bool], ...]:
    table = store.agreements
    return (table.c.ended_at.is_(None), table.c.valid_until >= today, table.c.territory == actor.territory)


def _soon(row: dict[str, Any], today: date) -> dict[str, bool]:
    return {"ends_soon": row["valid_until"] - today <= ENDS_SOON}


def _resting(tx: sa.Connection, territory: str, today: date) -> dict[str, int]:
    """How many open on-call vacancies rest on each agreement."""
    vacancies = store.vacancies
    open_now = (
        vacancies.c.territory == territory,
        vacancies.c.kind == VacancyKind.ON_CALL.value,
        vacancies.c.withdrawn_at.is_(None),
        sa.or_(vacancies.c.end.is_(None), vacancies.c.end > today),
    )
    count = sa.select(vacancies.c.agreement, sa.func.count()).where(*open_now).group_by(vacancies.c.agreement)
    return {agreement: number for agreement, number in tx.execute(count) if agreement is not None}


_WITH_NAMES = (
    sa.select(
        store.agreements.c.id.label("agreement"),
        *(store.agreements.c[name] for name in ("structure", "section", "age_from_months", "age_to_months")),
        *(store.agreements.c[name] for name in ("notice_hours", "days_per_child", "valid_until", "signed_at")),
        store.structures.c.name.label("structure_name"),
        store.sections.c.name.label("section_name"),
        credentials.persons.c.role.label("agreed_by_role"),
    )
    .join(store.structures, store.structures.c.id == store.agreements.c.structure)
    .join(store.sections, store.sections.c.id == store.agreements.c.section)
    .outerjoin(credentials.persons, credentials.persons.c.id == store.agreements.c.agreed_by)
)
"""Who agreed is told by role: a person's name stays in the vault."""
