"""What the vault keeps, finds and erases. Every function works inside the caller's transaction.

When to modify: a new sealed fact is written, read and erased here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from services.bus.rows import insert_rows
from services.vault import tables
from services.vault.ciphers import Keyring, fingerprint, seal, unseal
from services.vault.contacts import (
    Contact,
    ContactChannel,
    ContactRole,
    OwnerKind,
    normalised_email,
    normalised_phone,
)
from services.vault.keys import KIND, OWNER, index_key, index_key_for_reading, key_for_reading, keys_for_writing, of

metadata = tables.metadata

MOST_CONTACTS = 3
"""A family names one to three people to reach ; two parents and somebody they trust."""

W = TypeVar("W", ContactRole, ContactChannel)

_SEALED = ("phone", "email", "name")
_LOOKED_UP = ("phone", "email")


class TooManyContacts(ValueError):
    """A family has one to three contacts."""

    def __init__(self) -> None:
        super().__init__(f"Il faut un à {MOST_CONTACTS} contacts par famille.")


def put_contacts(
    tx: sa.Connection,
    keyring: Keyring,
    owner: str,
    contacts: Sequence[Contact],
    today: date,
    kind: OwnerKind = OwnerKind.FAMILY,
) -> None:
    """Keep these contacts for `owner`, the first to be tried first, in place of any before.

    A suspended contact whose number has not changed stays suspended: writing a file again must not undo an ERREUR.
    Raises TooManyContacts, and ValueError where a contact belongs to somebody else.
    """
    put_many_contacts(tx, keyring, {owner: contacts}, today, kind)


def put_many_contacts(
    tx: sa.Connection,
    keyring: Keyring,
    contacts: Mapping[str, Sequence[Contact]],
    today: date,
    kind: OwnerKind = OwnerKind.FAMILY,
) -> None:
    """The same for many owners in as many statements as for one: for imports, and for a territory that moves in."""
    owner_of = _owner_of(contacts)
    if not contacts:
        return
    owners = sorted(contacts)
    keys = keys_for_writing(tx, keyring, kind, owners, today)
    before = _suspended_before(tx, keys, kind, owner_of)
    for table in (tables.lookups, tables.contacts):
        tx.execute(sa.delete(table).where(table.c.kind == kind, table.c.owner.in_(owners)))
    index = index_key(tx, keyring, today)
    kept = [(owner, position, contact) for owner in owners for position, contact in enumerate(contacts[owner])]
    rows = [_contact_row(keys[owner], (kind, owner), at, contact, before) for owner, at, contact in kept]
    insert_rows(tx, tables.contacts, rows)
    lookups = [row for owner, _, contact in kept for row in _lookups(index, (kind, owner), contact)]
    insert_rows(tx, tables.lookups, lookups)


def contacts_of(
    tx: sa.Connection, keyring: Keyring, owner: str, kind: OwnerKind = OwnerKind.FAMILY
) -> tuple[Contact, ...]:
    """The contacts of `owner` in the order in which to try them; none if unknown. Raises Unreadable once erased."""
    rows = tx.execute(_CONTACTS, {"_kind": kind, "_owner": owner}).all()
    if not rows:
        return ()
    key = key_for_reading(tx, keyring, kind, owner)
    return tuple(_opened(key, row) for row in rows)


_CONTACTS = (
    sa.select(tables.contacts).where(*of(tables.contacts, KIND, OWNER)).order_by(tables.contacts.c.position)
)  # fmt: skip
"""Built once: every text asks it."""


def contact_ids(tx: sa.Connection, owner: str) -> list[str]:
    """The ids of an owner's contacts, in their order; nothing is opened."""
    own = sa.select(tables.contacts.c.contact).where(tables.contacts.c.owner == owner)
    return list(tx.scalars(own.order_by(tables.contacts.c.position)))


def contact_named(tx: sa.Connection, keyring: Keyring, contact: str) -> Contact | None:
    """The contact of that id, or None. Raises Unreadable once its owner was erased."""
    row = tx.execute(sa.select(tables.contacts).where(tables.contacts.c.contact == contact)).one_or_none()
    return None if row is None else _opened(key_for_reading(tx, keyring, row.kind, row.owner), row)


