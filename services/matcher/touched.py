"""A round in its parts, from the round before: what an event has not touched is neither put in order nor cut anew.

A row that says the same is the same object from round to round (`memory.py`), so what has changed is seen by looking
who is who. Around it the round is cut again, as wide as what has changed may reach; every other part stays as it was.
Where more than rows has changed, the whole round is cut. When to modify: with `solver/components.py`.
"""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from contracts.vocabulary import Id, RequestKind
from services.matcher.solver.canonical import Once, RoundRefused, canonical, refuse_contradictions
from services.matcher.solver.components import Reached, split
from services.matcher.solver.schema import Request, Round

ROWS = ("sections", "vacancies", "requests", "holds")
"""What an event changes."""

CONTEXT = ("territory", "policy", "support", "siblings", "travel")
"""What ties parts together beside these: if it changes, the whole round is cut."""

_id = operator.attrgetter("id")
_section = operator.attrgetter("section")
PLACES: Mapping[str, Callable[[Any], Id]] = {
    "sections": operator.attrgetter("structure"), "vacancies": _section, "holds": _section,
}  # fmt: skip
"""By kind of row, where it is."""


def urgent_first(part: Round) -> tuple[bool, Id]:
    """Sorts parts: urgent ones first."""
    return (
        all(row.kind is not RequestKind.URGENT for row in part.requests),
        min((row.id for row in part.requests), default=""),
    )


@dataclass(frozen=True)
class Part:
    """A part, with the names of what it knows. In `own` sections it has places or holds."""

    round: Round

    @cached_property
    def requests(self) -> frozenset[Id]:
        return frozenset(row.id for row in self.round.requests)

    @cached_property
    def turn(self) -> tuple[bool, Id]:
        """Urgent ones first, then by their first request."""
        return urgent_first(self.round)

    @cached_property
    def sections(self) -> frozenset[Id]:
        return frozenset(row.id for row in self.round.sections)

    @cached_property
    def own(self) -> frozenset[Id]:
        places = frozenset(row.section for row in self.round.vacancies)
        return places.union(row.section for row in self.round.holds)

    @cached_property
    def wished(self) -> frozenset[Id]:
        return frozenset(wish.structure for row in self.round.requests for wish in row.wishes)


@dataclass(frozen=True)
class Cut:
    """A round as it was read, the same in canonical order, and its connected parts. `where` are its rows by place."""

    read: Round
    asked: Round
    parts: tuple[Part, ...]
    where: Where


class Where:
    """The sections of each structure, and what is offered and held in each, so that nobody looks through all of them.

    It follows a round from one to the next.
    """

    def __init__(self, asked: Round) -> None:
        self.home = {row.id: row.structure for row in asked.sections}
        self.rows: dict[str, dict[Id, list[Any]]] = {name: defaultdict(list) for name in PLACES}
        for kind, place in PLACES.items():
            for row in getattr(asked, kind):
                self.rows[kind][place(row)].append(row)

    def follow(self, change: _Change) -> None:
        """The rows are those after a change. `change.new` are in canonical order."""
        for name in PLACES:
            for row in change.rows[name][0]:
                there = self.rows[name][PLACES[name](row)]
                there[:] = [other for other in there if other.id != row.id]
            for row in change.new[name]:
                self.rows[name][PLACES[name](row)].append(row)
        for row in change.rows["sections"][0]:
            del self.home[row.id]
        self.home |= {row.id: row.structure for row in change.new["sections"]}

    def of(self, name: str, places: Iterable[Id]) -> tuple[Any, ...]:
        """The rows of one kind in these places, in canonical order."""
        there = (self.rows[name].get(place, ()) for place in places)
        return tuple(sorted(chain.from_iterable(there), key=_id))

    def sections_of(self, structures: Iterable[Id]) -> set[Id]:
        """The names of the sections of these structures."""
        return {row.id for name in structures for row in self.rows["sections"].get(name, ())}


