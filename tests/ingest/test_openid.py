"""What an identity provider may answer, and what of it proves an address: an honest twin beside every forged answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from services.ingest.identity import Leaving, NotVouchedFor, ProviderAway, Vouched
from services.ingest.openid import KEPT_S, NEEDED, PLACES, OpenIdProvider
from tests.ingest.hostile_provider import FOREIGN, OWN, Hostile, claims, forged, serving, signed

CLIENT, SECRET = "berceau", "un secret d'essai assez long pour signer"
LEAVING = Leaving.fresh()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with serving() as here:
        yield here


def said(hostile: Hostile, **changes: Any) -> dict[str, Any]:
    return claims(hostile.issuer, CLIENT, **{"nonce": LEAVING.nonce, **changes})


async def asked(hostile: Hostile, *, vouches: bool = False) -> Vouched:
    provider = OpenIdProvider(
        "Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test", vouches=vouches
    )
    return await provider.vouched("code", LEAVING)


async def test_an_honest_answer_proves_an_address(hostile: Hostile) -> None:
    hostile.gives({"id_token": signed(said(hostile))})
    assert (await asked(hostile)).email == "camille@exemple.fr"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://ailleurs.exemple"}, {"iss": None}, {"aud": "autre"}, {"aud": None}, {"sub": None},
        {"aud": "autre", "azp": CLIENT}, {"aud": [CLIENT, "autre"]}, {"aud": CLIENT, "azp": "autre"},
        {"nonce": "rejoué"}, {"nonce": None}, {"exp": 1}, {"exp": None}, {"iat": None}, {"iat": 4_000_000_000},
        {"email": ""}, {"email_verified": False}, {"email_verified": None},
        {"email_verified": "yes"}, {"email_verified": 1.5},
    ],
    ids=str,
)  # fmt: skip
async def test_a_token_that_says_anything_else_proves_nothing(hostile: Hostile, changes: dict[str, Any]) -> None:
    hostile.gives({"id_token": signed(said(hostile, **changes))})
    with pytest.raises(NotVouchedFor):
        await asked(hostile)


@pytest.mark.parametrize("secret", [SECRET.encode(), OWN.as_pem(private=False), None], ids=["ours", "key", "none"])
async def test_a_token_that_no_key_of_the_provider_signed_proves_nothing(
    hostile: Hostile, secret: bytes | None
) -> None:
    hostile.describe(id_token_signing_alg_values_supported=["RS256", "HS256", "none"])
    hostile.gives({"id_token": forged(said(hostile), secret)})
    with pytest.raises(NotVouchedFor):
        await asked(hostile)


async def test_a_token_signed_by_another_key_of_that_name_proves_nothing(hostile: Hostile) -> None:
    hostile.gives({"id_token": signed(said(hostile), FOREIGN)})
    with pytest.raises(NotVouchedFor):
        await asked(hostile)


@pytest.mark.parametrize("token", [{}, {"id_token": "a.b.c"}, {"id_token": 7}, {"error": "invalid_grant"}], ids=str)
async def test_an_answer_without_a_token_proves_nothing(hostile: Hostile, token: dict[str, Any]) -> None:
    hostile.gives(token)
    with pytest.raises(NotVouchedFor):
        await asked(hostile)


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "signed"])
async def test_an_address_may_be_asked_for_apart(hostile: Hostile, plain: bool) -> None:
    hostile.gives({"id_token": signed(said(hostile, email=None, email_verified=None))})
    told = {"sub": "7", "email": "camille@exemple.fr"}
    hostile.answers["/u"] = told if plain else signed(told)
    with pytest.raises(NotVouchedFor):
        await asked(hostile)
    assert (await asked(hostile, vouches=True)).email == "camille@exemple.fr"


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://ailleurs.exemple"}, {"aud": "autre"}, {"aud": ["autre"]}, {"exp": 1}],
    ids=str,
)
async def test_what_is_asked_for_apart_and_signed_must_be_said_to_us_by_this_provider(
    hostile: Hostile, changes: dict[str, Any]
) -> None:
    """It may leave out who says it to whom, as OpenID Connect lets it, but not name others."""
    hostile.gives({"id_token": signed(said(hostile, email=None))})
    told = {"sub": "7", "email": "camille@exemple.fr", "iss": hostile.issuer, "aud": [CLIENT, "autre"]}
    hostile.answers["/u"] = signed(told)
    assert (await asked(hostile, vouches=True)).email == "camille@exemple.fr"
    hostile.answers["/u"] = signed({**told, **changes})
    with pytest.raises(NotVouchedFor):
        await asked(hostile, vouches=True)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/t", "/k", "/u"])
async def test_a_provider_whose_bytes_drip_in_is_away(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Each byte came within the patience between two of them: one request stood open for minutes."""
    monkeypatch.setattr("services.ingest.openid.WHOLE_S", 0.3)
    hostile.gives({"id_token": signed(said(hostile, email=None))})
    hostile.answers["/u"] = {"sub": "7", "email": "camille@exemple.fr", "email_verified": True}
    hostile.drips = path
    began = time.monotonic()
    with pytest.raises(ProviderAway, match="TimeoutError"):
        await asked(hostile)
    assert time.monotonic() - began < 2.0, "all of it would take three seconds and more"


