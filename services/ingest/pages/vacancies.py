"""Posting, changing and taking back the places of a structure, one thing per page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import WEEKDAYS, Period, VacancyKind, Weekday, WithdrawalReason
from services.ingest.actors import Role
from services.ingest.declare.vacancies import (
    BY_STRUCTURE,
    ChangeBody,
    VacancyBody,
    WithdrawalBody,
    change_vacancy,
    open_vacancy,
    withdraw_vacancy,
)
from services.ingest.pages import notices
from services.ingest.pages.forms import Form, body
from services.ingest.pages.models import hours_on, next_opening_day
from services.ingest.pages.posts import FIELDS, post_once, slots, vacancy_body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.problems import Refused, unknown
from services.ingest.queries import directory
from services.ingest.queries.agreements import agreements_of
from services.ingest.queries.places import families_told, places_of

_ONE_DAY = timedelta(days=1)
WORKING_WEEK = tuple(day.value for day in WEEKDAYS[:5])
REASONS = tuple((reason.value, reason.label) for reason in WithdrawalReason if reason in BY_STRUCTURE)


async def which_kind(visit: Visit) -> Response:
    """What kind of place?"""
    agreements = await visit.read(agreements_of, visit.actor, visit.actor.structure or "", visit.today)
    return visit.show("creches/which.html", agreements=agreements)


async def empty_form(visit: Visit) -> Response:
    """The form of one kind, with the structure's own hours in it."""
    kind = _kind(visit)
    structure = visit.actor.structure or ""
    day = await visit.read(next_opening_day, structure, visit.today)
    opening = await visit.read(hours_on, structure, day)
    start = day if kind is VacancyKind.OCCASIONAL else visit.today + _ONE_DAY
    first, last = opening or (None, None)
    form = Form.filled(de=first, a=last, debut=start, places=1, jours=list(WORKING_WEEK))
    return await _form(visit, kind, form)


async def posted(visit: Visit) -> Response:
    """Post it, or show the form with what is wrong."""
    kind, form = _kind(visit), await visit.form()
    try:
        wanted = await _body(visit, kind, form)
        await visit.write(post_once, visit.act(cause=form.once), open_vacancy, wanted)
    except Refused as refused:
        return await _form(visit, kind, form.refused(refused, FIELDS), 422)
    return visit.go("/creche", await notices.of_place(visit, wanted))


async def one_place(visit: Visit) -> Response:
    """A place, how many are left, and how to take it back."""
    row = await _row(visit)
    return await _change(visit, row, Form.filled(places=row["left"]))


async def changed(visit: Visit) -> Response:
    row, form = await _row(visit), await visit.form()
    try:
        left = form.number("places", "Le nombre de places", 0, 500)
        form.check()
        await visit.write(change_vacancy, visit.act(), row["vacancy"], body(ChangeBody, places=left))
    except Refused as refused:
        return await _change(visit, row, form.refused(refused, {"places": "places", "": "places"}), 422)
    return visit.go("/creche", "modifie")


async def withdrawn(visit: Visit) -> Response:
    row, form = await _row(visit), await visit.form()
    try:
        reason = form.choice("motif", WithdrawalReason, "un motif")
        form.check()
        await visit.write(withdraw_vacancy, visit.act(), row["vacancy"], body(WithdrawalBody, reason=reason))
    except Refused as refused:
        filled = Form({**form.values, "places": [str(row["left"])]}, form.problems)
        return await _change(visit, row, filled.refused(refused, {"reason": "motif", "": "motif"}), 422)
    return visit.go("/creche", "retire")


def _kind(visit: Visit) -> VacancyKind:
    kinds = {"reguliere": VacancyKind.REGULAR, "ponctuelle": VacancyKind.OCCASIONAL, "astreinte": VacancyKind.ON_CALL}
    found = kinds.get(visit.path("kind"))
    if found is None:
        raise unknown("", "ce type de place")
    return found


async def _form(visit: Visit, kind: VacancyKind, form: Form, status: int = 200) -> Response:
    structure = visit.actor.structure or ""
    place = await visit.read(directory.structure, visit.actor.territory, structure)
    agreements = await visit.read(agreements_of, visit.actor, structure, visit.today)
    return visit.show(
        "creches/post.html",
        status,
        form=form,
        kind=kind,
        sections=[(row["id"], row["name"]) for row in place["sections"]],
        agreements=agreements,
        days=[(day.value, day.label.capitalize()) for day in WEEKDAYS if day is not Weekday.SUN],
    )


async def _body(visit: Visit, kind: VacancyKind, form: Form) -> VacancyBody:
    """The post that a form says. Raises Refused with all that is wrong."""
    of_day, (first, last) = form.hours(), form.period()
    section, agreement, valid_until = await _where(visit, kind, form)
    number = form.number("places", "Le nombre de places", 1, 500)
    days: Sequence[Weekday | date] = [first] if kind is VacancyKind.OCCASIONAL else _weekdays(form)
    form.check()
    last = first if kind is VacancyKind.OCCASIONAL else last or valid_until
    period = Period(start=first, end=last + _ONE_DAY if last else None)
    return vacancy_body(section, kind, slots(days, of_day), number, period, agreement)


def _weekdays(form: Form) -> tuple[Weekday, ...]:
    days = form.choices("jours", Weekday)
    if not days:
        form.fault("jours", "day_wanted", "Il manque un jour.", "Cochez au moins un jour.")
    return days


async def _where(visit: Visit, kind: VacancyKind, form: Form) -> tuple[str, str | None, date | None]:
    """Section, and for an on-call place the agreement with its last day."""
    if kind is not VacancyKind.ON_CALL:
        if not form["section"]:
            form.fault("section", "section_wanted", "Il manque la section.", "Choisissez une section.")
        return form["section"], None, None
    known = await visit.read(agreements_of, visit.actor, visit.actor.structure or "", visit.today)
    found = next((row for row in known if row["agreement"] == form["accord"]), None)
    if found is None:
        form.fault("accord", "agreement_wanted", "Il manque l'accord.", "Choisissez un accord.")
        return "", None, None
    return found["section"], found["agreement"], found["valid_until"]


async def _row(visit: Visit) -> dict[str, Any]:
    """One of the structure's own places. Raises Refused."""
    found = await visit.read(places_of, visit.actor, visit.actor.structure or "", visit.now)
    row = next((row for row in found if row["vacancy"] == visit.path("vacancy")), None)
    if row is None:
        raise unknown("", "cette place")
    return row


async def _change(visit: Visit, row: dict[str, Any], form: Form, status: int = 200) -> Response:
    told = await visit.read(families_told, row["vacancy"])
    return visit.show("creches/place.html", status, row=row, told=told, form=form, reasons=REASONS, kinds=VacancyKind)


PAGES = (
    get("/creche/publier", which_kind, Role.STRUCTURE),
    get("/creche/publier/{kind}", empty_form, Role.STRUCTURE),
    post("/creche/publier/{kind}", posted, Role.STRUCTURE),
    get("/creche/place/{vacancy}", one_place, Role.STRUCTURE),
    post("/creche/place/{vacancy}", changed, Role.STRUCTURE),
    post("/creche/place/{vacancy}/retirer", withdrawn, Role.STRUCTURE),
)
