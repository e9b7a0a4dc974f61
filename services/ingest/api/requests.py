"""Requests for a place, urgent ones included, and a counsellor's hold on an on-call place."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.vocabulary import ClosingReason
from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Registered, Taken, taken
from services.ingest.api.door import ACCEPTED, Do, Somebody
from services.ingest.declare.holds import HoldBody, request_hold
from services.ingest.declare.requests import ClosingBody, amend_request, close_request, register_request
from services.ingest.duplicates import SEEMS_KNOWN, known_already
from services.ingest.families import (
    AmendmentBody,
    RegistrationBody,
    erase_if_unknown,
    prepare_amendment,
    prepare_registration,
)
from services.ingest.queries import requests as queries
from services.ingest.queries.on_call import on_call_places

routes = APIRouter(tags=["demandes"])


@routes.post("/requests", status_code=ACCEPTED, response_model=Registered)
async def post_request(door: Somebody, body: RegistrationBody) -> JSONResponse:
    """Enregistrer une demande. Les contacts et le prénom vont au coffre, jamais plus loin.

    `warnings` : l'enfant semble déjà inscrit, même numéro et même date de naissance. La demande est prise quand même.
    """

    async def prepare(act: Act) -> Do:
        ready = await prepare_registration(door.guichet, act, body)
        twice = await known_already(door.guichet, act.actor, body)
        return lambda tx, a: _taken(register_request(tx, a, ready.need, **ready.ids)) | _warned(twice)

    return await door.perform_prepared(prepare)


@routes.get("/requests")
async def read_requests(
    door: Somebody,
    state: Literal["open", "closed"] | None = None,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """Mes demandes, avec leur état et leur raison. `after` reprend après un identifiant."""
    views = await door.read(queries.requests_of, door.actor, door.now, state=state, after=after, limit=limit)
    return await door.people(*views)


@routes.get("/requests/{request}")
async def read_request(door: Somebody, request: PathId) -> dict[str, Any]:
    """Une demande, sa raison et ses propositions."""
    view = await door.read(queries.request, door.actor, request, door.now)
    return (await door.people(view))[0]


@routes.put("/requests/{request}", status_code=ACCEPTED, response_model=Taken)
async def put_request(door: Somebody, request: PathId, body: AmendmentBody) -> JSONResponse:
    """Donner le besoin entier tel qu'il est désormais."""

    async def prepare(act: Act) -> Do:
        need = await prepare_amendment(door.guichet, act, request, body)

        def do(tx: sa.Connection, a: Act) -> dict[str, Any]:
            amend_request(tx, a, request, need)
            return _taken(request)

        return do

    return await door.perform_prepared(prepare)


@routes.post("/requests/{request}/closing", status_code=ACCEPTED, response_model=Taken)
async def post_closing(door: Somebody, request: PathId, body: ClosingBody) -> JSONResponse:
    """Clore une demande, avec son motif."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        close_request(tx, act, request, body)
        return _taken(request)

    answer = await door.perform(do)
    if body.reason is ClosingReason.ERASED:
        await erase_if_unknown(door.guichet, Act(door.actor, door.now), request)
    return answer


@routes.get("/requests/{request}/on-call-places")
async def read_on_call_places(door: Somebody, request: PathId) -> list[dict[str, Any]]:
    """Les places d'astreinte qui conviennent à une demande urgente."""
    return await door.read(on_call_places, door.actor, request, door.now)


@routes.post("/holds", status_code=ACCEPTED, response_model=Taken)
async def post_hold(door: Somebody, body: HoldBody) -> JSONResponse:
    """Réserver une place d'astreinte pour deux heures au plus."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        hold = request_hold(tx, act, body)
        return taken(hold, f"holds/{hold}")

    return await door.perform(do)


@routes.get("/holds/{hold}")
async def read_hold(door: Somebody, hold: PathId) -> dict[str, Any]:
    """Ce qu'il en est d'une réservation\u00a0: demandée, donnée ou refusée."""
    return await door.read(queries.hold, door.actor, hold)


def _warned(twice: list[str]) -> dict[str, Any]:
    if not twice:
        return {}
    said = {name: getattr(SEEMS_KNOWN, name) for name in ("code", "rule", "remedy")}
    return {"warnings": [{**said, "requests": twice}]}


def _taken(request: str) -> dict[str, Any]:
    return taken(request, f"requests/{request}")
