"""A page for what no page answers: an address that does not exist, a request that is too large, a fault of ours.

The form of an answer follows who asks: programs, by their addresses or by what they accept, get problem details.
When to modify: a status that people meet gets its words here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response
from starlette.requests import Request
from starlette.types import Scope

from services.calendar import local_day
from services.ingest.actors import public
from services.ingest.guichet import Guichet
from services.ingest.pages import screen
from services.ingest.pages.doors import HOME, UNPUBLISHED, frame_of
from services.ingest.problems import Problem

OF_PROGRAMS = ("/api/v1", "/sms/", "/livez", "/readyz", "/metrics", "/openapi.json")

TITLES = {
    403: "Ce geste n'est pas fait",
    404: "Cette page n'existe pas",
    405: "Cette page ne s'ouvre pas ainsi",
    413: "L'envoi est trop lourd",
    429: "Attendez un peu",
    500: "Une erreur est survenue",
    503: "Le service ne répond pas",
}
REMEDIES = {
    404: "Vérifiez l'adresse, ou revenez à l'accueil.",
    405: "Revenez à l'accueil, puis recommencez.",
    500: "L'erreur vient de nous. Vérifiez si votre dernier geste est noté. Sinon, recommencez dans quelques minutes.",
    503: "Réessayez dans une minute. Vérifiez d'abord si votre dernier geste est noté.",
}
"""What to do, where that differs from what a program is told."""


def is_for_people(scope: Scope) -> bool:
    """True where the answer is looked at, and not read by a program."""
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return not scope["path"].startswith(OF_PROGRAMS) and b"json" not in accepted


async def read_frame(request: Request) -> None:
    """Remember who visits which town, for a failure that happens before any page has asked."""
    guichet: Guichet = request.app.state.guichet
    request.state.frame = (await frame_of(guichet, None, request))[:2]


def failure(request: Request, status: int, problems: Sequence[Problem], incident: str = "") -> Response:
    """The page. It asks nothing of any database, which may be what failed: then the guichet to call is that of the last
    visitor."""
    last = getattr(request.app.state, "public_town", UNPUBLISHED)
    actor, town = getattr(request.state, "frame", (public(""), last))
    guichet: Guichet = request.app.state.guichet
    now = guichet.clock()
    words = [REMEDIES[status]] if status in REMEDIES else [f"{row.rule} {row.remedy}" for row in problems]
    frame: dict[str, Any] = {
        "actor": actor,
        "town": town,
        "now": now,
        "today": local_day(now),
        "notice": "",
        "live": "",
    }
    title = TITLES.get(status, "Cette demande n'a pas pu être lue")
    said = {"title": title, "words": words, "incident": incident, "home": HOME.get(actor.role, "/")}
    return screen.page("layout/failure.html", status, **frame, **said, here=request.url.path)
