"""Who may sign in, and the keys of programs. Names and addresses go to the vault under the person's id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from contracts.releases import SignInRequested
from contracts.vocabulary import Id
from services.bus.links import sign_in_token
from services.ingest import credentials, store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import STAFF, Act, Role
from services.ingest.audited import declared, did
from services.ingest.declare.bodies import Body, Line
from services.ingest.problems import Problem, refuse_if, unknown


class PersonBody(Body):
    role: Role
    structure: Id | None = None


class KeyBody(PersonBody):
    """`label` says which program it is, for whoever revokes it one day."""

    label: Annotated[Line, Field(min_length=1)]


def register_person(tx: sa.Connection, act: Act, person: Id, body: PersonBody) -> str:
    """A professional may sign in with this role from now on. Returns the id, which is the owner's id in the vault."""
    require(act.actor, Doing.MANAGE_ACCESS, Thing(act.territory))
    refuse_if(_problems(tx, act, body))
    known = store.find(tx, credentials.persons, person)
    if known is not None and known["territory"] != act.territory:
        raise unknown("person", "cette personne")
    row = {"id": person, "territory": act.territory, "registered_at": act.now, "left_at": None}
    store.put(tx, credentials.persons, {**row, "role": body.role.value, "structure": body.structure})
    did(tx, act, "person.registered", person)
    return person


def remove_person(tx: sa.Connection, act: Act, person: Id) -> None:
    """The person signs in no more, and its open sessions end."""
    require(act.actor, Doing.MANAGE_ACCESS, Thing(act.territory))
    row = credentials.person_named(tx, person)
    if row is None or row["territory"] != act.territory:
        raise unknown("person", "cette personne")
    store.update(tx, credentials.persons, person, left_at=act.now)
    did(tx, act, "person.removed", person)


def create_key(tx: sa.Connection, act: Act, body: KeyBody) -> tuple[str, str]:
    """A key for a program: (id, secret). The secret is shown this once."""
    require(act.actor, Doing.MANAGE_ACCESS, Thing(act.territory))
    refuse_if(_problems(tx, act, body))
    id_ = act.new_id("K")
    did(tx, act, "key.made", id_)
    facts = {"territory": act.territory, "role": body.role, "structure": body.structure, "label": body.label}
    return id_, credentials.create_key(tx, id_=id_, now=act.now, **facts)  # type: ignore[arg-type]


def revoke_key(tx: sa.Connection, act: Act, key: Id) -> None:
    require(act.actor, Doing.MANAGE_ACCESS, Thing(act.territory))
    row = store.find(tx, credentials.api_keys, key)
    if row is None or row["territory"] != act.territory:
        raise unknown("key", "cette clé")
    store.update(tx, credentials.api_keys, key, revoked_at=act.now)
    did(tx, act, "key.revoked", key)


def request_sign_in(tx: sa.Connection, act: Act, person: Id, link_key: bytes) -> str | None:
    """Make a one-time link and ask the notifier to send it. None where the person is unknown or insists too much.

    The door answers the same in every case: nobody learns who has an account. The link's id is both the subject and
    the id of the event, so that the notifier derives the same token from either.
    """
    row = credentials.person_named(tx, person)
    if row is None:
        return None
    link = act.new_id("C")
    token = sign_in_token(link_key, link)
    if not credentials.keep_link(tx, link=link, person=person, token=token, now=act.now):
        return None
    declared(tx, act, act.say_as(link, SignInRequested, territory=row["territory"], person=person))
    return link


def _problems(tx: sa.Connection, act: Act, body: PersonBody) -> Iterator[Problem]:
    if body.role not in STAFF:
        yield Problem("role", "not_a_staff_role", "Le rôle est celui d'un professionnel.", "Choisissez-en un autre.")
    if (body.role is Role.STRUCTURE) != (body.structure is not None):
        rule = "Le rôle «\u00a0structure\u00a0» va avec une structure, et lui seul."
        yield Problem("structure", "structure_and_role", rule, "Indiquez la structure, ou changez de rôle.")
    row = store.find(tx, store.structures, body.structure) if body.structure else None
    if body.structure and (row is None or row["territory"] != act.territory):
        rule = "La structure est dans l'annuaire du territoire."
        yield Problem("structure", "unknown_structure", rule, "Publiez d'abord la structure.")
