"""Answers that arrive at one moment, on PostgreSQL (T6): one outcome for each proposal, and looking decides nothing."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.responses import Response
from starlette.requests import Request

from contracts.proposals import PlaceReopened, ReplyJudged
from contracts.replies import ReplyReceived
from contracts.vocabulary import ProposalState
from services.bus import tables as bus
from services.calendar import PARIS
from tests.connected import torture
from tests.journey.at_once import judge_at_once, postgres_profile
from tests.journey.cluster import INBOUND_SECRET
from tests.journey.embedded import BASE, EmbeddedProfile
from tests.journey.town import ask, new_phone, open_town, open_tuesdays
from tests.journey.world import World

S = ProposalState
MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)
PREFETCHES = 100
EACH = 12
"""Races of each kind in every run; under the marker `torture` there are a thousand in all."""


@dataclass
class Offer:
    """One family with its proposal, and the two ways in which it may answer."""

    world: World
    request: str
    phones: list[str]
    code: str
    link: str

    @property
    def api(self) -> httpx2.AsyncClient:
        return self.world.profile.api

    async def page(self) -> dict[str, str]:
        """The form of the page, as a browser keeps it."""
        page = await self.api.get(self.link)
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))

    async def press(self, form: dict[str, str], answer: str) -> int:
        return (await self.api.post(self.link, data={**form, "reponse": answer})).status_code

    async def write(self, words: str, phone: int = 0) -> int:
        sms = {"message_id": f"{self.request}-{phone}", "from": self.phones[phone], "text": f"{words} {self.code}"}
        return (await self.api.post(f"/sms/inbound/{INBOUND_SECRET}", json=sms)).status_code

    async def look(self, times: int) -> list[int]:
        """What a messenger, a scanner and a curious phone do with a link before anybody opens it."""
        answers = await asyncio.gather(*(self.api.get(self.link) for _ in range(times)))
        return [answer.status_code for answer in answers]


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with postgres_profile(database_url, MONDAY) as profile:
        yield World(profile, "t-races")


async def offers(world: World, families: int) -> list[Offer]:
    """As many families with two contacts each, who all have a place and have read of it."""
    await open_town(world, automatic_release=True)
    asked = []
    for phones in ([new_phone(), new_phone()] for _ in range(families)):
        asked.append(((await ask(world, phones=phones))[0], phones))
    for places in [20] * (families // 20) + [families % 20] * (families % 20 > 0):
        await open_tuesdays(world, places=places)
    await world.profile.settle()
    codes = {p["request"]: p["code"] for p in await world.look("coordinator", "/proposals?limit=500")}
    texts = await all_texts(world)
    return [Offer(world, request, phones, codes[request], link_in(texts[phones[0]])) for request, phones in asked]


def link_in(texts: list[str]) -> str:
    link = re.search(r"(/p/\S+)", " ".join(texts))
    assert link is not None, texts
    return link[1]


async def all_texts(world: World) -> dict[str, list[str]]:
    """What is on every phone."""
    threads = (await world.profile.phones.get("/telephones.json")).json()
    return {t["number"]: [x["text"] for x in t["thread"] if x["direction"] == "to_phone"] for t in threads}


async def one_link_twice(offer: Offer, n: int) -> list[int]:
    """The same form sent twice at once, or the page open in two windows: even and odd."""
    form = await offer.page()
    other = form if n % 2 == 0 else await offer.page()
    return await at_once(offer.press(form, "oui"), offer.press(other, "oui"), offer.look(3))


async def text_against_link(offer: Offer, n: int) -> list[int]:
    """OUI by text and NON by link, from one phone."""
    form = await offer.page()
    return await at_once(offer.write("OUI"), offer.press(form, "non"), offer.look(3))


async def parent_against_parent(offer: Offer, n: int) -> list[int]:
    """OUI by text from one phone, NON by link from the other."""
    form = await offer.page()
    return await at_once(offer.write("OUI", phone=1), offer.press(form, "non"), offer.look(3))


async def at_once(*acts: Awaitable[int | list[int]]) -> list[int]:
    answers = await asyncio.gather(*acts)
    return [status for found in answers for status in (found if isinstance(found, list) else [found])]


KINDS = (one_link_twice, text_against_link, parent_against_parent)
ENDS: dict[Any, set[ProposalState]] = {
    one_link_twice: {S.ACCEPTED},
    text_against_link: {S.ACCEPTED, S.DECLINED},
    parent_against_parent: {S.FROZEN},
}


async def run_races(world: World, families: int) -> Counter[str]:
    """Each family's race, its answers then judged by two matchers at once. Returns how many ended in which state."""
    made = await offers(world, families)
    profile: Any = world.profile
    for n, offer in enumerate(made):
        assert set(await KINDS[n % 3](offer, n)) <= {200, 303}
        assert await judge_at_once(profile.town) in (1, 2)
    await world.pass_time(minutes=20)
    texts = await all_texts(world)
    states = [(p["request"], p["state"]) for p in await world.look("coordinator", "/proposals?limit=500")]
    ended = dict(states)
    assert len(ended) == len(states), "a family that answered is not asked again"
    return Counter(one_outcome(offer, KINDS[n % 3], ended[offer.request], texts) for n, offer in enumerate(made))


