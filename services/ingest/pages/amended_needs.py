"""A need as a form shows it and reads it back. What a form cannot show, and what nobody touched, stays as it was.

Hours that differ within a day, other weeks that would do: they are kept word for word as long as the fields that
stand for them come back as they were shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from contracts.requests import AcceptedPattern, DeclaredCriterion
from contracts.vocabulary import HEALTH_CRITERIA, WEEKDAYS, Criterion, Period, RequestKind, Slot, Weekday
from services.ingest.actors import Role
from services.ingest.declare.needs import NeedBody
from services.ingest.pages import need_forms as needs
from services.ingest.pages import wishes
from services.ingest.pages.forms import Form

_ONE_DAY = timedelta(days=1)
_BY_SUPPORT = Criterion.DISABILITY
"""Said by the box "accueil adapté", and by nothing else."""


def shown(need: NeedBody, role: Role) -> Form:
    """The form of a need as it stands, for somebody of this role."""
    mine = [line for line in need.criteria if may_change(line, role)]
    period = need.period
    return Form.filled(
        naissance=need.born,
        a_naitre=None if need.is_born else "oui",
        commune=need.commune,
        adapte="oui" if need.needs_support else None,
        debut=period.start,
        fin=period.end - _ONE_DAY if period.end else None,
        trajet=need.travel_minutes,
        souplesse=need.tolerance_days,
        partie="oui" if need.accepts_partial else None,
        minimum=need.min_days,
        partout=need.within_minutes,
        partage="oui" if need.accepts_split else None,
        soir="oui" if need.urgent_sms_agreed else None,
        complet="oui" if need.file_complete else None,
        criteres=[name_of(line) for line in mine if line.validated],
        declares=[name_of(line) for line in mine if not line.validated],
        **_wishes_shown(need),
        **_hours_shown(need),
    )


def read(form: Form, before: NeedBody, role: Role) -> dict[str, Any]:
    """The need that a form asks for. Faults are noted in the form, for `check`."""
    was = shown(before, role)
    support = form.has("adapte", "oui")
    days = _days(form, was, before)
    return {
        **before.model_dump(exclude={"wishes", "patterns", "period", "criteria"}),
        "born": form.day("naissance", "la date de naissance"),
        "is_born": not form.has("a_naitre", "oui"),
        "commune": needs.commune(form),
        "needs_support": support,
        "travel_minutes": form.number("trajet", "Le temps de trajet", 0, 120),
        "tolerance_days": form.number("souplesse", "La souplesse", 0, 180),
        **needs.part(form),
        "urgent_sms_agreed": form.has("soir", "oui"),
        "file_complete": form.has("complet", "oui") if role is Role.COORDINATOR else before.file_complete,
        "wishes": before.wishes if _same(form, was, wishes.FIELDS) else wishes.read(form),
        "within_minutes": needs.within(form),
        "criteria": _criteria(form, before, role, support),
        **days,
        "since": _since(before, days),
    }


def _since(before: NeedBody, days: Mapping[str, Any]) -> date | None:
    """The entry that was wanted goes along with the first day, unless another date was agreed."""
    follows = before.since == before.period.start and "period" in days
    return days["period"].start if follows else before.since


def day_fields(weekday: Weekday) -> tuple[str, str]:
    return f"de_{weekday.value}", f"a_{weekday.value}"


def days_shown(need: NeedBody) -> tuple[Weekday, ...]:
    """Monday to Saturday; Sunday too where it is wanted already."""
    wanted = {slot.weekday for slot in need.patterns[0].slots}
    return tuple(day for day in WEEKDAYS if day is not Weekday.SUN or day in wanted)


def may_change(line: DeclaredCriterion, role: Role) -> bool:
    """A counsellor leaves alone what the guichet verified and what it may not see; support has its own box."""
    if line.criterion is _BY_SUPPORT:
        return False
    return role is Role.COORDINATOR or not (line.validated or line.criterion in HEALTH_CRITERIA)


def name_of(line: DeclaredCriterion) -> str:
    """How a box names a criterion, alone or in one structure."""
    return f"{line.criterion.value}@{line.structure}" if line.structure else line.criterion.value


def _same(form: Form, was: Form, names: tuple[str, ...]) -> bool:
    return all(form.all(name) == was.all(name) for name in names)


def _wishes_shown(need: NeedBody) -> dict[str, str | None]:
    """Wishes to show. All at one rank, as for a place anywhere on call, they are no choice and none is shown."""
    anywhere = need.kind is RequestKind.URGENT and len(need.wishes) > 1 and {wish.rank for wish in need.wishes} == {1}
    return wishes.shown(() if anywhere else need.wishes)


def _hours_shown(need: NeedBody) -> dict[str, Any]:
    slots = need.patterns[0].slots
    if need.kind.is_weekly:
        return {name: hour for weekday in WEEKDAYS for name, hour in _day_shown(weekday, slots).items()}
    weekdays = sorted({slot.weekday for slot in slots}, key=lambda day: day.number)
    first, last = min(slot.start for slot in slots), max(slot.end for slot in slots)
    return {"jours": [day.value for day in weekdays], "de": first, "a": last}


def _day_shown(weekday: Weekday, slots: tuple[Slot, ...]) -> dict[str, Any]:
    own = [slot for slot in slots if slot.weekday is weekday]
    start, end = day_fields(weekday)
    return {start: min(slot.start for slot in own), end: max(slot.end for slot in own)} if own else {}


def _days(form: Form, was: Form, before: NeedBody) -> dict[str, Any]:
    """Days, hours and period. Days with dates and their period belong together."""
    if not before.kind.is_weekly:
        untouched = _same(form, was, ("debut", "fin", "jours", "de", "a"))
        kept = {"patterns": before.patterns, "period": before.period}
        return kept if untouched else needs.days_and_hours(form, before.kind)
    names = tuple(name for weekday in WEEKDAYS for name in day_fields(weekday))
    others = before.patterns[1:] if not form.has("autres", "retirer") else ()
    first = before.patterns[0] if _same(form, was, names) else _week(form)
    start, last = form.period()
    period = _period(start, last) if not form.problems else before.period
    return {"patterns": (first, *others), "period": period}


def _week(form: Form) -> AcceptedPattern:
    """The week of the form: a day without hours is a day at home. Any week is returned where `check` will raise."""
    slots = [slot for weekday in WEEKDAYS if (slot := _day(form, weekday)) is not None]
    if not slots and not form.problems:
        form.fault(day_fields(WEEKDAYS[0])[0], "day_wanted", "Il manque un jour.", "Écrivez les heures d'un jour.")
    return AcceptedPattern.model_construct(slots=tuple(slots), rank=1)


def _day(form: Form, weekday: Weekday) -> Slot | None:
    names = day_fields(weekday)
    if not any(form[name] for name in names):
        return None
    start, end = [form.hour(name, f"l'heure du {weekday.label}") for name in names]
    if any(form.problem(name) for name in names):
        return None
    if end <= start:
        form.fault(names[1], "end_before_start", "L'heure de fin suit l'heure de début.", "Échangez les deux heures.")
        return None
    return Slot(day=weekday, start=start, end=end)


def _period(start: date, last: date | None) -> Period:
    return Period(start=start, end=last + _ONE_DAY if last else None)


def _criteria(form: Form, before: NeedBody, role: Role, support: bool) -> tuple[DeclaredCriterion, ...]:
    """What this role may not change stays; of a box in both lists the verified one counts."""
    kept = [line for line in before.criteria if not may_change(line, role) and line.criterion is not _BY_SUPPORT]
    verified = form.all("criteres") if role is Role.COORDINATOR else []
    declared = [name for name in form.all("declares") if name not in verified]
    said = [*_lines(form, verified, validated=True), *_lines(form, declared, validated=False)]
    return (*kept, *_support(before, role, support), *said)


def _lines(form: Form, names: list[str], *, validated: bool) -> list[DeclaredCriterion]:
    known = {criterion.value: criterion for criterion in Criterion if criterion is not _BY_SUPPORT}
    parted = [name.partition("@") for name in names]
    return [
        DeclaredCriterion(criterion=known[value], validated=validated, structure=structure or None)
        for value, _, structure in parted
        if value in known
    ]


def _support(before: NeedBody, role: Role, support: bool) -> tuple[DeclaredCriterion, ...]:
    """The guichet verifies as it ticks the box; a counsellor declares, and does not undo what was verified."""
    known = tuple(line for line in before.criteria if line.criterion is _BY_SUPPORT)
    if role is not Role.COORDINATOR and any(line.validated for line in known):
        return known
    return (DeclaredCriterion(criterion=_BY_SUPPORT, validated=role is Role.COORDINATOR),) if support else ()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The names of what differs between two needs."""
    return {name for name in after if after[name] != before[name]}
