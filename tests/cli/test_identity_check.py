"""What the doctor says of the place where professionals sign in with the account of their employer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from services.bus.settings import Settings
from services.cli.checks_of_identity import identity
from tests.cli.test_checks import settings
from tests.ingest.hostile_provider import Hostile, serving


@pytest.fixture
def provider() -> Iterator[Hostile]:
    with serving() as here:
        yield here


def of(issuer: str, **values: str) -> Settings:
    known = {"oidc_client_id": "berceau", "oidc_client_secret": "hidden", "oidc_name": "ProConnect"}
    return settings(oidc_issuer=issuer, **known, **values)


async def test_a_provider_that_answers_is_told_with_the_address_to_declare_there(provider: Hostile) -> None:
    (check,) = await identity(of(provider.issuer, public_url="https://places.exemple.fr"))
    assert check.state == "ok"
    assert check.detail.endswith("il renvoie à https://places.exemple.fr/connexion/retour")


async def test_a_provider_of_another_name_is_told_with_the_name_that_it_gives(provider: Hostile) -> None:
    provider.describe(issuer="https://ailleurs.exemple")
    (check,) = await identity(of(provider.issuer))
    assert check.state == "failed" and "(issuer https://ailleurs.exemple)" in check.detail
    assert f"{provider.issuer}/.well-known/openid-configuration" in check.remedy


async def test_a_provider_that_lacks_an_address_is_told_which(provider: Hostile) -> None:
    provider.describe(jwks_uri="")
    (check,) = await identity(of(provider.issuer))
    assert check.state == "failed" and "sans jwks_uri" in check.detail


async def test_without_a_provider_there_is_nothing_to_say() -> None:
    assert await identity(settings()) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"oidc_issuer": "http://identite.exemple.fr", "oidc_client_id": "a", "oidc_client_secret": "b"}, "issuer"),
        ({"oidc_issuer": "https://identite.exemple.fr", "oidc_client_secret": "b"}, "client_id"),
        ({"oidc_issuer": "https://identite.exemple.fr", "oidc_client_id": "a"}, "client_secret"),
    ],
)
def test_a_provider_in_clear_or_half_set_is_refused_at_the_start(values: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError, match=f"oidc_{field}"):
        settings(**values)
