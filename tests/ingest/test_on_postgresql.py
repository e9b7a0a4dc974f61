"""The same ingest on a real PostgreSQL, where writers do not wait for each other as they do on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from contracts.campaigns import ForceConfirmed, GestureUndone
from contracts.replies import ReplyReceived
from contracts.vacancies import VacancyOpened
from contracts.vocabulary import ProposalState
from services import vault
from services.bus.database import Database, open_postgresql
from services.calendar import FixedClock
from services.ingest import changes, store
from services.ingest.guichet import Guichet
from services.ingest.projection.tables import proposals
from services.ingest.schema import create_all
from tests.ingest.doors import Doors
from tests.ingest.pages.town import Town
from tests.ingest.people import CRECHE, NOW, TERRITORY, TODAY, register, vacancy_body
from tests.ingest.proposals import LINK_KEY, accepted, made, placed, released, sent
from tests.ingest.test_inbound_sms import PHONE, text
from tests.ingest.test_projection import golden
from tests.ingest.test_rights import _campaign

VACANCY = vacancy_body().model_dump(mode="json")


async def schema(url: str, name: str) -> Database:
    database = open_postgresql(url, name, pool_size=8)
    await database.write(lambda tx: tx.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {name}")))
    return database


@pytest.fixture
async def cluster(database_url: str) -> AsyncIterator[Doors]:
    """Ingest behind its doors on PostgreSQL."""
    database, contacts = await schema(database_url, "ingest"), await schema(database_url, "vault")
    await database.write(create_all)
    await contacts.write(vault.metadata.create_all)
    clock = FixedClock(NOW)
    guichet = Guichet(database, contacts, vault.Keyring(b"v" * 32), clock, LINK_KEY, inbound_secret="operator-secret")
    doors = Doors(guichet, clock)
    await doors.open()
    yield doors
    await doors.close()
    await database.close()
    await contacts.close()


async def test_twenty_sends_of_one_key_at_once_post_one_place(cluster: Doors) -> None:
    answers = await asyncio.gather(*[cluster.post("/vacancies", "director", VACANCY, key="one") for _ in range(20)])
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert len(await cluster.said(VacancyOpened)) == 1


async def test_an_act_that_fails_claims_no_key(cluster: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(store, "put_many", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await cluster.post("/vacancies", "director", VACANCY, key="one")
    assert (await cluster.post("/vacancies", "director", VACANCY, key="one")).status_code == 202


async def test_one_text_delivered_twenty_times_at_once_is_one_answer(cluster: Doors) -> None:
    contact = vault.Contact(id="F-R-1-c1", phone=PHONE)
    await cluster.guichet.vault.write(vault.put_contacts, cluster.guichet.keyring, "F-R-1", [contact], TODAY)
    await cluster.hear(made(), released(), sent())
    statuses = await asyncio.gather(*[text(cluster, "OUI 4821") for _ in range(20)])
    assert set(statuses) == {200}
    assert len(await cluster.said(ReplyReceived)) == 1


async def test_the_golden_story_and_the_screens_read_the_same(cluster: Doors) -> None:
    await cluster.hear(*golden())
    row = await cluster.guichet.database.read(store.find, proposals, "O-0001")
    assert row is not None
    assert row["state"] == ProposalState.CONFIRMED
    request = await cluster.register("coordinator")
    assert (await cluster.post("/vacancies", "director", VACANCY)).status_code == 202
    await cluster.hear(made(request=request), released(), sent(), accepted())
    (child,) = (await cluster.get(f"/structures/{CRECHE}/to-confirm", "director")).json()
    assert child["first_name"] == "Zoé-Inventée"
    await cluster.hear(placed())
    (place,) = (await cluster.get(f"/structures/{CRECHE}/places", "director")).json()
    assert (place["posted"], place["free"]) == (2, 2), "it was placed at the instant of the count"
    for path in ("/tasks", "/proposals", "/requests", "/texts", "/places", f"/requests/{request}", "/proposals/O-1"):
        assert (await cluster.get(path, "coordinator")).status_code == 200, path


async def test_the_numbers_of_a_territory_become_visible_in_their_order(cluster: Doors) -> None:
    """A slow writer does not show a lower number after a page heard of a higher one, as rows of a log would."""
    database = cluster.guichet.database
    before = await database.read(changes.sequence, TERRITORY)

    async def write(pause_s: float) -> None:
        await database.write(_note_and_wait, pause_s)

    seen: list[int] = []
    writers = [asyncio.create_task(write(0.05 * (n % 2))) for n in range(8)]
    while not all(writer.done() for writer in writers):
        seen.append(await database.read(changes.sequence, TERRITORY))
        await asyncio.sleep(0.01)
    await asyncio.gather(*writers)
    assert seen == sorted(seen)
    assert await database.read(changes.sequence, TERRITORY) == before + 8


def _note_and_wait(tx: sa.Connection, pause_s: float) -> None:
    changes.note(tx, (TERRITORY,))
    tx.execute(sa.select(sa.func.pg_sleep(pause_s)))


@pytest.mark.parametrize("address", ["/campagne/geste/a%00b", "/guichet/dossier/a%00b", "/guichet/journal?qui=a%00b"])
async def test_a_nul_in_an_address_is_no_incident(cluster: Doors, address: str) -> None:
    """PostgreSQL takes no NUL, not even to compare."""
    town = Town(cluster.guichet, FixedClock(NOW))
    await town.begin()
    await town.open()
    answer = await (await town.signed_in("coordinator")).get(address)
    assert answer.status_code == (200 if "?" in address else 404)


async def test_a_gesture_confirmed_and_undone_by_ten_at_once_is_so_once(cluster: Doors) -> None:
    """A button pressed twice, or by two of the commission: each looks at what the other left."""
    for request in ("R-1", "R-2"):
        await cluster.write(register, request)
    await cluster.write(_campaign)
    for what, said in (("confirmation", ForceConfirmed), ("undoing", GestureUndone)):
        answers = await asyncio.gather(*[cluster.post(f"/gestures/G-1/{what}", "committee") for _ in range(10)])
        assert sorted(answer.status_code for answer in answers) == [202, *[409] * 9]
        assert len(await cluster.said(said)) == 1
