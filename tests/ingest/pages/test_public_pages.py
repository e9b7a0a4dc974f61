"""What anybody sees: places, directory, rules. No cookie, no name, nothing that a GET changes."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.ingest import store
from services.ingest.pages.public import AGES
from services.ingest.queries.places import Wanted, free_places
from tests.ingest.pages.reading import read, words
from tests.ingest.pages.town import FIRST_NAMES, MAM, Town
from tests.ingest.people import ANYBODY, CRECHE, NOW, OTHER, TODAY, later

PATHS = ("/", "/annuaire", f"/annuaire/{CRECHE}", "/regles", "/connexion")


async def test_the_public_page_lists_the_places_of_the_query_by_commune(town: Town) -> None:
    page = await town.client.get("/")
    found = await town.guichet.database.read(free_places, ANYBODY, NOW, Wanted())
    shown = words(page.text)
    assert page.status_code == 200
    assert {row["structure"] for row in found} == {CRECHE, OTHER}
    assert "2\u00a0structures ont des places libres, dans 2\u00a0communes." in shown
    assert shown.index("Désertines") < shown.index("Montluçon")
    assert "Attribuées par le guichet. Mis à jour le lundi 2\u00a0novembre à 9\u00a0h." in shown
    assert "04 65 71 00 10" in shown


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("commune=03185", "Les Tilleuls", "Les Petits Cailloux"),
        ("type=regular", "Les Petits Cailloux", "Les Tilleuls"),
        ("jour=wed", "Aucune place ne correspond", "Les Petits Cailloux"),
        ("age=4", "Les Tilleuls", "Les Petits Cailloux"),
        ("age=abc&jour=lune&type=1", "Les Petits Cailloux", "Aucune place"),
    ],
)
async def test_a_filter_keeps_what_was_asked_for(town: Town, query: str, there: str, gone: str) -> None:
    shown = words((await town.client.get(f"/?{query}")).text)
    assert there in shown
    assert gone not in shown


async def test_a_count_that_changed_in_the_past_does_not_break_the_page(town: Town) -> None:
    """What was given from a day on cuts the dates of a vacancy; a stretch that lies behind is not shown."""
    town.clock.set(later(days=6))
    await town.write(_reconfirm_all)
    town.clock.set(later(days=12))
    page = await town.client.get("/")
    assert page.status_code == 200
    assert "Le mardi" in words(page.text)
    assert "À partir du mardi 10" not in words(page.text)


def _reconfirm_all(tx: sa.Connection) -> None:
    tx.execute(sa.update(store.vacancies).values(confirmed_at=later(days=6), start=TODAY))


async def test_stale_and_on_call_places_are_not_for_the_public(town: Town) -> None:
    shown = words((await town.client.get("/")).text)
    assert "Bébés" not in shown, "nobody confirmed it for nine days"
    assert "astreinte" not in shown.lower()


async def test_no_public_page_sets_a_cookie_runs_a_script_or_names_a_child(town: Town) -> None:
    for path in PATHS:
        page = await town.client.get(path)
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        assert "script" not in read(page.text).tags
        assert not any(name in words(page.text) for name in FIRST_NAMES)
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")


async def test_an_empty_territory_says_what_to_do(quiet_town: Town) -> None:
    shown = words((await quiet_town.client.get("/")).text)
    assert "Aucune place n'est annoncée libre aujourd'hui." in shown
    assert "Faites une demande au guichet." in shown


async def test_the_directory_tells_awarded_places_from_introductions(town: Town) -> None:
    everything = words((await town.client.get("/annuaire")).text)
    assert "3\u00a0structures dans 2\u00a0communes." in everything
    assert "Mise en relation, sans attribution." in everything
    mam = words((await town.client.get(f"/annuaire/{MAM}")).text)
    assert "Le guichet n'attribue pas ces places." in mam
    only = words((await town.client.get("/annuaire?type=mam")).text)
    assert "Les Tilleuls" not in only


async def test_an_unknown_structure_is_a_page_that_helps(town: Town) -> None:
    page = await town.client.get("/annuaire/S-nulle-part")
    assert page.status_code == 404
    assert "Nous ne trouvons pas cette structure." in words(page.text)


async def test_the_rules_page_shows_the_grid_and_says_that_nobody_voted_it(town: Town) -> None:
    shown = words((await town.client.get("/regles")).text)
    assert "Parent isolé +35" in shown
    assert "Congé parental ou solution durable −10" in shown
    assert "Aucune assemblée ne l'a votée." in shown
    assert "Les limites du modèle Une place libre attend" in shown
    assert "limites votées" not in shown
    assert "priorités votées" not in shown, "what nobody voted is not called voted"
    assert "priorité 1\u00a0: parcours d'insertion, recherche d'emploi ou RSA." in shown
    assert "les critères et leurs points, pour votre situation" in shown


async def test_assets_are_kept_for_a_year_under_an_address_of_their_own(town: Town) -> None:
    page = await town.client.get("/")
    address = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    sheet = await town.client.get(address)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "max-age=31536000" in sheet.headers["cache-control"]
    assert "?v=" in address
    assert (await town.client.get("/static/../pages.py")).status_code == 404
    assert (await town.client.get("/static/nothing.css")).status_code == 404


async def test_a_signed_in_director_sees_the_same_public_page(town: Town) -> None:
    anybody = words((await town.client.get("/")).text)
    director = await town.signed_in("director")
    assert words((await director.get("/")).text) == anybody


def test_every_age_on_offer_stands_for_one_number_of_months() -> None:
    months = [age for age, _ in AGES]
    assert months == sorted(set(months))
