"""First names and contacts beside what somebody may see of a child: read from the vault at the last moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.ingest.actors import Actor
from services.ingest.audited import note_reads
from services.ingest.guichet import Guichet
from services.vault import Contact, Keyring, Unreadable, child_first_names, contacts_of, phone_for_people


async def with_people(
    guichet: Guichet, actor: Actor, now: datetime, views: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The same views with the names and contacts that `access.reveal` left room for, and no others.

    Whose contacts or health `actor` gets to see is noted first.
    """
    await note_reads(guichet.database, actor, now, views)
    if not any("first_name" in view or "contacts" in view for view in views):
        return list(views)
    return await guichet.vault.read(_filled, guichet.keyring, views)


def _filled(tx: sa.Connection, keyring: Keyring, views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    named = [view["request"] for view in views if "first_name" in view and view.get("request")]
    names = child_first_names(tx, keyring, sorted(set(named)))
    return [_with(tx, keyring, view, names) for view in views]


def _with(tx: sa.Connection, keyring: Keyring, view: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    filled = dict(view)
    if "first_name" in view and view.get("request"):
        filled["first_name"] = names.get(view["request"])
    if "contacts" in view and view.get("family"):
        filled["contacts"] = _contacts(tx, keyring, view["family"])
    return filled


def _contacts(tx: sa.Connection, keyring: Keyring, family: str) -> list[dict[str, Any]]:
    """How to reach a family, in the order in which to try; nothing once it was erased."""
    try:
        return [_shown(contact) for contact in contacts_of(tx, keyring, family)]
    except Unreadable:
        return []


def _shown(contact: Contact) -> dict[str, Any]:
    facts = contact.model_dump(
        mode="json", include={"id", "name", "role", "channel", "suspended", "may_answer", "email", "language"}
    )
    return {**facts, "phone": phone_for_people(contact.phone) if contact.phone else None}
