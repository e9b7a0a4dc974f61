"""On-call places that fit one urgent request, for the counsellor who holds one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Period, Slot, VacancyKind
from services.calendar import at, local_day
from services.ingest import store
from services.ingest.access import Doing, Thing, may, reveal
from services.ingest.actors import Actor
from services.ingest.declare.requests import thing_of
from services.ingest.free import Piece, overlap, pieces
from services.ingest.problems import unknown
from services.ingest.queries.places import held_in, named_sections, open_vacancies, posted, section_facts

_MONTHS_IN_YEAR = 12
_DAY = timedelta(days=1)


def on_call_places(tx: sa.Connection, actor: Actor, request: str, now: datetime) -> list[dict[str, Any]]:
    """Where the actor could hold a place for this request now; the matcher has the last word.

    One row for each section and accepted pattern (`pattern` is its position), soonest first.
    """
    row = store.find(tx, store.requests, request)
    if row is None or not may(actor, Doing.HOLD_PLACE, thing_of(row)):
        raise unknown("request", "cette demande")
    mine = (store.vacancies.c.territory == actor.territory) & (store.vacancies.c.kind == VacancyKind.ON_CALL.value)
    rows = [vacancy for vacancy in open_vacancies(tx, now, mine) if _agreed(tx, vacancy, row["need"], now)]
    known = named_sections(tx, {vacancy["section"] for vacancy in rows})
    found = [view for section in sorted(known) for view in _views(tx, row["need"], known[section], rows, now)]
    priced = [{**view, "tariff": _tariff(tx, view["structure"])} for view in found]
    return [reveal(actor, Thing(actor.territory, structure=view["structure"]), view) for view in priced]


def _tariff(tx: sa.Connection, structure: str) -> str:
    """Families in insertion often cannot pay where the tariff is free: whoever chooses for them has to see it."""
    known = store.find(tx, store.structures, structure)
    return str(known["facts"]["tariff"]) if known else ""


def age_months(born: date, day: date) -> int:
    """Months completed on `day`; 0 before the birth."""
    months = (day.year - born.year) * _MONTHS_IN_YEAR + day.month - born.month
    return max(0, months - (day.day < born.day))


def care_slots(need: dict[str, Any], pattern: int) -> tuple[Slot, ...]:
    """The hours of one accepted pattern with travel time on both sides, within the day."""
    travel = int(need["travel_minutes"])
    slots = [Slot.model_validate(slot) for slot in need["patterns"][pattern]["slots"]]
    return tuple(Slot(day=s.day, start=_moved(s.start, -travel), end=_moved(s.end, travel)) for s in slots)


def _views(
    tx: sa.Connection, need: dict[str, Any], section: dict[str, Any], rows: Sequence[dict[str, Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    pool = [row for row in rows if row["section"] == section["id"]]
    held = held_in(tx, section["id"], VacancyKind.ON_CALL.value)
    found = pieces([posted(row) for row in pool], held)
    period = Period.model_validate(need["period"])
    for n in range(len(need["patterns"])):
        slots = care_slots(need, n)
        free = min((_free(found, slot, period) for slot in slots), default=0)
        if free > 0 and not any(_is_past(slot, now) for slot in slots):
            facts = {"kind": VacancyKind.ON_CALL.value, "slots": slots, "period": period, "free": free, "pattern": n}
            yield {**section_facts(section), **facts, "agreement": pool[0]["agreement"]}


def _free(found: Sequence[Piece], slot: Slot, period: Period) -> int:
    """How many are free during all of `slot`: the least of the pieces that it touches, 0 where one is missing."""
    touched = [piece for piece in found if overlap(slot, piece.slot, period, piece.period)]
    hours = sum((_minutes(min(p.slot.end, slot.end)) - _minutes(max(p.slot.start, slot.start)) for p in touched), 0)
    if hours < _minutes(slot.end) - _minutes(slot.start):
        return 0
    return min((piece.free for piece in touched), default=0)


def _agreed(tx: sa.Connection, vacancy: dict[str, Any], need: dict[str, Any], now: datetime) -> bool:
    """True if the agreement holds for this child and leaves the structure its notice."""
    agreement = store.find(tx, store.agreements, vacancy["agreement"]) if vacancy["agreement"] else None
    if agreement is None or agreement["ended_at"] is not None or agreement["valid_until"] < local_day(now):
        return False
    first = date.fromisoformat(need["period"]["start"])
    age = age_months(date.fromisoformat(need["born"]), first)
    notice = timedelta(hours=agreement["notice_hours"])
    begins = min((_begins(Slot.model_validate(s), first) for p in need["patterns"] for s in p["slots"]), default=now)
    return bool(agreement["age_from_months"] <= age <= agreement["age_to_months"] and now + notice <= begins)


def _begins(slot: Slot, first: date) -> datetime:
    if isinstance(slot.day, date):
        return at(slot.day, slot.start)
    ahead = (slot.weekday.number - first.weekday()) % 7
    return at(first + ahead * _DAY, slot.start)


def _is_past(slot: Slot, now: datetime) -> bool:
    return isinstance(slot.day, date) and at(slot.day, slot.start) < now


def _moved(hour: time, minutes: int) -> time:
    total = min(max(_minutes(hour) + minutes, 0), 24 * 60 - 1)
    return time(total // 60, total % 60)


def _minutes(hour: time) -> int:
    return hour.hour * 60 + hour.minute
