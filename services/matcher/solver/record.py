"""What was reached, level by level, and what other modes would have placed: counted once everything is decided.

When to modify: when a mode has one more goal, or the minutes must say one more number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.bands import Band, Held, all_claims, bands
from services.matcher.solver.columns import minutes
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.levels import Reached
from services.matcher.solver.schema import Goal, Level, Mode, Policy

EVERYBODY: Band = (0, 0)
"""Stands for the band of a goal that is about all requests."""


class Record:
    """The gaps that goals left, by goal and band; a level without one was proven."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self._gaps: Counter[tuple[Goal, Band]] = Counter()

    def note(self, goal: Goal, band: Band, reached: Reached | None) -> None:
        if reached:
            self._gaps[goal, band] += reached.gap

    @property
    def complete(self) -> bool:
        """True if no level was left without its proof."""
        return not self.keeper.unproven and not any(self._gaps.values())

    def levels(self, policy: Policy) -> Iterator[Level]:
        """Every level of the mode, with its value, its bound, and who is left without a proof."""
        sheet = self.keeper.sheet
        claims = all_claims(sheet, list(sheet.choices), policy)
        if policy.mode is Mode.MOST_CHILDREN:
            yield self._level(Goal.TOTAL, EVERYBODY, sum(map(self._served, sheet.choices)), 0, ())
        for band in bands(claims):
            value, lost = sum(map(self._met, band)), sum(map(self._could_gain, band))
            yield self._level(Goal.CHILDREN, band[0].band, value, lost, (held.unit for held in band))
        highest = {held.unit: held for held in reversed(claims)}
        for band in bands(sorted(highest.values(), key=lambda held: held.claim)):
            units = [held.unit for held in band]
            value, lost = sum(map(self._steps, units)), -sum(map(self._steps, filter(self._is_open, units)))
            yield self._level(Goal.WISHES, band[0].band, value, lost, units)
        yield self._level(Goal.HOURS, EVERYBODY, sum(map(self._minutes, sheet.choices)), 0, ())

    def _level(self, goal: Goal, band: Band, value: int, lost: int, units: Iterable[Id]) -> Level:
        """`lost` is what those without a proof might add to the value."""
        gap = self._gaps[goal, band]
        return Level(
            goal=goal,
            tier=None if band == EVERYBODY else band[0],
            points=None if band == EVERYBODY else -band[1],
            value=value,
            bound=value + lost - gap if goal is Goal.WISHES else value + lost + gap,
            open=self._open(units) if self.keeper.unproven else (),
        )

    def _open(self, units: Iterable[Id]) -> tuple[Id, ...]:
        open_units = filter(self._is_open, dict.fromkeys(units))
        return tuple(sorted(name for unit in open_units for name in self._names(unit)))

    def _is_open(self, unit: Id) -> bool:
        return unit in self.keeper.unproven

    def _names(self, unit: Id) -> Iterable[Id]:
        return (request.id for request in self.keeper.problem.units[unit].requests)

    def _column(self, unit: Id) -> int:
        return self.keeper.now.at.get(unit, self.keeper.sheet.nothing[unit])

    def _served(self, unit: Id) -> int:
        return self.keeper.sheet.seats(self._column(unit))

    def _met(self, held: Held) -> int:
        """How many children of a unit have this claim met."""
        sheet, column = self.keeper.sheet, self._column(held.unit)
        worst = max(sheet.level(other) for other in held.meets)
        return sheet.seats(column) if sheet.level(column) <= worst else 0

    def _could_gain(self, held: Held) -> int:
        if not self._is_open(held.unit):
            return 0
        return max(self.keeper.sheet.seats(column) for column in held.meets) - self._met(held)

    def _steps(self, unit: Id) -> int:
        return self.keeper.sheet.steps(self._column(unit))

    def _minutes(self, unit: Id) -> int:
        return minutes(self.keeper.sheet.options[self._column(unit)])
