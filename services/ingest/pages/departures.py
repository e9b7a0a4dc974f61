"""Children who have their place, and the day when one leaves: the place comes back by itself the day after."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import DepartureReason
from services.ingest.actors import Role
from services.ingest.declare.confirmations import DepartureBody, announce_departure
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused, unknown
from services.ingest.queries.proposals import placements_of

REASONS = tuple((reason.value, reason.label) for reason in DepartureReason if reason is not DepartureReason.OTHER_PLACE)


async def children(visit: Visit) -> Response:
    return visit.show("creches/departures.html", rows=await _rows(visit), reasons=DepartureReason)


async def one_child(visit: Visit) -> Response:
    return _form(visit, await _row(visit), Form())


async def announced(visit: Visit) -> Response:
    row, form = await _row(visit), await visit.form()
    try:
        last_day = form.day("dernier_jour", "le dernier jour")
        reason = form.choice("motif", DepartureReason, "un motif")
        form.check()
        wanted = body(DepartureBody, last_day=last_day, reason=reason)
        await visit.write(announce_departure, visit.act(), row["placement"], wanted)
    except Refused as refused:
        fields = {"last_day": "dernier_jour", "reason": "motif", "": "dernier_jour"}
        return _form(visit, row, form.refused(refused, fields), 422)
    return visit.go("/creche/departs", "depart")


async def _rows(visit: Visit) -> list[dict[str, Any]]:
    found = await visit.read(placements_of, visit.actor, visit.actor.structure or "", visit.now)
    return await with_people(visit.guichet, visit.actor, visit.now, found)


async def _row(visit: Visit) -> dict[str, Any]:
    row = next((row for row in await _rows(visit) if row["placement"] == visit.path("placement")), None)
    if row is None:
        raise unknown("", "cet accueil")
    return row


def _form(visit: Visit, row: dict[str, Any], form: Form, status: int = 200) -> Response:
    return visit.show("creches/departure.html", status, row=row, form=form, reasons=REASONS)


PAGES = (
    get("/creche/departs", children, Role.STRUCTURE),
    get("/creche/depart/{placement}", one_child, Role.STRUCTURE),
    post("/creche/depart/{placement}", announced, Role.STRUCTURE),
)
