"""Contacts and first names on their way to the vault: written there first, under ids that the request then carries.

A crash between the two leaves an orphan in the vault, which is swept; the other way round a family would be told of
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field, ValidationError

from contracts.vocabulary import Answer, Id
from services.calendar import local_day
from services.ingest import store
from services.ingest.access import Doing
from services.ingest.actors import Act
from services.ingest.audited import did
from services.ingest.declare.bodies import PRINTABLE, Body
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.replies import proposal_for
from services.ingest.declare.requests import (
    changed_meanwhile,
    check_amendment,
    check_registration,
    families_known,
    is_family_known,
    version_of,
)
from services.ingest.guichet import Guichet
from services.ingest.inbound import forget_texts, forget_texts_left
from services.ingest.problems import Problem, invalid, refuse_if
from services.ingest.queries.proposals import reached_contact
from services.ingest.words import erase_words, erase_words_left
from services.vault import (
    Contact,
    ContactChannel,
    ContactRole,
    InvalidPhone,
    Keyring,
    contacts_of,
    erase_family,
    named_by_number,
    put_child_first_name,
    put_contacts,
    suspend_contact,
    sweep_orphans,
)

ORPHANS_AFTER_DAYS = 2
"""A family that no request knows two days after it was written was left by a crash or a refusal."""

MOST_CONTACTS = 3


class ContactBody(Body):
    """One person to reach. A first contact is tried first."""

    phone: Annotated[str | None, Field(max_length=30)] = None
    email: Annotated[str | None, Field(max_length=120)] = None
    name: Annotated[str, Field(max_length=80, pattern=PRINTABLE)] = ""
    role: ContactRole = ContactRole.PARENT
    may_answer: bool = True
    channel: ContactChannel = ContactChannel.SMS
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "fr"


class PeopleBody(Body):
    """Who is asking: kept in the vault and nowhere else."""

    contacts: Annotated[tuple[ContactBody, ...], Field(max_length=MOST_CONTACTS)] = ()
    child_first_name: Annotated[str, Field(max_length=60, pattern=PRINTABLE)] = ""


class RegistrationBody(NeedBody, PeopleBody):
    """A need with its people. `family` and `child` name a family that is known already."""

    family: Id | None = None
    child: Id | None = None

    @property
    def need(self) -> NeedBody:
        return NeedBody.model_construct(**{name: getattr(self, name) for name in NeedBody.model_fields})


class AmendmentBody(NeedBody, PeopleBody):
    """The whole need from now on; without contacts those in the vault stay as they are."""

    @property
    def need(self) -> NeedBody:
        return NeedBody.model_construct(**{name: getattr(self, name) for name in NeedBody.model_fields})


@dataclass(frozen=True)
class Prepared:
    """A need whose people are in the vault, ready for `register_request`."""

    need: NeedBody
    request: str
    family: str
    child: str

    @property
    def ids(self) -> dict[str, str]:
        return {"request": self.request, "family": self.family, "child": self.child}


async def prepare_registration(
    guichet: Guichet, act: Act, body: RegistrationBody, request: str | None = None
) -> Prepared:
    """Check everything, then write the people. Raises Refused, with nothing written."""
    prepared = Prepared(
        body.need, request or act.new_id("R"), body.family or act.new_id("F"), body.child or act.new_id("E")
    )
    contacts = contacts_from(prepared.family, body.contacts)
    await guichet.database.read(check_registration, act, prepared.need, body.family)
    if body.family is None or contacts:
        _require_contact(contacts)
    await guichet.vault.write(keep_people, guichet.keyring, prepared, contacts, body.child_first_name, act.today)
    return prepared


async def prepare_amendment(
    guichet: Guichet, act: Act, request: str, body: AmendmentBody, version: str | None = None
) -> NeedBody:  # fmt: skip
    """The same for a request that is there, and still in the state of `version`. Returns the need for `amend_request`.

    What would be refused by then has written no contact.
    """
    row = await guichet.database.read(check_amendment, act, request, body.need)
    if version not in (None, version_of(row)):
        raise changed_meanwhile()
    prepared = Prepared(body.need, request, row["family"], row["child"])
    contacts = contacts_from(prepared.family, body.contacts)
    await guichet.vault.write(keep_people, guichet.keyring, prepared, contacts, body.child_first_name, act.today)
    return prepared.need


def keep_people(
    tx: sa.Connection, keyring: Keyring, prepared: Prepared, contacts: Sequence[Contact], first_name: str, today: date
) -> None:
    """In the vault's transaction: contacts and first name, where they were given."""
    if contacts:
        named = named_by_number(tx, keyring, {prepared.family: contacts})
        put_contacts(tx, keyring, prepared.family, named[prepared.family], today)
    if first_name:
        put_child_first_name(tx, keyring, prepared.family, prepared.request, first_name, today)


