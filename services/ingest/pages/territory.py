"""The territory at a glance, for those who answer for the whole of it."""

from __future__ import annotations

from fastapi.responses import Response

from services.ingest.actors import Role, public
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import in_order
from services.ingest.queries import directory
from services.ingest.queries.overview import overview
from services.ingest.queries.places import free_places, last_update


async def at_a_glance(visit: Visit) -> Response:
    """Places, waiting requests, proposals by state, last rounds."""
    free = await visit.read(free_places, public(visit.actor.territory), visit.now)
    structures = await visit.read(directory.directory, visit.actor.territory)
    return visit.show(
        "coordinator/territory.html",
        figures=await visit.read(overview, visit.actor, visit.now),
        structures=sorted(structures, key=lambda row: in_order(row["name"])),
        free=len({row["structure"] for row in free}),
        capacity=sum(row["capacity"] for row in structures),
        updated_at=await visit.read(last_update, visit.actor.territory),
    )


PAGES = (get("/guichet/territoire", at_a_glance, Role.COORDINATOR, Role.COMMITTEE, Role.ADMINISTRATOR),)
