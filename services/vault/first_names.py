"""Children's first names, one per request: for the family itself, its counsellor and, after OUI, the structure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa

from services.vault import tables
from services.vault.ciphers import Keyring, seal, unseal
from services.vault.contacts import OwnerKind
from services.vault.keys import key_for_reading, key_for_writing, of

_FAMILY = OwnerKind.FAMILY
_FIELD = "first_name"


def put_child_first_name(
    tx: sa.Connection, keyring: Keyring, family: str, request: str, first_name: str, today: date
) -> None:
    """Keep the first name of the child of `request`, in place of any before. The request must be this family's."""
    table = tables.first_names
    key = key_for_writing(tx, keyring, _FAMILY, family, today)
    tx.execute(sa.delete(table).where(table.c.request == request, *of(table, _FAMILY, family)))
    sealed = seal(key, first_name, _FAMILY, family, request, _FIELD)
    tx.execute(sa.insert(table).values(request=request, kind=_FAMILY, owner=family, first_name=sealed))


def child_first_name(tx: sa.Connection, keyring: Keyring, request: str) -> str | None:
    """The first name of the child of `request`, or None. Raises Unreadable where the key was erased."""
    return child_first_names(tx, keyring, [request]).get(request)


def child_first_names(tx: sa.Connection, keyring: Keyring, requests: Collection[str]) -> dict[str, str]:
    """First names by request, for a page with many; requests without one are left out."""
    table = tables.first_names
    rows = tx.execute(sa.select(table).where(table.c.request.in_(requests)).order_by(table.c.request)).all()
    keys = {owner: key_for_reading(tx, keyring, _FAMILY, owner) for owner in sorted({row.owner for row in rows})}
    return {
        row.request: unseal(keys[row.owner], row.first_name, row.kind, row.owner, row.request, _FIELD) for row in rows
    }
