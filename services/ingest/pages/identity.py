"""Signing in and out with the account of one's employer, where the guichet has an identity provider.

The browser keeps what proves that it left from here; nothing else is kept of somebody who has not come back. GET leads
away and back, as the protocol wants: a session opens only with a code that the provider gave to this very browser.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

import structlog
from fastapi.responses import RedirectResponse, Response

from services.ingest.actors import Role
from services.ingest.identity import IdentityProvider, Leaving, NotVouchedFor, ProviderAway, Vouched, code_in
from services.ingest.pages.visit import Visit, get
from services.ingest.problems import unknown
from services.ingest.sessions import cookie_name, drop, keep, open_session_of, who_has

log = structlog.get_logger()

LEAVING_LIFE = timedelta(minutes=10)
"""Long enough for a password and a second factor."""

LEAVING, ID_TOKEN = "depart", "identite"
LARGEST_COOKIE = 2500
"""nginx refuses an answer whose headers are longer than a page of memory (4,096 bytes, `proxy_buffer_size`)."""

STATUS: Mapping[str, HTTPStatus] = {
    "late": HTTPStatus.BAD_REQUEST,
    "refused": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.FORBIDDEN,
    "several": HTTPStatus.CONFLICT,
    "away": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Why a session was not opened; the words are in the page."""


async def left(visit: Visit) -> Response:
    """On to the provider."""
    provider, leaving = _provider(visit), Leaving.fresh()
    try:
        response = RedirectResponse(await provider.way_in(leaving), HTTPStatus.SEE_OTHER)
    except ProviderAway as error:
        return _not_opened(visit, "away", error)
    keep(visit.guichet, response, cookie_name(visit.guichet, LEAVING), str(leaving), LEAVING_LIFE)
    return response


async def came_back(visit: Visit) -> Response:
    """A session for whoever the provider vouches for and the guichet knows, once."""
    provider, leaving = _provider(visit), _left_with(visit)
    if leaving is None or not secrets.compare_digest(leaving.state.encode(), visit.asked("state").encode()):
        return _not_opened(visit, "late")
    if visit.asked("error") or not visit.asked("code"):
        return _not_opened(visit, "refused", NotVouchedFor(code_in(visit.asked("error"))))
    try:
        vouched = await provider.vouched(visit.asked("code"), leaving)
    except ProviderAway as error:
        return _not_opened(visit, "away", error)
    except NotVouchedFor as error:
        return _not_opened(visit, "refused", error)
    return await _welcomed(visit, vouched)


async def _welcomed(visit: Visit, vouched: Vouched) -> Response:
    """The browser keeps the way out also where no session opens: the account may be that of who sat there before."""
    persons = await who_has(visit.guichet, vouched.email)
    response = visit.go("/connexion/bienvenue")
    drop(visit.guichet, response, cookie_name(visit.guichet, LEAVING))
    if len(persons) > 1:
        response = _not_opened(visit, "several", email=vouched.email)
    elif not persons or not await open_session_of(visit.guichet, persons[0], visit.now, response):
        response = _not_opened(visit, "unknown", email=vouched.email)
    shown = vouched.id_token if len(vouched.id_token) <= LARGEST_COOKIE else ""
    keep(visit.guichet, response, cookie_name(visit.guichet, ID_TOKEN), shown, visit.guichet.session_life)
    return response


async def gone(visit: Visit) -> Response:
    """Signed out here: the session with the provider is still open, and the computer may be shared."""
    provider, name = _provider(visit), cookie_name(visit.guichet, ID_TOKEN)
    if visit.actor.role is not Role.PUBLIC:
        return visit.go("/connexion/bienvenue")  # led here by a link: nothing is closed
    try:
        way_out = await provider.way_out(visit.request.cookies.get(name, ""))
    except ProviderAway:
        way_out = ""
    response = visit.show("sign_in/gone.html", provider=provider.name, way_out=way_out)
    drop(visit.guichet, response, name)
    return response


def signed_in_elsewhere(visit: Visit) -> bool:
    """True for a browser that came by the provider."""
    return visit.guichet.identity is not None and cookie_name(visit.guichet, ID_TOKEN) in visit.request.cookies


def _provider(visit: Visit) -> IdentityProvider:
    if visit.guichet.identity is None:
        raise unknown("", "cette adresse")
    return visit.guichet.identity


def _left_with(visit: Visit) -> Leaving | None:
    return Leaving.read(visit.request.cookies.get(cookie_name(visit.guichet, LEAVING), ""))


def _not_opened(visit: Visit, why: str, error: Exception | None = None, *, email: str = "") -> Response:
    if error is not None:
        log.warning("identity.not_opened", why=why, error=str(error))
    provider = _provider(visit).name
    response = visit.show("sign_in/not_opened.html", STATUS[why], why=why, provider=provider, email=email)
    if why != "late":  # another tab, or another site's link: whoever really left is still to come back
        drop(visit.guichet, response, cookie_name(visit.guichet, LEAVING))
    return response


PAGES = (
    get("/connexion/compte", left),
    get("/connexion/retour", came_back),
    get("/deconnexion/compte", gone),
)
