"""What a step writes in one go, and what it knows of that without asking the database.

A round may make thousands of proposals, each of which would ask the database some twenty questions to which this very
transaction knows the answer. Its step gathers: rows and events wait here until somebody asks the database anything
(`Step.tx`), or until the step ends. Who gathers nothing writes at once. When to modify: when what is made in a step is
asked about one more thing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.requests import NeedFacts
from services.bus import outbox
from services.bus.rows import insert_rows
from services.matcher import store
from services.matcher import tables as t
from services.matcher.solver.schema import Hold, Vacancy

Row = dict[str, Any]


@dataclass
class Shelf:
    """A locked section: its places, and all that counts against them."""

    places: list[Vacancy]
    held: list[Hold]


@dataclass
class Sheet:
    """What one step has still to write, and what it read for all that it makes.

    `codes` are the digits chosen for proposals to come, by their names; `needs` those of requests whose rows are locked
    as they were read; `releases` whether proposals of a territory may leave by themselves; `staffed` which structures
    said what staff they have.
    """

    gathers: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, NeedFacts] = field(default_factory=dict)
    shelves: dict[str, Shelf] = field(default_factory=dict)
    releases: dict[str, bool] = field(default_factory=dict)
    staffed: Mapping[str, bool] = field(default_factory=dict)
    _new: set[str] = field(default_factory=set)
    _about_new: set[tuple[str, str]] = field(default_factory=set)
    _rows: dict[sa.Table, list[Row]] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)
    _touched: set[str] = field(default_factory=set)
    _unwritten: dict[str, Row] = field(default_factory=dict)

    def add(self, table: sa.Table, rows: Iterable[Row]) -> None:
        """Rows to insert: those of one table have the same columns."""
        self._rows.setdefault(table, []).extend(rows)

    def say(self, event: Event) -> None:
        self._events.append(event)

    def touch(self, request: str) -> None:
        """A change of this request is to be counted."""
        self._touched.add(request)

    def add_proposal(self, row: Row) -> None:
        """A new proposal: nobody else knows of it, so whatever is about it was written by this step."""
        self.add(t.proposals, [row])
        self._new.add(row["proposal"])
        self._unwritten[row["proposal"]] = row

    def unwritten(self, proposal: str) -> Row | None:
        """The row of a new proposal, as long as it may be changed here."""
        return self._unwritten.get(proposal)

    def is_about_new(self, kind: str, proposal: str | None) -> bool | None:
        """Whether a new proposal has a timer or a task of this kind; None where only the database knows."""
        return (kind, proposal) in self._about_new if proposal in self._new else None

    def note(self, kind: str, proposal: str) -> None:
        """There is a timer, or a task, of this kind about a proposal."""
        self._about_new.add((kind, proposal))

    def write(self, tx: sa.Connection) -> None:
        """Write what has been gathered."""
        if not (self._rows or self._events or self._touched):
            return
        rows, events, touched = self._rows, self._events, sorted(self._touched)
        self._rows, self._events, self._touched = {}, [], set()
        self._unwritten.clear()
        for table, many in rows.items():
            insert_rows(tx, table, many)
        if touched:
            store.touch_requests(tx, touched)
        outbox.record(tx, *events)


def read_shelves(tx: sa.Connection, sections: Collection[str]) -> dict[str, Shelf]:
    """What these sections have and hold, read once for all."""
    found = {name: Shelf([], []) for name in sections}
    names = {"_names": list(found)}
    for row in tx.execute(_PLACES, names).mappings():
        found[row["section"]].places += store.places_of(row)
    for row in tx.execute(_COUNTED, names).mappings():
        found[row["section"]].held.append(store.hold(row))
    return found


_NAMES = sa.bindparam("_names", type_=sa.String, expanding=True)
_PLACES = store.in_their_order(sa.select(t.vacancies), t.vacancies.c.section.in_(_NAMES))
_COUNTED = store.in_counted_order(sa.select(t.holds).where(t.holds.c.section.in_(_NAMES)))
"""Built once: each part of a round asks these."""
