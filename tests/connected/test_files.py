"""The files of a town hall on PostgreSQL: savepoints, dry runs and the memory of rows work there as on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contracts.requests import RequestRegistered
from services.bus.database import open_postgresql
from services.bus.migrations import upgrade
from services.calendar import FixedClock
from services.ingest.files import import_file
from services.ingest.guichet import Guichet
from services.territory.faults import with_faults
from services.territory.files import requests_csv, structures_csv
from services.vault import Keyring, contacts_of
from tests.ingest.files import town
from tests.ingest.people import said


@pytest.fixture
async def guichet(database_url: str) -> AsyncIterator[Guichet]:
    databases = [open_postgresql(database_url, name) for name in ("ingest", "vault")]
    for database, name in zip(databases, ("ingest", "vault"), strict=True):
        await upgrade(database, name)
    yield Guichet(databases[0], databases[1], Keyring(b"v" * 32), FixedClock(town.NOW), b"l" * 32)
    for database in databases:
        await database.close()


async def test_good_rows_are_taken_once_and_bad_ones_come_back_on_postgresql(guichet: Guichet) -> None:
    tiny = town.town()
    await town.move_in(guichet.database, tiny)
    published = await import_file(guichet, town.act(), "structures", structures_csv(tiny).encoded())
    assert published.rejected == ()
    agreements = await town.sign_agreements(guichet.database, tiny)
    for kind, file in (("vacancies", town.places_file(tiny, agreements)), ("requests", requests_csv(tiny))):
        broken, faults = with_faults(file, 0.4, 7)
        tried = await import_file(guichet, town.act(), kind, broken.encoded(), dry_run=True)
        done = await import_file(guichet, town.act(), kind, broken.encoded())
        again = await import_file(guichet, town.act(), kind, broken.encoded())
        lines = {fault.line for fault in faults}
        assert {rejected.line.number for rejected in done.rejected} == lines
        assert (tried.taken, done.taken) == (len(file.rows) - len(faults),) * 2
        assert (again.taken, again.known) == (0, done.taken)
    registered = await guichet.database.read(said, RequestRegistered)
    assert len({event.subject for event in registered}) == len(registered) > 0
    family = registered[0].family  # type: ignore[attr-defined]
    assert await guichet.vault.read(contacts_of, guichet.keyring, family)
