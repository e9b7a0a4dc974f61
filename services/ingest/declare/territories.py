"""A territory and what it voted."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from contracts.territories import Commune, TerritoryPublished
from contracts.vocabulary import Id
from services.bus import outbox
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.declare.bodies import Body, Line


class TerritoryBody(Body):
    """What a territory is from now on."""

    name: Annotated[Line, Field(min_length=1)]
    guichet_name: Annotated[Line, Field(min_length=1)]
    guichet_phone: Annotated[str, Field(pattern=r"^[0-9+][0-9 .]{3,19}$")]
    communes: Annotated[tuple[Commune, ...], Field(min_length=1, max_length=2000)]
    policy: Id
    automatic_release: bool = False
    round_quiet_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60


def publish_territory(tx: sa.Connection, act: Act, body: TerritoryBody) -> str:
    """Publish the actor's territory as it is from now on. Returns its id."""
    require(act.actor, Doing.PUBLISH_TERRITORY, Thing(act.territory))
    facts = body.model_dump(mode="json")
    store.put(tx, store.territories, {"id": act.territory, "facts": facts, "published_at": act.now})
    outbox.record(tx, act.say(TerritoryPublished, act.territory, **facts))
    return act.territory
