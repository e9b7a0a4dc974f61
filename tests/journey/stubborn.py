"""People on processes that die: whoever gets no answer asks again, with the same key, until there is one.

They look at what pages would show in the databases themselves, since the pages are away half of the time.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
import sqlalchemy as sa

from contracts.vocabulary import ProposalState
from services.bus import tables as bus
from services.bus.database import Database
from services.bus.wiring import database_at
from services.ingest.projection.tables import proposals
from services.notifier.gateways import phone_threads
from tests.journey.cluster import INBOUND_SECRET, NAMES, Cluster, ClusterProfile
from tests.journey.town import crèche, in_days
from tests.journey.world import World

T = TypeVar("T")
PATIENCE_S = 300.0
ONE_TRY_S = 60.0
LOOK_EVERY_S = 0.15
LOOK_FOR_MOVES_EVERY_S = 5.0
S = ProposalState


@dataclass
class Patience:
    """Follows what moves and not the clock on the wall, so that a slow machine fails nothing.

    It is at its end once nothing has moved for PATIENCE_S: nothing said, nothing heard, nobody killed.
    """

    databases: dict[str, Database]
    kills: int = 0
    _seen: int = -1
    _since: float = 0.0
    _looked: float = float("-inf")

    async def check(self, what: str, begun: float) -> None:
        """Fails where nobody need wait for `what` any longer, who began to wait at `begun` (`time.monotonic`)."""
        if time.monotonic() - self._looked > LOOK_FOR_MOVES_EVERY_S:
            moves, self._looked = self.kills + await self.moves(), time.monotonic()
            if moves != self._seen:
                self._seen, self._since = moves, self._looked
        assert time.monotonic() - max(begun, self._since) < PATIENCE_S, f"nothing moves, waited in vain for {what}"

    async def moves(self) -> int:
        """Grows with every event that is said or heard."""
        return sum([await database.read(_said_and_heard) for database in self.databases.values()])


def _said_and_heard(tx: sa.Connection) -> int:
    said = tx.scalar(sa.select(sa.func.max(bus.outbox.c.position))) or 0
    return said + (tx.scalar(sa.select(sa.func.count()).select_from(bus.inbox)) or 0)


class Unhurried(ClusterProfile):
    """There is no rest to wait for while processes die."""

    async def settle(self) -> None:
        await asyncio.sleep(0)


@dataclass
class StubbornWorld(World):
    """`taken` are the acts that were answered, by path, each with the id it was given; `broken` counts the tries that
    got no answer."""

    databases: dict[str, Database] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    broken: int = 0
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self.patience = Patience(self.databases)

    async def act(self, who: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": secrets.token_hex(8)}
        api = self.profile.api
        answer = await self.insist(lambda: api.request(method, f"/api/v1{path}", json=body, headers=headers))
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        said: dict[str, Any] = answer.json()
        self.taken[path].add(said["id"])
        return said

    async def insist(self, ask: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
        """The first answer. No connection, half an answer, and a first try that may still be at work are none."""
        begun = time.monotonic()
        while True:
            await self.patience.check("an answer", begun)
            try:
                answer = await ask()
            except httpx2.TransportError:
                self.broken += 1
            else:
                if "key_in_flight" not in answer.text:
                    return answer
            await asyncio.sleep(LOOK_EVERY_S)

    async def until(self, see: Callable[[], Awaitable[T | None]], what: str, look_every_s: float = LOOK_EVERY_S) -> T:
        begun = time.monotonic()
        while not (seen := await see()):
            await self.patience.check(what, begun)
            await asyncio.sleep(look_every_s)
        return seen

    async def proposal_of(self, request: str, *states: ProposalState) -> dict[str, Any]:
        async def see() -> dict[str, Any] | None:
            rows = await self.databases["ingest"].read(_proposals_of, request)
            return next((row for row in rows if row["state"] in states), None)

        return await self.until(see, f"a proposal of {request} to be {[state.value for state in states]}")

    async def states_of(self, request: str) -> list[str]:
        return [row["state"] for row in await self.databases["ingest"].read(_proposals_of, request)]

    async def texts_to(self, phone: str) -> list[str]:
        thread = (await self.databases["notifier"].read(phone_threads.phone, phone)).thread
        return [text.text for text in thread if text.direction == phone_threads.Direction.TO_PHONE]

    async def reply(self, phone: str, words: str) -> None:
        """The operator hands the text over until it is taken."""
        sms = {"message_id": f"sms-{secrets.token_hex(6)}", "from": phone, "text": words}
        answer = await self.insist(lambda: self.profile.api.post(f"/sms/inbound/{INBOUND_SECRET}", json=sms))
        assert answer.status_code == 200, answer.text

    async def click(self, text: str, answer: str) -> None:
        """A parent opens the link and presses the button, again while the page does not load."""
        link = re.search(r"(/p/\S+)", text)
        assert link is not None, "the gateway carries links"
        page = await self.insist(lambda: self.profile.api.get(link[1]))
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        sent = await self.insist(lambda: self.profile.api.post(link[1], data={**hidden, "reponse": answer}))
        assert sent.status_code == 303, sent.text

    async def answer_offer(self, request: str, phone: str, answer: str, *, by_link: bool) -> dict[str, Any]:
        """The coordinator releases, the family reads and answers. It reads no faster than ingest hears of the text."""
        made = await self.proposal_of(request, S.PREPARED)
        await self.act("coordinator", "POST", "/releases", {"proposals": [made["id"]]})
        text = await self.text(phone, made["code"])
        await self.proposal_of(request, S.DELIVERED)
        await (self.click(text, answer) if by_link else self.reply(phone, f"{answer} {made['code']}"))
        return made

    async def confirm(self, proposal: str, n: int) -> None:
        dates = {"adaptation_start": str(in_days(self, 9)), "first_full_day": str(in_days(self, 16))}
        await self.act(crèche(self, n), "POST", f"/proposals/{proposal}/confirmation", dates)


def _proposals_of(tx: sa.Connection, request: str) -> list[dict[str, Any]]:
    mine = sa.select(proposals).where(proposals.c.request == request).order_by(proposals.c.made_at)
    return [dict(row) for row in tx.execute(mine).mappings()]


@asynccontextmanager
async def stubborn_world(cluster: Cluster, territory: str) -> AsyncIterator[StubbornWorld]:
    databases = {name: database_at(cluster.settings, name) for name in NAMES}
    async with (
        httpx2.AsyncClient(base_url=cluster.url("ingest"), timeout=ONE_TRY_S) as api,
        httpx2.AsyncClient(base_url=cluster.url("notifier")) as phones,
    ):
        profile = Unhurried(cluster, api, phones, databases["ingest"], territory)
        yield StubbornWorld(profile, territory, databases=databases)
    for database in databases.values():
        await database.close()
