"""A child who seems registered already: the same number and the same birth date. A person decides, since twins exist:
it is said, and never refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.ingest import store
from services.ingest.access import Seen, may_see
from services.ingest.actors import Actor
from services.ingest.declare.requests import thing_of
from services.ingest.families import ContactBody, RegistrationBody
from services.ingest.guichet import Guichet
from services.ingest.problems import Problem
from services.vault import Contact, child_first_names, families_by_phones

SEEMS_KNOWN = Problem(
    "contacts",
    "seems_registered",
    "Une demande existe déjà pour ce numéro et cette date de naissance.",
    "Gardez les deux seulement s'il s'agit d'un autre besoin, ou d'un jumeau.",
)


@dataclass(frozen=True)
class Newcomer:
    """A child on its way in. `request` and `child` are ids that a file may name again, and `siblings` the requests of
    brothers and sisters whom it names: they are no duplicates."""

    born: date
    phones: tuple[str, ...]
    family: str | None = None
    request: str = ""
    child: str | None = None
    siblings: tuple[str, ...] = ()
    first_name: str = field(default="", repr=False)

    def may_be(self, request: str, child: str) -> bool:
        """False for its own request, for its siblings', and for another one of the same child."""
        return request not in (self.request, *self.siblings) and child != self.child

    def is_twin_of(self, family: str | None, child: str | None, first_name: str) -> bool:
        """True for another child of the same family by whoever writes both down: it has another id, and another first
        name unless one of them is not known."""
        if None in (self.family, self.child, child) or (self.family, self.child) == (family, child):
            return False
        alike = self.first_name.casefold() == first_name.casefold() and first_name != ""
        return self.family == family and not alike


async def known_already(guichet: Guichet, actor: Actor, wanted: RegistrationBody) -> list[str]:
    """Open requests that look like this one, of those that `actor` may open, oldest first.

    A brother or sister of a known family has a birth date of its own, and a child who asks for another place is known.
    """
    if wanted.child is not None:
        return []
    newcomer = Newcomer(wanted.born, phones_of(wanted.contacts), wanted.family)
    return (await known_before(guichet, actor, [newcomer]))[0]


async def known_before(guichet: Guichet, actor: Actor, newcomers: Sequence[Newcomer]) -> list[list[str]]:
    """The same for each of many, in as many statements as for one."""
    phones = sorted({phone for one in newcomers for phone in one.phones})
    by_phone = await guichet.vault.read(families_by_phones, guichet.keyring, phones)
    families = [_families(one, by_phone) for one in newcomers]
    rows = await guichet.database.read(_open_requests, actor, set().union(*families))
    named = {one.family for one in newcomers if one.child}
    own_family = [row["id"] for row in rows if row["family"] in named]
    names = await guichet.vault.read(child_first_names, guichet.keyring, own_family) if own_family else {}
    return [_alike(one, own, rows, names) for one, own in zip(newcomers, families, strict=True)]


def phones_of(contacts: Sequence[ContactBody | Contact]) -> tuple[str, ...]:
    return tuple(contact.phone for contact in contacts if contact.phone)


def _families(one: Newcomer, by_phone: dict[str, set[str]]) -> set[str]:
    return set().union(*(by_phone[phone] for phone in one.phones), {one.family} if one.family else ())


def _alike(
    one: Newcomer, families: Collection[str], rows: Sequence[dict[str, Any]], names: Mapping[str, str]
) -> list[str]:  # fmt: skip
    born = one.born.isoformat()
    there = (row for row in rows if row["family"] in families and row["need"]["born"] == born)
    others = (row for row in there if not one.is_twin_of(row["family"], row["child"], names.get(row["id"], "")))
    return [row["id"] for row in others if one.may_be(row["id"], row["child"])]


def _open_requests(tx: sa.Connection, actor: Actor, families: Collection[str]) -> list[dict[str, Any]]:
    """Those that `actor` may open: a counsellor learns nothing here of what others registered."""
    table = store.requests
    own = (table.c.territory == actor.territory, table.c.family.in_(sorted(families)), table.c.state == store.OPEN)
    found = store.rows(tx, sa.select(table).where(*own).order_by(table.c.registered_at, table.c.id))
    return [row for row in found if may_see(actor, Seen.REASON, thing_of(row))]
