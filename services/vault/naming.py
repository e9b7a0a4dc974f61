"""Under which id a contact of a family is kept: an id is one number's, for good.

Answers, links and an ERREUR are told by the id of a contact. Were a corrected number kept under the id of the wrong
one, a stranger's link would open again, and what the family had answered from its old number would be believed of
whoever has the new one. When to modify: when a contact is reached otherwise than by a number or an address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

import sqlalchemy as sa

from services.vault import tables
from services.vault.ciphers import Keyring, fingerprint
from services.vault.contacts import Contact, OwnerKind
from services.vault.keys import index_key_for_reading
from services.vault.store import contacts_of

_BYTES = 12
"""96 bits: two numbers of one family never share an id."""


def named_by_number(
    tx: sa.Connection, keyring: Keyring, contacts: Mapping[str, Sequence[Contact]]
) -> dict[str, tuple[Contact, ...]]:
    """The same contacts, by family: each number that is known keeps its id, wherever in the order it stands now.

    A new number beside known ones gets an id that no other number of the family ever had. It follows from both, so
    that what is written twice is written alike; without the vault's key nobody can tell the number from it. Raises
    Unreadable where what is kept does not open.
    """
    known = {owner: contacts_of(tx, keyring, owner) for owner in _kept(tx, contacts)}
    index = index_key_for_reading(tx, keyring)
    return {
        owner: tuple(_named(index, owner, known[owner], own)) if index and owner in known else tuple(own)
        for owner, own in contacts.items()
    }


def _kept(tx: sa.Connection, owners: Collection[str]) -> list[str]:
    """Those of them of whom contacts are kept."""
    table = tables.contacts
    own = (table.c.kind == OwnerKind.FAMILY, table.c.owner.in_(owners))
    return list(tx.scalars(sa.select(table.c.owner).where(*own).distinct().order_by(table.c.owner)))


def _named(index: bytes, owner: str, known: Sequence[Contact], wanted: Sequence[Contact]) -> Iterator[Contact]:
    """Two who share a number have an id each."""
    left = {number: list(same) for number, same in groupby(sorted(known, key=_number), key=_number)}
    for n, contact in enumerate(wanted):
        number = _number(contact)
        if before := left.get(number):
            yield contact.model_copy(update={"id": before.pop(0).id})
        else:
            nth = sum(_number(other) == number for other in wanted[:n])
            mark = fingerprint(index, f"contact/{owner}/{nth}", number)[:_BYTES].hex()
            yield contact.model_copy(update={"id": f"C-{mark}"})


def _number(contact: Contact) -> str:
    return contact.phone or contact.email or ""
