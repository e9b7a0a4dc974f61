"""The intake that a commission reviews, and the places that persons keep back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.described import FOR_ANYBODY
from services.ingest.api.door import ACCEPTED, Anybody, Do, Somebody
from services.ingest.declare import campaigns as acts
from services.ingest.queries import campaigns as queries

routes = APIRouter(tags=["campagnes"])


@routes.get("/campaign", openapi_extra=FOR_ANYBODY)
async def read_campaign(door: Anybody) -> dict[str, Any] | None:
    """La campagne en cours, ou la dernière : ses dates, et l'empreinte de son tirage."""
    return await door.read(queries.campaign, door.actor.territory)


@routes.get("/campaigns/{campaign}")
async def read_review(door: Somebody, campaign: PathId) -> dict[str, Any]:
    """Ce que la commission examine : le dernier brouillon, les places, les gestes."""
    view = await door.read(queries.review, door.actor, door.now, campaign)
    return {**(view or {}), "requests": await door.people(*(view or {}).get("requests", ()))}


@routes.post("/campaigns", status_code=ACCEPTED, response_model=Taken)
async def post_campaign(door: Somebody, body: acts.CampaignBody) -> JSONResponse:
    """Ouvrir une campagne : ce qu'elle couvre attend la commission."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        campaign = acts.open_campaign(tx, act, body)
        return taken(campaign, f"campaigns/{campaign}")

    return await door.perform(do)


@routes.post("/campaigns/{campaign}/drafts", status_code=ACCEPTED, response_model=Taken)
async def post_draft(door: Somebody, campaign: PathId) -> JSONResponse:
    """Demander un brouillon. Rien ne part, rien n'est retenu."""
    return await door.perform(
        lambda tx, act: taken(acts.ask_draft(tx, act, campaign), f"campaigns/{campaign}")
    )  # fmt: skip


@routes.post("/campaigns/{campaign}/forces", status_code=ACCEPTED, response_model=Taken)
async def post_force(door: Somebody, campaign: PathId, body: acts.ForceBody) -> JSONResponse:
    """Demander qui serait touché si cet enfant était placé par décision."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        gesture = acts.ask_force(tx, act, campaign, body)
        return taken(gesture, f"gestures/{gesture}")

    return await door.perform(do)


@routes.post("/campaigns/{campaign}/release", status_code=ACCEPTED, response_model=Taken)
async def post_release(door: Somebody, campaign: PathId, body: acts.ReleasedBody) -> JSONResponse:
    """Libérer le dernier brouillon. Ce qui a bougé depuis est écarté et nommé."""
    return await door.perform(_about(campaign, lambda tx, act: acts.release_campaign(tx, act, campaign, body)))


@routes.post("/campaigns/{campaign}/end", status_code=ACCEPTED, response_model=Taken)
async def post_end(door: Somebody, campaign: PathId, body: acts.EndingBody) -> JSONResponse:
    """Mettre fin à une campagne sans rien décider."""
    return await door.perform(_about(campaign, lambda tx, act: acts.end_campaign(tx, act, campaign, body)))


@routes.get("/gestures/{gesture}")
async def read_gesture(door: Somebody, gesture: PathId) -> dict[str, Any]:
    """Un geste, et pour un enfant placé par décision, qui est touché."""
    return await door.read(queries.gesture, door.actor, gesture)


@routes.post("/gestures/{gesture}/confirmation", status_code=ACCEPTED, response_model=Taken)
async def post_confirmation(door: Somebody, gesture: PathId) -> JSONResponse:
    """Confirmer qu'un enfant est placé par décision, une fois dit qui est touché."""
    return await door.perform(_gesture(gesture, lambda tx, act: acts.confirm_force(tx, act, gesture)))


@routes.post("/gestures/{gesture}/undoing", status_code=ACCEPTED, response_model=Taken)
async def post_undoing(door: Somebody, gesture: PathId) -> JSONResponse:
    """Annuler un geste."""
    return await door.perform(_gesture(gesture, lambda tx, act: acts.undo_gesture(tx, act, gesture)))


@routes.post("/held-places", status_code=ACCEPTED, response_model=Taken)
async def post_held_place(door: Somebody, body: acts.HeldBody) -> JSONResponse:
    """Tenir une place jusqu'à une date, avec un motif que les familles lisent."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        gesture = acts.hold_place(tx, act, body)
        return taken(gesture, f"gestures/{gesture}")

    return await door.perform(do)


def _about(campaign: str, say: Callable[[sa.Connection, Act], None]) -> Do:
    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        say(tx, act)
        return taken(campaign, f"campaigns/{campaign}")

    return do


def _gesture(gesture: str, say: Callable[[sa.Connection, Act], None]) -> Do:
    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        say(tx, act)
        return taken(gesture, f"gestures/{gesture}")

    return do
