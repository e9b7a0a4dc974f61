"""Who may sign in and which programs may call: for the administration of a territory only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.door import ACCEPTED, CREATED, Somebody
from services.ingest.declare.persons import (
    KeyBody,
    PersonBody,
    create_key,
    register_person,
    remove_person,
    revoke_key,
)

routes = APIRouter(tags=["accès"])


class NewKey(BaseModel):
    """`secret` is shown this once."""

    id: str
    secret: str


@routes.post("/keys", status_code=CREATED)
async def post_key(door: Somebody, body: KeyBody) -> NewKey:
    """Créer la clé d'un logiciel. Sans `Idempotency-Key`\u00a0: un secret ne se garde pas."""
    id_, secret = await door.guichet.database.write(create_key, Act(door.actor, door.now), body)
    return NewKey(id=id_, secret=secret)


@routes.delete("/keys/{key}", status_code=ACCEPTED, response_model=Taken)
async def delete_key(door: Somebody, key: PathId) -> JSONResponse:
    """Révoquer une clé."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        revoke_key(tx, act, key)
        return taken(key, "keys")

    return await door.perform(do)


@routes.put("/persons/{person}", status_code=ACCEPTED, response_model=Taken)
async def put_person(door: Somebody, person: PathId, body: PersonBody) -> JSONResponse:
    """Donner un rôle à une personne. Son adresse est au coffre, sous le même identifiant."""
    return await door.perform(lambda tx, act: taken(register_person(tx, act, person, body), f"persons/{person}"))


@routes.delete("/persons/{person}", status_code=ACCEPTED, response_model=Taken)
async def delete_person(door: Somebody, person: PathId) -> JSONResponse:
    """Retirer l'accès d'une personne."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        remove_person(tx, act, person)
        return taken(person, f"persons/{person}")

    return await door.perform(do)
