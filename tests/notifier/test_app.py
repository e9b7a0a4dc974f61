"""The notifier as whoever runs it sees it: ticks, the door for receipts, and the simulated phones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from httpx2 import ASGITransport, AsyncClient

from services.bus.service import Service
from services.notifier.app import LARGEST_REPORT, build
from services.notifier.gateways import phone_threads
from services.notifier.gateways.phone_threads import PhoneState
from services.notifier.rehearsal import rehearse
from tests.notifier.desk import FIRST, KEYRING, SECOND, Desk

SECRET = "chemin-secret"


def service_of(desk: Desk, *, phones: bool = False) -> Service:
    return build(
        desk.database, desk.vault, KEYRING, desk.clock, link_key=b"l" * 32, link_base="https://guichet.example",
        gateway=None if phones else desk.gateway, receipt_secret=SECRET,
    )  # fmt: skip


async def test_a_tick_sends_what_is_due_and_says_when_it_next_will(desk: Desk) -> None:
    service = service_of(desk)
    assert await service.next_due() is None
    await desk.offer()
    assert await service.next_due() == desk.clock()
    assert await service.tick(desk.clock()) == 1
    assert len(desk.sent) == 1
    assert await service.tick(desk.clock()) == 0


@pytest.mark.parametrize(("secret", "status", "states"), [(SECRET, 200, ["delivered"]), ("faux", 404, ["sent"])])
async def test_a_receipt_enters_by_the_secret_path_only(
    desk: Desk, secret: str, status: int, states: list[str]
) -> None:
    service = service_of(desk)
    await desk.offer()
    await service.tick(desk.clock())
    assert await reported(service, secret, desk.gateway.sent[0].reference, desk.clock()) == status
    assert (await desk.states())["proposal"] == states


async def reported(service: Service, secret: str, reference: str, at: datetime, **facts: str) -> int:
    """The operator posts what it knows of a text; the status of the answer."""
    body = {"reference": reference, "status": "delivered", "at": at.isoformat(), **facts}
    async with AsyncClient(transport=ASGITransport(app=service.app), base_url="http://notifier") as client:
        return (await client.post(f"/sms/receipts/{secret}", json=body)).status_code


async def test_a_report_on_the_way_says_nothing_and_a_number_in_a_report_goes_no_further(desk: Desk) -> None:
    service = service_of(desk)
    await desk.offer()
    await service.tick(desk.clock())
    text = desk.gateway.sent[0].reference
    assert await reported(service, SECRET, text, desk.clock(), status="queued") == 200
    assert (await desk.states())["proposal"] == ["sent"]
    assert await reported(service, SECRET, text, desk.clock(), status="failed", code="33639981234") == 200
    assert [event.reason for event in await desk.said("message.failed")] == ["refused"]


@pytest.mark.parametrize(
    ("secret", "body", "status"),
    [(SECRET, b"{", 422), (SECRET, b'{"reference": "x-0"}', 422), (SECRET, b" " * (LARGEST_REPORT + 1), 413),
     (SECRET, b"\xff", 422), (SECRET, b'{"reference": "\\ud800"}', 422), (SECRET, b'{"\\ud800": 1}', 422),
     (SECRET, b'{"reference": "x-0", "status": "delivered", "at": NaN}', 422),
     ("faux", b"{", 404), ("faux", b" " * (LARGEST_REPORT + 1), 404)],
)  # fmt: skip
async def test_who_has_not_the_secret_path_has_nothing_read_and_who_has_it_no_more_than_a_report(
    desk: Desk, secret: str, body: bytes, status: int
) -> None:
    read = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read
        for start in range(0, len(body), 1024):
            read += 1
            yield body[start : start + 1024]

    async with AsyncClient(transport=ASGITransport(app=service_of(desk).app), base_url="http://notifier") as client:
        answer = await client.post(f"/sms/receipts/{secret}", content=parts())
    assert answer.status_code == status
    assert read == 0 or secret == SECRET


@pytest.mark.parametrize(
    ("fault", "status", "code"), [(ConnectionError, 503, "unavailable"), (ZeroDivisionError, 500, "server_error")]
)
async def test_a_door_says_what_keeps_it_from_its_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], status: int, code: str
) -> None:
    """An operator tries a receipt again after a 503 only."""

    async def fails(self: object, *args: object) -> None:
        raise fault

    service = service_of(desk)
    monkeypatch.setattr(type(desk.database), "write", fails)
    transport = ASGITransport(app=service.app, raise_app_exceptions=False)
    body = {"reference": "x-0", "status": "delivered", "at": desk.clock().isoformat()}
    async with AsyncClient(transport=transport, base_url="http://notifier") as client:
        told = await client.post(f"/sms/receipts/{SECRET}", json=body)
        shown = await client.post(f"/sms/receipts/{SECRET}", json=body, headers={"Accept": "text/html"})
    assert (told.status_code, told.json()["type"]) == (status, f"urn:berceau:{code}")
    assert ("retry-after" in told.headers) is (status == 503)
    assert shown.status_code == status and told.json()["detail"] in shown.text


async def test_without_a_secret_there_is_no_door_for_receipts(desk: Desk) -> None:
    service = build(desk.database, desk.vault, KEYRING, desk.clock, link_key=b"l" * 32, link_base="",
                    gateway=desk.gateway)  # fmt: skip
    assert await reported(service, "x", "x-0", desk.clock()) == 404


@pytest.mark.parametrize("hours", [-800_000, -30, 1])
async def test_a_delay_never_begins_by_an_operators_wrong_clock(desk: Desk, hours: int) -> None:
    service = service_of(desk)
    await desk.offer()
    await service.tick(desk.clock())
    desk.clock.advance(timedelta(minutes=2))
    await reported(service, SECRET, desk.gateway.sent[0].reference, desk.clock() + timedelta(hours=hours))
    assert [event.delivered_at for event in await desk.said("message.delivered")] == [desk.clock()]


async def test_a_delay_begins_when_the_operator_says_that_the_phone_had_it(desk: Desk) -> None:
    """The twin."""
    service = service_of(desk)
    await desk.offer()
    await service.tick(desk.clock())
    desk.clock.advance(timedelta(minutes=2))
    right = desk.clock() - timedelta(minutes=1)
    await reported(service, SECRET, desk.gateway.sent[0].reference, right)
    assert [event.delivered_at for event in await desk.said("message.delivered")] == [right]


async def test_a_simulated_phone_that_is_on_says_that_it_has_the_text(desk: Desk) -> None:
    service = service_of(desk, phones=True)
    await desk.offer()
    await service.tick(desk.clock())
    assert (await desk.states())["proposal"] == ["delivered"]
    assert len(await desk.said("message.delivered")) == 1
    assert await service.tick(desk.clock()) == 0


async def test_a_phone_that_nobody_has_passes_the_text_to_the_second_parent(desk: Desk) -> None:
    service = service_of(desk, phones=True)
    await desk.database.write(phone_threads.switch, FIRST, PhoneState.UNASSIGNED, desk.clock())
    await desk.offer()
    for _ in range(3):
        await service.tick(desk.clock())
    assert [event.about.contact for event in await desk.said("message.delivered")] == ["c-second"]
    phone = await desk.database.read(phone_threads.phone, SECOND)
    assert len(phone.thread) == 1


async def test_a_phone_that_is_off_gets_the_text_later_and_its_delay_starts_then(desk: Desk) -> None:
    service = service_of(desk, phones=True)
    await desk.database.write(phone_threads.switch, FIRST, PhoneState.OFF, desk.clock())
    await desk.offer()
    await service.tick(desk.clock())
    assert (await desk.states())["proposal"] == ["sent"]
    later = desk.clock.advance(timedelta(hours=3))
    await desk.database.write(phone_threads.switch, FIRST, PhoneState.ON, later)
    await service.tick(later)
    (delivered,) = await desk.said("message.delivered")
    assert delivered.delivered_at == later


async def test_what_is_asked_before_the_first_text_is_about_nobody_and_leaves_nothing(desk: Desk) -> None:
    await desk.offer()
    before = await desk.rows()
    await rehearse(desk.database, desk.vault, KEYRING)
    assert (await desk.rows(), desk.sent) == (before, [])
    assert await desk.send() == 1
