"""The notifier as a service: it hears, plans texts, sends them, and takes the operator's receipts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.bus.database import Database
from services.bus.delivery import Clock, Reader
from services.bus.health import health_routes
from services.bus.service import Service
from services.notifier import store
from services.notifier import tables as t
from services.notifier.faults import on_fault
from services.notifier.gateways import phone_threads
from services.notifier.gateways.gateway import Gateway
from services.notifier.gateways.http import DeliveryReport, receipt_of
from services.notifier.gateways.phone import PhoneGateway
from services.notifier.handlers import HANDLERS
from services.notifier.phones import Inbound, phone_routes
from services.notifier.rehearsal import rehearse
from services.notifier.sending import AT_ONCE, Sender, note_receipt
from services.vault import Keyring

PHONE_RECEIPTS = "phone-receipts"
LARGEST_REPORT = 64 * 1024
"""Bytes. A report is some two hundred; this door stands open to the world, beside no other guard."""


def build(
    database: Database, vault: Database, keyring: Keyring, clock: Clock, *, link_key: bytes, link_base: str,
    gateway: Gateway | None = None, inbound: Inbound | None = None, receipt_secret: str = "", relayed: bool = False,
    at_once: int = AT_ONCE,
) -> Service:  # fmt: skip
    """The notifier on `database`. Without a `gateway`, to simulated phones, whose replies go to `inbound`.

    `at_once`: see `Sender`.
    """
    way = gateway or PhoneGateway(database, clock)
    has_phones = isinstance(way, PhoneGateway)
    sender = Sender(database, vault, keyring, way, clock, link_key, link_base, 1 if has_phones else at_once)
    reader = Reader("notifier", database, HANDLERS, clock)
    app = FastAPI(title="Berceau : messages", docs_url=None, redoc_url=None, exception_handlers={Exception: on_fault})
    app.include_router(health_routes("notifier", database, reader, clock, relayed=relayed))
    app.state.doors = [_receipts(database, clock, receipt_secret)]
    if gateway is None and inbound is not None:
        app.state.doors.append(phone_routes(database, clock, inbound))
    for door in app.state.doors:
        app.include_router(door)

    async def tick(now: datetime) -> int:
        moved = await sender.send_due(now)
        return moved + (await database.write(read_phone_receipts, now) if has_phones else 0)

    async def next_due() -> datetime | None:
        return await database.read(store.next_due)

    on_start = (partial(rehearse, database, vault, keyring),)
    return Service("notifier", database, reader, app, tick, next_due, databases=(vault,), on_start=on_start)


def read_phone_receipts(tx: sa.Connection, now: datetime) -> int:
    """Take the receipts of simulated phones, each once, in the order of their arrival."""
    done = store.bookmark(tx, PHONE_RECEIPTS)
    receipts = phone_threads.receipts_after(tx, done)
    for _, receipt in receipts:
        note_receipt(tx, receipt, now)
    if receipts:
        store.upsert(tx, t.bookmarks, "name", PHONE_RECEIPTS, position=receipts[-1][0])
    return len(receipts)


def _receipts(database: Database, clock: Callable[[], datetime], secret: str) -> APIRouter:
    """The operator posts its receipts under a secret path; without a secret there is no such door."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/sms/receipts/{given}")
    async def receive(given: str, request: Request) -> dict[str, str]:
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            raise HTTPException(404)
        if (receipt := receipt_of(await _report(request))) is not None:
            await database.write(note_receipt, receipt, clock())
        return {"status": "ok"}

    return routes


async def _report(request: Request) -> DeliveryReport:
    """What the operator posts, read once its path is known to be the secret one, and no further than a report goes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_REPORT:
            raise HTTPException(413)
    try:
        return DeliveryReport.model_validate_json(bytes(body))
    except ValidationError as error:
        faults = error.errors(include_input=False)  # what was sent is not sent back: it may be no text at all
        raise RequestValidationError([{**line, "loc": ("body", *line["loc"])} for line in faults]) from error
