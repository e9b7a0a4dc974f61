"""The audit trail, for whoever watches over the data: who did or read what, by ids only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from contracts.vocabulary import Id
from services.bus.audit import Wanted
from services.ingest.api.door import Somebody
from services.ingest.trail import MOST_PAGES, read_trail

routes = APIRouter(tags=["journal"])


@routes.get("/trail")
async def read_entries(
    door: Somebody,
    who: Id | None = None,
    did: Id | None = None,
    file: Id | None = None,
    since: AwareDatetime | None = None,
    before: AwareDatetime | None = None,
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> dict[str, Any]:
    """Qui a fait ou lu quoi, du plus récent au plus ancien, 25 à la fois, et l'état de la chaîne qui le scelle."""
    wanted = Wanted(who, did, file, door.actor.territory, since, before)
    found = await door.read(read_trail, door.actor, wanted, page, door.guichet.link_key)
    return {
        "entries": [asdict(row) for row in found.rows],
        "has_more": found.has_more,
        "chain": {**asdict(found.end), "whole": found.is_whole},
    }
