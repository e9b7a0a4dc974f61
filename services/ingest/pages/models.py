"""Posts that a director would make again: yesterday's and last week's, with their dates moved on.

Two taps post a place: choose one of these, say yes. Nothing is remembered for it but what was posted before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import WEEKDAYS, Period, Slot, VacancyKind
from services.ingest import store
from services.ingest.access import Seen, Thing, may_see
from services.ingest.actors import Actor
from services.ingest.problems import unknown

REMEMBERED = timedelta(days=60)
"""A term's habits, not last year's."""

SHOWN = 4
_ONE_DAY = timedelta(days=1)
_LOOK_AHEAD = 31


@dataclass(frozen=True)
class Model:
    """A post as it would be made today. `vacancy` is the one it comes from."""

    vacancy: str
    section: str
    section_name: str
    kind: VacancyKind
    slots: tuple[Slot, ...]
    period: Period
    places: int


def previous_posts(tx: sa.Connection, actor: Actor, now: datetime, today: date) -> list[Model]:
    """The structure's own posts worth making again, newest first; what is posted already is left out."""
    if actor.structure is None or not may_see(actor, Seen.PLACES, Thing(actor.territory, structure=actor.structure)):
        return []
    vacancies = store.vacancies
    mine = (
        vacancies.c.structure == actor.structure,
        vacancies.c.opened_at > now - REMEMBERED,
        vacancies.c.kind != VacancyKind.ON_CALL.value,
        vacancies.c.snapshot.is_(None),
    )
    rows = store.rows(tx, sa.select(vacancies).where(*mine).order_by(vacancies.c.opened_at.desc(), vacancies.c.id))
    open_now = {_likeness(_as_posted(row)) for row in rows if _is_open(row, today)}
    models = [model for row in rows if (model := _again(tx, row, today)) is not None]
    fresh = {_likeness(model): model for model in reversed(models) if _likeness(model) not in open_now}
    return list(fresh.values())[::-1][:SHOWN]


def model_of(tx: sa.Connection, actor: Actor, vacancy: str, today: date) -> Model:
    """One of them. Raises Refused."""
    row = store.find(tx, store.vacancies, vacancy)
    model = _again(tx, row, today) if row is not None and row["structure"] == actor.structure else None
    if model is None:
        raise unknown("", "cette place")
    return model


def next_opening_day(tx: sa.Connection, structure: str, after: date) -> date:
    """The first day after `after` on which the structure is open; the next weekday where it published no hours."""
    facts = _facts(tx, structure)
    days = (after + _ONE_DAY * n for n in range(1, _LOOK_AHEAD))
    return next((day for day in days if opening_hours(facts, day)), after + _ONE_DAY)


def hours_on(tx: sa.Connection, structure: str, day: date) -> tuple[time, time] | None:
    """From when to when the structure is open on a day, or None."""
    return opening_hours(_facts(tx, structure), day)


def opening_hours(facts: Mapping[str, Any], day: date) -> tuple[time, time] | None:
    """The same from what the structure published. Without any hours a weekday is open, at no known hours."""
    if any(Period.model_validate(period).contains(day) for period in facts["closures"]):
        return None
    slots = [Slot.model_validate(slot) for slot in facts["opening"]]
    today = [slot for slot in slots if slot.weekday is WEEKDAYS[day.weekday()]]
    return (min(slot.start for slot in today), max(slot.end for slot in today)) if today else None


def _again(tx: sa.Connection, row: Mapping[str, Any], today: date) -> Model | None:
    section = store.find(tx, store.sections, row["section"])
    if section is None or section["closed"]:
        return None
    kind, slots = VacancyKind(row["kind"]), _slots(row)
    if kind is VacancyKind.OCCASIONAL:
        slots = _moved(slots, next_opening_day(tx, row["structure"], today))
        days = [slot.day for slot in slots if isinstance(slot.day, date)]
        period = Period(start=min(days), end=max(days) + _ONE_DAY)
    else:
        end = row["end"] if row["end"] is not None and row["end"] > today + _ONE_DAY else None
        period = Period(start=max(row["start"], today), end=end)
    return Model(row["id"], row["section"], section["name"], kind, slots, period, row["places"])


def _moved(slots: Sequence[Slot], to: date) -> tuple[Slot, ...]:
    """The hours of the first day, on another one."""
    first = min(str(slot.day) for slot in slots)
    return tuple(Slot(day=to, start=slot.start, end=slot.end) for slot in slots if str(slot.day) == first)


def _as_posted(row: Mapping[str, Any]) -> Model:
    period = Period(start=row["start"], end=row["end"])
    return Model(row["id"], row["section"], "", VacancyKind(row["kind"]), _slots(row), period, row["places"])


def _likeness(model: Model) -> tuple[str, str, str]:
    """What makes two posts the same to a director: section, kind, days and hours."""
    hours = sorted(f"{slot.day} {slot.start} {slot.end}" for slot in model.slots)
    return (model.section, model.kind.value, " ".join(hours))


def _is_open(row: Mapping[str, Any], today: date) -> bool:
    return row["withdrawn_at"] is None and (row["end"] is None or row["end"] > today)


def _slots(row: Mapping[str, Any]) -> tuple[Slot, ...]:
    return tuple(Slot.model_validate(slot) for slot in row["slots"])


def _facts(tx: sa.Connection, structure: str) -> Mapping[str, Any]:
    row = store.find(tx, store.structures, structure)
    return row["facts"] if row is not None else {"opening": [], "closures": []}
