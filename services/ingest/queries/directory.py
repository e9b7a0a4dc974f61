"""The directory: every structure of the territory, for anybody."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from services.ingest import store
from services.ingest.access import Doing, Thing, may
from services.ingest.actors import Actor
from services.ingest.problems import unknown

_PUBLIC = (
    "name",
    "kind",
    "commune",
    "address",
    "phone",
    "award_mode",
    "tariff",
    "avip",
    "capacity",
    "opening",
    "closures",
)


def directory(tx: sa.Connection, territory: str, commune: str | None = None) -> list[dict[str, Any]]:
    """All structures with their sections, by commune and name."""
    table = store.structures
    wanted = [table.c.territory == territory] + ([table.c.commune == commune] if commune else [])
    order = (table.c.commune, table.c.name, table.c.id)
    return [_view(tx, row) for row in store.rows(tx, sa.select(table).where(*wanted).order_by(*order))]


def structure(tx: sa.Connection, territory: str, id_: str) -> dict[str, Any]:
    """One structure with its sections. Raises Refused."""
    row = store.find(tx, store.structures, id_)
    if row is None or row["territory"] != territory:
        raise unknown("structure", "cette structure")
    return _view(tx, row)


def structure_for(tx: sa.Connection, actor: Actor, id_: str) -> dict[str, Any]:
    """The same, and for whoever may publish the structure all that it published. Raises Refused."""
    view = structure(tx, actor.territory, id_)
    if not may(actor, Doing.PUBLISH_STRUCTURE, Thing(actor.territory, structure=id_)):
        return view
    row = store.find(tx, store.structures, id_)
    return {**view, "publication": row["facts"] if row else None}


def territory(tx: sa.Connection, id_: str | None = None) -> dict[str, Any]:
    """What every page shows of the territory: its name, the guichet's phone, the communes. Raises Refused.

    Without an id, the first one: most installations serve one.
    """
    table = store.territories
    wanted = sa.select(table).where(table.c.id == id_) if id_ else sa.select(table).order_by(table.c.id).limit(1)
    found = store.rows(tx, wanted)
    if not found:
        raise unknown("territory", "ce territoire")
    return {"territory": found[0]["id"], **found[0]["facts"]}


def named_structures(tx: sa.Connection, ids: Collection[str]) -> dict[str, str]:
    """Names by id."""
    table = store.structures
    return {row.id: row.name for row in tx.execute(sa.select(table.c.id, table.c.name).where(table.c.id.in_(ids)))}


def _view(tx: sa.Connection, row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "name", "age_from_months", "age_to_months", "places")
    sections = [{name: section[name] for name in names} for section in store.sections_of(tx, row["id"])]
    facts = {name: row["facts"][name] for name in _PUBLIC}
    return {"structure": row["id"], **facts, "sections": sections, "published_at": row["published_at"]}
