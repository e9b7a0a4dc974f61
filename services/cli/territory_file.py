"""`berceau import territory`: what a territory is, from one JSON file. It is published before anything else.

When to modify: never for a new fact of a territory; the file has the fields that `PUT /api/v1/territory` takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.cli import installation

if TYPE_CHECKING:
    from services.bus.settings import Settings
    from services.ingest.declare.territories import TerritoryBody

SEE = "docs/fichiers.md"


async def publish(found: Settings, data: bytes, territory: str | None, *, dry_run: bool) -> tuple[str, str]:
    """Publish the territory as the file says, or only look at it. Returns its id and its name. Raises CommandFailed."""
    from services.ingest.actors import Role
    from services.ingest.declare.territories import publish_territory
    from services.ingest.problems import Refused

    async with installation.guichet_of(found) as guichet:
        name = await installation.territory_of(guichet, territory)
        try:
            wanted = _read(data)
            if not dry_run:
                act = installation.act_as(guichet, Role.ADMINISTRATOR, name)
                await guichet.database.write(publish_territory, act, wanted)
        except Refused as refused:
            failure = installation.refused(refused.problems)
            failure.see = SEE
            raise failure from refused
    return name, wanted.name


def _read(data: bytes) -> TerritoryBody:
    """Raises Refused, with every wrong value by its path."""
    from pydantic import ValidationError

    from services.ingest.declare.territories import TerritoryBody, problems
    from services.ingest.problems import Refused, refuse_if
    from services.ingest.wording import problems_of

    try:
        wanted = TerritoryBody.model_validate_json(data)
    except ValidationError as error:
        raise Refused(problems_of(error.errors())) from error
    refuse_if(problems(wanted))
    return wanted