@pytest.mark.parametrize("offered", [7, "RS256", {}, [], None, True], ids=str)
async def test_a_list_of_signatures_that_is_none_is_not_believed(hostile: Hostile, offered: Any) -> None:
    """A number was a fault of ours, and a page without a word."""
    hostile.describe(id_token_signing_alg_values_supported=offered)
    hostile.gives({"id_token": signed(said(hostile))})
    assert (await asked(hostile)).email == "camille@exemple.fr"


@pytest.mark.parametrize("answer", ["another person", "another key", "no address", "nonsense"])
async def test_what_is_asked_for_apart_must_be_of_the_same_person(hostile: Hostile, answer: str) -> None:
    hostile.gives({"id_token": signed(said(hostile, email=None))})
    told = {"sub": "7", "email": "camille@exemple.fr"}
    hostile.answers["/u"] = {
        "another person": {**told, "sub": "8"}, "another key": signed(told, FOREIGN),
        "no address": {"sub": "7"}, "nonsense": ["camille@exemple.fr"],
    }[answer]  # fmt: skip
    with pytest.raises(NotVouchedFor):
        await asked(hostile, vouches=True)


@pytest.mark.parametrize(
    "described", [None, [], {}, "texte", {"issuer": "https://ailleurs.exemple"}, {"token_endpoint": None}], ids=str
)
async def test_a_provider_that_describes_another_one_or_nothing_is_away(hostile: Hostile, described: Any) -> None:
    hostile.gives({"id_token": signed(said(hostile))})
    honest = hostile.answers["/.well-known/openid-configuration"]
    lies = {**honest, **described} if isinstance(described, dict) and described else described
    hostile.answers["/.well-known/openid-configuration"] = lies
    with pytest.raises(ProviderAway):
        await asked(hostile)


async def test_a_provider_that_comes_back_is_asked_again(hostile: Hostile) -> None:
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    hostile.describe(issuer="https://ailleurs.exemple")
    with pytest.raises(ProviderAway):
        await provider.way_in(LEAVING)
    hostile.describe()
    assert (await provider.way_in(LEAVING)).startswith(f"{hostile.issuer}/a?")
    hostile.answers.clear()
    assert (await provider.way_in(LEAVING)).startswith(f"{hostile.issuer}/a?"), "what it said is kept"


async def test_a_new_key_of_the_provider_is_fetched(hostile: Hostile) -> None:
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    hostile.gives({"id_token": signed(said(hostile))})
    hostile.answers["/k"] = {"keys": [{**FOREIGN.as_dict(private=False), "kid": "0"}]}
    with pytest.raises(NotVouchedFor):
        await provider.vouched("code", LEAVING)
    hostile.describe()
    assert (await provider.vouched("code", LEAVING)).email == "camille@exemple.fr"


async def test_a_key_that_the_provider_took_back_proves_nothing_any_more(hostile: Hostile) -> None:
    """Also where the new one has the name of the old: a name is not even obligatory."""
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    old, new = ({"id_token": signed(said(hostile), key)} for key in (OWN, FOREIGN))
    hostile.gives(old)
    assert await provider.vouched("code", LEAVING)
    hostile.answers["/k"] = {"keys": [FOREIGN.as_dict(private=False)]}
    with pytest.raises(NotVouchedFor):
        await provider.vouched("code", LEAVING)
    hostile.gives(new)
    assert await provider.vouched("code", LEAVING)


