"""A child's need as a form says it, for the counter and for a counsellor; checked twice, written once.

The first sending checks everything and shows it for a last look; the second registers it. What was typed travels in
hidden fields between the two, so that nothing is kept before somebody said yes.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.requests import AcceptedPattern, DeclaredCriterion
from contracts.vocabulary import HEALTH_CRITERIA, WEEKDAYS, AwardMode, Criterion, Period, RequestKind, Slot, Weekday
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.needs import MOST_MINUTES, MOST_WISHES
from services.ingest.declare.requests import check_registration, register_request
from services.ingest.duplicates import known_already
from services.ingest.families import RegistrationBody, contacts_from, prepare_registration
from services.ingest.pages import contact_forms, wishes
from services.ingest.pages.forms import Form, body
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit
from services.ingest.queries import directory

_ONE_DAY = timedelta(days=1)
MOST_DAYS = 120
"""Days that a form unfolds at most; `declare` says what is too many."""

MOST_WEEKDAYS = 7

FIELDS = {
    "born": "naissance",
    "commune": "commune",
    "patterns": "jours",
    "period": "debut",
    "period.end": "fin",
    "criteria": "criteres",
    "travel_minutes": "trajet",
    "tolerance_days": "souplesse",
    "min_days": "minimum",
    "accepts_split": "partage",
    "within_minutes": "partout",
    "current": "place",
    "child_first_name": "prenom",
    "": "prenom",
}
"""Where a form shows what a registration refuses, apart from wishes (see `wishes.faults`)."""


def fields(form: Form) -> dict[str, str]:
    """The same with the contacts that the form asks for."""
    return {**contact_forms.fields(form), **FIELDS}


CHECK, WRITE, BACK = "verifier", "enregistrer", "modifier"
"""What the form's buttons ask for, besides more rows for wishes."""

REOPENS = frozenset({BACK, wishes.MORE})
"""Asked for these, the form comes back as it was sent, with nothing checked."""


def people(form: Form) -> dict[str, Any]:
    """Contacts and first name. A second contact is optional."""
    return {"contacts": contact_forms.found(form), **first_name(form)}


def first_name(form: Form) -> dict[str, Any]:
    if not form["prenom"]:
        remedy = "Écrivez «\u00a0à naître\u00a0» au besoin."
        form.fault("prenom", "first_name_wanted", "Il manque le prénom de l'enfant.", remedy)
    return {"child_first_name": form["prenom"]}


def child(form: Form) -> dict[str, Any]:
    return {
        "born": form.day("naissance", "la date de naissance"),
        "is_born": not form.has("a_naitre", "oui"),
        "commune": commune(form),
        "needs_support": form.has("adapte", "oui"),
    }


def commune(form: Form) -> str:
    """Where the family lives, from the list of the territory."""
    if not form["commune"]:
        form.fault("commune", "commune_wanted", "Il manque la commune.", "Choisissez-la dans la liste.")
    return form["commune"]


def days_and_hours(form: Form, kind: RequestKind) -> dict[str, Any]:
    """The week, or the single days between two dates, and the period around them."""
    of_day, (first, last) = form.hours(), form.period()
    weekdays = form.choices("jours", Weekday)
    if not weekdays:
        form.fault("jours", "day_wanted", "Il manque un jour.", "Cochez au moins un jour.")
    if kind is RequestKind.URGENT:
        last = last or first  # most are for tomorrow alone
    elif not kind.is_weekly and last is None and not form.problem("fin"):
        form.fault("fin", "date_wanted", "Il manque le dernier jour.", "Répétez le premier s'il est seul.")
    if form.problems:
        return {}
    days = weekdays if kind.is_weekly else _between(first, last or first, weekdays)
    if not days:
        form.fault("jours", "no_such_day", "Ces jours ne tombent pas entre ces dates.", "Corrigez l'un ou l'autre.")
        return {}
    slots = tuple(Slot(day=day, start=of_day[0], end=of_day[1]) for day in days)
    pattern = AcceptedPattern(slots=slots, rank=1)
    return {"patterns": (pattern,), "period": Period(start=first, end=last + _ONE_DAY if last else None)}


