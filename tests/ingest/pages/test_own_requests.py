"""A family's page of its request: what it says before and after a round, what it keeps back, and how to be called."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.requests import RequestClosed
from contracts.rounds import RequestExplained
from contracts.vocabulary import ClosingReason
from services.bus.links import proposal_token, request_token
from services.ingest import store
from services.ingest.calls_asked import is_asked
from services.ingest.declare.requests import ClosingBody, close_request
from tests.ingest.pages.reading import once, words
from tests.ingest.pages.town import FIRST_NAMES, Town, own_request, proposal_in
from tests.ingest.people import COORDINATOR, CRECHE, act
from tests.ingest.proposals import LINK_KEY, event

OWN = own_request("R-urgent")
WHY = ("Votre demande reste en attente d'une place.", "Votre demande attend au vœu 1 (rang 3) : complet lundi.")


async def explain(town: Town, request: str, *, placed: bool = False) -> None:
    wish = {"structure": CRECHE, "why": "full", "rank": 3, "points": 60}
    said = {"phrases": ("Au guichet.",), "family_phrases": WHY, "reason": {"wishes": [wish]}}
    await town.hear(event(RequestExplained, request, round="T-2", placed=placed, **said))


async def test_before_the_first_round_the_page_says_that_nothing_has_been_looked_at(town: Town) -> None:
    page = await town.client.get(OWN)
    shown = words(page.text)
    assert page.status_code == 200 and "Aucune attribution ne l'a encore examinée." in shown
    assert "Demander un appel" in shown and "Pourquoi" not in shown
    assert not any(name in page.text for name in FIRST_NAMES)


async def test_after_a_round_without_a_place_the_family_reads_what_each_wish_lacked_and_its_rank(town: Town) -> None:
    await explain(town, "R-urgent")
    shown = words((await town.client.get(OWN)).text)
    assert all(phrase in shown for phrase in WHY) and "Au guichet." not in shown
    assert "Le rang change selon la structure et les jours." in shown


@pytest.mark.parametrize("state", ["prepared", "held"])
async def test_a_place_that_nobody_has_let_leave_is_not_told(town: Town, state: str) -> None:
    page = await town.client.get(own_request(proposal_in(state).replace("O-", "R-")))
    shown = words(page.text)
    assert "Une attribution l'a examinée." in shown
    assert "Vous obtenez" not in shown and "proposition" not in shown.replace("propositions selon", "")


@pytest.mark.parametrize(
    ("state", "says"),
    [("delivered", "Le lien du SMS dit"), ("confirmed", "La place est à vous"), ("expired", "Une attribution")],
)
async def test_a_family_that_was_told_of_a_place_reads_where_it_stands(town: Town, state: str, says: str) -> None:
    assert says in words((await town.client.get(own_request(proposal_in(state).replace("O-", "R-")))).text)


async def test_the_guichet_reads_once_that_a_family_wants_a_call_however_often_it_asks(town: Town) -> None:
    for _ in range(2):
        form = {"une_fois": once((await town.client.get(OWN)).text)}
        assert (await town.client.post(OWN, data=form)).headers["location"] == OWN
        assert (await town.client.post(OWN, data=form)).status_code == 303
        shown = words((await town.client.get(OWN)).text) if await asked(town) else ""
        assert "Le guichet vous appelle." in shown and "Demander un appel" not in shown
        guichet = await town.signed_in("coordinator")
        listed = (await guichet.get("/guichet")).text
        assert listed.count("Demande un appel</b>") == 1 and "/guichet/dossier/R-urgent" in listed
        text = listed.partition("Demande un appel</b>")[2].partition('name="sms" value="')[2].partition('"')[0]
        await guichet.post("/guichet/sms", data={"sms": text})
        assert not await asked(town)
        assert (await town.client.post(OWN, data=form)).status_code == 303
        assert not await asked(town)


async def asked(town: Town) -> bool:
    return await town.guichet.database.read(is_asked, "F-R-urgent")


async def test_a_link_opens_its_own_request_only_and_no_longer_than_a_month_after_its_end(town: Town) -> None:
    own = request_token(LINK_KEY, "R-urgent")
    for wrong in (f"R-3/{own}", "R-urgent/x", f"R-urgent/{proposal_token(LINK_KEY, 'R-urgent')}", f"R-0/{own}"):
        assert (await town.client.get(f"/p/demande/{wrong}")).status_code == 404
        assert (await town.client.post(f"/p/demande/{wrong}")).status_code == 404
    await town.write(close_request, act(COORDINATOR), "R-urgent", ClosingBody(reason=ClosingReason.MOVED_AWAY))
    assert "Votre demande est close" in words((await town.client.get(OWN)).text)
    assert len(await town.said(RequestClosed)) == 1
    town.clock.advance(timedelta(days=31))
    assert (await town.client.get(OWN)).status_code == 404


async def test_what_was_erased_is_shown_to_nobody(town: Town) -> None:
    await town.write(store.update, store.requests, "R-urgent", closing_reason=ClosingReason.ERASED.value)
    assert (await town.client.get(OWN)).status_code == 404


async def test_the_guichet_finds_the_link_on_the_file_and_the_counsellor_does_not(town: Town) -> None:
    assert OWN in (await (await town.signed_in("coordinator")).get("/guichet/dossier/R-urgent")).text
    assert OWN not in (await (await town.signed_in("counsellor")).get("/conseil/dossier/R-urgent")).text