async def test_nothing_stays_of_what_another_one_said_in_its_place(hostile: Hostile) -> None:
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    keys = {"keys": [FOREIGN.as_dict(private=False)]}
    hostile.describe(issuer="https://ailleurs.exemple", jwks=keys, end_session_endpoint="https://ailleurs.exemple/fin")
    with pytest.raises(ProviderAway):
        await provider.vouched("code", LEAVING)
    hostile.describe()
    hostile.gives({"id_token": signed(said(hostile), FOREIGN)})
    with pytest.raises(NotVouchedFor):
        await provider.vouched("code", LEAVING)
    assert await provider.way_out("jeton") == ""


@pytest.mark.parametrize(
    "setting",
    [{"code_challenge_method": "plain"}, {"response_type": "token"}, {"client_id": "autre"}, {"prompt": "none"}],
    ids=str,
)
async def test_what_a_provider_says_of_itself_changes_no_setting_of_ours(
    hostile: Hostile, setting: dict[str, str]
) -> None:
    hostile.describe(**setting)
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    asked_for = httpx2.URL(await provider.way_in(LEAVING)).params
    assert (asked_for["code_challenge_method"], asked_for["response_type"]) == ("S256", "code")
    assert (asked_for["client_id"], asked_for.get("prompt")) == (CLIENT, None)


@pytest.mark.parametrize("place", ["http://identite.exemple.fr/t", "javascript:alert(1)"])
def test_a_secret_goes_nowhere_in_clear(place: str) -> None:
    issuer = "https://identite.exemple.fr"
    provider = OpenIdProvider("Essai", issuer, CLIENT, SECRET, public_url="http://guichet.test")
    honest = {"issuer": issuer, **dict.fromkeys(NEEDED, f"{issuer}/ici")}
    assert provider._believed(honest)["token_endpoint"] == f"{issuer}/ici"
    for name in PLACES:
        with pytest.raises(ProviderAway, match=name):
            provider._believed({**honest, name: place})


async def test_what_a_provider_says_of_itself_is_read_again_after_an_hour(hostile: Hostile) -> None:
    now = [0.0]
    provider = OpenIdProvider(
        "Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test", ticks=lambda: now[0]
    )
    await provider.way_in(LEAVING)
    hostile.describe(authorization_endpoint=f"{hostile.issuer}/ailleurs")
    now[0] = KEPT_S
    assert (await provider.way_in(LEAVING)).startswith(f"{hostile.issuer}/a?")
    now[0] = KEPT_S + 1
    assert (await provider.way_in(LEAVING)).startswith(f"{hostile.issuer}/ailleurs?")


async def test_sending_somebody_there_reads_the_authorities_of_the_machine_once(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 20 ms in which nobody else is served."""
    made: list[ssl.SSLContext] = []
    loads = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        made.append(context)
        loads(context, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    hostile.gives({"id_token": signed(said(hostile))})
    await asked(hostile)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("error", "told"), [("invalid_client", "invalid_client"), ("camille@exemple.fr", ""), (["a"], ""), ("a" * 41, "")]
)
async def test_of_a_fault_only_a_code_is_told(hostile: Hostile, error: Any, told: str) -> None:
    hostile.gives({"error": error})
    with pytest.raises(NotVouchedFor) as refused:
        await asked(hostile)
    assert str(refused.value) == told


async def test_who_leaves_is_sent_where_the_provider_ends_its_session(hostile: Hostile) -> None:
    hostile.describe(end_session_endpoint=f"{hostile.issuer}/end")
    provider = OpenIdProvider("Essai", hostile.issuer, CLIENT, SECRET, public_url="http://guichet.test")
    way_out = await provider.way_out("jeton")
    assert way_out.startswith(f"{hostile.issuer}/end?id_token_hint=jeton&")
    assert "post_logout_redirect_uri=http%3A%2F%2Fguichet.test%2Fconnexion" in way_out


@pytest.mark.parametrize("text", ["", "a", "a.b", "a..c", "a.b.c.d"])
def test_a_cookie_that_is_not_ours_says_nothing(text: str) -> None:
    assert Leaving.read(text) is None
    assert Leaving.read(str(LEAVING)) == LEAVING