def contacts_from(family: str, bodies: Sequence[ContactBody]) -> tuple[Contact, ...]:
    """The contacts as the vault keeps them, named after their family and place until a number is known. Raises
    Refused."""
    problems: list[Problem] = []
    contacts: list[Contact] = []
    for n, body in enumerate(bodies):
        try:
            contacts.append(Contact(id=f"{family}-c{n + 1}", **body.model_dump()))
        except (ValidationError, InvalidPhone) as error:
            problems.append(_problem(f"contacts.{n}", error))
    refuse_if(problems)
    return tuple(contacts)


async def contacts_for(guichet: Guichet, family: str) -> tuple[Contact, ...]:
    """The contacts of a family, for somebody who may see them."""
    return await guichet.vault.read(contacts_of, guichet.keyring, family)


async def erase(guichet: Guichet, family: str) -> bool:
    """Delete the family's key: nothing that was written can be read again. True if there was anything."""
    return await guichet.vault.write(erase_family, family)


async def sweep(guichet: Guichet, now: datetime) -> list[str]:
    """Erase families that no request knows, and what was written about those that are erased. Returns the former."""
    await guichet.database.write(erase_words_left)
    await guichet.database.write(forget_texts_left, now)
    known = await guichet.database.read(families_known)
    return await guichet.vault.write(sweep_orphans, known, local_day(now), ORPHANS_AFTER_DAYS)


def _require_contact(contacts: Sequence[Contact]) -> None:
    if not contacts:
        rule = "Une famille a au moins un contact."
        raise invalid("contacts", "contact_wanted", rule, "Ajoutez un numéro de téléphone.")


def _problem(field: str, error: ValidationError | InvalidPhone) -> Problem:
    """The vault says in French what is wrong with a contact: the rule first, then how to write it."""
    first: Any = error.errors()[0] if isinstance(error, ValidationError) else None
    message = first["msg"].removeprefix("Value error, ") if first else str(error)
    rule, _, remedy = message.partition(". ")
    where = f"{field}.email" if "adresse" in message else f"{field}.phone"
    return Problem(where, "contact_not_valid", f"{rule.rstrip('.')}.", remedy or "Corrigez ce contact.")


async def erase_if_unknown(guichet: Guichet, act: Act, request: str) -> bool:
    """Erase the family of a request that was closed for that, unless another request still needs it."""
    row = await guichet.database.read(store.find, store.requests, request)
    if row is None or await guichet.database.read(is_family_known, row["family"]):
        return False
    await guichet.database.write(_erased, act, row["family"])
    return await erase(guichet, row["family"])


def _erased(tx: sa.Connection, act: Act, family: str) -> None:
    erase_words(tx, family)
    forget_texts(tx, family, act.now)
    did(tx, act, "family.erased", family)


async def suspend_if_wrong(
    guichet: Guichet, act: Act, proposal: str, answer: Answer, contact: str | None = None
) -> None:
    """ERREUR, recorded by a person or said on the family's page: the contact reached is not the family's.

    `contact` is whose link it was said by, where it was a link. Raises Refused.
    """
    if answer is Answer.ERREUR:
        wrong = await guichet.database.read(_contact_to_suspend, act, proposal, contact)
        if wrong is not None:
            await guichet.vault.write(suspend_contact, wrong, stranger=True)


def _contact_to_suspend(tx: sa.Connection, act: Act, proposal: str, contact: str | None) -> str | None:
    proposal_for(tx, act, proposal, Doing.REPLY)
    return contact or reached_contact(tx, proposal)
