"""Signing in and out: the cookie, and the one-time link that somebody asks for by an address or a phone number."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import Response

from contracts.vocabulary import Channel
from services.ingest import credentials
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.persons import request_sign_in
from services.ingest.guichet import Guichet
from services.vault import owners_by_email, staff_by_phone

COOKIE = "berceau"


def cookie_name(guichet: Guichet, what: str = "") -> str:
    """Over https the browser itself makes sure that no other host set the cookie. `what` is kept beside the session."""
    name = f"{COOKIE}-{what}" if what else COOKIE
    return f"__Host-{name}" if guichet.is_secure else name


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
    return _carries(guichet, secret, response)


async def who_has(guichet: Guichet, email: str) -> list[str]:
    """Who signs in with this address, among those who may; nobody where it is no address."""
    try:
        owners = await guichet.vault.read(owners_by_email, guichet.keyring, email)
    except ValueError:
        return []
    return await guichet.database.read(credentials.who_may_sign_in, {owner for owner, _ in owners})


async def open_session_of(guichet: Guichet, person: str, now: datetime, response: Response) -> bool:
    """The same for somebody whom a provider knows. False where the person may not sign in any more."""
    how = credentials.BY_ACCOUNT
    secret = await guichet.database.write(credentials.open_session_of, person, now, guichet.session_life, how)
    return _carries(guichet, secret, response)


def _carries(guichet: Guichet, secret: str | None, response: Response) -> bool:
    if secret is not None:
        keep(guichet, response, cookie_name(guichet), secret, guichet.session_life)
    return secret is not None


def keep(guichet: Guichet, response: Response, name: str, value: str, life: timedelta) -> None:
    """A cookie that no script reads, and that comes along when another site leads here but not when it acts here."""
    response.set_cookie(
        name, value, max_age=int(life.total_seconds()),
        path="/", secure=guichet.is_secure, httponly=True, samesite="lax",
    )  # fmt: skip


def drop(guichet: Guichet, response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=guichet.is_secure, httponly=True, samesite="lax")


async def close_session(guichet: Guichet, secret: str, response: Response) -> None:
    await guichet.database.write(credentials.close_session, secret)
    drop(guichet, response, cookie_name(guichet))