def part(form: Form) -> dict[str, Any]:
    """Whether two structures would do, whether some of the days would help, and how many at least."""
    shared = {"accepts_split": form.has("partage", "oui")}
    if not form.has("partie", "oui"):
        return {**shared, "accepts_partial": False, "min_days": 1}
    return {
        **shared,
        "accepts_partial": True,
        "min_days": form.number("minimum", "Le minimum de jours", 1, MOST_WEEKDAYS),
    }


def within(form: Form) -> int | None:
    """How far the family would go beside its choices; none where the field is empty."""
    return form.number("partout", "Le trajet accepté", 1, MOST_MINUTES) if form["partout"] else None


def criteria(form: Form, *, validated: bool) -> tuple[DeclaredCriterion, ...]:
    return tuple(DeclaredCriterion(criterion=c, validated=validated) for c in form.choices("criteres", Criterion))


def registration(form: Form, facts: dict[str, Any]) -> RegistrationBody:
    """The whole body. Raises Refused with every fault found while reading, and every wrong value."""
    form.check()
    return body(RegistrationBody, **facts)


async def check(visit: Visit, wanted: RegistrationBody) -> None:
    """Everything that would refuse the registration, with nothing written. Raises Refused."""
    contacts_from("F-check", wanted.contacts)
    await visit.read(check_registration, visit.act(), wanted.need)


async def register(visit: Visit, form: Form, wanted: RegistrationBody) -> str:
    """Register it once, however often the form is sent. Returns the request's id. Raises Refused."""
    act = visit.act(cause=form.once)
    known = await visit.read(store.find, store.requests, act.new_id("R"))
    if known is not None:
        return str(known["id"])
    prepared = await prepare_registration(visit.guichet, act, wanted)
    return await visit.write(_register, act, prepared.need, prepared.ids)


def _register(tx: sa.Connection, act: Act, need: Any, ids: dict[str, str]) -> str:
    store.one_at_a_time(tx, ids["request"])
    known = store.find(tx, store.requests, ids["request"])
    return ids["request"] if known is not None else register_request(tx, act, need, **ids)


async def options(visit: Visit) -> dict[str, Any]:
    """What the form's lists offer."""
    rows = await visit.read(directory.directory, visit.actor.territory)
    awarded = [(row["structure"], row["name"]) for row in rows if row["award_mode"] == AwardMode.AWARDED]
    return {
        "communes": commune_options(visit),
        "structures": sorted(awarded, key=lambda row: row[1]),
        "days": [(day.value, day.label.capitalize()) for day in WEEKDAYS if day is not Weekday.SUN],
        "criteria": [(c.value, c.label) for c in Criterion if c is not Criterion.DISABILITY],
        "roles": contact_forms.ROLES,
        "languages": contact_forms.LANGUAGES,
        "answering": contact_forms.ANSWERING,
        "most": MOST_WISHES,
        "travel": visit.town.get("travel_source"),
        "health": {c.value for c in HEALTH_CRITERIA},
    }


async def checked(visit: Visit, form: Form, wanted: RegistrationBody, back: str) -> Response:
    """The answers, for a last look; where the child seems to be registered already, that is said first."""
    twice = await known_already(visit.guichet, visit.actor, wanted)
    chosen, here = await options(visit), visit.here
    return visit.show(
        "layout/check.html", form=form, wanted=wanted, options=chosen, action=here, back=back, twice=twice
    )


def _between(first: date, last: date, weekdays: tuple[Weekday, ...]) -> tuple[date, ...]:
    """The days from `first` to `last` that are one of `weekdays`."""
    length = min((last - first).days + 1, MOST_DAYS)
    days = (first + _ONE_DAY * n for n in range(length))
    return tuple(day for day in days if WEEKDAYS[day.weekday()] in weekdays)
