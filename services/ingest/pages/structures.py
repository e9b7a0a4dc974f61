"""What a structure says of itself on a screen: its manager, its capacity, its team of a usual week, its starts.

Whoever publishes a structure may: its own direction, the guichet, the administration. What the form does not show stays
as it was published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.structures import OnDuty, Present, SectionFacts, Staffing
from contracts.vocabulary import WEEKDAYS, LimitReason, Slot, StaffMethod, VacancyKind, Weekday
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act, Role
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.problems import Refused, conflict, unknown
from services.ingest.queries.places import places_of

WHO = (Role.STRUCTURE, Role.COORDINATOR, Role.ADMINISTRATOR)
DAYS = WEEKDAYS[:6]
"""A team is written from Monday to Saturday."""

MOST = 500

FIELDS = {
    "capacity": "capacite", "manager": "gestionnaire", "insertion_children": "insertion", "staffing": "de",
    "prepared_support": "adaptes", "support_until": "adaptes_fin", "support_reason": "adaptes_motif", "": "capacite",
}  # fmt: skip
"""Where each part of a publication stands on the form."""


async def form_of(visit: Visit) -> Response:
    facts = (await _row(visit))["facts"]
    return await _form(visit, _filled(StructureBody.model_validate(facts)))


async def published(visit: Visit) -> Response:
    """Publish it as it was, with what the form says."""
    form, structure = await visit.form(), visit.path("structure")
    row = await _row(visit)
    known = StructureBody.model_validate(row["facts"])
    try:
        changes = _changes(form, known)
        form.check()
        wanted = body(StructureBody, **{**known.model_dump(), **changes})
        await visit.write(_publish, visit.act(), structure, wanted, form["version"])
    except Refused as refused:
        return await _form(visit, form.refused(refused, FIELDS), 422)
    return visit.go(visit.here, "structure")


def _publish(tx: sa.Connection, act: Act, structure: str, wanted: StructureBody, version: str) -> None:
    """Raises Refused where somebody has published it since the form was opened."""
    row = store.find(tx, store.structures, structure)
    if row is not None and version and row["published_at"].isoformat() != version:
        rule = "La structure a été publiée entre-temps."
        raise conflict("", "changed_meanwhile", rule, "Rechargez la page, puis recommencez.")
    publish_structure(tx, act, structure, wanted)


async def _row(visit: Visit) -> dict[str, Any]:
    """The structure's row, for whoever may publish it. Raises Refused."""
    row = await visit.read(store.find, store.structures, visit.path("structure"))
    if row is None or row["territory"] != visit.actor.territory:
        raise unknown("structure", "cette structure")
    require(visit.actor, Doing.PUBLISH_STRUCTURE, Thing(row["territory"], structure=row["id"]))
    return row


async def _form(visit: Visit, form: Form, status: int = 200) -> Response:
    row = await _row(visit)
    known = StructureBody.model_validate(row["facts"])
    places = await visit.read(places_of, visit.actor, row["id"], visit.now)
    return visit.show(
        "structures/form.html",
        status,
        place=known,
        structure=row["id"],
        version=row["published_at"].isoformat(),
        form=form,
        methods=[(method.value, method.label) for method in StaffMethod],
        days=[(day.value, day.label.capitalize()) for day in DAYS],
        limits=tuple((reason.value, reason.label) for reason in LimitReason),
        sets_limit=visit.actor.role is not Role.STRUCTURE,
        own_team=_team(known.staffing) is not None,
        places=[one for one in places if one["kind"] == VacancyKind.REGULAR],
    )


Team = Mapping[Weekday, tuple[int, int, int]]
"""Adults, then children who do not walk yet, then the others, by day."""


def _team(staffing: Staffing | None) -> tuple[time, time, Team] | None:
    """The team where each day has the same hours; None for one that this form cannot show."""
    if staffing is None:
        return time(8), time(18), {}
    if any(row.born for row in staffing.present):
        return None
    rows = [(slot, row.adults, 0, 0) for row in staffing.on_duty for slot in row.slots]
    rows += [(slot, 0, row.younger, row.older) for row in staffing.present for slot in row.slots]
    hours = {(slot.start, slot.end) for slot, *_ in rows}
    named = [(slot.day, kind) for slot, *counts in rows for kind in ("adults" if counts[0] else "children",)]
    if len(hours) != 1 or len(set(named)) < len(named) or any(slot.day not in DAYS for slot, *_ in rows):
        return None
    team: dict[Weekday, tuple[int, int, int]] = {}
    for slot, *counts in rows:
        before = team.get(slot.weekday, (0, 0, 0))
        adults, younger, older = (one + other for one, other in zip(before, counts, strict=True))
        team[slot.weekday] = (adults, younger, older)
    ((start, end),) = hours
    return start, end, team


