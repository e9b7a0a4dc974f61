"""Streams of open pages: what they say, to whom, and when they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from contracts.tasks import TaskOpened
from contracts.vocabulary import TaskKind
from services.bus.database import Database
from services.ingest import changes, credentials
from services.ingest.credentials import SESSION_LIFE
from services.ingest.inbound import InboundSms, receive_sms
from services.ingest.live import BEAT, MOST_PER_SESSION, Stream, Streams, TooManyStreams
from services.ingest.pages.visit import STREAM
from tests.ingest.pages.conftest import opened
from tests.ingest.pages.reading import read
from tests.ingest.pages.town import STAFF, Town, link
from tests.ingest.people import TERRITORY
from tests.ingest.proposals import event

FOLLOW = {"director", "other_director", "counsellor", "other_counsellor", "coordinator", "committee", "stranger"}
SOON_S = 0.02
OPENING = "retry: 3000\n\nevent: battement\ndata: 1\n\n"


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Town]:
    """A quiet town whose streams look often, without heartbeats unless a test wants them."""
    async with opened(tmp_path, empty=True) as town:
        town.guichet.streams.look_every_s = SOON_S
        yield town


async def here(town: Town) -> int:
    return await town.guichet.database.read(changes.sequence, TERRITORY)


async def something_happens(town: Town, name: str = "A-1") -> int:
    """Elsewhere. Where the town stands afterwards."""
    await town.hear(event(TaskOpened, name, kind=TaskKind.SHORTFALL, structure="S-cailloux"))
    return await here(town)


async def heard(
    town: Town, client: httpx2.AsyncClient, during: Callable[[], Awaitable[object]], since: str = "", **headers: str
) -> str:
    """What a stream says while `during` runs, until the process stops."""
    asking = asyncio.create_task(client.get(f"{STREAM}?depuis={since}", headers=headers))
    await until(lambda: len(town.guichet.streams) == 1)
    await during()
    await asyncio.sleep(5 * SOON_S)
    town.guichet.streams.end()
    answer = await asyncio.wait_for(asking, 5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.text


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - whoever changes it knows nothing of us
            await asyncio.sleep(SOON_S / 2)


async def nothing() -> None:
    pass


async def test_a_stream_says_that_something_changed_and_where_the_town_stands(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    said = await heard(quick, client, lambda: something_happens(quick), since=str(await here(quick)))
    number = await here(quick)
    assert said == f"{OPENING}event: changement\nid: {number}\ndata: {number}\n\n"


async def test_a_stream_that_knows_where_the_town_stands_says_nothing(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    assert await heard(quick, client, nothing, since=str(await here(quick))) == OPENING


async def test_a_page_that_was_made_before_a_change_hears_of_it_at_once(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    page = (await client.get("/guichet")).text
    number = await something_happens(quick)
    since = page.partition("/direct?depuis=")[2].partition('"')[0]
    assert f"id: {number}" in await heard(quick, client, nothing, since=since)


async def test_a_stream_that_is_opened_again_goes_on_from_the_last_number_that_it_heard(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    known = {"Last-Event-ID": str(await here(quick))}
    assert "changement" not in await heard(quick, client, nothing, since="1", **known)
    quick.guichet.streams.stopping = False
    number = await something_happens(quick)
    assert f"id: {number}\n" in await heard(quick, client, nothing, since="1", **known)


async def test_a_projection_that_counts_anew_is_a_change_too(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    assert f"id: {await here(quick)}\n" in await heard(quick, client, nothing, since="999999")


async def test_a_stream_without_news_beats(quick: Town) -> None:
    quick.guichet.streams.heartbeat_s = SOON_S
    client = await quick.signed_in("coordinator")
    told = await heard(quick, client, nothing, since=str(await here(quick)))
    assert told.count(BEAT.decode()) > 2


async def test_a_stream_beats_as_it_opens(quick: Town) -> None:
    """A page that hears nothing of an open stream knows that something holds it back."""
    client = await quick.signed_in("coordinator")
    told = await heard(quick, client, nothing, since=str(await here(quick)))
    assert told.count(BEAT.decode()) == 1


async def test_what_is_done_here_counts_as_well_as_what_is_heard(quick: Town) -> None:
    before = await here(quick)
    director = await quick.signed_in("director")
    form = {"places": "1", "section": "S-cailloux-grands", "debut": "2026-11-04", "moment": "jour"}
    assert (await director.post("/creche/absence", data=form)).status_code == 303
    after_a_post = await here(quick)
    text = InboundSms.model_validate({"message_id": "m9", "from": "06 39 98 77 70", "text": "Bonjour"})
    await receive_sms(quick.guichet, text)
    assert before < after_a_post < await here(quick)


async def test_an_act_that_is_refused_changes_nothing(quick: Town) -> None:
    before = await here(quick)
    director = await quick.signed_in("director")
    assert (await director.post("/creche/absence", data={"places": "0"})).status_code == 422
    assert await here(quick) == before


async def test_nothing_personal_is_on_a_stream(town: Town) -> None:
    town.guichet.streams.look_every_s = SOON_S
    client = await town.signed_in("director")
    said = await heard(town, client, lambda: something_happens(town))
    assert {line.split(":")[0] for line in said.splitlines() if line} == {"retry", "event", "id", "data"}
    assert all(line.split(": ")[1].isdecimal() for line in said.splitlines() if line.startswith(("id", "data")))


async def test_only_the_lists_of_professionals_run_a_script(town: Town) -> None:
    lists = {"director": "/creche", "counsellor": "/conseil", "coordinator": "/guichet", "committee": "/commission"}
    for who, path in lists.items():
        client = await town.signed_in(who)
        page = await client.get(path)
        assert page.headers["content-security-policy"].endswith("script-src 'self'; connect-src 'self'")
        assert "unsafe" not in page.headers["content-security-policy"]
        assert 'allowEval": false' in page.text
        assert "<script>" not in page.text
        assert "script" not in read((await client.get("/regles")).text).tags, "a public page is one for them too"
    for path in ("/", "/annuaire", "/regles", "/connexion", "/api/docs", link("delivered")):
        page = await town.client.get(path)
        assert "script" not in page.headers["content-security-policy"]
        assert "script" not in read(page.text).tags


async def test_scripts_of_others_stand_beside_their_licence_and_version(town: Town) -> None:
    vendor = resources.files("services.ingest").joinpath("pages", "static", "vendor")
    versions = vendor.joinpath("VERSIONS.md").read_text(encoding="utf-8")
    scripts = [entry.name for entry in vendor.iterdir() if entry.name.endswith(".js")]
    assert scripts
    for name in scripts:
        licence = f"LICENSE.{name.removesuffix('.min.js')}.txt"
        assert name in versions
        assert "Permission to use, copy, modify" in vendor.joinpath(licence).read_text(encoding="utf-8")
        answer = await town.client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("who", sorted(STAFF))
async def test_only_whoever_has_a_list_opens_a_stream(quick: Town, who: str) -> None:
    client = await quick.signed_in(who)
    if who in FOLLOW:
        assert await heard(quick, client, nothing)
    else:
        assert (await client.get(STREAM)).status_code == 403
    assert len(quick.guichet.streams) == 0


async def test_nobody_opens_a_stream_without_a_session(quick: Town) -> None:
    assert (await quick.client.get(STREAM)).status_code == 401
    quick.client.cookies.set("berceau", "guessed", domain="guichet.test")
    assert (await quick.client.get(STREAM)).status_code == 401


async def _signed_out(town: Town, secret: str) -> None:
    await town.write(credentials.close_session, secret)


async def _expired(town: Town, _secret: str) -> None:
    town.clock.set(town.clock() + SESSION_LIFE + timedelta(seconds=1))


async def _left(town: Town, _secret: str) -> None:
    person = credentials.persons.c.id == STAFF["coordinator"][0].id
    await town.write(lambda tx: tx.execute(sa.update(credentials.persons).where(person).values(left_at=town.clock())))


async def _other_role(town: Town, _secret: str) -> None:
    person = credentials.persons.c.id == STAFF["coordinator"][0].id
    await town.write(lambda tx: tx.execute(sa.update(credentials.persons).where(person).values(role="structure")))


@pytest.mark.parametrize("end", [_signed_out, _expired, _left, _other_role])
async def test_a_stream_ends_with_the_right_that_opened_it(
    quick: Town, end: Callable[[Town, str], Awaitable[None]]
) -> None:
    client = await quick.signed_in("coordinator")
    asking = asyncio.create_task(client.get(f"{STREAM}?depuis={await here(quick)}"))
    await until(lambda: len(quick.guichet.streams) == 1)
    await end(quick, client.cookies["berceau"])
    answer = await asyncio.wait_for(asking, 5)
    assert answer.text.endswith("event: fin\ndata: session\n\n")
    assert len(quick.guichet.streams) == 0


async def test_a_session_has_so_many_streams_and_another_session_its_own(quick: Town) -> None:
    streams, actor = quick.guichet.streams, STAFF["coordinator"][0]
    own = [streams.open("one", actor, None) for _ in range(MOST_PER_SESSION)]
    with pytest.raises(TooManyStreams):
        streams.open("one", actor, None)
    assert streams.open("other", actor, None)
    streams.leave(own[0])
    assert streams.open("one", actor, None)


async def test_a_stream_too_many_is_refused_with_a_time_to_come_back(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    secret = client.cookies["berceau"]
    for _ in range(MOST_PER_SESSION):
        quick.guichet.streams.open(secret, STAFF["coordinator"][0], None)
    answer = await client.get(STREAM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


async def test_a_process_that_stops_ends_its_streams_and_opens_none(quick: Town) -> None:
    client = await quick.signed_in("coordinator")
    assert await heard(quick, client, nothing)
    assert (await client.get(STREAM)).status_code == 503
    assert quick.service.on_stop == (quick.guichet.streams.end,)


async def test_a_stream_that_nobody_ends_stays_open(quick: Town) -> None:
    """The twin of the stop: without it the answer has no end."""
    client = await quick.signed_in("coordinator")
    asking = asyncio.create_task(client.get(STREAM))
    await until(lambda: len(quick.guichet.streams) == 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asking, 10 * SOON_S)
    assert len(quick.guichet.streams) == 0, "whoever goes away leaves its stream"


async def test_one_reader_serves_all_streams_and_rests_when_the_last_page_is_closed(quick: Town) -> None:
    looks = 0
    database = quick.guichet.database

    class Counted:
        async def read(self, *args: object) -> object:
            nonlocal looks
            looks += 1
            return await database.read(*args)  # type: ignore[arg-type]

    streams = Streams(Counted(), quick.clock, look_every_s=SOON_S)  # type: ignore[arg-type]
    secret = await quick.session("coordinator")
    pages: list[Stream] = [streams.open(secret, STAFF["coordinator"][0], None) for _ in range(4)]
    await until(lambda: all(page.news.is_set() for page in pages))
    assert looks <= 2
    for page in pages:
        streams.leave(page)
    await asyncio.sleep(2 * SOON_S)
    rested = looks
    await asyncio.sleep(5 * SOON_S)
    assert looks == rested


async def test_a_database_that_is_away_ends_no_stream(quick: Town) -> None:
    tries = 0
    database: Database = quick.guichet.database

    class Wavering:
        async def read(self, *args: object) -> object:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OSError("away")
            return await database.read(*args)  # type: ignore[arg-type]

    streams = Streams(Wavering(), quick.clock, look_every_s=SOON_S)  # type: ignore[arg-type]
    page = streams.open(await quick.session("coordinator"), STAFF["coordinator"][0], None)
    await until(page.news.is_set)
    assert (page.over, tries >= 3) == ("", True)
    streams.leave(page)
