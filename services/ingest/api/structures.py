"""Structures, their agreements, and what each of them follows."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.vocabulary import ProposalState
from services.ingest.access import Seen, Thing, may_see
from services.ingest.api.answers import PathId, Taken, taken
from services.ingest.api.described import FOR_ANYBODY
from services.ingest.api.door import ACCEPTED, Anybody, Somebody
from services.ingest.declare.agreements import AgreementBody, end_agreement, sign_agreement
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.declare.territories import TerritoryBody, publish_territory
from services.ingest.problems import forbidden
from services.ingest.queries import directory
from services.ingest.queries.places import places_of
from services.ingest.queries.proposals import placements_of, proposals_of, to_confirm

routes = APIRouter(tags=["structures"])


@routes.get("/territory", openapi_extra=FOR_ANYBODY)
async def read_territory(door: Anybody) -> dict[str, Any]:
    """Le territoire, ses communes et le téléphone du guichet."""
    return await door.read(directory.territory, door.actor.territory or None)


@routes.put("/territory", status_code=ACCEPTED, response_model=Taken)
async def put_territory(door: Somebody, body: TerritoryBody) -> JSONResponse:
    """Publier le territoire tel qu'il est désormais."""
    knows = door.guichet.knows_policy
    return await door.perform(lambda tx, act: taken(publish_territory(tx, act, body, knows), "territory"))


@routes.get("/structures", openapi_extra=FOR_ANYBODY)
async def read_structures(
    door: Anybody, commune: Annotated[str | None, Query(max_length=5)] = None
) -> list[dict[str, Any]]:
    """L'annuaire."""
    return await door.read(directory.directory, door.actor.territory, commune)


@routes.get("/structures/{structure}", openapi_extra=FOR_ANYBODY)
async def read_structure(door: Anybody, structure: PathId) -> dict[str, Any]:
    """Une structure et ses sections.

    Qui la publie lit aussi `publication` : tout ce que `PUT` demande. Renvoyée telle quelle, elle ne change rien.
    """
    return await door.read(directory.structure_for, door.actor, structure)


@routes.put("/structures/{structure}", status_code=ACCEPTED, response_model=Taken)
async def put_structure(door: Somebody, structure: PathId, body: StructureBody) -> JSONResponse:
    """Publier une structure avec toutes ses sections."""
    where = f"structures/{structure}"
    return await door.perform(lambda tx, act: taken(publish_structure(tx, act, structure, body), where))


@routes.get("/structures/{structure}/places")
async def read_places(door: Somebody, structure: PathId) -> list[dict[str, Any]]:
    """Les places publiées par la structure\u00a0: libres, proposées, occupées, à confirmer."""
    _own(door, structure, Seen.PLACES)
    return await door.read(places_of, door.actor, structure, door.now)


@routes.get("/structures/{structure}/proposals")
async def read_proposals(
    door: Somebody, structure: PathId, state: Annotated[list[ProposalState] | None, Query()] = None
) -> list[dict[str, Any]]:
    """Les propositions dans la structure. Le prénom et les contacts viennent après le OUI de la famille."""
    _own(door, structure, Seen.PROPOSAL)
    views = await door.read(proposals_of, door.actor, door.now, structure=structure, states=state)
    return await door.people(*views)


@routes.get("/structures/{structure}/to-confirm")
async def read_to_confirm(door: Somebody, structure: PathId) -> list[dict[str, Any]]:
    """Les enfants à confirmer, le plus urgent d'abord. Un enfant déjà confirmé ici peut attendre l'autre structure."""
    _own(door, structure, Seen.PROPOSAL)
    return await door.people(*await door.read(to_confirm, door.actor, door.now, structure))


@routes.get("/structures/{structure}/placements")
async def read_placements(door: Somebody, structure: PathId) -> list[dict[str, Any]]:
    """Les enfants accueillis ou attendus."""
    _own(door, structure, Seen.PROPOSAL)
    return await door.people(*await door.read(placements_of, door.actor, structure, door.now))


@routes.post("/agreements", status_code=ACCEPTED, response_model=Taken)
async def post_agreement(door: Somebody, body: AgreementBody) -> JSONResponse:
    """Enregistrer un accord d'astreinte."""

    def do(tx: Any, act: Any) -> dict[str, Any]:
        agreement = sign_agreement(tx, act, body)
        return taken(agreement, f"agreements/{agreement}")

    return await door.perform(do)


@routes.post("/agreements/{agreement}/end", status_code=ACCEPTED, response_model=Taken)
async def post_agreement_end(door: Somebody, agreement: PathId) -> JSONResponse:
    """Mettre fin à un accord d'astreinte."""

    def do(tx: Any, act: Any) -> dict[str, Any]:
        end_agreement(tx, act, agreement)
        return taken(agreement, f"agreements/{agreement}")

    return await door.perform(do)


def _own(door: Somebody, structure: str, group: Seen) -> None:
    """A whole list of a structure is refused rather than shown empty."""
    thing = Thing(door.actor.territory, structure=structure, prescriber=door.actor.id)
    if not may_see(door.actor, group, thing):
        raise forbidden("structure")
