"""A round in its parts, from the round before: what an event has not touched is neither put in order nor cut anew.

A row that says the same is the same object from round to round (`memory.py`), so what has changed is seen by looking
who is who. Around it the round is cut again, as wide as what has changed may reach; every other part stays as it was.
Where more than rows has changed, the whole round is cut. When to modify: with `solver/components.py`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
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
    """A round as it was read, the same in canonical order, and its connected parts."""

    read: Round
    asked: Round
    parts: tuple[Part, ...]


@dataclass
class Cutter:
    """Cuts the rounds of one territory, each from the one before. `once` are its rows in canonical order."""

    once: Once
    reached: Reached = field(default_factory=Reached)
    before: Cut | None = None

    def cut(self, read: Round) -> Cut:
        """The round in its parts. Raises RoundRefused, as `canonical` does."""
        before, self.before = self.before, None
        found = self._from(before, read) if before is not None and _is_comparable(before.read, read) else None
        self.before = found or self._whole(read)
        return self.before

    def _whole(self, read: Round) -> Cut:
        asked = canonical(read, self.once)
        return Cut(read, asked, tuple(map(Part, split(asked, self.reached.by(asked)))))

    def _from(self, before: Cut, read: Round) -> Cut | None:
        """None where the rows contradict each other: whoever looks at the whole says how."""
        change = _Change({name: _difference(getattr(before.read, name), getattr(read, name)) for name in ROWS})
        rows = {name: self._merged(name, before.asked, change) for name in ROWS}
        asked = before.asked.model_copy(update={"id": read.id, "instant": read.instant, **rows})
        changed = [found for name, found in rows.items() if found is not getattr(before.asked, name)]
        if not all(map(_differ, changed)) or change.requests & {row.id for row in asked.siblings}:
            return None
        moved = change.sections | {row.id for row in asked.sections if row.structure in change.structures}
        if change.given_up:
            moved |= {hold.section for hold in asked.holds if hold.id in change.given_up}
        wished = {row.id for row in asked.sections if row.structure in change.wished}
        near = [part for part in before.parts if _is_near(part, change, moved, wished)]
        try:
            parts = self._around(asked, near, change, moved) if near or change.arrived else ()
        except RoundRefused:
            return None
        near_ones = set(map(id, near))
        same = (part for part in before.parts if id(part) not in near_ones)
        return Cut(read, asked, (*(_at(part, read) for part in same), *map(Part, parts)))

    def _merged(self, name: str, asked: Round, change: _Change) -> tuple[Any, ...]:
        """The rows of one kind in canonical order."""
        gone, new = change.rows[name]
        rows: tuple[Any, ...] = getattr(asked, name)
        if not gone and not new:
            return rows
        names = {row.id for row in gone}
        in_order: Callable[[Any], Any] = {"requests": self.once.request, "sections": _same}.get(name, self.once.dated)
        return tuple(sorted((*(row for row in rows if row.id not in names), *map(in_order, new)), key=_id))

    def _around(self, asked: Round, near: list[Part], change: _Change, moved: Collection[Id]) -> tuple[Round, ...]:
        """The parts of what has changed and of all that it may reach."""
        requests = frozenset[Id]().union(change.requests, *(part.requests for part in near))
        known = frozenset[Id]().union(moved, *(part.sections for part in near))
        structures = {row.structure for row in asked.sections if row.id in known} | change.wished
        sections = tuple(row for row in asked.sections if row.structure in structures)
        inside = set(map(_id, sections))
        around = asked.model_copy(
            update={
                "sections": sections,
                "vacancies": tuple(row for row in asked.vacancies if row.section in inside),
                "holds": tuple(row for row in asked.holds if row.section in inside),
                "requests": tuple(row for row in asked.requests if row.id in requests),
                "siblings": tuple(row for row in asked.siblings if not requests.isdisjoint(row.requests)),
            }
        )
        refuse_contradictions(around)
        changed = change.structures | {row.structure for row in sections if row.id in moved}
        return split(around, self.reached.among(around, changed))


@dataclass(frozen=True)
class _Change:
    """By kind of row, those that are gone and those that are new. A row that says something else is both."""

    rows: Mapping[str, tuple[list[Any], list[Any]]]

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


def _difference(before: Collection[Any], now: Collection[Any]) -> tuple[list[Any], list[Any]]:
    """The rows that are gone, and those that are new."""
    if len(before) == len(now) and all(map(operator.is_, before, now)):
        return [], []
    were, are = set(map(id, before)), set(map(id, now))
    return [row for row in before if id(row) not in are], [row for row in now if id(row) not in were]


def _differ(rows: Collection[Any]) -> bool:
    """True if each has a name of its own."""
    return len(set(map(_id, rows))) == len(rows)


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
