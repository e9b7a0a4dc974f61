"""The structures that a family wants: as many as a need may name, equals included, in a form without a script."""

from __future__ import annotations

import re

import pytest

from contracts.requests import RequestAmended, RequestRegistered, WishedStructure
from contracts.structures import SectionFacts
from services.ingest.declare.needs import MOST_WISHES
from services.ingest.declare.structures import publish_structure
from services.ingest.pages import wishes
from services.ingest.pages.forms import Form
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.test_amendments import fields
from tests.ingest.pages.test_coordinator_pages import NEED
from tests.ingest.pages.town import COORDINATOR, Town, act
from tests.ingest.people import CRECHE, OTHER, structure_body

COUNTER = "/guichet/demande"
MANY = tuple(f"S-essai-{n}" for n in range(1, 8))


@pytest.fixture
async def large_town(town: Town) -> Town:
    for n, structure in enumerate(MANY, start=1):
        own = SectionFacts(section=f"{structure}-tous", name="Tous", age_from_months=2, age_to_months=47, places=9)
        body = structure_body(name=f"Crèche inventée {n}", sections=(own,))
        await town.write(publish_structure, act(COORDINATOR), structure, body)
    return town


def asked(*structures: str, level: tuple[int, ...] = ()) -> dict[str, str]:
    return {wishes.row(n): id_ for n, id_ in enumerate(structures, start=1)} | {wishes.equal(n): "oui" for n in level}


def ranks(said: tuple[WishedStructure, ...]) -> list[int]:
    return [wish.rank for wish in said]


async def test_seven_structures_are_ranked_at_the_counter_with_equals_among_them(large_town: Town) -> None:
    guichet = await large_town.signed_in("coordinator")
    form = {**NEED, **asked(*MANY, level=(3, 4, 7)), "une_fois": once((await guichet.get(COUNTER)).text)}
    look = await guichet.post(COUNTER, data={**form, "etape": "verifier"})
    assert "1. Crèche inventée 1 2. Crèche inventée 2 2. Crèche inventée 3 2. Crèche inventée 4" in words(look.text)
    done = await guichet.post(COUNTER, data={**fields(look.text), "etape": "enregistrer"})
    assert done.status_code == 303
    (said,) = await large_town.said(RequestRegistered)
    assert tuple(wish.structure for wish in said.wishes) == MANY
    assert ranks(said.wishes) == [1, 2, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(("who", "path"), [("coordinator", COUNTER), ("counsellor", "/conseil/demande")])
async def test_the_button_brings_the_form_back_with_more_rows_and_all_that_was_typed(
    town: Town, who: str, path: str
) -> None:
    client = await town.signed_in(who)
    sent = {**NEED, **asked(OTHER, CRECHE, level=(2,)), "etape": wishes.MORE, "naissance": "pas une date"}
    page = await client.post(path, data=sent)
    assert page.status_code == 200, "nothing is checked yet"
    assert "Choix 6" in words(page.text)
    assert "Choix 7" not in words(page.text)
    back = fields(page.text)
    assert (back["voeu1"], back["voeu2"], back["egal2"]) == ([OTHER], [CRECHE], ["oui"])
    assert back["naissance"] == ["pas une date"]
    assert back["prenom"] == ["Émile"]
    assert await town.said() == []


async def test_rows_end_where_a_need_may_name_no_more(town: Town) -> None:
    guichet = await town.signed_in("coordinator")
    sent: dict[str, str] = {**NEED}
    for _ in range(MOST_WISHES):
        page = await guichet.post(COUNTER, data={**sent, "etape": wishes.MORE})
        sent = {**sent, **{name: "" for name in re.findall(r'<select id="(voeu\d+)"', page.text) if name not in sent}}
    assert f'id="voeu{MOST_WISHES}"' in page.text
    assert f'id="voeu{MOST_WISHES + 1}"' not in page.text
    assert f"{MOST_WISHES} choix au plus." in words(page.text)
    assert f'value="{wishes.MORE}"' not in page.text


async def test_a_wrong_structure_is_shown_in_its_own_row_though_rows_before_it_are_empty(town: Town) -> None:
    guichet = await town.signed_in("coordinator")
    form = {**NEED, "voeu2": "", "voeu5": "S-nulle-part", "etape": "verifier"}
    page = await guichet.post(COUNTER, data=form)
    assert (page.status_code, faults(page.text)) == (422, ["voeu5"])
    assert "voeu5" in read(page.text).ids


async def test_an_amendment_shows_equals_and_changes_them(large_town: Town) -> None:
    guichet = await large_town.signed_in("coordinator")
    path = "/guichet/dossier/R-3/modifier"
    form = {**fields((await guichet.get(path)).text), **asked(CRECHE, OTHER, MANY[0], level=(2,))}
    look = await guichet.post(path, data={**form, "etape": "verifier"})
    assert (await guichet.post(path, data={**fields(look.text), "etape": "enregistrer"})).status_code == 303
    (said,) = await large_town.said(RequestAmended)
    assert ranks(said.wishes) == [1, 1, 2]
    back = fields((await guichet.get(path)).text)
    assert (back["voeu1"], back["voeu2"], back["egal2"]) == ([CRECHE], [OTHER], ["oui"])
    assert "egal3" not in back
    assert faults((await guichet.post(path, data={**back, "etape": "verifier"})).text) == ["version"]


@pytest.mark.parametrize("given", [(1,), (1, 1, 1), (1, 2, 2, 3), (1, 1, 2, 3, 3), tuple(range(1, MOST_WISHES + 1))])
def test_what_is_shown_is_read_back_as_it_was(given: tuple[int, ...]) -> None:
    wished = tuple(WishedStructure(structure=f"S-{n:02}", rank=rank) for n, rank in enumerate(given))
    assert wishes.read(Form.filled(**wishes.shown(wished))) == wished


def test_an_empty_row_is_no_wish_and_the_next_one_is_level_with_the_last_that_was_named() -> None:
    form = Form.filled(voeu1="S-a", voeu2="", voeu3="S-b", egal3="oui", voeu4="S-c", egal1="oui")
    assert [(wish.structure, wish.rank) for wish in wishes.read(form)] == [("S-a", 1), ("S-b", 1), ("S-c", 2)]
