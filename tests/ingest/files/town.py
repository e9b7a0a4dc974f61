"""The files of a synthetic town, and a guichet that takes them. Every person, structure and number is invented."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

from services.bus.database import Database, open_sqlite
from services.bus.migrations import upgrade
from services.calendar import FixedClock
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.agreements import AgreementBody, sign_agreement
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.persons import PersonBody, register_person
from services.ingest.declare.territories import TerritoryBody, publish_territory
from services.ingest.guichet import Guichet
from services.territory import Size, Territory, synthesise
from services.territory.files import TownFile, vacancies_csv
from services.vault import Keyring

NAME = "montlucon"
TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
TINY = Size(scale=0.1, waiting=0.15)
ADMINISTRATOR = Actor("P-admin", Role.ADMINISTRATOR, NAME)
COORDINATOR = Actor("P-import", Role.COORDINATOR, NAME)


def act(actor: Actor = COORDINATOR, now: datetime = NOW) -> Act:
    return Act(actor, now)


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Guichet]:
    """A guichet on new databases; what is there is only as durable as a test needs."""
    databases = [open_sqlite(folder / f"{name}.sqlite", "OFF") for name in ("ingest", "vault")]
    for database, name in zip(databases, ("ingest", "vault"), strict=True):
        await upgrade(database, name)
    yield Guichet(databases[0], databases[1], Keyring(b"v" * 32), FixedClock(NOW), b"l" * 32)
    for database in databases:
        await database.close()


def town(size: Size = TINY) -> Territory:
    return synthesise(7, TODAY, size)


def need_of(facts: dict[str, object]) -> NeedBody:
    """A need as ingest keeps it, ready to be amended."""
    return NeedBody.model_validate({name: facts[name] for name in NeedBody.model_fields if name in facts})


async def move_in(database: Database, territory: Territory) -> None:
    """The territory and its counsellors are there before the files come."""
    await database.write(_move_in, territory)


def _move_in(tx: sa.Connection, territory: Territory) -> None:
    facts = {name: value for name, value in territory.guichet.said().items() if name in TerritoryBody.model_fields}
    publish_territory(tx, act(ADMINISTRATOR), TerritoryBody(**facts))
    for counsellor in territory.counsellors:
        register_person(tx, act(ADMINISTRATOR), counsellor, PersonBody(role=Role.COUNSELLOR))


async def sign_agreements(database: Database, territory: Territory) -> dict[str, str]:
    """The agreements as Berceau names them, once the structures are published."""
    return await database.write(_sign_all, territory)


def _sign_all(tx: sa.Connection, territory: Territory) -> dict[str, str]:
    return {agreement.id: _sign(tx, agreement.id, agreement.said()) for agreement in territory.agreements}


def _sign(tx: sa.Connection, name: str, said: dict[str, object]) -> str:
    facts = {field: value for field, value in said.items() if field in AgreementBody.model_fields}
    return sign_agreement(tx, replace(act(), cause=name), AgreementBody.model_validate(facts))


def places_file(territory: Territory, agreements: dict[str, str]) -> TownFile:
    """`places.csv` with the agreements' names as the guichet gave them."""
    file = vacancies_csv(territory)
    at = file.columns.index("Convention")
    rows = [(*row[:at], agreements.get(row[at], row[at]), *row[at + 1 :]) for row in file.rows]
    return replace(file, rows=tuple(rows))
