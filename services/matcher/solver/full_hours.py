"""Hours that are full whatever choice those who went before take in the end.

When to modify: when a family uses hours in one more way.
"""

from __future__ import annotations

from collections import defaultdict

from contracts.vocabulary import Id
from services.matcher.solver.books import Left
from services.matcher.solver.descent import Descent
from services.matcher.solver.priced import Cost
from services.matcher.solver.ways import Place, Way

Core = dict[tuple[Id, int], int]
"""The cells, as bits, that a family uses in any case, by section and audience level."""


class FullHours:
    """What is left in each section beside what is used in any case."""

    def __init__(self, descent: Descent) -> None:
        self.descent = descent
        self._left: dict[Id, dict[int, Left]] = {}
        self._cores: defaultdict[Id, Core] = defaultdict(dict)

    def note(self, unit: Id, ways: tuple[Way, ...]) -> list[Id]:
        """Notes the ways left to a family; returns the sections where it uses more for sure."""
        known, core = self._cores[unit], _core(ways)
        more = {key: mask & ~known.get(key, 0) for key, mask in core.items()}
        for (section, level), mask in more.items():
            for binding, left in self._in(section).items() if mask else ():
                if binding >= level:
                    left.take(mask, 1)
        self._cores[unit] = {key: core.get(key, 0) | known.get(key, 0) for key in core.keys() | known.keys()}
        return list(dict.fromkeys(section for (section, _), mask in more.items() if mask))

    def hour_in_the_way(self, unit: Id, way: Way) -> Cost | None:
        """A price on one full hour that the way needs; None if there is none."""
        own = self._cores.get(unit, {})
        for part in way.parts if way.wanted is not None else ():
            for level, left in reversed(self._in(part.section).items()):
                if level < part.level or part.before is not None:
                    continue
                full = part.mask & ~left.some & ~own.get((part.section, part.level), 0)
                if full:
                    return {Place(part.section, level, (full & -full).bit_length() - 1): 1}
        return None

    def _in(self, section: Id) -> dict[int, Left]:
        if section not in self._left:
            book = self.descent.facts.books[section]
            self._left[section] = {level: book.free[level].copy() for level in book.binding_levels}
            for level, left in self._left[section].items():
                for mask in self.descent.ways.left_by_movers(section, level):
                    left.give(mask, 1)
        return self._left[section]


def _core(ways: tuple[Way, ...]) -> Core:
    """What all these ways use alike; a place that is given up counts only where nothing else may be taken."""
    found: list[Core] = []
    for way in ways:
        used: Core = defaultdict(int)
        for part in way.parts:
            if part.before is None:
                used[part.section, part.level] |= part.mask
        found.append(used)
    first, *others = found
    return {key: _common([mask, *(other.get(key, 0) for other in others)]) for key, mask in first.items()}


def _common(masks: list[int]) -> int:
    found = masks[0]
    for mask in masks:
        found &= mask
    return found
