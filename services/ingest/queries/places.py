"""Free places: for anybody, for the structure that posted them, for a counsellor who needs one tomorrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import LIVE, Audience, Period, ProposalState, Slot, VacancyKind, Weekday
from services.calendar import local_day
from services.ingest import store
from services.ingest.access import Thing, reveal
from services.ingest.actors import Actor
from services.ingest.awaited import NOTHING_AWAITED, Awaited, awaited
from services.ingest.free import (
    Held,
    Piece,
    Posted,
    free_among,
    free_in,
    is_worth_showing,
    most_days_free_in,
    most_free_in,
    overlap,
    pieces,
    takes_from,
)
from services.ingest.problems import unknown
from services.ingest.projection.tables import placements, proposals

FRESH_FOR = {VacancyKind.REGULAR: timedelta(days=7), VacancyKind.OCCASIONAL: timedelta(0)}
"""Beyond these days nobody said again that it is free, and no round offers it (people.md, "Places")."""

SHOWN_TO_ALL = (VacancyKind.REGULAR, VacancyKind.OCCASIONAL)
"""On-call places are not on the public page: a counsellor asks for them."""


@dataclass(frozen=True)
class Wanted:
    """What a visitor filters by; empty means any."""

    commune: str | None = None
    age_months: int | None = None
    day: Weekday | None = None
    kind: VacancyKind | None = None


def free_places(tx: sa.Connection, actor: Actor, now: datetime, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    """Free regular and occasional places of the territory that anybody may be offered, commune by commune.

    One row for each section, kind and period: its `slots`, how many are `free`, when somebody last said so.
    """
    wanted = wanted or Wanted()
    today = local_day(now)
    everything = open_vacancies(tx, now, store.vacancies.c.territory == actor.territory)
    rows = [
        row
        for row in everything
        if row["kind"] in SHOWN_TO_ALL and is_open_to_all(row, now) and not is_stale(row, today)
    ]
    known = named_sections(tx, {row["section"] for row in rows})
    waiting = awaited(tx, actor.territory)
    found = [view for view in _by_section(tx, rows, everything, known, today, waiting) if _suits(view, known, wanted)]
    order = sorted(found, key=lambda v: (v["commune"], v["structure_name"], v["section"], v["period"].start))
    return [reveal(actor, Thing(actor.territory, structure=view["structure"]), view) for view in order]


def last_update(tx: sa.Connection, territory: str) -> datetime | None:
    """When any structure of the territory last said anything about its places."""
    mine = store.vacancies.c.territory == territory
    newest: datetime | None = tx.scalar(sa.select(sa.func.max(store.vacancies.c.confirmed_at)).where(mine))
    return newest


def places_of(tx: sa.Connection, actor: Actor, structure: str, now: datetime) -> list[dict[str, Any]]:
    """What a structure has posted: how many `posted`, in a proposal, taken and free, and whether to confirm it.

    `left` is the count that a change says: what was given since is taken off, what is proposed is not.
    """
    rows = open_vacancies(tx, now, store.vacancies.c.structure == structure)
    known = named_sections(tx, {row["section"] for row in rows})
    views, waiting = list[dict[str, Any]](), awaited(tx, actor.territory)
    for _, pool in _pools(rows):
        held = held_in(tx, pool[0]["section"], pool[0]["kind"], rows)
        found = pieces([posted(row) for row in pool], held)
        given = pieces([posted(row) for row in pool], [hold for hold in held if hold.placed_at is not None])
        for row in pool:
            view = _own_view(row, known[row["section"]], held, found, local_day(now))
            view |= waiting.said([row]) if waiting else NOTHING_AWAITED
            together = _together(row, pool, held, found)
            views.append({**view, **together, "left": free_in(posted(row), given)})
    thing = {view["vacancy"]: Thing(row["territory"], structure=structure) for view, row in _paired(views, rows)}
    seen = [reveal(actor, thing[view["vacancy"]], view) for view in views]
    return sorted((view for view in seen if view), key=lambda v: (v["section_name"], v["kind"], v["vacancy"]))


def vacancy_view(tx: sa.Connection, actor: Actor, vacancy: str, now: datetime) -> dict[str, Any]:
    """One vacancy of those that `places_of` lists. Raises Refused."""
    row = store.find(tx, store.vacancies, vacancy)
    views = places_of(tx, actor, row["structure"], now) if row else []
    found = next((view for view in views if view["vacancy"] == vacancy), None)
    if found is None:
        raise unknown("vacancy", "cette place")
    return found


def families_told(tx: sa.Connection, vacancy: str) -> int:
    """How many families at most would learn by SMS that this vacancy is withdrawn: each counts once, however many of
    its proposals lie in it, and one that was told of nothing yet does not count. The matcher takes back no more than
    what does not fit any more.
    """
    row = store.find(tx, store.vacancies, vacancy)
    if row is None:
        return 0
    own = (proposals.c.section == row["section"], proposals.c.kind == row["kind"], proposals.c.start.is_not(None))
    found = store.rows(tx, sa.select(proposals).where(*own, proposals.c.state.in_(sorted(LIVE - _UNSAID))))
    return len({made["family"] for made in found if takes_from(posted(row), _held(made, None))})


_UNSAID = frozenset({ProposalState.PREPARED, ProposalState.HELD})
"""Nothing has left to the family yet."""


def held_in(tx: sa.Connection, section: str, kind: str, rows: Sequence[dict[str, Any]] = ()) -> list[Held]:
    """What is held of the places of one kind in a section: live proposals and running placements.

    Hours of another kind count where no vacancy of that kind in `rows` could have given them: a day's need may take a
    regular place.
    """
    live = (proposals.c.section == section, proposals.c.state.in_(sorted(LIVE)), proposals.c.start.is_not(None))
    made = _waves_once(store.rows(tx, sa.select(proposals).where(*live).order_by(proposals.c.id)))
    running = (placements.c.section == section, placements.c.start.is_not(None), placements.c.confirmed_at.is_not(None))
    joined = sa.select(placements, proposals.c.kind).join(proposals, proposals.c.id == placements.c.proposal)
    placed = store.rows(tx, joined.where(*running).order_by(placements.c.id))
    holds = [(row["kind"], _held(row, None)) for row in made]
    holds += [(row["kind"], _held(row, row["confirmed_at"])) for row in placed if _lasts(row)]
    others = [(row["kind"], posted(row)) for row in rows if row["section"] == section]
    return [hold for own, hold in holds if own == kind or not _given_by(own, hold, others)]


def _waves_once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The proposals, those of one wave as one: together they hold one place, at all the hours of any of them."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = found.get(row["wave"] or row["id"])
        if known is None:
            found[row["wave"] or row["id"]] = row
        else:
            first, last = min(known["start"], row["start"]), None
            if known["end"] is not None and row["end"] is not None:
                last = max(known["end"], row["end"])
            known.update(slots=[*known["slots"], *row["slots"]], start=first, end=last)
    return list(found.values())


def _given_by(kind: str, hold: Held, others: Sequence[tuple[str, Posted]]) -> bool:
    return any(own == kind and takes_from(vacancy, hold) for own, vacancy in others)


def posted(row: dict[str, Any]) -> Posted:
    return Posted(
        row["id"], _read_slots(row), Period(start=row["start"], end=row["end"]), row["places"], row["counted_at"]
    )


def is_open_to_all(row: dict[str, Any], now: datetime) -> bool:
    released = row["release_at"] is not None and row["release_at"] <= now
    return bool(row["audience"] == Audience.EVERYBODY or released)


def is_stale(row: dict[str, Any], today: date) -> bool:
    """True if nobody confirmed the place lately: the structure is asked, and no round offers it."""
    fresh_for = FRESH_FOR.get(VacancyKind(row["kind"]))
    if fresh_for is None:
        return False
    return row["confirmed_at"] is None or local_day(row["confirmed_at"]) < today - fresh_for


def section_facts(section: dict[str, Any]) -> dict[str, Any]:
    """A section with its structure, as every list of places names them."""
    return {
        "structure": section["structure"],
        "structure_name": section["structure_name"],
        "commune": section["commune"],
        "award_mode": section["award_mode"],
        "section": section["id"],
        "section_name": section["name"],
        "age_from_months": section["age_from_months"],
        "age_to_months": section["age_to_months"],
    }


def open_vacancies(tx: sa.Connection, now: datetime, whose: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Open vacancies that still have a day to come, by section and kind."""
    vacancies = store.vacancies
    to_come = sa.or_(vacancies.c.end.is_(None), vacancies.c.end > local_day(now))
    query = sa.select(vacancies).where(whose, to_come, vacancies.c.withdrawn_at.is_(None))
    return store.rows(tx, query.order_by(vacancies.c.section, vacancies.c.kind, vacancies.c.id))


