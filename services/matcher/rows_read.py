"""Rows of the matcher's tables as a round reads them, each taken apart once for as long as it stays the same.

A request is known by its version, and the places and holds of a section by the section's: `store.touch_request` and
`store.lock_section` are the only doors through which these change, and the guards of every write rest on that already.
In a section that has changed, a row that says the same as before is the same object. When to modify: when a round reads
one more column.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import RequestKind, VacancyKind
from services.calendar import local_day
from services.matcher import store
from services.matcher import tables as t
from services.matcher.solver.schema import Hold, Vacancy

AT_A_TIME = 500
"""Ids named in one question, well below what SQLite and PostgreSQL take."""


@dataclass(frozen=True)
class Waiting:
    """A request that waits. `reads_the_same_all_day`: no hour of the day changes how a round sees it. `names_a_place`:
    its child has one by what it says. `is_complete`: nothing of it can be missing on any day (`needs.missing`)."""

    request: str
    family: str
    version: int
    goes_first: bool
    need: NeedFacts
    reads_the_same_all_day: bool
    names_a_place: bool
    is_complete: bool
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
    return Waiting(
        **own, need=need, reads_the_same_all_day=not dated and need.kind is not RequestKind.URGENT,
        names_a_place=need.kind.has_a_place or need.current is not None,
        is_complete=need.is_born and need.kind is not RequestKind.OCCASIONAL,
    )  # fmt: skip


@dataclass(frozen=True)
class Stock:
    """The vacancies of a section and what is held there on a day, as they were in one version of it."""

    version: int
    day: date
    offers: tuple[Offer, ...]
    held: tuple[Hold, ...]
    rows: Mapping[Hashable, Any]
    """What each row of the database was read as."""

    @cached_property
    def places(self) -> tuple[Vacancy, ...]:
        """Those of all its vacancies."""
        return tuple(place for offer in self.offers for place in offer.places)

    @cached_property
    def confirmed_since(self) -> datetime | None:
        """When the first of its regular places was last confirmed; None where one of its vacancies is doubtful at any
        hour of the day."""
        rows = [offer.row for offer in self.offers]
        if any(row["ends"] is not None and row["ends"] <= self.day for row in rows):
            return None
        asked = [(row["kind"], row["confirmed_at"]) for row in rows if row["kind"] != VacancyKind.ON_CALL]
        regular = [at for kind, at in asked if kind == VacancyKind.REGULAR]
        if any(at is None or (kind != VacancyKind.REGULAR and local_day(at) != self.day) for kind, at in asked):
            return None
        return min(regular, default=FOR_EVER)


FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""Nothing here has to be confirmed any more today."""

NO_STOCK = Stock(-1, date.min, (), (), MappingProxyType({}))


def stocks(tx: sa.Connection, before: Mapping[str, Stock], sections: Mapping[str, int], day: date) -> dict[str, Stock]:
    """By section, in the order of their names. `sections` are their versions, `before` what is known of them.

    The holds are those that are not over on `day`.
    """
    found = {name: before.get(name, NO_STOCK) for name in sorted(sections)}
    moved = [name for name, stock in found.items() if stock.version != sections[name] or stock.day != day]
    for first in range(0, len(moved), AT_A_TIME):
        names = moved[first : first + AT_A_TIME]
        known = {row: read for name in names for row, read in found[name].rows.items()}
        found |= {name: replace(read, version=sections[name]) for name, read in _stocks(tx, known, names, day)}
    return found


def _stocks(
    tx: sa.Connection, known: Mapping[Hashable, Any], sections: list[str], day: date
) -> Iterator[tuple[str, Stock]]:  # fmt: skip
    rows: dict[str, dict[Hashable, Any]] = defaultdict(dict)
    offers, held = defaultdict[str, list[Offer]](list), defaultdict[str, list[Hold]](list)
    for key, hold in _holds(tx, known, sections, day):
        rows[hold.section][key] = hold
        held[hold.section].append(hold)
    for key, offer in _offers(tx, known, sections):
        section = offer.row["section"]
        rows[section][key] = offer
        offers[section].append(offer)
    for name in sections:
        yield name, Stock(-1, day, tuple(offers[name]), tuple(held[name]), rows[name])


def _holds(
    tx: sa.Connection, known: Mapping[Hashable, Any], sections: list[str], day: date
) -> Iterator[tuple[Hashable, Hold]]:  # fmt: skip
    """As `store.holds`, each with all that its row says."""
    for row in tx.execute(_HOLDS, {"_sections": sections, "_day": day}).all():
        key = ("hold", *row)
        yield key, known.get(key) or store.hold(_read(row))


def _offers(
    tx: sa.Connection, known: Mapping[Hashable, Any], sections: list[str]
) -> Iterator[tuple[Hashable, Offer]]:  # fmt: skip
    """As `store.open_vacancies`, with the places of each. Places confirmed again are the same places."""
    for row in tx.execute(_OFFERS, {"_sections": sections}).all():
        key, facts = ("places", *row[:-1]), _read(row)
        same: Offer | None = known.get(key)
        yield key, Offer(facts, same.places if same else tuple(store.places_of(facts)))


def _texts(table: sa.Table, last: str = "") -> sa.Select[Any]:
    """The rows of a table, what is JSON in them as its text. One column may be named to come last."""
    columns = sorted(table.c, key=lambda column: column.name == last)
    return sa.select(*(sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in columns))


_SECTIONS = sa.bindparam("_sections", type_=sa.String, expanding=True)
_HOLDS = (
    _texts(t.holds)
    .where(
        t.holds.c.lent_by.is_(None),
        t.holds.c.section.in_(_SECTIONS),
        t.holds.c.ends.is_(None) | (t.holds.c.ends > sa.bindparam("_day", type_=sa.Date)),
    )
    .order_by(t.holds.c.hold)
)
_OFFERS = store.in_their_order(_texts(t.vacancies, last="confirmed_at"), t.vacancies.c.section.in_(_SECTIONS))
"""Built once: each round asks these."""


def _read(row: sa.Row[Any]) -> dict[str, Any]:
    read = dict(row._mapping)
    for name in ("slots", "sat_on"):
        if name in read:
            read[name] = json.loads(read[name])
    return read
