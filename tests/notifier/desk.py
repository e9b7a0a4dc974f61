"""A notifier on files of its own, with a gateway that remembers, and an invented family with two parents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from contracts.base import Event
from contracts.proposals import ProposalMade, ProposalReleased
from contracts.structures import StructurePublished
from contracts.territories import TerritoryPublished
from contracts.topics import parse
from contracts.vocabulary import AwardMode, Period, Slot, StructureKind, VacancyKind
from services import vault
from services.bus import tables as bus
from services.bus.database import Database, open_sqlite
from services.calendar import FixedClock
from services.notifier import tables as t
from services.notifier.gateways.gateway import Receipt
from services.notifier.handlers import HANDLERS
from services.notifier.sending import Sender, note_receipt
from services.vault import Contact, Keyring
from tests.matcher.world import MORNINGS, now_at
from tests.notifier.fakes import FakeGateway

NOON = now_at(12)
TERRITORY, FAMILY = "montlucon", "f-1"
FIRST, SECOND = "+33639981234", "+33639985678"
KEYRING = Keyring(b"k" * 32)
WEEKS = Period(start=date(2026, 10, 5), end=date(2027, 7, 10))


def parents(**changes: Any) -> tuple[Contact, Contact]:
    """Two invented parents; `changes` are of the first."""
    first = Contact.model_validate({"id": "c-first", "phone": FIRST, "name": "Awa Exemple", **changes})
    second = Contact.model_validate({"id": "c-second", "phone": SECOND, "name": "Jean Exemple"})
    return first, second


@dataclass
class Desk:
    """`hear` an event, `send` what is due, and see what the gateway `sent`, what was `said` and each text's `state`."""

    database: Database
    vault: Database
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON))
    gateway: FakeGateway = field(default_factory=FakeGateway)
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def sender(self) -> Sender:
        return Sender(
            self.database, self.vault, KEYRING, self.gateway, self.clock, b"l" * 32, "https://guichet.example"
        )

    @property
    def sent(self) -> list[str]:
        return [sms.text for sms in self.gateway.sent]

    async def hear(self, event: type[Event], subject: str, **facts: Any) -> None:
        said = event.say(
            subject, cause=f"{next(self.numbers)}", source="matcher", territory=TERRITORY, time=self.clock(), **facts
        )
        await self.take(said)

    async def take(self, event: Event) -> None:
        await self.database.write(HANDLERS[type(event)], event, self.clock())

    async def send(self) -> int:
        return await self.sender.send_due(self.clock())

    async def later(self, **by: float) -> int:
        """Let time pass, then send what is due."""
        self.clock.advance(timedelta(**by))
        return await self.send()

    async def receipt(self, reference: str, delivered: bool = True, **by: float) -> int:
        receipt = Receipt(reference=reference, delivered=delivered, at=self.clock() - timedelta(**by))
        return await self.database.write(note_receipt, receipt, self.clock())

    async def offer(self, proposal: str = "p-1", **facts: Any) -> None:
        """A proposal made and released: its text waits to leave."""
        await self.made(proposal, **facts)
        await self.hear(ProposalReleased, proposal, answer_by=self.clock() + timedelta(hours=44), by="coordinator")

    async def made(self, proposal: str = "p-1", **facts: Any) -> None:
        defaults = {
            "round": "round-1", "request": "r-1", "family": FAMILY, "structure": "creche-A", "section": "s",
            "slots": MORNINGS, "period": WEEKS, "kind": VacancyKind.REGULAR, "code": "4711", "tier": 2, "points": 0,
        }  # fmt: skip
        await self.hear(ProposalMade, proposal, **{**defaults, **facts})

    async def keep(self, *contacts: Contact, family: str = FAMILY) -> None:
        await self.vault.write(vault.put_contacts, KEYRING, family, contacts, NOON.date())

    async def states(self) -> dict[str, list[str]]:
        """The states of all texts, by template."""
        found: dict[str, list[str]] = {}
        for row in await self.rows():
            found.setdefault(row["template"], []).append(row["state"])
        return found

    async def rows(self) -> list[sa.RowMapping]:
        def read(tx: sa.Connection) -> list[sa.RowMapping]:
            return list(tx.execute(sa.select(t.messages).order_by(t.messages.c.message)).mappings())

        return await self.database.read(read)

    async def said(self, wire: str) -> list[Any]:
        def read(tx: sa.Connection) -> list[bytes]:
            return list(tx.scalars(sa.select(bus.outbox.c.body).order_by(bus.outbox.c.position)))

        events = [parse(body) for body in await self.database.read(read)]
        return [cast(Any, event) for event in events if event is not None and event.type == wire]


@asynccontextmanager
async def open_desk(folder: Path) -> AsyncIterator[Desk]:
    """A desk that knows its territory, one crèche and one family."""
    database, contacts = await make_databases(folder)
    desk = Desk(database, contacts)
    await desk.hear(TerritoryPublished, TERRITORY, name="Montluçon", guichet_name="Guichet", communes=(),
                    guichet_phone="01 99 00 12 34", policy="montlucon-modele")  # fmt: skip
    await desk.hear(StructurePublished, "creche-A", name="Les Lucioles", kind=StructureKind.CRECHE, commune="03185",
                    award_mode=AwardMode.AWARDED, capacity=20, sections=(), opening=())  # fmt: skip
    await desk.keep(*parents())
    yield desk
    for each in (database, contacts):
        await each.close()


async def make_databases(folder: Path) -> tuple[Database, Database]:
    database = open_sqlite(folder / "notifier.sqlite", durability="OFF")
    contacts = open_sqlite(folder / "vault.sqlite", durability="OFF")
    for each, metadata in ((database, bus.metadata), (database, t.metadata), (contacts, vault.metadata)):
        async with each.writes.begin() as connection:
            await connection.run_sync(metadata.create_all)
    return database, contacts


def one_day(day: date) -> tuple[Slot, ...]:
    return (Slot(day=day, start=MORNINGS[0].start, end=MORNINGS[0].end),)
