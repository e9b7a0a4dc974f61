"""A territory and what it voted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.territories import Commune, TerritoryPublished, TravelTime
from contracts.vocabulary import Id
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body, Line
from services.ingest.problems import Problem, Refused, conflict, refuse_if

MOST_POINTS = 20_000
"""Of all outlines together, about 400 kB: an event of this size still passes, and no map on a phone shows more."""


MOST_TRAVEL_TIMES = 10_000
"""Between each two of 141 communes, about 450 kB: with outlines, an event of this size still passes. Of a larger
territory, pairs that nobody would drive (`MOST_MINUTES` of a need) are left out."""


class TerritoryBody(Body):
    """What a territory is from now on."""

    name: Annotated[Line, Field(min_length=1)]
    guichet_name: Annotated[Line, Field(min_length=1)]
    guichet_phone: Annotated[str, Field(pattern=r"^[0-9+][0-9 .]{3,19}$")]
    communes: Annotated[tuple[Commune, ...], Field(min_length=1, max_length=2000)]
    policy: Id
    automatic_release: bool = False
    round_quiet_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    outlines_source: Line = ""
    travel: Annotated[tuple[TravelTime, ...], Field(max_length=MOST_TRAVEL_TIMES)] = ()
    travel_source: Line = ""


def require_published(tx: sa.Connection, act: Act) -> None:
    """Raises Refused while nobody has published the actor's territory.

    The matcher would set aside whatever is said before the territory's rules, and nobody at the door would know.
    """
    if tx.scalar(_KNOWN, {"territory": act.territory}) is None:
        raise _unpublished()


def published(tx: sa.Connection, act: Act) -> Mapping[str, Any]:
    """The actor's territory. Raises Refused while nobody has published it."""
    territory = store.find(tx, store.territories, act.territory)
    if territory is None:
        raise _unpublished()
    return territory


def _unpublished() -> Refused:
    rule = "Le territoire est publié avant ses structures et ses demandes."
    remedy = "Publiez d'abord le territoire\u00a0: «\u00a0berceau import territory\u00a0» ou PUT /api/v1/territory."
    return conflict("territory", "territory_unpublished", rule, remedy)


_KNOWN = sa.select(store.territories.c.id).where(store.territories.c.id == sa.bindparam("territory"))
"""Without what it says: an import asks this twice a row, and the communes take longer to read than all the rest."""


KnowsPolicy = Callable[[str, date], bool]
"""Whether rules of that name hold on a day. They are the matcher's: whoever assembles the services hands this over."""


def any_policy(_policy: str, _day: date) -> bool:
    """Where nobody handed the rules over, the matcher alone says later that it does not know them."""
    return True


def publish_territory(tx: sa.Connection, act: Act, body: TerritoryBody, knows: KnowsPolicy = any_policy) -> str:
    """Publish the actor's territory as it is from now on. Returns its id. Raises Refused.

    The matcher would set aside a territory whose rules it does not `know`, with all that is said of it.
    """
    require(act.actor, Doing.PUBLISH_TERRITORY, Thing(act.territory))
    refuse_if(problems(body, act.today, knows))
    facts = body.model_dump(mode="json")
    store.put(tx, store.territories, {"id": act.territory, "facts": facts, "published_at": act.now})
    declared(tx, act, act.say(TerritoryPublished, act.territory, **facts))
    return act.territory


def problems(body: TerritoryBody, today: date, knows: KnowsPolicy = any_policy) -> Iterator[Problem]:
    """What no single field shows: too many points of outlines, unknown rules or communes, what lacks its source."""
    if not knows(body.policy, today):
        rule = "Ces règles n'existent pas, ou ne sont pas encore en vigueur."
        yield Problem("policy", "unknown_policy", rule, "Indiquez par exemple montlucon-modele.")
    rings = [ring for commune in body.communes for ring in commune.outline]
    if sum(len(ring) for ring in rings) > MOST_POINTS:
        rule = f"Les contours ont {MOST_POINTS} points au plus."
        yield Problem("communes", "too_many_points", rule, "Simplifiez-les.")
    if rings and not body.outlines_source:
        rule = "Des contours se publient avec leur source."
        yield Problem("outlines_source", "source_wanted", rule, "Indiquez la source et sa date.")
    yield from _travel_problems(body)


def _travel_problems(body: TerritoryBody) -> Iterator[Problem]:
    known = {commune.code for commune in body.communes}
    for n, row in enumerate(body.travel):
        for name, code in (("one", row.one), ("other", row.other)):
            if code not in known:
                rule = "Un temps de trajet relie deux communes du territoire."
                yield Problem(f"travel.{n}.{name}", "unknown_commune", rule, "Corrigez le code, ou ajoutez la commune.")
    pairs = [frozenset((row.one, row.other)) for row in body.travel]
    if len(set(pairs)) < len(pairs):
        rule = "Deux communes n'ont qu'un temps de trajet, le même dans les deux sens."
        yield Problem("travel", "travel_twice", rule, "Retirez le doublon.")
    if body.travel and not body.travel_source:
        rule = "Des temps de trajet se publient avec leur source."
        yield Problem("travel_source", "source_wanted", rule, "Indiquez la source et sa date.")
