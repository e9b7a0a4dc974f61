"""Signing in with the account of one's employer, at a real provider: one session for whoever the guichet knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from deploy.servers.processes import free_ports
from services import vault
from services.bus import audit
from services.ingest.declare.persons import remove_person
from services.ingest.identity import Leaving
from services.ingest.openid import BACK, OpenIdProvider
from services.ingest.pages.identity import LARGEST_COOKIE
from services.ingest.trail import DID
from tests.ingest.glewlwyd import CLIENT, PEOPLE, SECRET, Glewlwyd, running
from tests.ingest.hostile_provider import claims, serving, signed
from tests.ingest.pages.reading import words
from tests.ingest.pages.town import Town
from tests.ingest.people import ADMINISTRATOR, DIRECTOR, OTHER_DIRECTOR, TODAY, act
from tests.servers import failing_with_the_remedy

GUICHET = "http://guichet.test"
PROXY_BUFFER = 4096 - 300
"""What nginx takes of an answer's headers unless told otherwise; the server adds its own, and nobody sits at a brim."""


@pytest.fixture(scope="module")
def glewlwyd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glewlwyd]:
    home: Path = tmp_path_factory.mktemp("glewlwyd")
    with failing_with_the_remedy(), running(home, GUICHET + BACK) as here:
        yield here


@pytest.fixture
def known(town: Town, glewlwyd: Glewlwyd) -> Town:
    """A town whose professionals have accounts with the provider."""
    return sends_to(town, provider(glewlwyd.issuer))


def provider(issuer: str, *, secret: str = SECRET, vouches: bool = True) -> OpenIdProvider:
    return OpenIdProvider("Glewlwyd", issuer, CLIENT, secret, public_url=GUICHET, vouches=vouches)


def sends_to(town: Town, identity: OpenIdProvider) -> Town:
    object.__setattr__(town.guichet, "identity", identity)
    return town


async def come_back(town: Town, glewlwyd: Glewlwyd, who: str) -> httpx2.Response:
    """Leave, sign in there as `who`, and come back: what Berceau answers."""
    return await town.client.get(await away(town, glewlwyd, who))


async def away(town: Town, glewlwyd: Glewlwyd, who: str) -> str:
    left = await town.client.get("/connexion/compte")
    assert left.status_code == 303
    return await glewlwyd.sign_in(left.headers["location"], who)


async def test_a_director_signs_in_with_the_account_of_her_employer(known: Town, glewlwyd: Glewlwyd) -> None:
    assert "Se connecter avec Glewlwyd" in words((await known.client.get("/connexion")).text)
    back = await come_back(known, glewlwyd, "camille")
    assert back.headers["location"] == "/connexion/bienvenue"
    session = next(line for line in back.headers.get_list("set-cookie") if line.startswith("berceau="))
    assert "httponly" in session.lower()
    assert "samesite=lax" in session.lower()
    assert back.headers["referrer-policy"] == "no-referrer"
    assert (await known.client.get("/connexion/bienvenue")).headers["location"] == "/creche"
    (noted,) = await known.guichet.database.read(audit.entries, who=DIRECTOR.id, limit=1)
    assert DID[noted.did] == "s'est connecté avec son compte professionnel"


async def test_whom_the_guichet_does_not_know_reads_which_address_it_was(known: Town, glewlwyd: Glewlwyd) -> None:
    back = await come_back(known, glewlwyd, "inconnue")
    assert back.status_code == 403
    assert "Le guichet ne connaît pas l'adresse personne@exemple.fr." in words(back.text)
    assert "berceau" not in known.client.cookies


async def test_an_address_of_two_persons_opens_neither_session(known: Town, glewlwyd: Glewlwyd) -> None:
    for person in (DIRECTOR, OTHER_DIRECTOR):
        contact = vault.Contact(
            id=f"{person.id}-c1", role=vault.ContactRole.STAFF, phone="06 39 98 10 09", email=PEOPLE["partagee"]
        )
        await known.guichet.vault.write(
            vault.put_contacts, known.guichet.keyring, person.id, [contact], TODAY, vault.OwnerKind.STAFF
        )
    back = await come_back(known, glewlwyd, "partagee")
    assert back.status_code == 409
    assert "L'adresse partagee@exemple.fr ouvre plusieurs accès." in words(back.text)
    assert "berceau" not in known.client.cookies


async def test_a_director_who_left_is_unknown(known: Town, glewlwyd: Glewlwyd) -> None:
    await known.write(remove_person, act(ADMINISTRATOR), DIRECTOR.id)
    assert (await come_back(known, glewlwyd, "camille")).status_code == 403
    assert "berceau" not in known.client.cookies


async def test_a_wrong_password_there_brings_nobody_back(known: Town, glewlwyd: Glewlwyd) -> None:
    left = await known.client.get("/connexion/compte")
    assert "/login.html?" in await glewlwyd.sign_in(left.headers["location"], "camille", "un autre")


async def test_a_way_back_serves_once_and_only_the_browser_that_left(known: Town, glewlwyd: Glewlwyd) -> None:
    way_back = await away(known, glewlwyd, "camille")
    stranger = await known.visitor().get(way_back)
    assert stranger.status_code == 400
    assert "Ce retour ne va pas avec votre départ" in words(stranger.text)
    kept = known.client.cookies["berceau-depart"]
    assert (await known.client.get(way_back)).status_code == 303
    again = known.visitor()
    again.cookies.set("berceau-depart", kept, domain="guichet.test")
    assert (await again.get(way_back)).status_code == 403, "the provider gives nothing twice for one code"


