"""The data keys: one per family or professional, one for the blind index, each wrapped by the master key.

When to modify: never without a thought for the rows that are already sealed.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.vault import tables
from services.vault.ciphers import Keyring, Unreadable, new_key, seal_bytes, unseal_bytes

_INDEX = ("index", "lookups")


def of(table: sa.Table, kind: str, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of `table` that belong to `owner`."""
    return (table.c.kind == kind, table.c.owner == owner)


def key_for_writing(tx: sa.Connection, keyring: Keyring, kind: str, owner: str, today: date) -> bytes:
    """The data key of `owner`, made if there is none; says that somebody wrote today."""
    found = _found(tx, kind, owner)
    if found is None:
        return _made(tx, keyring, kind, owner, today)
    if found.written_on != today:
        tx.execute(sa.update(tables.keys).where(*of(tables.keys, kind, owner)).values(written_on=today))
    return _unwrap(keyring, found)


def key_for_reading(tx: sa.Connection, keyring: Keyring, kind: str, owner: str) -> bytes:
    """The data key of `owner`. Raises Unreadable if it was erased, WrongMasterKey if it does not open."""
    row = _found(tx, kind, owner)
    if row is None:
        raise Unreadable("la clé a été effacée")
    return _unwrap(keyring, row)


def index_key(tx: sa.Connection, keyring: Keyring, today: date) -> bytes:
    """The key of the blind index, made once. Its row is not touched again: every writer would wait for it."""
    found = _found(tx, *_INDEX)
    return _made(tx, keyring, *_INDEX, today) if found is None else _unwrap(keyring, found)


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
    return tx.execute(sa.select(tables.keys).where(*of(tables.keys, kind, owner))).one_or_none()


def _made(tx: sa.Connection, keyring: Keyring, kind: str, owner: str, today: date) -> bytes:
    row = {
        "kind": kind,
        "owner": owner,
        "wrapped": _wrap(keyring, new_key(), kind, owner),
        "master": keyring.name,
        "written_on": today,
    }
    # two writers may both find no key: the second waits for the first, inserts nothing and reads the first's
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(insert(tables.keys).values(row).on_conflict_do_nothing())
    return key_for_reading(tx, keyring, kind, owner)


def _wrap(keyring: Keyring, key: bytes, kind: str, owner: str) -> bytes:
    return seal_bytes(keyring.current, key, kind, owner, "key")


def _unwrap(keyring: Keyring, row: sa.Row[Any]) -> bytes:
    return unseal_bytes(keyring.named(row.master), row.wrapped, row.kind, row.owner, "key")