def one_outcome(offer: Offer, kind: Any, state: str, texts: dict[str, list[str]]) -> str:
    """The state in which the race ended, the same for everybody, and told to the family once."""
    assert state in ENDS[kind], f"{kind.__name__}: {state}"
    told = [text for phone in offer.phones for text in texts.get(phone, []) if "noté" in text]
    assert len(told) == len(set(told)) <= 2, told
    if state in (S.ACCEPTED, S.DECLINED):
        word = "OUI" if state == S.ACCEPTED else "NON"
        assert any(f"{word} {offer.code}" in text for text in told), (state, told)
    return str(state)


async def said(world: World, service: str) -> Counter[str]:
    profile: Any = world.profile
    query = sa.select(bus.outbox.c.type)
    return await profile.town.databases[service].read(lambda tx: Counter(tx.scalars(query)))


async def races(world: World, families: int) -> int:
    """Races of each kind in turn. Returns how many had their one outcome."""
    begun, before = time.monotonic(), await said(world, "matcher")  # of races run before on the same database
    ended = await run_races(world, families)
    decided, answers = await said(world, "matcher"), await said(world, "ingest")
    assert decided[ReplyJudged.wire_type()] == answers[ReplyReceived.wire_type()], "each answer is judged once"
    reopened = decided[PlaceReopened.wire_type()] - before[PlaceReopened.wire_type()]
    assert reopened == ended[S.DECLINED], "each end gives its hours back once"
    print(f"T6: {families} races, {dict(sorted(ended.items()))}, {time.monotonic() - begun:.0f} s")
    return sum(ended.values())


async def test_answers_at_one_moment_have_one_outcome_each(world: World) -> None:
    assert await races(world, EACH * len(KINDS)) == EACH * len(KINDS)


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_a_thousand_races_have_one_outcome_each(database_url: str) -> None:
    begun = time.monotonic()
    for part in range(10):
        async with postgres_profile(database_url, MONDAY) as profile:
            assert await races(World(profile, f"t-races-{part}"), 100) == 100
    torture.record(
        "T6", "1000 courses : deux réponses au même instant (même lien, SMS et lien, deux parents)",
        "une seule issue chacune", begun=begun, on=torture.postgres(),
        twin="un GET qui décide : trouvé (à chaque `make test`)",
    )  # fmt: skip


def digest(tx: sa.Connection) -> str:
    """Everything that a service keeps, as it is now. A lease is kept alive all the time, whoever looks at what."""
    found = sa.MetaData()
    found.reflect(tx)
    rows = [(name, sorted(map(repr, tx.execute(sa.select(table))))) for name, table in sorted(found.tables.items())
            if name != "leases"]  # fmt: skip
    return hashlib.sha256(repr(rows).encode()).hexdigest()


async def what_looking_changes(world: World, offer: Offer) -> list[str]:
    """The services whose rows are not what they were before the link was looked at `PREFETCHES` times."""
    profile: EmbeddedProfile = world.profile  # type: ignore[assignment]
    databases = profile.town.databases.items()
    before = {name: await database.read(digest) for name, database in databases}
    assert set(await offer.look(PREFETCHES)) == {200}
    await world.profile.settle()
    return [name for name, database in databases if await database.read(digest) != before[name]]


async def test_a_link_looked_at_a_hundred_times_changes_nothing(world: World) -> None:
    (offer,) = await offers(world, 1)
    assert await what_looking_changes(world, offer) == []
    assert await world.states_of(offer.request) == [S.DELIVERED]


async def test_a_get_that_decides_is_found(world: World) -> None:
    """The twin: an application in which opening the link is the answer, as newsletters do it."""
    (offer,) = await offers(world, 1)
    profile: EmbeddedProfile = world.profile  # type: ignore[assignment]
    hasty = httpx2.ASGITransport(deciding(profile))
    async with httpx2.AsyncClient(transport=hasty, base_url=BASE) as client:
        profile.api = client
        assert await what_looking_changes(world, offer) == ["ingest", "matcher", "notifier"]
        assert await world.states_of(offer.request) == [S.ACCEPTED]


def deciding(profile: EmbeddedProfile) -> FastAPI:
    behind, app = profile.api, FastAPI()

    @app.get("/p/{token}")
    async def decide(token: str) -> dict[str, int]:
        form = {"reponse": "oui", "une_fois": "opened"}
        return {"status": (await behind.post(f"/p/{token}", data=form)).status_code}

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def pass_on(path: str, request: Request) -> Response:
        passed = await behind.request(request.method, str(request.url), content=await request.body(),
                                      headers=dict(request.headers))  # fmt: skip
        return Response(passed.content, passed.status_code)

    return app
