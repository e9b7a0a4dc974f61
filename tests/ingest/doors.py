"""A client at the doors of ingest, with a key for every invented person. One process, real files, real HTTP routing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx2
import sqlalchemy as sa

from contracts.base import Event
from services.bus.service import Service
from services.calendar import FixedClock
from services.ingest import app, credentials
from services.ingest.actors import Actor
from services.ingest.guichet import Guichet
from tests.ingest import people
from tests.ingest.proposals import hear

P = ParamSpec("P")
T = TypeVar("T")

EVERYBODY = {
    "director": people.DIRECTOR,
    "other_director": people.OTHER_DIRECTOR,
    "counsellor": people.COUNSELLOR,
    "other_counsellor": people.OTHER_COUNSELLOR,
    "committee": people.COMMITTEE,
    "coordinator": people.COORDINATOR,
    "administrator": people.ADMINISTRATOR,
    "stranger": people.STRANGER,
}

FAMILY = {
    "contacts": [{"phone": "06 39 98 00 11", "name": "Ada Exemple"}],
    "child_first_name": "Zoé-Inventée",
}


@dataclass
class Doors:
    guichet: Guichet
    clock: FixedClock
    keys: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        self.service: Service = app.build(self.guichet, limits=())
        transport = httpx2.ASGITransport(self.service.app)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://guichet.test")
        await self.write(people.publish_all)
        for name, actor in EVERYBODY.items():
            self.keys[name] = await self.write(_key, actor)

    async def close(self) -> None:
        await self.client.aclose()

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.guichet.database.write(do, *args, **kwargs)

    async def hear(self, *events: Event) -> None:
        await self.guichet.database.write(hear, *events)

    async def said(self, kind: type[Event] = Event) -> list[Event]:
        return await self.guichet.database.read(people.said, kind)

    async def call(
        self, method: str, path: str, who: str | None = None, body: Any = None, key: str | None = None
    ) -> httpx2.Response:
        """One request, as `who`; `key` is the idempotency key."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        headers |= {"Idempotency-Key": key} if key else {}
        where = path if path.startswith("/sms") else f"/api/v1{path}"
        return await self.client.request(method, where, headers=headers, json=body)

    async def post(
        self, path: str, who: str | None = None, body: Any = None, key: str | None = None
    ) -> httpx2.Response:
        return await self.call("POST", path, who, {} if body is None else body, key)

    async def get(self, path: str, who: str | None = None) -> httpx2.Response:
        return await self.call("GET", path, who)

    async def register(self, who: str = "counsellor", **changes: Any) -> str:
        """A request with its family, through the door. Returns its id."""
        need = people.urgent_need(**changes) if who == "counsellor" else people.need_body(**changes)
        answer = await self.post("/requests", who, {**need.model_dump(mode="json"), **FAMILY})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


def _key(tx: sa.Connection, actor: Actor) -> str:
    facts = {"id_": actor.id, "territory": actor.territory, "role": actor.role, "structure": actor.structure}
    return credentials.create_key(tx, **facts, label="essai", now=people.NOW)  # type: ignore[arg-type]
