"""`berceau import territory`: what a territory is, from one JSON file. It is published before anything else.

When to modify: never for a new fact of a territory; the file has the fields that `PUT /api/v1/territory` takes.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.bus.settings import Settings
    from services.ingest.declare.territories import KnowsPolicy, TerritoryBody

SEE = "docs/fichiers.md"
MARK = b"\xef\xbb\xbf"
"""What some editors write before the text of a file."""


async def publish(
    found: Settings, data: bytes, territory: str | None, *, one_more: bool = False, dry_run: bool
) -> tuple[str, str]:
    """Publish the territory as the file says, or only look at it. Returns its id and its name. Raises CommandFailed.

    Beside those that are published another one only where `one_more` says that it is meant.
    """
    from services.ingest.actors import Role
    from services.ingest.declare.territories import publish_territory
    from services.ingest.problems import Refused

    async with installation.guichet_of(found) as guichet:
        name = await installation.territory_of(guichet, _named(territory))
        if not one_more:
            _refuse_mistyped(name, await installation.territories_of(guichet))
        act = installation.act_as(guichet, Role.ADMINISTRATOR, name)
        try:
            wanted = _read(data, act.today, guichet.knows_policy)
            if not dry_run:
                await guichet.database.write(publish_territory, act, wanted, guichet.knows_policy)
        except Refused as refused:
            failure = installation.refused(refused.problems)
            failure.see = SEE
            raise failure from refused
    return name, wanted.name


def _refuse_mistyped(name: str, known: Sequence[str]) -> None:
    """A slip of the finger would make a second territory, without structures or families, in front of the public."""
    if not known or name in known:
        return
    cause = f"«{NBSP}{name}{NBSP}» n'est pas encore publié ici. Territoires publiés{NBSP}: {', '.join(known)}."
    remedy = "Corrigez --territory. Pour publier vraiment un territoire de plus, ajoutez --one-more."
    raise CommandFailed(cause, remedy, SEE)


def _named(territory: str | None) -> str | None:
    """The id that is given, once it is known to be one: what is published first names the territory for good."""
    if territory is None or _ID.fullmatch(territory):
        return territory
    cause = f"«{NBSP}{territory}{NBSP}» n'est pas un nom de territoire."
    remedy = f"64 lettres sans accent, chiffres, points et tirets au plus{NBSP}: --territory montlucon."
    raise CommandFailed(cause, remedy, SEE, Exit.USAGE)


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""As `contracts.vocabulary.Id`, which takes longer to load than this to match."""


def _read(data: bytes, today: date, knows: KnowsPolicy) -> TerritoryBody:
    """Raises Refused, with every wrong value by its path."""
    from pydantic import ValidationError

    from services.ingest.declare.territories import TerritoryBody, problems
    from services.ingest.problems import Refused, refuse_if
    from services.ingest.wording import problems_of

    try:
        wanted = TerritoryBody.model_validate_json(data.removeprefix(MARK))
    except ValidationError as error:
        raise Refused(problems_of(error.errors())) from error
    refuse_if(problems(wanted, today, knows))
    return wanted
