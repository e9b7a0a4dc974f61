"""A sender in a process of its own, which its test kills. Started by a server of forks: a kill costs milliseconds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from pydantic import SecretStr

from services.bus.database import Database, open_sqlite
from services.calendar import FixedClock
from services.notifier import sending, store
from services.notifier import tables as t
from services.notifier.gateways.gateway import Idempotency
from services.notifier.gateways.http import HttpGateway
from services.notifier.sending import Sender
from services.notifier.store import Message, State
from tests.notifier.desk import KEYRING, NOON

OPEN = (State.PLANNED.value, State.SENDING.value)
LIFE = timedelta(minutes=10)


def send_all(folder: str, url: str, idempotency: Idempotency, life: int, careless: bool) -> None:
    """Send until nothing is left. `life` counts the lives before this one; `careless`: no intent before the text."""
    if careless:
        sending._intend = send_then_mark  # the failing twin
    asyncio.run(_send_all(Path(folder), url, idempotency, life))


async def _send_all(folder: Path, url: str, idempotency: Idempotency, life: int) -> None:
    database, contacts = (open_sqlite(folder / f"{name}.sqlite", durability="OFF") for name in ("notifier", "vault"))
    clock = FixedClock(NOON + life * LIFE)
    async with httpx2.AsyncClient() as client:
        gateway = HttpGateway(client, url, SecretStr("jeton"), "GUICHET", idempotency)
        sender = Sender(database, contacts, KEYRING, gateway, clock, b"l" * 32, "")
        while await _left(database):
            if not await sender.send_due(clock()):
                clock.advance(timedelta(seconds=30))  # nothing may be done yet: intents must grow old


async def _left(database: Database) -> int:
    def count(tx: sa.Connection) -> int:
        left = sa.select(sa.func.count()).select_from(t.messages).where(t.messages.c.state.in_(OPEN))
        return tx.scalar(left) or 0

    return await database.read(count)


def send_then_mark(tx: sa.Connection, message: Message, contact: str, now: Any) -> Message:
    """Nothing is written down before the gateway is asked."""
    return replace(message, contact=contact, started_at=now)


def every_message(tx: sa.Connection) -> list[Message]:
    names = tx.scalars(sa.select(t.messages.c.message).order_by(t.messages.c.message)).all()
    return [found for name in names if (found := store.named(tx, name)) is not None]
