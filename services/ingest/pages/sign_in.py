"""Signing in without a password: who one is, a link by SMS that works once, a session of a day.

The answer is the same for somebody known and for nobody. GET opens nothing: mail scanners and previews follow links.
"""

from __future__ import annotations

from fastapi.responses import Response

from services.ingest.actors import STAFF
from services.ingest.pages import identity
from services.ingest.pages.doors import HOME
from services.ingest.pages.forms import Form
from services.ingest.pages.visit import Visit, get, post
from services.ingest.sessions import ask_for_link, close_session, cookie_name, open_session
from services.vault import normalised_email, normalised_phone


async def asked(visit: Visit) -> Response:
    """Who are you?"""
    return _ask(visit, Form())


def _ask(visit: Visit, form: Form, status: int = 200) -> Response:
    provider = visit.guichet.identity.name if visit.guichet.identity else ""
    return visit.show("sign_in/ask.html", status, form=form, provider=provider)


async def link_wanted(visit: Visit) -> Response:
    """Send a link if the address or number is a professional's; say the same if it is not."""
    form = await visit.form()
    if not _can_be_somebody(form["qui"]):
        rule = "Il manque votre adresse ou votre mobile."
        form.fault("qui", "who_wanted", rule, "Écrivez par exemple prenom.nom@exemple.fr.")
        return _ask(visit, form, 422)
    await ask_for_link(visit.guichet, form["qui"], visit.now)
    return visit.go("/connexion/envoi")


async def link_sent(visit: Visit) -> Response:
    return visit.show("sign_in/sent.html")


async def at_the_link(visit: Visit) -> Response:
    """One neutral button, whatever the link is worth."""
    return visit.show("sign_in/open.html", form=Form())


async def opened(visit: Visit) -> Response:
    """Use the link: a session, or a way to ask for another link."""
    response = visit.go("/connexion/bienvenue")
    if not await open_session(visit.guichet, visit.path("token"), visit.now, response):
        return visit.show("sign_in/dead.html", 410)
    return response


async def welcome(visit: Visit) -> Response:
    """On to where the role begins: only now does the browser say who is signed in."""
    return visit.go(HOME.get(visit.actor.role, "/connexion"))


async def left(visit: Visit) -> Response:
    """End the session, here and in the store."""
    elsewhere = identity.signed_in_elsewhere(visit)
    response = visit.go("/deconnexion/compte") if elsewhere else visit.go("/connexion", "deconnecte")
    if secret := visit.request.cookies.get(cookie_name(visit.guichet)):
        await close_session(visit.guichet, secret, response)
    return response


def _can_be_somebody(text: str) -> bool:
    try:
        normalised_email(text) if "@" in text else normalised_phone(text)
    except ValueError:
        return False
    return True


PAGES = (
    get("/connexion", asked),
    post("/connexion", link_wanted),
    get("/connexion/envoi", link_sent),
    get("/connexion/bienvenue", welcome, *STAFF),
    *identity.PAGES,
    get("/connexion/{token}", at_the_link),
    post("/connexion/{token}", opened),
    post("/deconnexion", left, *STAFF),
)
