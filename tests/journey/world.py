"""One Berceau to act in, whatever carries its events: the same gestures and the same waits on each profile.

People act over HTTP with their keys, families by their simulated phones. A scenario has a territory of its own, so that
scenarios share processes and never meet.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import httpx2
import sqlalchemy as sa

from contracts.vocabulary import ProposalState, TaskKind
from services.bus.database import Database
from services.ingest import credentials
from services.ingest.actors import Role

T = TypeVar("T")


class Profile(Protocol):
    """A running Berceau. `settle` returns once it has had the time to do what is due."""

    api: httpx2.AsyncClient
    phones: httpx2.AsyncClient
    ingest: Database
    patience_s: float

    def now(self) -> datetime: ...
    async def settle(self) -> None: ...
    async def pass_time(self, by: timedelta) -> None: ...


@dataclass
class World:
    """One territory on a profile, with a key for each role."""

    profile: Profile
    territory: str
    keys: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.profile.now()

    async def give_keys(self, *structures: str) -> None:
        """A key for each role, as the town's technician makes them, and one for each structure."""
        roles = {"administrator": Role.ADMINISTRATOR, "coordinator": Role.COORDINATOR, "counsellor": Role.COUNSELLOR}
        for name, role in roles.items():
            self.keys[name] = await self._new_key(role, None)
        for structure in structures:
            self.keys[structure] = await self._new_key(Role.STRUCTURE, structure)

    async def _new_key(self, role: Role, structure: str | None) -> str:
        def create(tx: sa.Connection) -> str:
            id_ = f"K-{secrets.token_hex(6)}"
            return credentials.create_key(
                tx, id_=id_, territory=self.territory, role=role, structure=structure, label="test", now=self.now()
            )

        return await self.profile.ingest.write(create)

    async def act(self, who: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Somebody acts at a door; the act must be taken."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        answer = await self.profile.api.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()  # type: ignore[no-any-return]

    async def look(self, who: str, path: str) -> Any:
        return await self.act(who, "GET", path)

    async def until(self, see: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Wait until `see` sees it. Fails naming `what` was waited for."""
        waited = 0.0
        while True:
            await self.profile.settle()
            seen = await see()
            if seen:
                return seen
            assert waited < self.profile.patience_s, f"waited in vain for {what}"
            await asyncio.sleep(0.1)
            waited += 0.1

    async def proposal_of(self, request: str, *states: ProposalState) -> dict[str, Any]:
        """A proposal of `request`, once there is one in one of `states`."""

        async def see() -> dict[str, Any] | None:
            found = [p for p in await self.look("coordinator", "/proposals?limit=500") if p["request"] == request]
            return next((p for p in found if p["state"] in states), None)

        return await self.until(see, f"a proposal of {request} to be {[state.value for state in states]}")

    async def states_of(self, request: str) -> list[str]:
        """The states of every proposal that `request` ever had."""
        await self.profile.settle()
        return [p["state"] for p in await self.look("coordinator", "/proposals?limit=500") if p["request"] == request]

    async def task(self, kind: TaskKind, proposal: str | None = None) -> dict[str, Any]:
        """The open task of this kind, about this proposal."""

        async def see() -> dict[str, Any] | None:
            for task in await self.look("coordinator", "/tasks"):
                about = (task.get("about") or {}).get("proposal")
                if task["task_kind"] == kind and proposal in (None, about):
                    return task  # type: ignore[no-any-return]
            return None

        return await self.until(see, f"a task {kind.value}")

    async def open_tasks(self) -> list[str]:
        await self.profile.settle()
        return [task["task_kind"] for task in await self.look("coordinator", "/tasks")]

    async def texts_to(self, phone: str) -> list[str]:
        """What this phone received, oldest first."""
        for thread in (await self.profile.phones.get("/telephones.json")).json():
            if thread["number"] == phone:
                return [text["text"] for text in thread["thread"] if text["direction"] == "to_phone"]
        return []

    async def text(self, phone: str, containing: str) -> str:
        """The newest text on this phone that contains these words."""

        async def see() -> str | None:
            return next((text for text in reversed(await self.texts_to(phone)) if containing in text), None)

        return await self.until(see, f"a text with « {containing} » on {phone}")

    async def reply(self, phone: str, words: str) -> None:
        """The owner of the phone types an answer."""
        answer = await self.profile.phones.post(f"/telephones/{phone.lstrip('+')}", data={"text": words})
        assert answer.status_code == 303, answer.text
        await self.profile.settle()

    async def switch(self, phone: str, state: str) -> None:
        answer = await self.profile.phones.post(f"/telephones/{phone.lstrip('+')}/etat", data={"state": state})
        assert answer.status_code == 303, answer.text

    async def pass_time(self, **by: float) -> None:
        await self.profile.settle()
        await self.profile.pass_time(timedelta(**by))
        await self.profile.settle()