def suspend_contact(tx: sa.Connection, contact: str, *, stranger: bool = False) -> bool:
    """Send nothing there any more (STOP), for a `stranger` (ERREUR) believe nothing from there either.

    True if there is such a contact."""
    table = tables.contacts
    values = {"suspended": True, **({"stranger": True} if stranger else {})}
    wanted = sa.update(table).where(table.c.contact == contact).values(values).returning(table.c.contact)
    return tx.execute(wanted).one_or_none() is not None


def is_suspended(tx: sa.Connection, contact: str) -> bool:
    """Whether nothing is sent there any more; nothing is opened."""
    own = tables.contacts.c.contact == contact
    return bool(tx.scalar(sa.select(tables.contacts.c.suspended).where(own)))


def families_by_phone(tx: sa.Connection, keyring: Keyring, phone: str) -> list[tuple[str, str]]:
    """Who may have written from `phone`: (family, contact) pairs, sorted. Raises InvalidPhone."""
    return _owners_by(tx, keyring, "phone", normalised_phone(phone), OwnerKind.FAMILY)


def families_by_phones(tx: sa.Connection, keyring: Keyring, phones: Collection[str]) -> dict[str, set[str]]:
    """The families that gave each of these numbers, in one look at the index. Raises InvalidPhone."""
    found: dict[str, set[str]] = {phone: set() for phone in phones}
    index = index_key_for_reading(tx, keyring)
    if index is None:
        return found
    signs = {phone: fingerprint(index, "phone", normalised_phone(phone)) for phone in phones}
    table = tables.lookups
    given = (table.c.kind == OwnerKind.FAMILY, table.c.fingerprint.in_(signs.values()))
    owners: dict[bytes, set[str]] = {}
    for row in tx.execute(sa.select(table.c.fingerprint, table.c.owner).where(*given)):
        owners.setdefault(row.fingerprint, set()).add(row.owner)
    return {phone: owners.get(sign, set()) for phone, sign in signs.items()}


def staff_by_phone(tx: sa.Connection, keyring: Keyring, phone: str) -> list[tuple[str, str]]:
    """Which professionals sign in with `phone`: (owner, contact) pairs, sorted. Raises InvalidPhone."""
    return _owners_by(tx, keyring, "phone", normalised_phone(phone), OwnerKind.STAFF)


def owners_by_email(
    tx: sa.Connection, keyring: Keyring, email: str, kind: OwnerKind = OwnerKind.STAFF
) -> list[tuple[str, str]]:
    """Who signs in with `email`: (owner, contact) pairs, sorted. Raises ValueError if it is no address."""
    return _owners_by(tx, keyring, "email", normalised_email(email), kind)


def erase_family(tx: sa.Connection, family: str) -> bool:
    """Erase a family: True if there was anything."""
    return erase(tx, family, OwnerKind.FAMILY)


def erase(tx: sa.Connection, owner: str, kind: OwnerKind) -> bool:
    """Delete the key of `owner`, and with it the meaning of every row ever written; then the rows themselves.

    Rows that come back from an old backup stay unreadable as long as `vault_keys` is not restored with them.
    """
    tables_of_owner = (tables.keys, tables.lookups, tables.first_names, tables.contacts)
    deleted = [tx.execute(sa.delete(table).where(*of(table, kind, owner))).rowcount for table in tables_of_owner]
    return any(deleted)


def sweep_orphans(tx: sa.Connection, known: Collection[str], today: date, older_than_days: int) -> list[str]:
    """Erase families that no request knows and nobody wrote to for `older_than_days`; return them, sorted.

    Contacts are written before their request: a crash between the two leaves an orphan, and a fresh one may only be
    waiting for its request.
    """
    keys = tables.keys
    old = sa.select(keys.c.owner).where(
        keys.c.kind == OwnerKind.FAMILY, keys.c.written_on < today - timedelta(days=older_than_days)
    )
    orphans = sorted(set(tx.scalars(old)) - set(known))
    for family in orphans:
        erase_family(tx, family)
    return orphans


