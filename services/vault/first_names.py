"""Children's first names, one per request: for the family itself, its counsellor and, after OUI, the structure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa

from services.bus.rows import insert_rows
from services.vault import tables
from services.vault.ciphers import Keyring, seal, unseal
from services.vault.contacts import OwnerKind
from services.vault.keys import key_for_reading, keys_for_writing, of

_FAMILY = OwnerKind.FAMILY
_FIELD = "first_name"


class ChildName(NamedTuple):
    """The first name of the child of one request of `family`."""

    family: str
    request: str
    first_name: str


def put_child_first_name(
    tx: sa.Connection, keyring: Keyring, family: str, request: str, first_name: str, today: date
) -> None:
    """Keep the first name of the child of `request`, in place of any before. The request must be this family's."""
    put_first_names(tx, keyring, [ChildName(family, request, first_name)], today)


def put_first_names(tx: sa.Connection, keyring: Keyring, children: Sequence[ChildName], today: date) -> None:
    """The same for many, each request once."""
    if not children:
        return
    keys = keys_for_writing(tx, keyring, _FAMILY, {child.family for child in children}, today)
    rows = [_row(keys[child.family], child) for child in children]
    tx.execute(_FORGET, [{"_request": child.request, "_owner": child.family} for child in children])
    insert_rows(tx, tables.first_names, rows)


_FORGET = sa.delete(tables.first_names).where(
    tables.first_names.c.request == sa.bindparam("_request"),
    *of(tables.first_names, _FAMILY, sa.bindparam("_owner")),
)


def _row(key: bytes, child: ChildName) -> dict[str, object]:
    sealed = seal(key, child.first_name, _FAMILY, child.family, child.request, _FIELD)
    return {"request": child.request, "kind": _FAMILY, "owner": child.family, "first_name": sealed}


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
