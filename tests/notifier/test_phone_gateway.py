"""Simulated phones in a real SQLite file: what arrives, what waits, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from services.bus.database import Database, open_sqlite
from services.calendar import FixedClock
from services.notifier.gateways import phone_threads as threads
from services.notifier.gateways.gateway import Gateway, Idempotency, Outcome, Receipt
from services.notifier.gateways.phone import PhoneGateway
from services.notifier.gateways.phone_threads import Direction, PhoneState
from services.notifier.gsm7 import Encoding
from tests.notifier.fakes import FakeGateway, as_gateway

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PHONE, OTHER = "+33639981234", "+33639985678"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_sqlite(tmp_path / "notifier.sqlite", durability="OFF")
    async with database.writes.begin() as connection:
        await connection.run_sync(threads.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def gateway(database: Database) -> Gateway:
    return PhoneGateway(database, FixedClock(NOW))


async def send(gateway: Gateway, reference: str = "m-1-0", to: str = PHONE, text: str = "Bonjour") -> Outcome:
    return (await gateway.send(reference, to, text, Encoding.GSM7)).outcome


async def test_a_text_arrives_once_however_often_it_is_sent(gateway: Gateway, database: Database) -> None:
    assert [await send(gateway) for _ in range(3)] == [Outcome.SENT] * 3
    (phone,) = await database.read(threads.all_phones)
    assert (phone.number, [text.text for text in phone.thread]) == (PHONE, ["Bonjour"])
    assert await database.read(threads.receipts_after, 0) == [(1, Receipt(reference="m-1-0", delivered=True, at=NOW))]


async def test_what_was_sent_is_looked_up_by_our_reference(gateway: Gateway) -> None:
    assert await gateway.look_up("m-1-0") is None
    await send(gateway)
    found = await gateway.look_up("m-1-0")
    assert found is not None
    assert (found.outcome, found.provider_id) == (Outcome.SENT, "phone-m-1-0")


async def test_a_text_to_a_phone_that_is_off_waits_until_it_is_on(gateway: Gateway, database: Database) -> None:
    await database.write(threads.switch, PHONE, PhoneState.OFF, NOW)
    assert await send(gateway) is Outcome.SENT
    assert await database.read(threads.receipts_after, 0) == []
    await database.write(threads.switch, PHONE, PhoneState.ON, LATER)
    assert await database.read(threads.receipts_after, 0) == [(1, Receipt(reference="m-1-0", delivered=True, at=LATER))]
    assert (await database.read(threads.phone, PHONE)).thread[0].delivered_at == LATER


async def test_an_unassigned_number_gets_a_failed_receipt(gateway: Gateway, database: Database) -> None:
    await database.write(threads.switch, PHONE, PhoneState.UNASSIGNED, NOW)
    assert await send(gateway) is Outcome.SENT
    ((_, receipt),) = await database.read(threads.receipts_after, 0)
    assert (receipt.delivered, receipt.reason) == (False, "Numéro non attribué")


async def test_receipts_are_read_from_where_the_reader_stopped(gateway: Gateway, database: Database) -> None:
    for n in range(3):
        await send(gateway, f"m-{n}-0")
    first = await database.read(threads.receipts_after, 0)
    rest = await database.read(threads.receipts_after, first[0][0])
    assert [receipt.reference for _, receipt in rest] == ["m-1-0", "m-2-0"]


async def test_a_thread_holds_texts_and_replies_in_their_order(gateway: Gateway, database: Database) -> None:
    await send(gateway, text="Répondez OUI 4821")
    await send(gateway, "m-2-0", to=OTHER)
    assert await database.write(threads.write_reply, "r-1", PHONE, "oui merci", LATER)
    assert not await database.write(threads.write_reply, "r-1", PHONE, "oui merci", LATER)
    phone, other = await database.read(threads.all_phones)
    assert [(text.direction, text.text) for text in phone.thread] == [
        (Direction.TO_PHONE, "Répondez OUI 4821"),
        (Direction.FROM_PHONE, "oui merci"),
    ]
    assert [text.segments for text in phone.thread] == [1, 1]
    assert other.number == OTHER


async def test_receipts_are_committed_in_the_order_of_their_positions_on_postgresql(database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(threads.metadata.create_all)

    async def deliver(reference: str) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(threads.deliver, reference, PHONE, "Bonjour", NOW)

    async with engine.connect() as slow:
        await slow.run_sync(threads.deliver, "m-1-0", PHONE, "Bonjour", NOW)
        quick = asyncio.create_task(deliver("m-2-0"))
        done, _ = await asyncio.wait([quick], timeout=0.3)
        assert not done  # else a reader could pass over m-1-0, which has the lower position
        await slow.commit()
    await quick
    async with engine.connect() as reader:
        found = await reader.run_sync(threads.receipts_after, 0)
    assert [receipt.reference for _, receipt in found] == ["m-1-0", "m-2-0"]
    await engine.dispose()


def stored(folder: Path, number: str) -> bool:
    return any(number.encode() in path.read_bytes() for path in folder.iterdir())


async def test_a_number_that_somebody_may_have_is_refused_and_never_stored(
    gateway: Gateway, database: Database, tmp_path: Path
) -> None:
    real = "+336" + "12" * 4
    result = await gateway.send("m-1-0", real, "Bonjour", Encoding.GSM7)
    assert result.outcome is Outcome.FAILED
    assert "fiction" in result.reason
    assert await database.read(threads.all_phones) == ()
    assert not stored(tmp_path, real)
    await send(gateway, to=PHONE)
    assert stored(tmp_path, PHONE)


async def test_the_fake_gateway_keeps_the_promise_of_keys_and_its_twin_without_them_does_not() -> None:
    keyed, bare = FakeGateway(), FakeGateway(idempotency=Idempotency.NEITHER)
    for fake in (keyed, bare):
        for _ in range(2):
            assert await send(as_gateway(fake)) is Outcome.SENT
    assert len(keyed.sent) == 1
    assert len(bare.sent) == 2