def _filled(known: StructureBody) -> Form:
    values: dict[str, Any] = {
        "capacite": known.capacity, "gestionnaire": known.manager or "", "insertion": known.insertion_children,
    }  # fmt: skip
    values |= {"adaptes": known.prepared_support, "adaptes_fin": known.support_until}
    values["adaptes_motif"] = known.support_reason.value if known.support_reason else None
    for n, section in enumerate(known.sections):
        values |= {f"places-{n}": section.places, f"debuts-{n}": section.starts_per_week}
    team = _team(known.staffing)
    if team is not None:
        start, end, counts = team
        values |= {"de": start, "a": end, "methode": (known.staffing or Staffing(on_duty=())).method.value}
        for day, (adults, younger, older) in counts.items():
            values |= {f"adultes-{day}": adults, f"petits-{day}": younger, f"grands-{day}": older}
    return Form.filled(**values)


def _changes(form: Form, known: StructureBody) -> dict[str, Any]:
    """What the form says, in the words of the publication."""
    sections = tuple(_section(form, n, section) for n, section in enumerate(known.sections))
    changes: dict[str, Any] = {
        "capacity": form.number("capacite", "La capacité", 0, MOST),
        "manager": form["gestionnaire"] or None,
        "insertion_children": form.number("insertion", "Le nombre d'enfants", 0, MOST),
        "sections": sections,
        **_limit(form),
    }
    if _team(known.staffing) is not None:
        changes["staffing"] = _staffing(form, known)
    return changes


def _limit(form: Form) -> dict[str, Any]:
    """How many children with adapted care, until when and why; nothing where the form has no such fields."""
    if "adaptes" not in form.values:
        return {}
    return {
        "prepared_support": form.number("adaptes", "Le nombre d'enfants", 1, MOST) if form["adaptes"] else None,
        "support_until": form.maybe_day("adaptes_fin", "le dernier jour de la limite"),
        "support_reason": form.choice("adaptes_motif", LimitReason, "un motif") if form["adaptes_motif"] else None,
    }


def _section(form: Form, n: int, section: SectionFacts) -> SectionFacts:
    starts = form.number(f"debuts-{n}", "Le nombre d'entrées", 1, MOST) if form[f"debuts-{n}"] else None
    places = form.number(f"places-{n}", "Le nombre de places", 0, MOST)
    return section.model_copy(update={"places": places, "starts_per_week": starts})


def _staffing(form: Form, known: StructureBody) -> Staffing | None:
    """The team of a usual week; none where nobody is named."""
    if not any(form[f"{what}-{day}"] for what in ("adultes", "petits", "grands") for day in DAYS):
        return None
    start, end = form.hours()
    if form.problems:
        return None
    counts = {day: tuple(_count(form, what, day) for what in ("adultes", "petits", "grands")) for day in DAYS}
    before = known.staffing or Staffing(on_duty=())
    return before.model_copy(
        update={
            "method": form.choice("methode", StaffMethod, "la méthode"),
            "on_duty": tuple(_on_duty(counts, start, end)),
            "present": tuple(_present(counts, start, end)),
        }
    )


def _count(form: Form, what: str, day: Weekday) -> int:
    name = f"{what}-{day}"
    return form.number(name, "Chaque nombre", 0, MOST) if form[name] else 0


def _on_duty(counts: Mapping[Weekday, tuple[int, ...]], start: time, end: time) -> Iterator[OnDuty]:
    for day, (adults, _, _) in counts.items():
        if adults:
            yield OnDuty(slots=(Slot(day=day, start=start, end=end),), adults=adults)


def _present(counts: Mapping[Weekday, tuple[int, ...]], start: time, end: time) -> Iterator[Present]:
    for day, (_, younger, older) in counts.items():
        if younger or older:
            yield Present(slots=(Slot(day=day, start=start, end=end),), younger=younger, older=older)


PAGES = (get("/structure/{structure}", form_of, *WHO), post("/structure/{structure}", published, *WHO))
