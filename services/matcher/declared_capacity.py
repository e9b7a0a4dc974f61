"""Free places beside the capacity and staff that their structure published: what does not fit is told to a person.

Nothing is taken off by itself: the director knows whether somebody else is on duty that day. A free place counts for
the youngest child of its section, until it is held for one: then for that child's age, day by day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa

from contracts.structures import StructurePublished
from contracts.vocabulary import Period, Slot, TaskKind, VacancyKind, Weekday
from services.calendar import hours_in_full, local_day
from services.matcher import store, tasks
from services.matcher import tables as t
from services.matcher.rules.hours import Hours, as_amounts
from services.matcher.rules.staffing import Excess, Free, Premises, Seated, excesses
from services.matcher.solver.schema import Hold, Vacancy
from services.matcher.step import Step

NBSP = "\u00a0"


def check(step: Step, structure: str) -> None:
    """Open a task where a structure's regular places do not fit what it published; settle it once they do, or once it
    no longer says who is on duty."""
    row = step.tx.execute(_STRUCTURE, {"_name": structure}).mappings().first()
    if row is None:
        return
    found = _first_excess(step, structure, Premises.model_validate(row["premises"])) if row["premises"] else None
    if found is not None:
        about = {"territory": row["territory"], "structure": structure}
        tasks.open_task(step, TaskKind.OVER_CAPACITY, detail=said(found), **about)
        return
    for task in store.open_tasks(step.tx, TaskKind.OVER_CAPACITY, structure=structure):
        tasks.settle_task(step, task, row["territory"], "matcher")


_STRUCTURE = sa.select(t.structures).where(t.structures.c.structure == sa.bindparam("_name"))
"""Built once, like the one below: every posted place, and every part of a round, asks these."""


def check_again(step: Step, structure: str) -> None:
    """The same once hours are held for a child, or given back: its age counts in place of the youngest one's."""
    if step.sheet.staffed.get(structure) is not False and staffed_among(step.tx, [structure])[structure]:
        check(step, structure)


def staffed_among(tx: sa.Connection, structures: Collection[str]) -> dict[str, bool]:
    """Of each of these whether it said what staff it has."""
    said_so = set(tx.scalars(_STAFFED, {"_names": sorted(structures)}))
    return {name: name in said_so for name in structures}


_STAFFED = sa.select(t.structures.c.structure).where(
    t.structures.c.structure.in_(sa.bindparam("_names", expanding=True)), t.structures.c.premises.is_not(None)
)


def premises_of(event: StructurePublished) -> dict[str, object] | None:
    """What of a publication is counted here; None where a structure says nothing of its staff."""
    if event.staffing is None:
        return None
    facts = {"kind": event.kind, "capacity": event.capacity, "opening": event.opening, "staffing": event.staffing}
    return Premises.model_validate(facts).model_dump(mode="json")


def _first_excess(step: Step, structure: str, premises: Premises) -> Excess | None:
    """Looked at on each day on which a place opens: until then the others are all there is."""
    rows, held, today = _open_places(step, structure), _seated(step, structure), local_day(step.now)
    for day in sorted({max(period.start, today) for period, _ in rows}):
        there = [free for period, free in rows if period.contains(day)]
        seated = [child for period, child in held if period.contains(day)]
        found = excesses(premises, there, day, seated) if any(not free.counted for free in there) else ()
        if found:
            return found[0]
    return None


def _open_places(step: Step, structure: str) -> list[tuple[Period, Free]]:
    """The regular places that a structure's director counted, with the ages of their sections; and those beside them
    on which children sit whom the director knew of."""
    query = sa.select(t.sections).where(t.sections.c.structure == structure)
    from_months = {row.section: row.age_from_months for row in step.tx.execute(query)}
    regular = t.vacancies.c.kind == VacancyKind.REGULAR.value
    rows = store.open_vacancies(step.tx, t.vacancies.c.structure == structure, regular)
    places = [(own, own.id != row["vacancy"]) for row in rows for own in store.places_of(row)]
    return [
        (own.period, _free(own, from_months[own.section], counted=counted))
        for own, counted in places
        if all(isinstance(slot.day, Weekday) for slot in own.slots)
    ]


def _free(own: Vacancy, from_months: int, *, counted: bool) -> Free:
    return Free(slots=own.slots, places=own.places, from_months=from_months, section=own.section, counted=counted)


def _seated(step: Step, structure: str) -> list[tuple[Period, Seated]]:
    """The children for whom hours of every week are held there, by a proposal or a placement. Of an erased family no
    age is known any more: its child counts as a free place does, for the youngest of the section. Of a place that one
    child lends to another by moving, who follows counts from its start on, and not both."""
    here = sa.select(t.sections.c.section).where(t.sections.c.structure == structure)
    query = (
        sa.select(t.holds, t.requests.c.need)
        .join(t.proposals, t.proposals.c.proposal == t.holds.c.proposal)
        .join(t.requests, t.requests.c.request == t.proposals.c.request)
        .where(t.holds.c.section.in_(here), t.holds.c.lent_by.is_(None))
        .where(t.proposals.c.kind == VacancyKind.REGULAR.value)
        .order_by(t.holds.c.hold)
    )
    rows = [row for row in step.tx.execute(query).mappings() if row["need"]]
    found = [(store.hold(row), date.fromisoformat(row["need"]["born"])) for row in rows]
    lent = store.loans(step.tx, t.holds.c.section.in_(here))
    return [
        (period, Seated(section=hold.section, slots=slots, born=born))
        for hold, born in found
        if all(isinstance(slot.day, Weekday) for slot in hold.slots)
        for slots, period in _kept(hold, [row for lender, row in lent if lender == hold.id])
    ]


def _kept(hold: Hold, lent: list[Hold]) -> list[tuple[tuple[Slot, ...], Period]]:
    """The hours of a child on a place but for those that it lends to who comes once it has moved."""
    if not lent:
        return [(hold.slots, hold.period)]
    hours = Hours([hold, *lent])
    gone = {cell for row in lent for cell in hours.cells(row)}
    return [(row.slots, row.period) for row in as_amounts(dict.fromkeys(hours.cells(hold) - gone, 1))]


def said(excess: Excess) -> str:
    """What does not fit, in French, with its text."""
    if excess.slot is None:
        return f"Sur la semaine{NBSP}: {excess.wanted}{NBSP}h demandées pour {excess.allowed}{NBSP}h ({excess.source})."
    when = f"Le {excess.slot.weekday.label}, {hours_in_full(excess.slot.start, excess.slot.end)}"
    unit = "adultes" if excess.of_adults else "enfants"
    return f"{when}{NBSP}: {excess.wanted} {unit} pour {excess.allowed} ({excess.source})."
