"""Berceau in this very process, on a clock that the scenario moves."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
from pydantic import SecretStr

from services.bus.database import Database
from services.bus.settings import Settings
from services.calendar import FixedClock
from services.cli.embedded import Embedded, open_embedded
from services.matcher.app import decide_here

BASE = "http://127.0.0.1:8080"


@dataclass
class EmbeddedProfile:
    town: Embedded
    clock: FixedClock
    api: httpx2.AsyncClient
    phones: httpx2.AsyncClient
    patience_s: float = 0.0

    @property
    def ingest(self) -> Database:
        return self.town.databases["ingest"]

    def now(self) -> datetime:
        return self.clock()

    async def settle(self) -> None:
        await self.town.settle()

    async def pass_time(self, by: timedelta) -> None:
        """Minute by minute where something is due, so that each thing happens at its time."""
        until = self.clock() + by
        while (due := await self.town.next_due()) is not None and due < until:
            self.clock.set(max(due, self.clock() + timedelta(seconds=1)))
            await self.town.settle()
        self.clock.set(until)


async def open_profile(data: Path, start: datetime) -> EmbeddedProfile:
    clock = FixedClock(start)
    key = SecretStr(base64.b64encode(b"k" * 32).decode())
    settings = Settings(
        data=data, vault_key=key, link_key=key, inbound_secret=SecretStr("inbound-of-the-tests"), public_url=BASE
    )
    town = await open_embedded(settings, clock, durability="OFF", decide=decide_here, limits=())
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(town.site), base_url=BASE)
    return EmbeddedProfile(town, clock, client, client)
