"""Rows of the matcher's tables as a round reads them, each taken apart once for as long as it stays the same.

A row of a place or of a hold is known by all that it says, a request by its version: `store.touch_request` is the only
door through which one changes. When to modify: when a round reads one more column.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import RequestKind
from services.matcher import store
from services.matcher import tables as t
from services.matcher.memory import Lately
from services.matcher.solver.schema import Hold, Vacancy

AT_A_TIME = 500
"""Ids named in one question, well below what SQLite and PostgreSQL take."""

Known = Lately[Hashable, Any]


@dataclass(frozen=True)
class Waiting:
    """A request that waits. `reads_the_same_all_day`: no hour of the day changes how a round sees it."""

    request: str
    family: str
    version: int
    goes_first: bool
    need: NeedFacts
    reads_the_same_all_day: bool
    registered_at: datetime | None


@dataclass(frozen=True)
class Offer:
    """A row of a vacancy, and its places as a round counts them."""

    row: dict[str, Any]
    places: tuple[Vacancy, ...]


def waiting(tx: sa.Connection, requests: list[str]) -> dict[str, Waiting]:
    """These requests, read whole."""
    found: dict[str, Waiting] = {}
    for first in range(0, len(requests), AT_A_TIME):
        some = t.requests.c.request.in_(requests[first : first + AT_A_TIME])
        for row in tx.execute(sa.select(t.requests).where(some)).mappings():
            found[row["request"]] = _waiting(row)
    return found


def _waiting(row: sa.RowMapping) -> Waiting:
    need = store.need(row)
    dated = any(isinstance(slot.day, date) for pattern in need.patterns for slot in pattern.slots)
    own = {name: row[name] for name in ("request", "family", "version", "goes_first", "registered_at")}
    return Waiting(**own, need=need, reads_the_same_all_day=not dated and need.kind is not RequestKind.URGENT)


def holds(tx: sa.Connection, known: Known, *conditions: sa.ColumnElement[bool]) -> Iterator[Hold]:
    """As `store.holds`."""
    query = _texts(t.holds).where(t.holds.c.lent_by.is_(None), *conditions).order_by(t.holds.c.hold)
    for row in tx.execute(query).all():
        yield known.get(("hold", *row), lambda row=row: store.hold(_read(row)))  # type: ignore[misc]


def offers(tx: sa.Connection, known: Known, *conditions: sa.ColumnElement[bool]) -> Iterator[Offer]:
    """As `store.open_vacancies`, with the places of each. Places confirmed again are the same places."""
    for row in tx.execute(store.in_their_order(_texts(t.vacancies, last="confirmed_at"), *conditions)).all():
        facts = known.get(("row", *row), lambda row=row: _read(row))  # type: ignore[misc]
        same = ("places", *row[:-1])
        yield Offer(facts, known.get(same, lambda facts=facts: tuple(store.places_of(facts))))  # type: ignore[misc]


def _texts(table: sa.Table, last: str = "") -> sa.Select[Any]:
    """The rows of a table, what is JSON in them as its text. One column may be named to come last."""
    columns = sorted(table.c, key=lambda column: column.name == last)
    return sa.select(*(sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in columns))


def _read(row: sa.Row[Any]) -> dict[str, Any]:
    read = dict(row._mapping)
    for name in ("slots", "sat_on"):
        if name in read:
            read[name] = json.loads(read[name])
    return read
