"""A child who seems registered already: the same number and the same birth date. A person decides: twins exist."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.ingest import store
from services.ingest.access import Seen, may_see
from services.ingest.actors import Actor
from services.ingest.declare.requests import thing_of
from services.ingest.families import RegistrationBody
from services.ingest.pages.visit import Visit
from services.vault import Keyring, families_by_phone


async def known_already(visit: Visit, wanted: RegistrationBody) -> list[str]:
    """Open requests that look like this one, of those that this visitor may open, oldest first.

    A brother or sister of a known family has a birth date of its own, and a child who asks for another place is known.
    """
    if wanted.child is not None:
        return []
    phones = [contact.phone for contact in wanted.contacts if contact.phone]
    families = await visit.guichet.vault.read(_families, visit.guichet.keyring, phones)
    known = families | ({wanted.family} if wanted.family else set())
    return await visit.read(_open_requests, visit.actor, known, wanted.born) if known else []


def _families(tx: sa.Connection, keyring: Keyring, phones: Collection[str]) -> set[str]:
    return {family for phone in phones for family, _ in families_by_phone(tx, keyring, phone)}


def _open_requests(tx: sa.Connection, actor: Actor, families: Collection[str], born: date) -> list[str]:
    table = store.requests
    own = (table.c.territory == actor.territory, table.c.family.in_(sorted(families)), table.c.state == "open")
    found = store.rows(tx, sa.select(table).where(*own).order_by(table.c.registered_at, table.c.id))
    return [row["id"] for row in found if row["need"]["born"] == born.isoformat() and _may_open(actor, row)]


def _may_open(actor: Actor, row: dict[str, Any]) -> bool:
    """A counsellor learns nothing here of what others registered."""
    return may_see(actor, Seen.REASON, thing_of(row))
