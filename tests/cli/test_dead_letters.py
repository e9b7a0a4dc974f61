"""A person handles what a service could not: sees why and since when, handles it again, or discards it with a note."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from services.bus import dead_letters
from services.bus.database import Database
from services.bus.delivery import Message
from services.bus.migrations import upgrade
from services.bus.settings import from_environment
from services.bus.wiring import database_at
from services.calendar import FixedClock, system_clock
from services.cli.embedded import open_embedded
from services.cli.french import age
from services.matcher import app as matcher
from services.matcher.app import decide_here
from tests.cli.command import Command

EXAMPLES = Path(__file__).resolve().parents[2] / "contracts" / "examples" / "declarations"
TOO_EARLY = (EXAMPLES / "structure.published.json").read_bytes()
TERRITORY = (EXAMPLES / "territory.published.json").read_bytes().replace(b"montlucon-modele-2026", b"montlucon-modele")


@pytest.fixture
def on_sqlite(berceau: Command) -> Command:
    return berceau


@pytest.fixture
def on_postgresql(berceau: Command, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    yield berceau


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def command(request: pytest.FixtureRequest) -> Command:
    found: Command = request.getfixturevalue(request.param)
    return found


def hear(*bodies: bytes) -> None:
    """The matcher's own reader takes these messages, as its bus gives them."""

    async def take() -> None:
        database = database_at(from_environment(), "matcher")
        await upgrade(database, "matcher")
        reader = matcher.build(database, system_clock, decide_here).reader
        for n, body in enumerate(bodies):
            await reader.take(Message("declarations", f"declarations/0/{n}", body))
        await database.close()

    asyncio.run(take())


def test_a_message_that_came_too_early_is_listed_with_its_reason_and_age_and_handled_again(command: Command) -> None:
    hear(TOO_EARLY, TERRITORY)
    (row,) = command("dead-letters", "--json").json
    assert (row["service"], row["type"], row["reason"], row["tries"]) == ("matcher", "structure.published", "wrong", 1)
    assert 0 <= row["age_seconds"] < 60 and row["settled_at"] is None
    said = command("dead-letters")
    assert said.code == 1
    assert "données fausses, de côté depuis moins d'une minute" in said.out
    assert command("dead-letters", "redrive", "matcher", row["id"], "--note", "territoire publié").code == 0
    assert command("dead-letters").out == "Aucun message n'est mis de côté.\n"
    assert "territoire publié" in command("dead-letters", "--settled").out


def test_a_discarded_message_is_kept_with_its_note_and_as_it_was(command: Command) -> None:
    hear(b"not an event")
    waits = command("dead-letters", "show", "matcher", 1).out
    assert "Motif\u00a0: données fausses\n" in waits
    assert "Réglé" not in waits and "None" not in waits, "what is not there is not named"
    assert command("dead-letters", "discard", "matcher", 1, "--note", " ").code == 2
    assert command("dead-letters", "discard", "matcher", 1, "--note", "essai du prestataire").code == 0
    shown = command("dead-letters", "show", "matcher", 1).out
    assert {line.split("\u00a0:")[0] for line in shown.splitlines()} == {
        "Message", "Type", "Flux", "Origine", "Motif", "Erreur", "Essais", "Mis de côté", "Réglé", "Réglé par", "Note",
        "Contenu",
    }  # fmt: skip
    kept = command("dead-letters", "show", "matcher", 1, "--json").json
    assert (kept["body"], kept["note"], kept["settled_by"]) == ("not an event", "essai du prestataire", "berceau")
    assert command("dead-letters", "redrive", "matcher", 1).code == 5, "what is settled stays settled"
    listed = command("dead-letters", "--settled")
    assert (listed.code, "essai du prestataire" in listed.out) == (0, True)


async def test_the_oldest_message_ages_in_the_metrics_until_somebody_settles_it(command: Command) -> None:
    await asyncio.to_thread(hear, b"not an event")
    database = database_at(from_environment(), "matcher")
    clock = FixedClock(system_clock() + timedelta(hours=5))
    service = matcher.build(database, clock, decide_here)
    web = httpx2.AsyncClient(transport=httpx2.ASGITransport(service.app), base_url="http://127.0.0.1")
    assert 5 * 3600 <= await measured(web) < 5 * 3600 + 120
    await settle(database, clock)
    assert await measured(web) == 0
    await service.close()


async def test_one_process_answers_for_all_its_services(berceau: Command) -> None:
    town = await open_embedded(from_environment(), system_clock, durability="OFF", decide=decide_here)
    web = httpx2.AsyncClient(transport=httpx2.ASGITransport(town.site), base_url="http://127.0.0.1")
    assert (await web.get("/readyz")).status_code == 200
    town.services[1].reader.troubles.begin("handling", "la base ne répond pas")
    said = await web.get("/readyz")
    assert (said.status_code, said.json()["problems"]) == (
        503,
        ["traitement des événements (handling)\u00a0: la base ne répond pas"],
    )
    assert 'berceau_dead_letters{service="notifier"} 0' in (await web.get("/metrics")).text
    await town.close()


async def measured(web: httpx2.AsyncClient) -> float:
    name = 'berceau_dead_letter_age_seconds{service="matcher"} '
    lines = (await web.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).removeprefix(name))


async def settle(database: Database, clock: FixedClock) -> None:
    closed = {"by": "P-admin", "note": "essai", "now": clock()}
    assert await database.write(dead_letters.settle, 1, **closed)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "moins d'une minute"),
        (timedelta(minutes=1), "1\u00a0minute"),
        (timedelta(hours=3, minutes=59), "3\u00a0heures"),
        (timedelta(days=2), "2\u00a0jours"),
    ],
)
def test_an_age_is_said_in_the_unit_that_says_enough(span: timedelta, words: str) -> None:
    assert age(span) == words
