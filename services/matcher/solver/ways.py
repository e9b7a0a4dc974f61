"""The ways to serve each family, as proofs count them: cells of sections, moments of other limits, and goals.

Written without the solver. When to modify: when a family uses something more that may run out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.books import Cell, numbers
from services.matcher.solver.facts import Choice, Facts, is_choice
from services.matcher.solver.families import Wanted
from services.matcher.solver.limited import Spot
from services.matcher.solver.schema import Goal, Placed


class Place(NamedTuple):
    """A section, the audience level that counts, and a cell."""

    section: Id
    level: int
    cell: Cell


class Aim(NamedTuple):
    """A goal that is decided for several families at once; `among` is the first of them by name."""

    goal: Goal
    tier: int | None
    points: int | None
    among: Id


@dataclass(frozen=True)
class Part:
    """Cells of one section that a child would use; `before` a day only, for a place that it gives up on that day."""

    section: Id
    mask: int
    level: int
    before: date | None = None


@dataclass(eq=False)
class Way:
    """One way to serve a family, to leave a child in the place that it has, or to leave it without any.

    `spots` are the moments of other limits, once for each child; `aims` what it counts in goals. `prices` by the
    number of the proof, what it is paid back taken off.
    """

    wanted: Wanted | None
    parts: tuple[Part, ...] = ()
    spots: tuple[Spot, ...] = ()
    aims: dict[Aim, int] = field(default_factory=dict)
    prices: dict[int, int] = field(default_factory=dict)

    @property
    def keys(self) -> Iterable[Id | Spot | Aim]:
        """What prices may stand on: its sections, its moments of limits, its goals."""
        return dict.fromkeys((*(part.section for part in self.parts), *self.spots, *self.aims))

    @property
    def sections(self) -> Iterable[Id]:
        return dict.fromkeys(part.section for part in self.parts)

    @property
    def children(self) -> int:
        """How many children it places; a week in two structures is one child."""
        return len({choice.request for choice in self.wanted.choices}) if self.wanted else 0


class Ways:
    """What would suit each family, made when it is first asked for, and what there is of each place."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._ways: dict[Id, tuple[Way, ...]] = {}
        self._none: dict[Id, Way] = {}
        self._left: dict[Place | Spot, int] = {}
        self._rows: defaultdict[Id, list[Placed]] = defaultdict(list)
        for row in facts.outcome.placed:
            self._rows[row.request].append(row)
        self._used: dict[Way, Counter[Place | Spot]] = {}

    def of(self, unit: Id) -> tuple[Way, ...]:
        """All that would suit a family at hours that exist; a child who moves keeps its place until then."""
        if unit not in self._ways:
            found = (self._way(wanted) for wanted in self.facts.families.wanted(unit))
            self._ways[unit] = tuple(way for way in found if all(part.mask for part in way.parts))
        return self._ways[unit]

    def without(self, unit: Id) -> Way:
        """The family with nothing of what it asks: a child who has a place stays there."""
        if unit not in self._none:
            home = self._home(unit, None)
            self._none[unit] = Way(None, (home,) if home is not None else (), tuple(self._spots_at_home(unit, None)))
        return self._none[unit]

    def possible(self, unit: Id) -> tuple[Way, ...]:
        """The ways for which there is room, were nobody else to come."""
        return tuple(way for way in self.of(unit) if self._has_room(way))

    def reachable(self, unit: Id) -> tuple[Way, ...]:
        """Of these, the ones for which there is room once all who may move have gone, for who has a place too."""
        return tuple(
            way for way in self.possible(unit) if all(self._is_open(part) for part in way.parts if part.before is None)
        )

    def held(self, unit: Id) -> Way | None:
        """How the outcome serves a family; None if that is none of its ways."""
        rows = [row for name in self.facts.families.members[unit] for row in self._rows.get(name, ())]
        if not rows:
            return self.without(unit)
        same = (way for way in self.of(unit) if way.wanted and len(way.wanted.choices) == len(rows))
        return next(
            (way for way in same if way.wanted and all(_is_taken(one, rows) for one in way.wanted.choices)), None
        )

    def is_mover(self, unit: Id) -> bool:
        return unit in self.facts.movers.had

    def places(self, place: Place) -> int:
        """The places in a cell that children of at most this audience may use, with those that children may leave.

        Where more was held before than there are places, whoever is there may stay.
        """
        section, level, cell = place
        book, had = self.facts.books[section], self.facts.movers.had.values()
        given = sum(mask >> cell & 1 for mask in self.left_by_movers(section, level))
        own = (hold for hold in had if hold.section == section and hold.entitled_to.level <= level)
        theirs = sum(book.mask(hold.slots, hold.period) >> cell & 1 for hold in own)
        return max(book.free[level].at(cell) + given, theirs)

    def left_by_movers(self, section: Id, level: int) -> list[int]:
        """The cells, as bits, of each place in a section that counts as held and that a child may leave."""
        now = (hold for hold in self.facts.movers.now.values() if hold is not None and hold.section == section)
        book = self.facts.books[section]
        return [book.mask(hold.slots, hold.period) for hold in now if hold.entitled_to.level <= level]

    def used(self, way: Way) -> Counter[Place | Spot]:
        """How much a way takes of each place, at each audience level that counts, and of each other limit."""
        if way not in self._used:
            self._used[way] = self._counted(way)
        return self._used[way]

    def _counted(self, way: Way) -> Counter[Place | Spot]:
        found: Counter[Place | Spot] = Counter(way.spots)
        for part in way.parts:
            book = self.facts.books[part.section]
            levels = [level for level in book.binding_levels if level >= part.level]
            for cell in numbers(part.mask):
                if part.before is None or book.moment(cell)[0] < part.before:
                    found.update(Place(part.section, level, cell) for level in levels)
        return found

    def left(self, key: Place | Spot) -> int:
        """How many may use it."""
        if key not in self._left:
            self._left[key] = self.places(key) if isinstance(key, Place) else self.facts.limits.left_at(key)
        return self._left[key]

    def _has_room(self, way: Way) -> bool:
        home = [part for part in way.parts if part.before is not None]
        return bool(home) or all(count <= self.left(key) for key, count in self.used(way).items())

    def _is_open(self, part: Part) -> bool:
        book = self.facts.books[part.section]
        levels = [level for level in book.binding_levels if level >= part.level]
        return not any(book.crowded[level] & part.mask for level in levels) and all(
            self.left(Place(part.section, level, cell)) > 0 for level in levels for cell in numbers(part.mask)
        )

    def _way(self, wanted: Wanted) -> Way:
        parts: list[Part] = []
        for choice in wanted.choices:
            level = self.facts.level_in(choice.request, choice.section)
            parts.append(Part(choice.section, self.facts.books[choice.section].mask(*choice.span), level))
            home = self._home(choice.request, choice.period.start)
            parts += [home] if home is not None and home.mask else []
        return Way(wanted, tuple(parts), tuple(self._spots(wanted)))

    def _spots(self, wanted: Wanted) -> Iterator[Spot]:
        for choice in wanted.choices:
            yield from self.facts.limits.spots(choice)
            yield from self._spots_at_home(choice.request, choice.period.start)

    def _spots_at_home(self, request: Id, before: date | None) -> Iterator[Spot]:
        return self.facts.limits.spots_at_home(request, before) if request in self.facts.movers.had else iter(())

    def _home(self, request: Id, until: date | None) -> Part | None:
        hold = self.facts.movers.had.get(request)
        if hold is None:
            return None
        mask = self.facts.books[hold.section].mask(hold.slots, hold.period)
        return Part(hold.section, mask, hold.entitled_to.level, until)


def _is_taken(choice: Choice, rows: Iterable[Placed]) -> bool:
    return any(row.request == choice.request and is_choice(row, choice) for row in rows)
