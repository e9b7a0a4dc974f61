"""Which notice is true behind an act: what counts for the next round, or waits for the commission of a campaign."""

from __future__ import annotations

from datetime import date

from services.ingest.awaited import awaited
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.vacancies import VacancyBody
from services.ingest.pages.visit import Visit

FOR_COMMISSION = "_commission"
"""How the names of the notices end that speak of the commission."""


async def of_place(visit: Visit, posted: VacancyBody) -> str:
    """What is said of a place that was posted."""
    waiting = await visit.read(awaited, visit.actor.territory)
    waits = waiting is not None and waiting.covers({"kind": posted.kind, "start": posted.period.start})
    return "publie" + FOR_COMMISSION * waits


async def of_request(visit: Visit, done: str, need: NeedBody, registered_on: date) -> str:
    """What is said of a request of that day: `done` is the notice where nothing waits."""
    waiting = await visit.read(awaited, visit.actor.territory)
    waits = waiting is not None and waiting.hears(need.kind, need.period.start, registered_on)
    return done + FOR_COMMISSION * waits
