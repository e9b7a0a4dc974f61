"""An OpenID Connect provider, as Berceau asks it who somebody is.

Authlib holds the protocol: the authorization code with PKCE, the ID token's signature, issuer, audience, age and nonce.

When to modify: with a provider that answers otherwise; the hostile one of the tests gets that answer first.
Source: OpenID Connect Core 1.0 and RP-Initiated Logout 1.0; ProConnect, "Implémentation technique".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.ingest.identity import Leaving, NotVouchedFor, ProviderAway, Vouched, code_in

PATIENCE_S = 5.0
WHOLE_S = 15.0
"""An exchange of up to four questions, however their bytes drip in: `PATIENCE_S` is between two of them (a choice:
whoever waits longer takes the SMS)."""

KEPT_S = 3600.0
"""How long what a provider says of itself is believed: it may move, and nobody restarts Berceau for that."""

SIGNED_WITH = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""By a key that the provider alone holds: never by a shared secret, never by none at all."""

BACK, LEFT = "/connexion/retour", "/connexion"
"""Where the browser comes back to after signing in, and after signing out."""

NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
PLACES = (*NEEDED, "userinfo_endpoint", "end_session_endpoint")


class OpenIdProvider:
    """One provider, found by its `issuer`. `public_url` is Berceau's: the provider must know the ways back to it.

    `vouches`: the provider answers for every address that it names, and so need not say `email_verified` (ProConnect
    does not). Anywhere else an address that nobody verified could be typed in by whoever wants to be somebody else.
    """

    def __init__(
        self, name: str, issuer: str, client_id: str, client_secret: str, *, public_url: str, vouches: bool = False,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.name = name
        self._issuer, self._client_id, self._vouches = issuer, client_id, vouches
        self.back_to, self._left_to = public_url + BACK, public_url + LEFT
        self._ticks, self._read_at = ticks, float("-inf")
        trusted = httpx2.create_ssl_context()  # once: 20 ms in which nobody else is served
        self._reached: dict[str, Any] = {"timeout": PATIENCE_S, "verify": trusted}
        self._client: Any = OAuth().register(
            "provider", client_id=client_id, client_secret=client_secret,
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", **self._reached},
        )  # fmt: skip

    async def way_in(self, leaving: Leaving) -> str:
        await self.described()
        made = await self._client.create_authorization_url(
            self.back_to, state=leaving.state, nonce=leaving.nonce, code_verifier=leaving.verifier
        )
        return str(made["url"])

    async def vouched(self, code: str, leaving: Leaving) -> Vouched:
        try:
            async with _in_time():
                await self.described()
                return await self._vouched(code, leaving)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProviderAway(type(error).__name__) from error
        except (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotVouchedFor(code_in(getattr(error, "error", ""))) from error  # its words may quote the token

    async def way_out(self, id_token: str) -> str:
        described = await self.described()
        if not described.get("end_session_endpoint"):
            return ""
        made = await self._client.create_logout_url(self._left_to, id_token, client_id=self._client_id)
        return str(made["url"])

    async def described(self) -> dict[str, Any]:
        """What the provider says of itself, read again after `KEPT_S`. Raises ProviderAway."""
        now = self._ticks()
        if now - self._read_at > KEPT_S:
            async with _in_time():
                said = await self._said()
            self._client.server_metadata = self._believed(said)
            self._read_at = now
        return dict(self._client.server_metadata)

    async def _said(self) -> object:
        try:
            async with httpx2.AsyncClient(**self._reached) as client:
                answer = await client.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            return answer.raise_for_status().json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise ProviderAway(type(error).__name__) from error

    def _believed(self, said: object) -> dict[str, Any]:
        """Only what is needed of it: Authlib takes whatever else is there for settings of its own."""
        told = said if isinstance(said, dict) else {}
        places = {name: str(told[name]) for name in PLACES if told.get(name)}
        if missing := [name for name in NEEDED if name not in places]:
            raise ProviderAway(f"sans {', '.join(missing)}")
        if told.get("issuer") != self._issuer:
            raise ProviderAway(f"issuer {told.get('issuer', 'absent')}")
        scheme = self._issuer.partition(":")[0]
        if other := [name for name, place in places.items() if not place.startswith(("https://", f"{scheme}://"))]:
            raise ProviderAway(f"sans https\N{NO-BREAK SPACE}: {', '.join(other)}")
        offered = told.get("id_token_signing_alg_values_supported")
        signed_with = [name for name in SIGNED_WITH if not (isinstance(offered, list) and offered) or name in offered]
        return {**places, "issuer": self._issuer, "id_token_signing_alg_values_supported": signed_with}

    async def _vouched(self, code: str, leaving: Leaving) -> Vouched:
        token = await self._client.fetch_access_token(self.back_to, code=code, code_verifier=leaving.verifier)
        await self._client.fetch_jwk_set(force=True)  # each time: a key that was taken back proves nothing any more
        claims = await self._client.parse_id_token(
            token, nonce=leaving.nonce,
            claims_options={
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},  # Authlib alone takes the `azp` of another's
            },
        )  # fmt: skip
        told = claims if "email" in claims else await self._asked(token, claims["sub"])
        verified = told.get("email_verified")
        if not told.get("email") or not (verified in (True, "true") or (verified is None and self._vouches)):
            raise NotVouchedFor("email_verified")
        return Vouched(str(told["email"]), token["id_token"])

    async def _asked(self, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """What the provider says of the same person when asked: plain, or signed as ProConnect does."""
        described = await self.described()
        answer = await self._client.get(described["userinfo_endpoint"], token=token)
        answer.raise_for_status()
        if answer.headers.get("content-type", "").startswith("application/jwt"):
            keys = KeySet.import_key_set(await self._client.fetch_jwk_set())
            told = jwt.decode(answer.text, keys, algorithms=list(SIGNED_WITH)).claims
            meant = jwt.JWTClaimsRegistry(iss={"value": self._issuer}, aud={"value": self._client_id})
            meant.validate(told)  # they may be left out (5.3.2), but not name others
        else:
            told = dict(answer.json())
        if told.get("sub") != subject:
            raise NotVouchedFor("sub")
        return told


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Raises ProviderAway where it all takes too long."""
    try:
        async with asyncio.timeout(WHOLE_S):
            yield
    except TimeoutError as error:
        raise ProviderAway(type(error).__name__) from error
