"""Goals that a mode decides for several families at once, as proofs count them, and what an outcome reached of each.

Written without the solver. Families that share no scarce place, directly or through others, are counted apart: if none
of these parts can reach more, all of them together cannot. When to modify: when a mode has one more goal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from contracts.vocabulary import Id
from services.matcher.solver.limited import Spot
from services.matcher.solver.schema import Goal
from services.matcher.solver.ways import Aim, Place, Way, Ways


@dataclass(frozen=True)
class Counted:
    """A family, the ways that count for it, and whether each of its children counts, or the family once."""

    unit: Id
    ways: tuple[Way, ...]
    children: bool


class Aims:
    """The goals of a mode in their order. `reached` by goal, `competing` by family the goals that it counts in."""

    def __init__(self, ways: Ways, units: Sequence[Id]) -> None:
        self._ways, self._units = ways, units
        self.reached: dict[Aim, int] = {}
        self.competing: defaultdict[Id, list[Aim]] = defaultdict(list)

    def count_all(self) -> None:
        """The number of all children who had no place."""
        rows = (Counted(unit, self._ways.of(unit), True) for unit in self._units if not self._ways.is_mover(unit))
        self._add(Goal.TOTAL, None, None, {row.unit: _children(row) for row in rows})

    def count(self, tier: int, points: int, band: Iterable[Counted]) -> None:
        """How many of a band are served; a child who has a place counts in no number."""
        amounts = {row.unit: _children(row) for row in band if not self._ways.is_mover(row.unit)}
        self._add(Goal.CHILDREN, tier, points, amounts)

    def grant(self, tier: int, points: int, band: Iterable[Id]) -> None:
        """The wishes of a band: each step below the first ones counts against it."""
        amounts = {unit: {way: -steps for way, steps in self._steps(unit)} for unit in band}
        self._add(Goal.WISHES, tier, points, amounts)

    def _add(self, goal: Goal, tier: int | None, points: int | None, amounts: dict[Id, dict[Way, int]]) -> None:
        parts: defaultdict[Id, list[Id]] = defaultdict(list)
        for unit in sorted(amounts):
            parts[self.part_of[unit]].append(unit)
        for units in parts.values():
            self._state(Aim(goal, tier, points, units[0]), {unit: amounts[unit] for unit in units})

    def _state(self, aim: Aim, amounts: dict[Id, dict[Way, int]]) -> None:
        reached = 0
        for unit, own in amounts.items():
            self.competing[unit].append(aim)
            for way, amount in own.items():
                way.aims[aim] = amount
            held = self._ways.held(unit)
            reached += own.get(held, 0) if held is not None else 0
        self.reached[aim] = reached

    def _steps(self, unit: Id) -> Iterator[tuple[Way, int]]:
        """Steps below the first wish; a child who stays where it is, is below its last wish."""
        ways = self._ways.possible(unit)
        worths = sorted({way.wanted.worth for way in ways if way.wanted})
        alone = self._ways.facts.families.together(unit) is None
        place = {worth: worth[0] - 1 if alone else number for number, worth in enumerate(worths)}
        yield from ((way, place[way.wanted.worth]) for way in ways if way.wanted)
        if self._ways.is_mover(unit):
            yield self._ways.without(unit), max((worth[0] for worth in worths), default=0)

    @cached_property
    def part_of(self) -> dict[Id, Id]:
        """For each family one that stands for all with whom it competes."""
        up = {unit: unit for unit in self._units}

        def find(unit: Id) -> Id:
            while up[unit] != unit:
                up[unit] = unit = up[up[unit]]
            return unit

        for first, *others in self._scarce():
            for other in others:
                up[find(other)] = find(first)
        return {unit: find(unit) for unit in self._units}

    def _scarce(self) -> Iterator[list[Id]]:
        """Who may use each place that could be too few for all of them."""
        users: defaultdict[Place | Spot, dict[Id, int]] = defaultdict(dict)
        for unit in self._units:
            most: Counter[Place | Spot] = Counter()
            for way in (*self._ways.possible(unit), self._ways.without(unit)):
                most |= self._ways.used(way)
            for key, count in most.items():
                users[key][unit] = count
        yield from (list(found) for key, found in users.items() if sum(found.values()) > self._ways.left(key))


def _children(row: Counted) -> dict[Way, int]:
    return {way: way.children if row.children else 1 for way in row.ways if way.wanted}
