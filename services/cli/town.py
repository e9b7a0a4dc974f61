"""A synthetic territory moves in: everything that its people would have declared before the first day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.cli.place import Place
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.agreements import AgreementBody, sign_agreement
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.persons import PersonBody, register_person
from services.ingest.declare.requests import register_request
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.declare.territories import TerritoryBody, publish_territory
from services.ingest.declare.vacancies import VacancyBody, open_vacancy
from services.territory import Family, JobKind, Person, Request, Structure, Territory, Vacancy
from services.vault import Contact, ContactRole, Keyring, OwnerKind, put_child_first_name, put_contacts

ROLES = {
    JobKind.DIRECTOR: Role.STRUCTURE,
    JobKind.CHILDMINDER: Role.STRUCTURE,
    JobKind.COUNSELLOR: Role.COUNSELLOR,
    JobKind.COORDINATOR: Role.COORDINATOR,
    JobKind.AGENT: Role.COORDINATOR,
}

OPENER = "demo"
"""Who opens the territory: the technician who installs it."""


class Names:
    """The ids that Berceau gave to what the synthetic territory calls otherwise."""

    def __init__(self) -> None:
        self.vacancies: dict[str, str] = {}
        self.agreements: dict[str, str] = {}


async def move_in(town: Place, territory: Territory, name: str, now: datetime) -> Names:
    """Declare the whole territory as its people would. Returns the ids of what was posted."""
    await town.databases["vault"].write(_fill_vault, town.guichet.keyring, territory, now)
    return await town.databases["ingest"].write(_declare, territory, name, now)


def _fill_vault(tx: sa.Connection, keyring: Keyring, territory: Territory, now: datetime) -> None:
    for family in territory.families:
        keep_family(tx, keyring, family, now)
    first_names = {child.id: child.first_name for family in territory.families for child in family.children}
    for request in territory.requests:
        if first_name := first_names.get(request.child):
            put_child_first_name(tx, keyring, request.family, request.id, first_name, now.date())
    for person in territory.people:
        put_contacts(tx, keyring, person.id, [_staff_contact(person)], now.date(), OwnerKind.STAFF)


def keep_family(tx: sa.Connection, keyring: Keyring, family: Family, now: datetime) -> None:
    contacts = [Contact(**contact.model_dump()) for contact in family.contacts]
    put_contacts(tx, keyring, family.id, contacts, now.date())


def _staff_contact(person: Person) -> Contact:
    return Contact(
        id=f"{person.id}-c1", role=ContactRole.STAFF, phone=person.phone, email=person.email, name=person.name
    )


def _declare(tx: sa.Connection, territory: Territory, name: str, now: datetime) -> Names:
    technician = Act(Actor(OPENER, Role.ADMINISTRATOR, name), now, cause="move-in")
    guichet = Act(Actor(territory.coordinator, Role.COORDINATOR, name), now, cause="move-in")
    publish_territory(tx, technician, TerritoryBody(**_fields(TerritoryBody, territory.guichet.said())))
    for structure in territory.structures:
        publish_structure(tx, guichet, structure.id, StructureBody(**_fields(StructureBody, structure.said())))
    for person in territory.people:
        register_person(tx, technician, person.id, PersonBody(role=ROLES[person.job], structure=person.structure))
    names = Names()
    _sign(tx, territory, name, now, names)
    _post(tx, territory.vacancies, name, now, names)
    for request in territory.requests:
        register(tx, act_of(territory.coordinator, Role.COORDINATOR, name, now, request.id), request)
    return names


def _sign(tx: sa.Connection, territory: Territory, name: str, now: datetime, names: Names) -> None:
    for agreement in territory.agreements:
        act = act_of(agreement.agreed_by, Role.STRUCTURE, name, now, agreement.id, agreement.structure)
        names.agreements[agreement.id] = sign_agreement(
            tx, act, AgreementBody(**_fields(AgreementBody, agreement.said()))
        )


def _post(tx: sa.Connection, vacancies: Iterable[Vacancy], name: str, now: datetime, names: Names) -> None:
    for vacancy in vacancies:
        post(tx, act_of(vacancy.said_by, Role.STRUCTURE, name, now, vacancy.id, vacancy.structure), vacancy, names)


def post(tx: sa.Connection, act: Act, vacancy: Vacancy, names: Names) -> None:
    """Post one vacancy of the synthetic territory, and remember the id it got."""
    facts = _fields(VacancyBody, vacancy.said())
    if vacancy.agreement is not None:
        facts["agreement"] = names.agreements[vacancy.agreement]
    names.vacancies[vacancy.id] = open_vacancy(tx, act, VacancyBody(**facts))


def register(tx: sa.Connection, act: Act, request: Request) -> None:
    facts = _fields(NeedBody, request.said())
    register_request(tx, act, NeedBody(**facts), request=request.id, family=request.family, child=request.child)


def act_of(
    person: str, role: Role, territory: str, now: datetime, cause: str, structure: str | None = None
) -> Act:  # fmt: skip
    """One act of a person of the synthetic territory. The `cause` gives what it makes the same id in each run."""
    return Act(Actor(person, role, territory, structure=structure), now, cause=cause)


def _fields(body: type[Any], facts: dict[str, Any]) -> dict[str, Any]:
    """What of `facts` the door asks for; the rest is filled in by it."""
    return {name: value for name, value in facts.items() if name in body.model_fields}


def people_of(structures: Iterable[Structure]) -> dict[str, str]:
    """Who speaks for each structure."""
    return {structure.id: structure.person for structure in structures}
