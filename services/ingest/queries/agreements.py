"""On-call agreements of a structure that still hold, for the form that posts an on-call place."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from services.ingest import store
from services.ingest.access import Seen, Thing, may_see
from services.ingest.actors import Actor


def agreements_of(tx: sa.Connection, actor: Actor, structure: str, today: date) -> list[dict[str, Any]]:
    """The agreements in force, by section. `valid_until` is their last day."""
    if not may_see(actor, Seen.PLACES, Thing(actor.territory, structure=structure)):
        return []
    table, sections = store.agreements, store.sections
    running = (table.c.structure == structure, table.c.ended_at.is_(None), table.c.valid_until >= today)
    columns = (table.c.id.label("agreement"), table.c.section, sections.c.name.label("section_name"))
    query = sa.select(*columns, table.c.valid_until).join(sections, sections.c.id == table.c.section)
    return store.rows(tx, query.where(*running, table.c.territory == actor.territory).order_by(table.c.id))