@dataclass
class Cutter:
    """Cuts the rounds of one territory, each from the one before. `once` are its rows in canonical order."""

    once: Once
    reached: Reached = field(default_factory=Reached)
    before: Cut | None = None

    def cut(self, read: Round) -> Cut:
        """The round in its parts. Raises RoundRefused, as `canonical` does."""
        self.reached.let_go(map(id, self.once.let_go()))
        before, self.before = self.before, None
        found = self._from(before, read) if before is not None and _is_comparable(before.read, read) else None
        self.before = found or self._whole(read)
        return self.before

    def _whole(self, read: Round) -> Cut:
        asked = canonical(read, self.once)
        return Cut(read, asked, tuple(map(Part, split(asked, self.reached.by(asked)))), Where(asked))

    def _from(self, before: Cut, read: Round) -> Cut | None:
        """None where the rows contradict each other: whoever looks at the whole says how."""
        change = self._change(before.read, read)
        try:
            rows = {name: _merged(name, before.asked, change) for name in ROWS}
            asked = before.asked.model_copy(update={"id": read.id, "instant": read.instant, **rows})
            if change.requests & {row.id for row in asked.siblings}:
                return None
            parts = self._parts(before, asked, change)
        except RoundRefused:
            return None
        return Cut(read, asked, parts, before.where)

    def _change(self, before: Round, now: Round) -> _Change:
        rows = {name: _difference(getattr(before, name), getattr(now, name)) for name in ROWS}
        once = {"requests": self.once.request, "sections": _same}
        return _Change(rows, {name: [once.get(name, self.once.dated)(row) for row in rows[name][1]] for name in ROWS})

    def _parts(self, before: Cut, asked: Round, change: _Change) -> tuple[Part, ...]:
        """Those that nothing has touched as they were, and those of what has changed and of all that it may reach."""
        where = before.where
        where.follow(change)
        moved = change.sections | where.sections_of(change.structures)
        if change.given_up:
            moved |= {hold.section for hold in asked.holds if hold.id in change.given_up}
        wished = where.sections_of(change.wished)
        near = [part for part in before.parts if _is_near(part, change, moved, wished)]
        parts = self._around(asked, near, change, moved, where) if near or change.arrived else ()
        near_ones = set(map(id, near))
        return (*(_at(part, asked) for part in before.parts if id(part) not in near_ones), *map(Part, parts))

    def _around(
        self, asked: Round, near: list[Part], change: _Change, moved: Collection[Id], where: Where
    ) -> tuple[Round, ...]:  # fmt: skip
        """The parts of what has changed and of all that it may reach."""
        known = frozenset[Id]().union(moved, *(part.sections for part in near))
        structures = {where.home[name] for name in known if name in where.home} | change.wished
        stay = (row for part in near for row in part.round.requests if row.id not in change.requests)
        requests = tuple(sorted((*stay, *change.new["requests"]), key=_id))
        sections = where.of("sections", structures)
        inside = [row.id for row in sections]
        names = {row.id for row in requests}
        around = asked.model_copy(
            update={
                "sections": sections,
                "vacancies": where.of("vacancies", inside),
                "holds": where.of("holds", inside),
                "requests": requests,
                "siblings": tuple(row for row in asked.siblings if not names.isdisjoint(row.requests)),
            }
        )
        refuse_contradictions(around)
        changed = change.structures | {where.home[name] for name in moved if name in where.home}
        return split(around, self.reached.among(around, changed))


@dataclass(frozen=True)
class _Change:
    """By kind of row, those that are gone and those that are new. A row that says something else is both. `new` are the
    new ones as they are in canonical order."""

    rows: Mapping[str, tuple[list[Any], list[Any]]]
    new: Mapping[str, list[Any]]

    def _both(self, *names: str) -> list[Any]:
        return [row for name in names for rows in self.rows[name] for row in rows]

    @cached_property
    def arrived(self) -> list[Request]:
        return self.rows["requests"][1]

    @cached_property
    def requests(self) -> frozenset[Id]:
        return frozenset(row.id for row in self._both("requests"))

    @cached_property
    def sections(self) -> set[Id]:
        """Where places, holds or the section itself have changed."""
        return {row.section for row in self._both("vacancies", "holds")} | {r.id for r in self._both("sections")}

    @cached_property
    def structures(self) -> set[Id]:
        """Those of which a section has come, gone, or says something else."""
        return {row.structure for row in self._both("sections")}

    @cached_property
    def wished(self) -> set[Id]:
        """The structures that new requests may reach."""
        return {wish.structure for row in self.arrived for wish in row.wishes}

    @cached_property
    def given_up(self) -> set[Id]:
        """The holds that children of changed requests have now, or had."""
        return {row.current for row in self._both("requests") if row.current is not None}


def _is_comparable(before: Round, now: Round) -> bool:
    """True if nothing but rows has changed, and nothing is counted over all parts."""
    alone = not (before.quotas or now.quotas) and now.policy.first_tier_percent is None
    return alone and all(getattr(before, name) == getattr(now, name) for name in CONTEXT)


def _merged(name: str, asked: Round, change: _Change) -> tuple[Any, ...]:
    """The rows of one kind in canonical order. Raises RoundRefused where a new one has the name of another."""
    gone, new = change.rows[name][0], change.new[name]
    rows: tuple[Any, ...] = getattr(asked, name)
    if not gone and not new:
        return rows
    found = list(rows)
    for row in gone:
        del found[bisect_left(found, row.id, key=_id)]
    for row in new:
        place = bisect_left(found, row.id, key=_id)
        if place < len(found) and found[place].id == row.id:
            raise RoundRefused(f"« {row.id} » figure deux fois dans « {name} ».")
        found.insert(place, row)
    return tuple(found)


def _difference(before: Sequence[Any], now: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The rows that are gone, and those that are new. Most stand where they stood, before all that has changed or
    behind it."""
    first = _as_before(before, now)
    last = min(_as_before(reversed(before), reversed(now)), min(len(before), len(now)) - first)
    before, now = before[first : len(before) - last], now[first : len(now) - last]
    were, are = set(map(id, before)), set(map(id, now))
    return [row for row in before if id(row) not in are], [row for row in now if id(row) not in were]


def _as_before(before: Iterable[Any], now: Iterable[Any]) -> int:
    """How many rows at the start are the very same."""
    return [*map(operator.is_, before, now), False].index(False)


def _is_near(part: Part, change: _Change, moved: Collection[Id], wished: Iterable[Id]) -> bool:
    """True for a part that has, knows or wishes something that has changed, or that a new request may reach."""
    return not (
        part.requests.isdisjoint(change.requests)
        and part.sections.isdisjoint(moved)
        and part.own.isdisjoint(wished)
        and part.wished.isdisjoint(change.structures)
    )


def _at(part: Part, read: Round) -> Part:
    """The same part in another round. What it knows by name stays known."""
    again = Part(part.round.model_copy(update={"id": read.id, "instant": read.instant}))
    again.__dict__.update({name: value for name, value in part.__dict__.items() if name != "round"})
    return again


def _same(row: Any) -> Any:
    return row