def named_sections(tx: sa.Connection, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    structures, sections = store.structures, store.sections
    columns = (structures.c.name.label("structure_name"), structures.c.commune, structures.c.award_mode)
    joined = sa.select(sections, *columns).join(structures, structures.c.id == sections.c.structure)
    return {row["id"]: row for row in store.rows(tx, joined.where(sections.c.id.in_(sorted(ids))))}


def _pools(rows: Sequence[dict[str, Any]]) -> list[tuple[tuple[str, str], list[dict[str, Any]]]]:
    return [(name, list(pool)) for name, pool in groupby(rows, key=lambda row: (row["section"], row["kind"]))]


def _by_section(
    tx: sa.Connection,
    rows: Sequence[dict[str, Any]],
    everything: Sequence[dict[str, Any]],
    known: dict[str, dict[str, Any]],
    today: date,
    waiting: Awaited | None,
) -> list[dict[str, Any]]:
    views = []
    for (section, kind), pool in _pools(rows):
        found = pieces([posted(row) for row in pool], held_in(tx, section, kind, everything))
        shown = [piece for piece in found if is_worth_showing(piece) and not _is_over(piece, today)]
        facts = {**section_facts(known[section]), "kind": kind, "updated_at": _updated(pool)}
        views += [{**facts, **free, **_awaits(free, pool, waiting)} for free in _grouped(shown, today)]
    return views


def _awaits(free: dict[str, Any], pool: Sequence[dict[str, Any]], waiting: Awaited | None) -> dict[str, Any]:
    """Whether the vacancies that give these places wait for a commission."""
    if waiting is None:
        return NOTHING_AWAITED
    period = free["period"]
    giving = [row for row in pool if any(_gives(posted(row), slot, period) for slot in free["slots"])]
    return waiting.said(giving)


def _gives(vacancy: Posted, slot: Slot, period: Period) -> bool:
    return vacancy.period.covers(period) and any(overlap(own, slot, vacancy.period, period) for own in vacancy.slots)


def _grouped(shown: Sequence[Piece], today: date) -> list[dict[str, Any]]:
    """Slots that are free on the same days in the same number belong to one line."""
    groups: dict[tuple[date, date | None, int], list[Slot]] = {}
    for piece in shown:
        start = max(piece.period.start, today)
        groups.setdefault((start, piece.period.end, piece.free), []).append(piece.slot)
    return [
        {"period": Period(start=start, end=end), "free": free, "slots": tuple(sorted(slots, key=_in_week))}
        for (start, end, free), slots in groups.items()
    ]


def _own_view(
    row: dict[str, Any], section: dict[str, Any], held: Sequence[Held], found: Sequence[Piece], today: date
) -> dict[str, Any]:
    vacancy = posted(row)
    mine = [hold for hold in held if takes_from(vacancy, hold)]
    return {
        **section_facts(section),
        "vacancy": row["id"],
        "kind": row["kind"],
        "slots": vacancy.slots,
        "period": vacancy.period,
        "posted": row["places"],
        "proposed": sum(hold.placed_at is None for hold in mine),
        "taken": sum(hold.placed_at is not None for hold in mine),
        "free": free_in(vacancy, found),
        "free_a_day": most_days_free_in(vacancy, found),
        "free_at_most": most_free_in(vacancy, found),
        "updated_at": row["confirmed_at"],
        "stale": is_stale(row, today),
        "audience": row["audience"],
        "release_at": row["release_at"],
        "agreement": row["agreement"],
        "snapshot": row["snapshot"],
    }


def _together(
    row: dict[str, Any], pool: Sequence[dict[str, Any]], held: Sequence[Held], found: Sequence[Piece]
) -> dict[str, Any]:
    """What is free, at the hours of a vacancy, of all the places of its section and kind; `pooled` where other places
    have what it has: no proposal then is one of this vacancy and not of the others."""
    vacancy, others = posted(row), [posted(other) for other in pool if other is not row]
    mine = [hold for hold in held if takes_from(vacancy, hold)]
    least, whole, most = free_among(vacancy, found)
    shared = any(takes_from(other, hold) for hold in mine for other in others)
    return {"pooled": shared, "pool_free": least, "pool_free_a_day": whole, "pool_free_at_most": most}


def _paired(
    views: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    by_id = {row["id"]: row for row in rows}
    return [(view, by_id[view["vacancy"]]) for view in views]


def _suits(view: dict[str, Any], known: dict[str, dict[str, Any]], wanted: Wanted) -> bool:
    section = known[view["section"]]
    age = wanted.age_months
    return (
        wanted.commune in (None, view["commune"])
        and wanted.kind in (None, view["kind"])
        and (age is None or section["age_from_months"] <= age <= section["age_to_months"])
        and (wanted.day is None or any(slot.weekday is wanted.day for slot in view["slots"]))
    )


def _held(row: dict[str, Any], placed_at: datetime | None) -> Held:
    return Held(row["id"], _read_slots(row), Period(start=row["start"], end=row["end"]), placed_at)


def _lasts(row: dict[str, Any]) -> bool:
    """False for a placement that ended before it began: the child never came."""
    return row["end"] is None or row["end"] > row["start"]


def _read_slots(row: dict[str, Any]) -> tuple[Slot, ...]:
    return tuple(Slot.model_validate(slot) for slot in row["slots"])


def _updated(pool: Sequence[dict[str, Any]]) -> datetime | None:
    return max((row["confirmed_at"] for row in pool if row["confirmed_at"] is not None), default=None)


def _is_over(piece: Piece, today: date) -> bool:
    """True for a single day, or a stretch of dates, that lies behind: a vacancy is cut where its count changed."""
    is_past = piece.period.end is not None and piece.period.end <= today
    return is_past or (isinstance(piece.slot.day, date) and piece.slot.day < today)


def _in_week(slot: Slot) -> tuple[Any, ...]:
    return (isinstance(slot.day, date), slot.day if isinstance(slot.day, date) else slot.weekday.number, slot.start)
