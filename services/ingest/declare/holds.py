"""A counsellor keeps an on-call place for one client, to answer for it. The matcher gives the hold, or says why not."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from contracts.replies import HoldRequested
from contracts.vocabulary import Id, RequestKind, VacancyKind
from services.ingest import store
from services.ingest.access import Doing
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.declare.agreements import section_named
from services.ingest.declare.bodies import Body
from services.ingest.declare.requests import open_request
from services.ingest.problems import invalid


class HoldBody(Body):
    """`pattern` is the position of the days wanted among the request's patterns."""

    request: Id
    section: Id
    pattern: Annotated[int, Field(ge=0, le=19)] = 0
    hours: Annotated[float, Field(gt=0, le=2)] = 2


def request_hold(tx: sa.Connection, act: Act, body: HoldBody) -> str:
    """Ask for the hold. Returns its id: what becomes of it is read there."""
    request = open_request(tx, act, body.request, Doing.HOLD_PLACE)
    if request["kind"] != RequestKind.URGENT:
        rule = "Une place d'astreinte va à une demande urgente."
        raise invalid("request", "not_urgent", rule, "Choisissez une demande urgente.")
    if body.pattern >= len(request["need"]["patterns"]):
        rule = "La demande n'a pas cette semaine-là."
        raise invalid("pattern", "unknown_pattern", rule, "Choisissez parmi les semaines de la demande.")
    _check_on_call(tx, act, body.section)
    hold = act.new_id("H")
    row = {"id": hold, "territory": act.territory, "request": body.request, "section": body.section}
    store.put(tx, store.holds, {**row, "by": act.actor.id, "asked_at": act.now})
    declared(tx, act, act.say(HoldRequested, hold, **body.model_dump(), by=act.actor.id))
    return hold


def _check_on_call(tx: sa.Connection, act: Act, section: str) -> None:
    section_named(tx, act, section)
    vacancies = store.vacancies
    on_call = (
        vacancies.c.section == section,
        vacancies.c.kind == VacancyKind.ON_CALL.value,
        vacancies.c.withdrawn_at.is_(None),
    )
    if tx.execute(sa.select(vacancies.c.id).where(*on_call).limit(1)).first() is None:
        rule = "Cette section n'a pas de place d'astreinte."
        raise invalid("section", "no_on_call_place", rule, "Choisissez une place de la liste.")
