"""Who stands at the door of a page: signed in or not, allowed or not. Forms of other sites are stopped before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from services.ingest import changes, credentials
from services.ingest.actors import Actor, Role, public
from services.ingest.guichet import Guichet
from services.ingest.pages.visit import Page, Pages, Visit
from services.ingest.problems import Refused, Why, forbidden
from services.ingest.queries import directory
from services.ingest.sessions import cookie_name

_STATUS = {Why.INVALID: 422, Why.FORBIDDEN: 403, Why.UNKNOWN: 404, Why.CONFLICT: 409}

UNPUBLISHED: dict[str, Any] = {
    "territory": "",
    "name": "Territoire à publier",
    "guichet_name": "Guichet enfance",
    "guichet_phone": "",
    "communes": [],
    "policy": "",
}
"""What pages show before a coordinator published a territory."""

HOME = {
    Role.STRUCTURE: "/creche",
    Role.COUNSELLOR: "/conseil",
    Role.COORDINATOR: "/guichet",
    Role.COMMITTEE: "/commission",
    Role.ADMINISTRATOR: "/guichet/territoire",
}
"""Where each role begins."""


async def answer(pages: Pages, page: Page, request: Request) -> Response:
    """Open the page if the visitor may; what an act refuses becomes a page that says why."""
    now = pages.guichet.clock()
    actor, town, sequence = await frame_of(pages.guichet, pages.territory, request)
    request.state.frame = (actor, town)
    if actor.role is Role.PUBLIC:
        request.app.state.public_town = town  # whom to call while the database is away
    visit = Visit(pages, request, actor, now, town, sequence)
    if page.roles and actor.role is Role.PUBLIC:
        return RedirectResponse("/connexion?fait=a_connecter", 303)
    try:
        _check_role(page, actor)
        return await page.handler(visit)
    except Refused as refused:
        return refusal(visit, refused)


async def frame_of(guichet: Guichet, territory: str | None, request: Request) -> tuple[Actor, dict[str, Any], int]:
    """Who asks, of which town, and how far that has come."""
    secret = request.cookies.get(cookie_name(guichet), "")
    return await guichet.database.read(_frame, territory, secret, guichet.clock())


def refusal(visit: Visit, refused: Refused) -> Response:
    """A page that says what is not done, and what to do instead."""
    home = HOME.get(visit.actor.role, "/")
    return visit.show("layout/refusal.html", _STATUS[refused.why], problems=refused.problems, home=home)


def _frame(tx: sa.Connection, territory: str | None, secret: str, now: datetime) -> tuple[Actor, dict[str, Any], int]:
    """Who visits which town, and how far that has come: read before what the page shows, so never ahead of it."""
    actor = credentials.actor_of_session(tx, secret, now) if secret else None
    try:
        town = directory.territory(tx, actor.territory if actor else territory)
    except Refused:
        town = UNPUBLISHED
    return actor or public(town["territory"]), town, changes.sequence(tx, town["territory"])


def _check_role(page: Page, actor: Actor) -> None:
    if page.roles and actor.role not in page.roles:
        raise forbidden()
