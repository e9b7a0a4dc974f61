"""What the bodies of all doors share: strings and dates that a database and a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from contracts.vocabulary import Period, Slot
from services.ingest.problems import Problem

NBSP = "\u00a0"
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, Field(max_length=120, pattern=PRINTABLE)]
Words = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Places = Annotated[int, Field(ge=0, le=500)]

MOST_SLOTS = 60
"""Ten half-days over six weeks: enough for a course of training, not for a diary."""

FURTHEST = timedelta(days=6 * 366)
"""Nobody plans care for longer than the years from birth to school."""

YEARS = range(1900, 2200)
"""Years that somebody may mean. At either end of the calendar a day more, or another time zone, is no date at all."""

_QUARTER = 15


class Body(BaseModel):
    """What somebody sends. A field that nobody knows is a typing error, and is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _has_local_hours(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Hours of care are local: one with a zone cannot be compared with one without, and is an input error."""
        try:
            return read(data)
        except TypeError as error:
            raise ValueError("Les heures s'écrivent sans fuseau horaire.") from error


def check_slots(slots: tuple[Slot, ...], field: str, *, may_mix: bool = False) -> Iterator[Problem]:
    """Quarter hours, weekdays or dates but not both (opening hours may mix: Wednesdays, and single days of holidays),
    and no hour twice."""
    if len(slots) > MOST_SLOTS:
        yield Problem(field, "too_many_slots", f"Il y a au plus {MOST_SLOTS} créneaux.", "Faites plusieurs saisies.")
        return
    for n, slot in enumerate(slots):
        if slot.start.minute % _QUARTER or slot.end.minute % _QUARTER or slot.start.second or slot.end.second:
            rule = "Les heures vont de quart d'heure en quart d'heure."
            yield Problem(f"{field}.{n}", "not_a_quarter", rule, "Arrondissez au quart d'heure.")
    if not may_mix and len({isinstance(slot.day, date) for slot in slots}) > 1:
        rule = "Les créneaux sont tous des jours de semaine, ou tous des dates."
        yield Problem(field, "mixed_days", rule, "Faites deux saisies.")
    if any(overlap(one, other) for n, one in enumerate(slots) for other in slots[:n]):
        yield Problem(field, "overlapping_slots", "Deux créneaux se chevauchent.", "Réunissez-les en un seul.")


def overlap(one: Slot, other: Slot) -> bool:
    """True if both are the same day, as it is written, and share a moment."""
    return one.day == other.day and one.start < other.end and other.start < one.end


def dates_of(slots: tuple[Slot, ...]) -> tuple[date, ...]:
    return tuple(sorted({slot.day for slot in slots if isinstance(slot.day, date)}))


def is_dated(slots: tuple[Slot, ...]) -> bool:
    return any(isinstance(slot.day, date) for slot in slots)


def check_dates(slots: tuple[Slot, ...], period: Period, field: str) -> Iterator[Problem]:
    """Each dated slot falls within the period."""
    if any(not period.contains(day) for day in dates_of(slots)):
        rule = "Chaque date est comprise entre le début et la fin."
        yield Problem(field, "date_outside_period", rule, "Corrigez la date ou la période.")


def check_period(period: Period, today: date, field: str, *, may_have_begun: bool = False) -> Iterator[Problem]:
    """It begins today or later, and neither end is beyond what anybody plans."""
    if not may_have_begun and period.start < today:
        rule = "La date de début n'est pas dans le passé."
        yield Problem(f"{field}.start", "in_the_past", rule, "Indiquez aujourd'hui ou une date à venir.")
    if period.end is not None and period.end <= today:
        rule = "La date de fin est à venir."
        yield Problem(f"{field}.end", "in_the_past", rule, "Indiquez une date à venir.")
    yield from check_not_too_far(period.start, today, f"{field}.start")
    if period.end is not None:
        yield from check_not_too_far(period.end, today, f"{field}.end")


def check_not_too_far(day: date, today: date, field: str) -> Iterator[Problem]:
    if day - today > FURTHEST:
        yield Problem(field, "too_far", "La date est à moins de six ans.", "Vérifiez l'année.")


def check_range(first: int, last: int, field: str) -> Iterator[Problem]:
    """Ages in months, youngest first."""
    if last < first:
        rule = "L'âge maximal suit l'âge minimal."
        yield Problem(field, "ages_reversed", rule, "Échangez les deux âges.")