def _owner_of(contacts: Mapping[str, Sequence[Contact]]) -> dict[str, str]:
    """The owner of each contact. Raises TooManyContacts, and ValueError where two owners name the same contact."""
    found: dict[str, str] = {}
    for owner, own in contacts.items():
        ids = {contact.id for contact in own}
        if not 1 <= len(own) <= MOST_CONTACTS or len(ids) < len(own):
            raise TooManyContacts
        if not ids.isdisjoint(found):
            raise ValueError(_SOMEBODY_ELSES)
        found |= dict.fromkeys(ids, owner)
    return found


_SOMEBODY_ELSES = "un de ces contacts appartient à quelqu'un d'autre"


def _suspended_before(
    tx: sa.Connection, keys: Mapping[str, bytes], kind: str, owner_of: Mapping[str, str]
) -> dict[str, Contact]:  # fmt: skip
    """Each contact that was suspended, by id. Raises ValueError: an id is never taken over from another
    owner."""
    table = tables.contacts
    mine = sa.and_(table.c.kind == kind, table.c.owner.in_(keys))
    found = {}
    for row in tx.execute(sa.select(table).where(sa.or_(mine, table.c.contact.in_(owner_of)))):
        if row.kind != kind or owner_of.get(row.contact, row.owner) != row.owner:
            raise ValueError(_SOMEBODY_ELSES)
        if row.suspended:
            found[row.contact] = _opened(keys[row.owner], row)
    return found


def _contact_row(
    key: bytes, place: tuple[str, str], position: int, contact: Contact, before: Mapping[str, Contact]
) -> dict[str, Any]:  # fmt: skip
    kind, owner = place
    plain = contact.model_dump(mode="json", exclude={"id", *_SEALED})
    same = before.get(contact.id)
    if same is not None and same.phone == contact.phone:
        plain |= {"suspended": True, "stranger": contact.stranger or same.stranger}
    sealed = {field: _sealed(key, getattr(contact, field), kind, owner, contact.id, field) for field in _SEALED}
    return {"contact": contact.id, "kind": kind, "owner": owner, "position": position, **plain, **sealed}


def _lookups(index: bytes, place: tuple[str, str], contact: Contact) -> Iterator[dict[str, Any]]:
    kind, owner = place
    for field in _LOOKED_UP:
        if value := getattr(contact, field):
            sign = fingerprint(index, field, value)
            yield {"fingerprint": sign, "contact": contact.id, "kind": kind, "owner": owner}


def _owners_by(tx: sa.Connection, keyring: Keyring, field: str, value: str, kind: OwnerKind) -> list[tuple[str, str]]:
    index = index_key_for_reading(tx, keyring)
    if index is None:
        return []
    table = tables.lookups
    same = (table.c.fingerprint == fingerprint(index, field, value), table.c.kind == kind)
    rows = tx.execute(sa.select(table.c.owner, table.c.contact).where(*same).order_by(table.c.owner, table.c.contact))
    return [(row.owner, row.contact) for row in rows]


def _sealed(key: bytes, value: str | None, *place: str) -> bytes | None:
    return seal(key, value, *place) if value else None


def _opened(key: bytes, row: sa.Row[Any]) -> Contact:
    sealed = {field: getattr(row, field) for field in _SEALED}
    opened = {
        field: unseal(key, value, row.kind, row.owner, row.contact, field) if value else None
        for field, value in sealed.items()
    }
    # as it was kept: newer numbering plans must not make an old contact unreadable
    return Contact.model_construct(
        id=row.contact,
        role=_word(ContactRole, row.role),
        may_answer=row.may_answer,
        channel=_word(ContactChannel, row.channel),
        language=row.language,
        suspended=row.suspended,
        stranger=row.stranger,
        phone=opened["phone"],
        email=opened["email"],
        name=opened["name"] or "",
    )


def _word(words: type[W], value: str) -> W:
    return {word.value: word for word in words}[value]
