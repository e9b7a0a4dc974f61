"""A family's page of its request: where it stands, and why, whether or not it was ever proposed a place.

The guichet hands the link over, by voice, on paper or by mail; it opens this request and nothing else. A proposal has a
page of its own, by the link of its SMS. No sign-in, no cookie, and GET changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Channel, ClosingReason, ProposalState
from services.bus import links
from services.ingest import store
from services.ingest.actors import Actor, Role
from services.ingest.calls_asked import ask_for_call, is_asked
from services.ingest.guichet import Guichet
from services.ingest.pages.families import LINK_LIFE, OVER
from services.ingest.pages.forms import Form
from services.ingest.pages.visit import Visit, get, post
from services.ingest.queries import directory, requests

WAITS, EXAMINED, EXPLAINED, PROPOSED, PLACED, CLOSED = "waits", "examined", "explained", "proposed", "placed", "closed"
"""What the page says: no round has looked yet; the last reason is one of a place, which has not left or came to
nothing; it is one of no place; the family has been told of a place; it has it; the request is closed."""


def address_of(guichet: Guichet, request: str) -> str:
    """The link, as the guichet hands it over."""
    return f"{guichet.public_url}{_path(request, links.request_token(guichet.link_key, request))}"


async def shown(visit: Visit) -> Response:
    """The request as it stands."""
    family = await _family(visit)
    if family is None:
        return visit.show("families/neutral.html", 404)
    view = await family.read(requests.request, family.actor, family.actor.request or "", family.now)
    told = await family.read(requests.told_of, view["family"], view["request"])
    placed = await family.read(requests.is_placed, view["request"])
    return family.show(
        "families/request.html",
        form=Form(),
        view=view,
        says=_says(view, told, placed),
        called=await family.read(is_asked, view["family"]),
        reasons=ClosingReason,
        link=_path(visit.path("request"), visit.path("token")),
    )


async def call_asked(visit: Visit) -> Response:
    """The family wants to be called."""
    family = await _family(visit)
    if family is None:
        return visit.show("families/neutral.html", 404)
    form = await visit.form()
    await visit.write(ask_for_call, family.act(Channel.LINK, form.once), family.actor.family or "")
    return visit.go(_path(visit.path("request"), visit.path("token")))


def _says(view: dict[str, Any], told: ProposalState | None, placed: bool) -> str:
    """A round's decision for a place is nobody's but the guichet's until it has let the proposal leave."""
    if view["request_state"] == store.CLOSED:
        return CLOSED
    if told is ProposalState.CONFIRMED:
        return PLACED
    if told is not None and told not in OVER:
        return PROPOSED
    if view["explained_at"] is None:
        return WAITS
    return EXAMINED if placed else EXPLAINED


async def _family(visit: Visit) -> Visit | None:
    """The visit of the family whose request it is, or None: unknown, erased and too old look the same."""
    request, key = visit.path("request"), visit.guichet.link_key
    if not links.recognise(visit.path("token"), links.request_token(key, request)):
        return None
    row = await visit.read(store.find, store.requests, request)
    if row is None or row["closing_reason"] == ClosingReason.ERASED or _is_too_old(row, visit.now):
        return None
    actor = Actor(row["family"], Role.FAMILY, row["territory"], family=row["family"], request=request)
    return replace(visit, actor=actor, town=await visit.read(directory.territory, actor.territory))


def _is_too_old(row: dict[str, Any], now: datetime) -> bool:
    return row["closed_at"] is not None and row["closed_at"] + LINK_LIFE < now


def _path(request: str, token: str) -> str:
    return f"/p/demande/{request}/{token}"


PAGES = (
    get("/p/demande/{request}/{token}", shown),
    post("/p/demande/{request}/{token}", call_asked),
)
