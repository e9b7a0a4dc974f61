"""A synthetic territory moves in: everything that its people would have declared before the first day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Concatenate, ParamSpec

import sqlalchemy as sa

from contracts.vocabulary import RequestKind, VacancyKind
from services.bus.database import Database
from services.bus.retries import Failure, failure_of, wait_before
from services.cli.place import Place
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.agreements import AgreementBody, sign_agreement
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.persons import PersonBody, register_person
from services.ingest.declare.requests import register_request
from services.ingest.declare.siblings import SiblingsBody, ask_together
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.declare.territories import TerritoryBody, publish_territory
from services.ingest.declare.vacancies import VacancyBody, open_vacancy
from services.territory import Family, JobKind, Person, Request, Structure, Territory, Vacancy
from services.vault import (
    ChildName,
    Contact,
    ContactRole,
    Keyring,
    OwnerKind,
    put_contacts,
    put_first_names,
    put_many_contacts,
)

P = ParamSpec("P")

ROLES = {
    JobKind.DIRECTOR: Role.STRUCTURE,
    JobKind.CHILDMINDER: Role.STRUCTURE,
    JobKind.COUNSELLOR: Role.COUNSELLOR,
    JobKind.COORDINATOR: Role.COORDINATOR,
    JobKind.AGENT: Role.COORDINATOR,
}

AT_A_TIME = 40
QUIET_S = 900
"""Regular places wait a quarter of an hour for more news of the territory; urgent ones wait for nothing."""

OPENER = "demo"
"""Who opens the territory: the technician who installs it."""


class Names:
    """The ids that Berceau gave to what the synthetic territory calls otherwise."""

    def __init__(self) -> None:
        self.vacancies: dict[str, str] = {}
        self.agreements: dict[str, str] = {}


async def arrive(town: Place, territory: Territory, name: str, now: datetime) -> Names:
    """First what cannot wait: structures, staff, on-call and occasional places, and those who ask for them."""
    urgent = [request for request in territory.requests if request.kind is not RequestKind.REGULAR]
    await town.databases["vault"].write(_keep_people, town.guichet.keyring, territory, urgent, now)
    await town.databases["vault"].write(_keep_staff, town.guichet.keyring, territory, now)
    return await town.databases["ingest"].write(_declare, territory, urgent, name, now)


async def follow(town: Place, territory: Territory, name: str, now: datetime, names: Names) -> None:
    """Then everybody else, some families at a time, so that nobody waits at a door meanwhile.

    Brothers and sisters who ask together come with their family.
    """
    regular = [vacancy for vacancy in territory.vacancies if vacancy.kind is VacancyKind.REGULAR]
    await keep_trying(town.databases["ingest"], _post, regular, name, now, names)
    waiting = [request for request in territory.requests if request.kind is RequestKind.REGULAR]
    families = list(dict.fromkeys(request.family for request in waiting))
    for n in range(0, len(families), AT_A_TIME):
        coming = set(families[n : n + AT_A_TIME])
        some = [request for request in waiting if request.family in coming]
        await keep_trying(town.databases["vault"], _keep_people, town.guichet.keyring, territory, some, now)
        await keep_trying(town.databases["ingest"], _register, territory, some, name, now)


async def keep_trying(
    database: Database, do: Callable[Concatenate[sa.Connection, P], object], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Write it, and again while the database is away. What is there by then was written by the try before."""
    for attempt in count(1):
        try:
            await database.write(do, *args, **kwargs)
        except sa.exc.IntegrityError:
            if attempt == 1:
                raise
        except Exception as error:
            if failure_of(error) is not Failure.AWAY:
                raise
            await asyncio.sleep(wait_before(attempt))
            continue
        return


def _keep_people(
    tx: sa.Connection, keyring: Keyring, territory: Territory, requests: Sequence[Request], now: datetime
) -> None:
    asking = {request.family for request in requests}
    families = [family for family in territory.families if family.id in asking]
    first_names = {child.id: child.first_name for family in families for child in family.children}
    put_many_contacts(tx, keyring, {family.id: _contacts(family) for family in families}, now.date())
    named = [ChildName(r.family, r.id, first_names[r.child]) for r in requests if first_names[r.child]]
    put_first_names(tx, keyring, named, now.date())


def _keep_staff(tx: sa.Connection, keyring: Keyring, territory: Territory, now: datetime) -> None:
    staff = {person.id: [_staff_contact(person)] for person in territory.people}
    put_many_contacts(tx, keyring, staff, now.date(), OwnerKind.STAFF)


def keep_first_name(
    tx: sa.Connection, keyring: Keyring, family: Family, child: str, request: str, now: datetime
) -> None:
    """The child's first name beside another of its requests; an expected child has none."""
    name = next(each.first_name for each in family.children if each.id == child)
    put_first_names(tx, keyring, [ChildName(family.id, request, name)] if name else [], now.date())


def keep_family(tx: sa.Connection, keyring: Keyring, family: Family, now: datetime) -> None:
    put_contacts(tx, keyring, family.id, _contacts(family), now.date())


def _contacts(family: Family) -> list[Contact]:
    return [Contact(**contact.model_dump()) for contact in family.contacts]


def _staff_contact(person: Person) -> Contact:
    return Contact(
        id=f"{person.id}-c1", role=ContactRole.STAFF, phone=person.phone, email=person.email, name=person.name
    )


def _declare(tx: sa.Connection, territory: Territory, urgent: Sequence[Request], name: str, now: datetime) -> Names:
    technician = Act(Actor(OPENER, Role.ADMINISTRATOR, name), now, cause="move-in")
    guichet = Act(Actor(territory.coordinator, Role.COORDINATOR, name), now, cause="move-in")
    facts = {**_fields(TerritoryBody, territory.guichet.said()), "round_quiet_seconds": QUIET_S}
    publish_territory(tx, technician, TerritoryBody(**facts))
    for structure in territory.structures:
        publish_structure(tx, guichet, structure.id, StructureBody(**_fields(StructureBody, structure.said())))
    for person in territory.people:
        register_person(tx, technician, person.id, PersonBody(role=ROLES[person.job], structure=person.structure))
    names = Names()
    _sign(tx, territory, name, now, names)
    _post(tx, [v for v in territory.vacancies if v.kind is not VacancyKind.REGULAR], name, now, names)
    _register(tx, territory, urgent, name, now)
    return names


def _register(
    tx: sa.Connection, territory: Territory, requests: Sequence[Request], name: str, now: datetime
) -> None:  # fmt: skip
    for request in requests:
        register(tx, act_of(territory.coordinator, Role.COORDINATOR, name, now, request.id), request)
    asking = {request.id for request in requests}
    for asked in territory.siblings:
        if asking.issuperset(asked.requests):
            body = SiblingsBody(**_fields(SiblingsBody, asked.said()))
            ask_together(tx, act_of(territory.coordinator, Role.COORDINATOR, name, now, asked.id), body)


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
