"""Proposals: answers recorded by staff, confirmations, releases, withdrawals; and the ends of placements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.vocabulary import ProposalState
from services.ingest.actors import Act
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.door import ACCEPTED, Do, Somebody
from services.ingest.declare.confirmations import (
    ConfirmationBody,
    DepartureBody,
    RefusalBody,
    announce_departure,
    confirm_admission,
    refuse_admission,
)
from services.ingest.declare.releases import (
    ReleaseBody,
    SuspensionBody,
    TakingBackBody,
    give_release,
    suspend_release,
    withdraw_proposal,
)
from services.ingest.declare.replies import CallBody, ReplyBody, record_call, record_reply, undo_reply
from services.ingest.families import suspend_if_wrong
from services.ingest.queries import proposals as queries

routes = APIRouter(tags=["propositions"])


@routes.get("/proposals")
async def read_proposals(
    door: Somebody,
    state: Annotated[list[ProposalState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """Les propositions que vous suivez, la plus récente d'abord."""
    views = await door.read(queries.proposals_of, door.actor, door.now, states=state, limit=limit)
    return await door.people(*views)


@routes.get("/proposals/{proposal}")
async def read_proposal(door: Somebody, proposal: PathId) -> dict[str, Any]:
    """Une proposition, son histoire et ses raisons, selon vos droits."""
    view = await door.read(queries.proposal, door.actor, proposal, door.now)
    return (await door.people(view))[0]


@routes.post("/proposals/{proposal}/replies", status_code=ACCEPTED, response_model=Taken)
async def post_reply(door: Somebody, proposal: PathId, body: ReplyBody) -> JSONResponse:
    """Noter la réponse d'une famille, au téléphone, au guichet ou avec son accord."""

    async def prepare(act: Act) -> Do:
        await suspend_if_wrong(door.guichet, act, proposal, body.answer)
        return lambda tx, a: _follow(record_reply(tx, a, proposal, body.answer, consent=body.consent), proposal)

    return await door.perform_prepared(prepare, channel=body.channel)


@routes.post("/proposals/{proposal}/undoing", status_code=ACCEPTED, response_model=Taken)
async def post_undoing(door: Somebody, proposal: PathId) -> JSONResponse:
    """Revenir sur un NON, tant que le délai le permet."""
    return await door.perform(lambda tx, act: _follow(undo_reply(tx, act, proposal), proposal))


@routes.post("/proposals/{proposal}/calls", status_code=ACCEPTED, response_model=Taken)
async def post_call(door: Somebody, proposal: PathId, body: CallBody) -> JSONResponse:
    """Noter un appel à la famille."""
    return await door.perform(lambda tx, act: _follow(record_call(tx, act, proposal, body), proposal))


@routes.post("/proposals/{proposal}/confirmation", status_code=ACCEPTED, response_model=Taken)
async def post_confirmation(door: Somebody, proposal: PathId, body: ConfirmationBody) -> JSONResponse:
    """Confirmer l'admission, avec ses dates."""
    return await door.perform(_about(proposal, lambda tx, act: confirm_admission(tx, act, proposal, body)))


@routes.post("/proposals/{proposal}/refusal", status_code=ACCEPTED, response_model=Taken)
async def post_refusal(door: Somebody, proposal: PathId, body: RefusalBody) -> JSONResponse:
    """Ne pas confirmer, pour un motif de la liste."""
    return await door.perform(_about(proposal, lambda tx, act: refuse_admission(tx, act, proposal, body)))


@routes.post("/proposals/{proposal}/suspension", status_code=ACCEPTED, response_model=Taken)
async def post_suspension(door: Somebody, proposal: PathId, body: SuspensionBody) -> JSONResponse:
    """Retenir une proposition préparée, avec une raison et une date."""
    return await door.perform(_about(proposal, lambda tx, act: suspend_release(tx, act, proposal, body)))


@routes.post("/proposals/{proposal}/withdrawal", status_code=ACCEPTED, response_model=Taken)
async def post_withdrawal(door: Somebody, proposal: PathId, body: TakingBackBody) -> JSONResponse:
    """Retirer une proposition, pour un motif de la liste."""
    return await door.perform(_about(proposal, lambda tx, act: withdraw_proposal(tx, act, proposal, body)))


@routes.post("/releases", status_code=ACCEPTED, response_model=Taken)
async def post_release(door: Somebody, body: ReleaseBody) -> JSONResponse:
    """Libérer des propositions préparées, en un geste."""
    return await door.perform(lambda tx, act: taken(give_release(tx, act, body), "proposals?state=released"))


@routes.post("/placements/{placement}/departure", status_code=ACCEPTED, response_model=Taken)
async def post_departure(door: Somebody, placement: PathId, body: DepartureBody) -> JSONResponse:
    """Annoncer le départ d'un enfant."""

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        announce_departure(tx, act, placement, body)
        return taken(placement, "places")

    return await door.perform(do)


def _about(proposal: str, say: Callable[[sa.Connection, Act], None]) -> Do:
    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        say(tx, act)
        return _follow(proposal, proposal)

    return do


def _follow(id_: str, proposal: str) -> dict[str, Any]:
    return taken(id_, f"proposals/{proposal}")
