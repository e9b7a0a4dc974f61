"""How far a family would go beside its choices, on the pages. People are invented."""

from __future__ import annotations

import pytest

from contracts.requests import RequestAmended, RequestRegistered
from contracts.rounds import RequestExplained
from contracts.territories import TravelTime
from services.ingest import store
from services.ingest.declare.territories import publish_territory
from tests.ingest.pages.reading import faults, once, words
from tests.ingest.pages.test_shared_weeks import REGISTRATION, changed
from tests.ingest.pages.town import Town, own_request
from tests.ingest.people import COORDINATOR, CRECHE, OTHER, act, territory_body
from tests.ingest.proposals import event

AROUND = {"travel": (TravelTime(one="03185", other="03098", minutes=8),), "travel_source": "essai, 2026"}


SAID = "3. Sinon, partout à 20\u00a0minutes au plus"


async def test_the_guichet_registers_how_far_a_family_would_go_and_it_may_think_again(town: Town) -> None:
    await town.write(publish_territory, act(COORDINATOR), territory_body(**AROUND))
    client = await town.signed_in("coordinator")
    page = await client.get("/guichet/demande")
    assert "Sinon, partout à moins de" in words(page.text)
    form = {**REGISTRATION, "partout": "20", "une_fois": once(page.text)}
    checked = await client.post("/guichet/demande", data={**form, "etape": "verifier"})
    assert SAID in words(checked.text)
    done = await client.post("/guichet/demande", data={**form, "etape": "enregistrer"})
    (said,) = await town.said(RequestRegistered)
    assert said.within_minutes == 20
    file = words((await client.get(done.headers["location"])).text)
    assert SAID in file
    said = await changed(town, "coordinator", "/guichet/dossier/R-3/modifier", partout="15")
    assert isinstance(said, RequestAmended) and said.within_minutes == 15


@pytest.mark.parametrize("minutes", ["0", "121", "vingt"])
async def test_a_distance_that_is_none_is_refused_beside_its_field(town: Town, minutes: str) -> None:
    await town.write(publish_territory, act(COORDINATOR), territory_body(**AROUND))
    client = await town.signed_in("coordinator")
    once_only = once((await client.get("/guichet/demande")).text)
    form = {**REGISTRATION, "partout": minutes, "une_fois": once_only, "etape": "verifier"}
    answer = await client.post("/guichet/demande", data=form)
    assert answer.status_code == 422
    assert "partout" in faults(answer.text)


async def test_nobody_is_asked_how_far_where_no_travel_times_are_published_and_who_says_so_is_refused(
    town: Town,
) -> None:
    client = await town.signed_in("coordinator")
    page = await client.get("/guichet/demande")
    assert "Sinon, partout" not in words(page.text)
    form = {**REGISTRATION, "partout": "20", "une_fois": once(page.text), "etape": "verifier"}
    answer = await client.post("/guichet/demande", data=form)
    assert answer.status_code == 422
    assert "Le territoire n'a pas publié de temps de trajet" in words(answer.text)


async def test_what_structures_lack_that_nobody_named_waits_behind_a_tap(town: Town) -> None:
    row = await town.guichet.database.read(store.find, store.requests, "R-urgent")
    assert row is not None
    need = {**row["need"], "within_minutes": 20, "wishes": row["need"]["wishes"][:1]}
    await town.write(store.update, store.requests, "R-urgent", need=need)
    wishes = [{"structure": name, "why": "full", "rank": 3} for name in (CRECHE, OTHER)]
    phrases = ("Reste en attente.", "Attend au vœu 1.", "Attend au vœu 2.")
    said = {"phrases": phrases, "family_phrases": phrases, "reason": {"wishes": wishes}}
    await town.hear(event(RequestExplained, "R-urgent", round="T-2", placed=False, **said))
    guichet = await town.signed_in("coordinator")
    for page in (await town.client.get(own_request("R-urgent")), await guichet.get("/guichet/dossier/R-urgent")):
        before, _, behind = page.text.partition(
            "<details><summary>1\u00a0autre structure à 20\u00a0minutes au plus</summary>"
        )
        assert "Attend au vœu 1." in before and "Attend au vœu 2." not in before
        assert "Attend au vœu 2." in behind.partition("</details>")[0]
        assert OTHER not in page.text, "a structure has a name"


async def test_the_page_of_the_rules_says_whose_travel_times_they_are_where_there_are_some(town: Town) -> None:
    assert "toute structure proche" not in words((await town.client.get("/regles")).text)
    await town.write(publish_territory, act(COORDINATOR), territory_body(**AROUND))
    assert "Temps de trajet\u00a0: essai, 2026." in words((await town.client.get("/regles")).text)
