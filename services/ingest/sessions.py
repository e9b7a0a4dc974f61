"""Signing in and out: the cookie, and the one-time link that somebody asks for by an address or a phone number."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from contracts.vocabulary import Channel
from services.ingest import credentials
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.persons import request_sign_in
from services.ingest.guichet import Guichet
from services.vault import owners_by_email, staff_by_phone

COOKIE = "berceau"


def cookie_name(guichet: Guichet) -> str:
    """Over https the browser itself makes sure that no other host set the cookie."""
    return f"__Host-{COOKIE}" if guichet.is_secure else COOKIE


async def ask_for_link(guichet: Guichet, who: str, now: datetime) -> None:
    """Send a link to whoever signs in with this address or phone. Says nothing of whether there is such a person."""
    find = owners_by_email if "@" in who else staff_by_phone
    try:
        owners = await guichet.vault.read(find, guichet.keyring, who)
    except ValueError:
        return
    act = Act(Actor("sign-in", Role.PUBLIC, ""), now, Channel.LINK)
    for person in sorted({owner for owner, _ in owners}):
        await guichet.database.write(request_sign_in, act, person, guichet.link_key)


async def open_session(guichet: Guichet, token: str, now: datetime, response: Response) -> bool:
    """Use a one-time link: the response carries the session from now on. False where the link opens nothing."""
    secret = await guichet.database.write(credentials.open_session, token, now, guichet.session_life)
    if secret is None:
        return False
    response.set_cookie(
        cookie_name(guichet), secret, max_age=int(guichet.session_life.total_seconds()),
        path="/", secure=guichet.is_secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return True


async def close_session(guichet: Guichet, secret: str, response: Response) -> None:
    await guichet.database.write(credentials.close_session, secret)
    response.delete_cookie(cookie_name(guichet), path="/", secure=guichet.is_secure, httponly=True, samesite="lax")
