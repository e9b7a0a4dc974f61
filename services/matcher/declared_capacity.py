"""Free places beside the capacity and staff that their structure published: what does not fit is told to a person.

Nothing is taken off by itself: the director knows whether somebody else is on duty that day.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from contracts.structures import StructurePublished
from contracts.vocabulary import TaskKind, VacancyKind, Weekday
from services.calendar import hours_in_full, local_day
from services.matcher import store, tasks
from services.matcher import tables as t
from services.matcher.rules.staffing import Excess, Free, Premises, excesses
from services.matcher.solver.schema import Vacancy
from services.matcher.step import Step

NBSP = "\u00a0"


def check(step: Step, structure: str) -> None:
    """Open a task where a structure's regular places do not fit what it published; settle it once they do, or once it
    no longer says who is on duty."""
    row = step.tx.execute(sa.select(t.structures).where(t.structures.c.structure == structure)).mappings().first()
    if row is None:
        return
    found = _first_excess(step, structure, Premises.model_validate(row["premises"])) if row["premises"] else None
    if found is not None:
        about = {"territory": row["territory"], "structure": structure}
        tasks.open_task(step, TaskKind.OVER_CAPACITY, detail=said(found), **about)
        return
    for task in store.open_tasks(step.tx, TaskKind.OVER_CAPACITY, structure=structure):
        tasks.settle_task(step, task, row["territory"], "matcher")


def premises_of(event: StructurePublished) -> dict[str, object] | None:
    """What of a publication is counted here; None where a structure says nothing of its staff."""
    if event.staffing is None:
        return None
    facts = {"kind": event.kind, "capacity": event.capacity, "opening": event.opening, "staffing": event.staffing}
    return Premises.model_validate(facts).model_dump(mode="json")


def _first_excess(step: Step, structure: str, premises: Premises) -> Excess | None:
    """Looked at on each day on which a place opens: until then the others are all there is."""
    rows = _open_places(step, structure)
    for day in sorted({max(start, local_day(step.now)) for start, _, _ in rows}):
        there = [free for start, end, free in rows if start <= day and (end is None or day < end)]
        found = excesses(premises, there, day)
        if found:
            return found[0]
    return None


def _open_places(step: Step, structure: str) -> list[tuple[date, date | None, Free]]:
    """The regular places that a structure's director counted, with the ages of their sections."""
    query = sa.select(t.sections).where(t.sections.c.structure == structure)
    from_months = {row.section: row.age_from_months for row in step.tx.execute(query)}
    regular = t.vacancies.c.kind == VacancyKind.REGULAR.value
    rows = store.open_vacancies(step.tx, t.vacancies.c.structure == structure, regular, t.vacancies.c.places > 0)
    counted = [store.own_places(row) for row in rows]
    return [
        (own.period.start, own.period.end, _free(own, from_months[own.section]))
        for own in counted
        if all(isinstance(slot.day, Weekday) for slot in own.slots)
    ]


def _free(own: Vacancy, from_months: int) -> Free:
    return Free(slots=own.slots, places=own.places, from_months=from_months)


def said(excess: Excess) -> str:
    """What does not fit, in French, with its text."""
    if excess.slot is None:
        return f"Sur la semaine{NBSP}: {excess.wanted}{NBSP}h demandées pour {excess.allowed}{NBSP}h ({excess.source})."
    when = f"Le {excess.slot.weekday.label}, {hours_in_full(excess.slot.start, excess.slot.end)}"
    unit = "adultes" if excess.of_adults else "enfants"
    return f"{when}{NBSP}: {excess.wanted} {unit} pour {excess.allowed} ({excess.source})."
