"""Signing in by a link: the same answer for everybody, one session for one link, and nothing on GET."""

from __future__ import annotations

import pytest

from contracts.releases import SignInRequested
from services.bus.links import sign_in_token
from tests.ingest.pages.reading import faults, words
from tests.ingest.pages.town import Town
from tests.ingest.people import DIRECTOR, later
from tests.ingest.proposals import LINK_KEY

ORIGIN = {"Origin": "http://guichet.test"}


async def ask(town: Town, who: str) -> str:
    """Ask for a link as `who`; returns the token that the notifier would derive."""
    page = await town.client.post("/connexion", data={"qui": who})
    assert page.headers["location"] == "/connexion/envoi"
    return sign_in_token(LINK_KEY, (await town.said(SignInRequested))[-1].subject)


@pytest.mark.parametrize("who", ["director@exemple.fr", " Director@Exemple.fr ", "06 39 98 10 01", "+33639981001"])
async def test_a_director_signs_in_by_mail_address_or_phone(town: Town, who: str) -> None:
    token = await ask(town, who)
    assert [event.person for event in await town.said(SignInRequested)] == [DIRECTOR.id]
    opened = await town.client.post(f"/connexion/{token}")
    assert opened.headers["location"] == "/connexion/bienvenue"
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    welcome = await town.client.get("/connexion/bienvenue")
    assert welcome.headers["location"] == "/creche"
    assert (await town.client.get("/creche")).status_code == 200


async def test_somebody_unknown_gets_the_same_answer_and_no_link(town: Town) -> None:
    known = await town.client.post("/connexion", data={"qui": "director@exemple.fr"})
    unknown = await town.client.post("/connexion", data={"qui": "personne@exemple.fr"})
    assert (known.status_code, known.headers["location"]) == (unknown.status_code, unknown.headers["location"])
    assert len(await town.said(SignInRequested)) == 1
    assert "Si vous êtes connu du guichet, un SMS arrive." in words((await town.client.get("/connexion/envoi")).text)


@pytest.mark.parametrize("who", ["", "moi", "12", "moi@"])
async def test_what_is_neither_address_nor_number_is_corrected(town: Town, who: str) -> None:
    page = await town.client.post("/connexion", data={"qui": who})
    assert page.status_code == 422
    assert faults(page.text) == ["qui"]


async def test_opening_a_link_takes_a_button_and_works_once(town: Town) -> None:
    token = await ask(town, "director@exemple.fr")
    for _ in range(5):
        page = await town.client.get(f"/connexion/{token}")
        assert "set-cookie" not in page.headers
        assert page.headers["referrer-policy"] == "no-referrer"
    other = await town.client.get("/connexion/nimporte-quoi")
    assert words(other.text) == words(page.text), "a link does not tell what it is worth"
    assert (await town.client.post(f"/connexion/{token}")).status_code == 303
    again = await town.visitor().post(f"/connexion/{token}")
    assert again.status_code == 410
    assert "Ce lien ne fonctionne plus" in words(again.text)


async def test_an_old_link_opens_nothing(town: Town) -> None:
    token = await ask(town, "director@exemple.fr")
    town.clock.set(later(minutes=31))
    assert (await town.client.post(f"/connexion/{token}")).status_code == 410


async def test_signing_out_ends_the_session_everywhere(town: Town) -> None:
    client = await town.signed_in("director")
    secret = client.cookies["berceau"]
    done = await client.post("/deconnexion")
    assert done.headers["location"] == "/connexion?fait=deconnecte"
    stolen = town.visitor()
    stolen.cookies.set("berceau", secret, domain="guichet.test")
    assert (await stolen.get("/creche")).headers["location"] == "/connexion?fait=a_connecter"


async def test_a_session_ends_after_a_working_day(town: Town) -> None:
    client = await town.signed_in("director")
    town.clock.set(later(hours=13))
    assert (await client.get("/creche")).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://guichet.test"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://ailleurs.test"}, 403),
        ({}, 403),
    ],
)
async def test_a_form_of_another_site_does_nothing_in_a_directors_name(
    town: Town, headers: dict[str, str], status: int
) -> None:
    client = await town.signed_in("director")
    del client.headers["Origin"]
    answer = await client.post("/creche/toujours-libres", headers=headers)
    assert answer.status_code == status
    assert bool(await town.said()) is (status == 303)
