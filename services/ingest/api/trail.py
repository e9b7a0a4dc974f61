"""The audit trail, for whoever watches over the data: who did or read what, by ids only."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BeforeValidator, Field

from contracts.vocabulary import Id
from services.bus.audit import Wanted
from services.ingest.api.door import Somebody
from services.ingest.declare.bodies import YEARS
from services.ingest.trail import MOST_PAGES, read_trail

routes = APIRouter(tags=["journal"])

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _as_written(value: str) -> str:
    """A date with its hour: what reads as a number is no instant, though the parser takes it for seconds since 1970."""
    if not _WRITTEN.match(value):
        raise ValueError("Un instant s'écrit avec sa date, son heure et son fuseau.")
    return value


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_as_written),
    Field(ge=datetime(YEARS.start, 1, 1, tzinfo=UTC), lt=datetime(YEARS.stop, 1, 1, tzinfo=UTC)),
]


@routes.get("/trail")
async def read_entries(
    door: Somebody,
    who: Id | None = None,
    did: Id | None = None,
    file: Id | None = None,
    since: Moment | None = None,
    before: Moment | None = None,
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
