"""A child is away tomorrow: its place becomes a place for another child, in one short form."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Labelled, Period, VacancyKind
from services.ingest.actors import Role
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.pages.forms import Form
from services.ingest.pages.models import hours_on, next_opening_day
from services.ingest.pages.posts import FIELDS, post_once, slots, vacancy_body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.problems import Refused
from services.ingest.queries import directory

_ONE_DAY = timedelta(days=1)
ORDINARY_DAY = (time(8), time(18))
"""Offered where a structure published no hours; the form lets them be changed by posting a place of a day."""

NOON = (time(12), time(13, 30))
"""A morning ends, and an afternoon begins, as half-days of French halte-garderies do (choice)."""


class Part(Labelled):
    """How much of the day is free."""

    DAY = "jour", "Toute la journée"
    MORNING = "matin", "Le matin"
    AFTERNOON = "apres-midi", "L'après-midi"


async def form_for_tomorrow(visit: Visit) -> Response:
    sections = await _sections(visit)
    day = await visit.read(next_opening_day, visit.actor.structure or "", visit.today)
    only = sections[0]["id"] if len(sections) == 1 else None
    return await _form(visit, Form.filled(section=only, debut=day, places=1))


async def posted(visit: Visit) -> Response:
    form = await visit.form()
    try:
        part, day = form.choice("moment", Part, "le moment"), form.day("debut", "la date")
        number = form.number("places", "Le nombre d'enfants absents", 1, 500)
        if not form["section"]:
            form.fault("section", "section_wanted", "Il manque la section.", "Choisissez une section.")
        form.check()
        opening = await visit.read(hours_on, visit.actor.structure or "", day)
        of_day = hours_of(part, opening or ORDINARY_DAY)
        period = Period(start=day, end=day + _ONE_DAY)
        wanted = vacancy_body(form["section"], VacancyKind.OCCASIONAL, slots([day], of_day), number, period)
        await visit.write(post_once, visit.act(cause=form.once), open_vacancy, wanted)
    except Refused as refused:
        return await _form(visit, form.refused(refused, {**FIELDS, "slots": "moment", "": "moment"}), 422)
    return visit.go("/creche", "publie")


def hours_of(part: Part, opening: tuple[time, time]) -> tuple[time, time]:
    """The hours of a part of the day, within the opening hours; the whole day where it has no such part."""
    start, end = opening
    if part is Part.MORNING and start < NOON[0]:
        return start, min(end, NOON[0])
    if part is Part.AFTERNOON and end > NOON[1]:
        return max(start, NOON[1]), end
    return start, end


async def _sections(visit: Visit) -> list[dict[str, Any]]:
    row = await visit.read(directory.structure, visit.actor.territory, visit.actor.structure or "")
    return list(row["sections"])


async def _form(visit: Visit, form: Form, status: int = 200) -> Response:
    options = [(row["id"], row["name"]) for row in await _sections(visit)]
    parts = [(part.value, part.label) for part in Part]
    return visit.show("creches/absence.html", status, form=form, sections=options, moments=parts, day=_shown(form))


def _shown(form: Form) -> date | None:
    try:
        return date.fromisoformat(form["debut"])
    except ValueError:
        return None


PAGES = (
    get("/creche/absence", form_for_tomorrow, Role.STRUCTURE),
    post("/creche/absence", posted, Role.STRUCTURE),
)
