"""What a person has to look at, and that it was done."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.door import ACCEPTED, Somebody
from services.ingest.declare.tasks import HandledBody, handle_task, handle_text
from services.ingest.queries import tasks as queries

routes = APIRouter(tags=["tâches"])


@routes.get("/tasks")
async def read_tasks(door: Somebody) -> list[dict[str, Any]]:
    """Ce qui est à traiter, par genre, le plus urgent d'abord."""
    found = await door.read(queries.to_handle, door.actor, door.now)
    views = [view for kind in sorted(found) for view in found[kind]]
    about = await door.people(*[view["about"] or {} for view in views])
    return [{**view, "about": said or None} for view, said in zip(views, about, strict=True)]


@routes.get("/tasks/{task}")
async def read_task(door: Somebody, task: PathId) -> dict[str, Any]:
    """Une tâche."""
    view = await door.read(queries.task, door.actor, task, door.now)
    return {**view, "about": (await door.people(view["about"] or {}))[0] or None}


@routes.post("/tasks/{task}/handling", status_code=ACCEPTED, response_model=Taken)
async def post_handling(door: Somebody, task: PathId, body: HandledBody) -> JSONResponse:
    """Dire qu'une tâche est faite, ou la reporter."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        handle_task(tx, act, task, body)
        return taken(task, f"tasks/{task}")

    return await door.perform(do)


@routes.get("/texts")
async def read_texts(door: Somebody) -> list[dict[str, Any]]:
    """Les SMS qui ne sont pas une réponse, pour la coordination."""
    return await door.read(queries.unclear_texts, door.actor)


@routes.post("/texts/{text}/handling", status_code=ACCEPTED, response_model=Taken)
async def post_text_handling(
    door: Somebody, text: Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
) -> JSONResponse:
    """Dire qu'un SMS a été lu et traité."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        handle_text(tx, act, text)
        return taken(text, "texts")

    return await door.perform(do)
