"""A child of the demo who got a place, and whose family asks for another one at the counter of the guichet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from contracts.requests import AcceptedPattern, WishedStructure
from contracts.vocabulary import Id, Period, RequestKind, Slot
from services.ingest import store
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import need_of
from services.ingest.projection import tables as seen
from services.territory import Move, move_of

_SLOTS = TypeAdapter(tuple[Slot, ...])
_WISHES = TypeAdapter(tuple[WishedStructure, ...])
_PATTERNS = TypeAdapter(tuple[AcceptedPattern, ...])


@dataclass(frozen=True)
class AskedAgain:
    """The other need of a child, under the id of a request of its own."""

    request: Id
    family: Id
    child: Id
    need: NeedBody


def who_may_move(tx: sa.Connection, structure: Id, today: date) -> list[AskedAgain]:
    """What the children with a regular place of `structure` might ask for, by placement; each of them once."""
    p, r = seen.placements, store.requests
    lasting = (p.c.structure == structure, p.c.last_day.is_(None), p.c.partial.is_(False))
    regular = (r.c.kind == RequestKind.REGULAR.value, p.c.confirmed_at.is_not(None))
    query = sa.select(p, r.c.family, r.c.child, r.c.need).join_from(p, r, r.c.id == p.c.request)
    rows = tx.execute(query.where(*lasting, *regular).order_by(p.c.id)).mappings()
    known = set(tx.scalars(sa.select(r.c.id)))
    return [_again(dict(row), today) for row in rows if _name(row["request"]) not in known]


def _name(request: Id) -> Id:
    return f"{request}-bis"


def _again(row: dict[str, Any], today: date) -> AskedAgain:
    had = need_of(row)
    move = move_of(_WISHES.validate_python(had["wishes"]), _hours(row, had), row["structure"], today)
    need = NeedBody.model_validate({**had, **_otherwise(row, move)})
    return AskedAgain(_name(row["request"]), row["family"], row["child"], need)


def _hours(row: dict[str, Any], had: dict[str, Any]) -> tuple[Slot, ...]:
    """The week that the family asked for and got; the place itself is longer by the way there and back."""
    patterns = [pattern.slots for pattern in _PATTERNS.validate_python(had["patterns"])]
    days = {slot.day for slot in _SLOTS.validate_python(row["slots"])}
    return next((slots for slots in patterns if {slot.day for slot in slots} == days), patterns[0])


def _otherwise(row: dict[str, Any], move: Move) -> dict[str, Any]:
    """The fields of the need that the move changes. It begins once the child has been there for a while."""
    start = max(move.start, row["start"])
    period = Period(start=start, end=row["end"] if row["end"] and row["end"] > start else None)
    alone = {"accepts_partial": False, "min_days": 1, "accepts_split": False, "since": start, "current": row["id"]}
    return {**move.model_dump(include={"kind", "wishes", "patterns"}), "period": period, **alone}
