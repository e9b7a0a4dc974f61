"""Brothers and sisters asked for together."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.door import ACCEPTED, Somebody
from services.ingest.declare.siblings import SiblingsBody, ask_together, part

routes = APIRouter(tags=["demandes"])


@routes.post("/siblings", status_code=ACCEPTED, response_model=Taken)
async def post_siblings(door: Somebody, body: SiblingsBody) -> JSONResponse:
    """Demander ensemble les places de frères et sœurs déjà inscrits. `combinations` est une liste classée."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        return taken(ask_together(tx, act, body), f"requests/{body.requests[0]}")

    return await door.perform(do)


@routes.post("/siblings/{siblings}/parting", status_code=ACCEPTED, response_model=Taken)
async def post_parting(door: Somebody, siblings: PathId) -> JSONResponse:
    """Demander de nouveau chaque enfant à part."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        part(tx, act, siblings)
        return taken(siblings, "requests")

    return await door.perform(do)
