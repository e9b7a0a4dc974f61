"""The data keys: one per family or professional, one for the blind index, each wrapped by the master key.

When to modify: never without a thought for the rows that are already sealed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.vault import tables
from services.vault.ciphers import Keyring, Unreadable, new_key, seal_bytes, unseal_bytes

_INDEX = ("index", "lookups")


def of(
    table: sa.Table, kind: str | sa.BindParameter[str], owner: str | sa.BindParameter[str]
) -> tuple[sa.ColumnElement[bool], ...]:  # fmt: skip
    """The rows of `table` that belong to `owner`."""
    return (table.c.kind == kind, table.c.owner == owner)


def keys_for_writing(
    tx: sa.Connection, keyring: Keyring, kind: str, owners: Collection[str], today: date
) -> dict[str, bytes]:  # fmt: skip
    """The data key of each owner, made where there is none; says that somebody wrote today."""
    found = _of_all(tx, kind, owners)
    earlier = sorted(row.owner for row in found.values() if row.written_on != today)
    if earlier:
        mine = (tables.keys.c.kind == kind, tables.keys.c.owner.in_(earlier))
        tx.execute(sa.update(tables.keys).where(*mine).values(written_on=today))
    missing = sorted(set(owners) - set(found))  # in one order, so that two writers never wait in a circle
    if missing:
        _make(tx, keyring, kind, missing, today)
        found.update(_of_all(tx, kind, missing))
    return {owner: _unwrap(keyring, row) for owner, row in found.items()}


def key_for_reading(tx: sa.Connection, keyring: Keyring, kind: str, owner: str) -> bytes:
    """The data key of `owner`. Raises Unreadable if it was erased, WrongMasterKey if it does not open."""
    row = _found(tx, kind, owner)
    if row is None:
        raise Unreadable("la clé a été effacée")
    return _unwrap(keyring, row)


def index_key(tx: sa.Connection, keyring: Keyring, today: date) -> bytes:
    """The key of the blind index, made once. Its row is not touched again: every writer would wait for it."""
    found = _found(tx, *_INDEX)
    if found is None:
        kind, owner = _INDEX
        _make(tx, keyring, kind, [owner], today)
        return key_for_reading(tx, keyring, kind, owner)
    return _unwrap(keyring, found)


def index_key_for_reading(tx: sa.Connection, keyring: Keyring) -> bytes | None:
    """The key of the blind index, or None while nothing was ever written."""
    row = _found(tx, *_INDEX)
    return None if row is None else _unwrap(keyring, row)


def rewrap(tx: sa.Connection, keyring: Keyring) -> int:
    """Wrap every data key with the current master key and return how many changed; contacts are not touched.

    Run it with the earlier key in `previous`; once it returns, the earlier key may be destroyed.
    """
    keys = tables.keys
    rows = tx.execute(sa.select(keys).where(keys.c.master != keyring.name).with_for_update()).all()
    for row in rows:
        wrapped = _wrap(keyring, _unwrap(keyring, row), row.kind, row.owner)
        tx.execute(sa.update(keys).where(*of(keys, row.kind, row.owner)).values(wrapped=wrapped, master=keyring.name))
    return len(rows)


def _found(tx: sa.Connection, kind: str, owner: str) -> sa.Row[Any] | None:
    return tx.execute(_FIND, {"_kind": kind, "_owner": owner}).one_or_none()


KIND, OWNER = sa.bindparam("_kind", type_=sa.String), sa.bindparam("_owner", type_=sa.String)
_FIND = sa.select(tables.keys).where(*of(tables.keys, KIND, OWNER))
"""Built once: every text asks it."""


def _of_all(tx: sa.Connection, kind: str, owners: Collection[str]) -> dict[str, sa.Row[Any]]:
    keys = tables.keys
    rows = tx.execute(sa.select(keys).where(keys.c.kind == kind, keys.c.owner.in_(owners)).order_by(keys.c.owner))
    return {row.owner: row for row in rows}


def _make(tx: sa.Connection, keyring: Keyring, kind: str, owners: Collection[str], today: date) -> None:
    """Keys for those who have none. Of two writers at once the second waits for the first and inserts nothing: read
    what is there afterwards."""
    rows = [
        {"kind": kind, "owner": owner, "wrapped": _wrap(keyring, new_key(), kind, owner), "master": keyring.name,
         "written_on": today}
        for owner in owners
    ]  # fmt: skip
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(insert(tables.keys).on_conflict_do_nothing(), rows)


def _wrap(keyring: Keyring, key: bytes, kind: str, owner: str) -> bytes:
    return seal_bytes(keyring.current, key, kind, owner, "key")


def _unwrap(keyring: Keyring, row: sa.Row[Any]) -> bytes:
    return unseal_bytes(keyring.named(row.master), row.wrapped, row.kind, row.owner, "key")