@pytest.mark.parametrize("state", ["", "autre", "é"])
async def test_another_state_than_the_one_that_left_opens_nothing(known: Town, glewlwyd: Glewlwyd, state: str) -> None:
    url = httpx2.URL(await away(known, glewlwyd, "camille"))
    back = await known.client.get(url.copy_set_param("state", state))
    assert back.status_code == 400
    assert "berceau" not in known.client.cookies


async def test_a_way_back_of_another_tab_leaves_the_one_that_is_still_open(known: Town, glewlwyd: Glewlwyd) -> None:
    await known.client.get("/connexion/compte")
    way_back = await away(known, glewlwyd, "camille")
    assert (await known.client.get("/connexion/retour?code=1&state=autre")).status_code == 400
    assert (await known.client.get(way_back)).status_code == 303


async def test_a_code_is_worth_nothing_without_the_verifier_that_left(known: Town, glewlwyd: Glewlwyd) -> None:
    way_back = await away(known, glewlwyd, "camille")
    state, nonce, _ = known.client.cookies["berceau-depart"].split(".")
    known.client.cookies.set("berceau-depart", f"{state}.{nonce}.{'x' * 43}", domain="guichet.test")
    assert (await known.client.get(way_back)).status_code == 403


async def test_who_gives_up_there_may_begin_again(known: Town, capsys: pytest.CaptureFixture[str]) -> None:
    left = await known.client.get("/connexion/compte")
    state = httpx2.URL(left.headers["location"]).params["state"]
    back = await known.client.get(f"/connexion/retour?state={state}&error=access_denied")
    assert back.status_code == 403
    assert "Votre identité n'est pas confirmée par Glewlwyd." in words(back.text)
    assert "access_denied" in capsys.readouterr().out, "a technician reads why"


async def test_an_address_that_nobody_verified_opens_nothing_unless_the_provider_vouches(
    town: Town, glewlwyd: Glewlwyd
) -> None:
    sends_to(town, provider(glewlwyd.issuer, vouches=False))
    assert (await come_back(town, glewlwyd, "camille")).status_code == 403


async def test_a_wrong_secret_of_ours_is_logged_by_its_code_alone(
    town: Town, glewlwyd: Glewlwyd, capsys: pytest.CaptureFixture[str]
) -> None:
    sends_to(town, provider(glewlwyd.issuer, secret="faux"))
    assert (await come_back(town, glewlwyd, "camille")).status_code == 403
    logged = capsys.readouterr().out
    assert "identity.not_opened" in logged
    assert "camille" not in logged.lower()


async def test_signing_out_says_that_the_other_session_is_still_open(known: Town, glewlwyd: Glewlwyd) -> None:
    await come_back(known, glewlwyd, "camille")
    done = await known.client.post("/deconnexion", headers={"Origin": GUICHET})
    assert done.headers["location"] == "/deconnexion/compte"
    gone = await known.client.get(done.headers["location"])
    assert "Votre session avec Glewlwyd reste" in words(gone.text)
    assert not [name for name in known.client.cookies if name.startswith("berceau")]


async def test_the_page_of_signing_out_closes_nothing_of_who_is_led_there(known: Town, glewlwyd: Glewlwyd) -> None:
    await come_back(known, glewlwyd, "camille")
    led = await known.client.get("/deconnexion/compte")
    assert led.headers["location"] == "/connexion/bienvenue"
    assert "berceau-identite" in known.client.cookies


async def test_the_account_of_who_sat_there_before_can_be_left(known: Town, glewlwyd: Glewlwyd) -> None:
    back = await come_back(known, glewlwyd, "inconnue")
    assert 'href="/deconnexion/compte"' in back.text
    assert "Votre session avec Glewlwyd reste" in words((await known.client.get("/deconnexion/compte")).text)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_large_token_neither_breaks_the_way_back_nor_hides_the_other_session(town: Town, is_kept: bool) -> None:
    """With the https of a real installation, whose cookies and headers are longer."""
    object.__setattr__(town.guichet, "public_url", "https://guichet.test")
    leaving = Leaving.fresh()
    with serving() as large:
        sends_to(town, provider(large.issuer))
        told = claims(large.issuer, CLIENT, leaving.nonce, email=PEOPLE["camille"])
        unpadded = len(signed({**told, "padding": ""}))
        padding = "x" * ((LARGEST_COOKIE - unpadded) * 3 // 4 + (-3 if is_kept else 3))
        large.gives({"id_token": signed({**told, "padding": padding})})
        own = {"Cookie": f"__Host-berceau-depart={leaving}"}
        back = await town.client.get(f"/connexion/retour?code=1&state={leaving.state}", headers=own)
    assert back.headers["location"] == "/connexion/bienvenue"
    assert sum(len(key) + len(value) + 4 for key, value in back.headers.multi_items()) < PROXY_BUFFER
    kept = [line.partition(";")[0] for line in back.headers.get_list("set-cookie")]
    assert is_kept == any(len(line) > LARGEST_COOKIE - 10 for line in kept)
    leaves = {"Origin": GUICHET, "Cookie": "; ".join(kept)}
    assert (await town.client.post("/deconnexion", headers=leaves)).headers["location"] == "/deconnexion/compte"


async def test_a_provider_that_is_away_leaves_the_sms(town: Town) -> None:
    (port,) = free_ports(1)
    sends_to(town, provider(f"http://127.0.0.1:{port}"))
    page = await town.client.get("/connexion/compte")
    assert page.status_code == 503
    assert "La connexion avec Glewlwyd ne marche pas en ce moment." in words(page.text)


async def test_without_a_provider_nothing_leads_there(town: Town) -> None:
    assert "/connexion/compte" not in (await town.client.get("/connexion")).text
    for path in ("/connexion/compte", "/connexion/retour?code=1&state=2", "/deconnexion/compte"):
        assert (await town.client.get(path)).status_code == 404
