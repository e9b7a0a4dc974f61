"""Free places: posted, changed, withdrawn, confirmed again, or all at once; and the public list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.vocabulary import VacancyKind, Weekday
from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.described import FOR_ANYBODY
from services.ingest.api.door import ACCEPTED, Anybody, Somebody
from services.ingest.api.together import Shared, together
from services.ingest.declare.vacancies import (
    ChangeBody,
    Post,
    SnapshotBody,
    VacancyBody,
    WithdrawalBody,
    change_vacancy,
    declare_snapshot,
    open_vacancies,
    reconfirm_vacancy,
    withdraw_vacancy,
)
from services.ingest.problems import Refused
from services.ingest.queries.places import Wanted, free_places, last_update, vacancy_view

routes = APIRouter(tags=["places"])


@routes.get("/places", openapi_extra=FOR_ANYBODY)
async def read_free_places(
    door: Anybody,
    commune: Annotated[str | None, Query(max_length=5)] = None,
    age_months: Annotated[int | None, Query(ge=0, le=216)] = None,
    day: Weekday | None = None,
    kind: VacancyKind | None = None,
) -> dict[str, Any]:
    """Les places libres du territoire, attribuées par le guichet, et leur dernière mise à jour."""
    wanted = Wanted(commune, age_months, day, kind)
    places = await door.read(free_places, door.actor, door.now, wanted)
    return {"updated_at": await door.read(last_update, door.actor.territory), "places": places}


@routes.post("/vacancies", status_code=ACCEPTED, response_model=Taken)
async def post_vacancy(door: Shared, body: VacancyBody) -> JSONResponse:
    """Publier des places libres."""
    return await door.perform(_POST, body)


def _open_all(tx: sa.Connection, asked: Sequence[tuple[Act, VacancyBody]]) -> list[dict[str, Any] | Refused]:
    opened = open_vacancies(tx, [Post(act, body) for act, body in asked])
    return [one if isinstance(one, Refused) else _taken(one) for one in opened]


_POST = together(_open_all)


@routes.get("/vacancies/{vacancy}")
async def read_vacancy(door: Somebody, vacancy: PathId) -> dict[str, Any]:
    """Une place publiée, et ce qu'il en reste."""
    return await door.read(vacancy_view, door.actor, vacancy, door.now)


@routes.post("/vacancies/{vacancy}/changes", status_code=ACCEPTED, response_model=Taken)
async def post_change(door: Somebody, vacancy: PathId, body: ChangeBody) -> JSONResponse:
    """Changer le nombre de places restantes, ou les dates."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        change_vacancy(tx, act, vacancy, body)
        return _taken(vacancy)

    return await door.perform(do)


@routes.post("/vacancies/{vacancy}/withdrawal", status_code=ACCEPTED, response_model=Taken)
async def post_withdrawal(door: Somebody, vacancy: PathId, body: WithdrawalBody) -> JSONResponse:
    """Retirer une place, avec son motif."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        withdraw_vacancy(tx, act, vacancy, body)
        return _taken(vacancy)

    return await door.perform(do)


@routes.post("/vacancies/{vacancy}/still-free", status_code=ACCEPTED, response_model=Taken)
async def post_still_free(door: Somebody, vacancy: PathId) -> JSONResponse:
    """Dire que la place est toujours libre."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        reconfirm_vacancy(tx, act, vacancy)
        return _taken(vacancy)

    return await door.perform(do)


@routes.post("/snapshots", status_code=ACCEPTED, response_model=Taken)
async def post_snapshot(door: Somebody, body: SnapshotBody) -> JSONResponse:
    """Dire tout ce qu'une section a de libre à un instant."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        snapshot = declare_snapshot(tx, act, body)
        return taken(snapshot, f"structures/{act.actor.structure}/places" if act.actor.structure else "places")

    return await door.perform(do)


def _taken(vacancy: str) -> dict[str, Any]:
    return taken(vacancy, f"vacancies/{vacancy}")
