"""The hours of one section as `verify` and `explain` read them: its cells, what is offered in each, and who is there.

Written without the solver, which cuts time in its own way. When to modify: when a new kind of row fills a section.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise

from contracts.vocabulary import Audience, Id, Period, Slot
from services.matcher.solver.schema import Hold, Placed, Vacancy

Span = tuple[tuple[Slot, ...], Period]
Cell = tuple[int, int, int]
"""Weekday, stretch of dates and stretch of hours."""
AUDIENCES = tuple(Audience)
LEVELS = tuple(range(len(AUDIENCES)))


class Cut:
    """Time as all the bounds of some spans cut it: one cell for each weekday, stretch of dates, stretch of hours."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._dates, self._hours = _boundaries(set(spans))
        self._weekdays = [_weekdays(start, end) for start, end in pairwise(self._dates)]
        self._known: dict[Span, frozenset[Cell]] = {}
        # The same objects are looked up again and again and are slow to hash; kept here, their ids stay theirs.
        self._seen: dict[tuple[int, int], tuple[tuple[Slot, ...], Period, frozenset[Cell]]] = {}

    def cells(self, slots: tuple[Slot, ...], period: Period) -> frozenset[Cell]:
        """The cells of these slots on the days of the period."""
        key = (id(slots), id(period))
        if key not in self._seen:
            cells = self._known.get((slots, period))
            if cells is None:
                cells = frozenset(cell for slot in slots for cell in self._cells(slot, period))
                self._known[slots, period] = cells
            self._seen[key] = (slots, period, cells)
        return self._seen[key][2]

    def _cells(self, slot: Slot, period: Period) -> Iterator[Cell]:
        weekday = slot.weekday.number
        start, end = _days(slot, period)
        hours = self._hours[weekday]
        stretches = range(bisect_left(hours, slot.start), bisect_left(hours, slot.end))
        for number in range(bisect_left(self._dates, start), bisect_left(self._dates, end)):
            if weekday in self._weekdays[number]:
                yield from ((weekday, number, stretch) for stretch in stretches)


class Book(Cut):
    """One section of a round: what is offered in each cell, and who uses it."""

    def __init__(
        self,
        instant: datetime,
        vacancies: list[Vacancy],
        holds: list[Hold],
        wished: Iterable[Span],
        placed: list[Placed],
    ) -> None:
        self.instant, self.vacancies, self.holds, self.placed = instant, vacancies, holds, placed
        free = [(row.slots, row.period) for row in self.vacancies]
        taken = [(row.slots, row.period) for row in self.holds] + [(row.slots, row.period) for row in placed]
        super().__init__([*wished, *free, *taken])

    @cached_property
    def offered(self) -> list[dict[Cell, int]]:
        """For each audience level, the places in each cell that it may use."""
        levels = [(row.audience_at(self.instant).level, (row.slots, row.period), row.places) for row in self.vacancies]
        return self._up_to_each_level(levels)

    @cached_property
    def binding_levels(self) -> tuple[int, ...]:
        """The levels to look at: where the next one offers no more, it holds more users and says it all."""
        last = LEVELS[-1]
        return tuple(level for level in LEVELS if level == last or self.offered[level] != self.offered[level + 1])

    @cached_property
    def held(self) -> list[dict[Cell, int]]:
        """For each audience level, the units that holds of at most that level keep in each cell."""
        return self._up_to_each_level(
            [(row.entitled_to.level, (row.slots, row.period), row.units) for row in self.holds]
        )

    @cached_property
    def children(self) -> dict[Cell, list[Id]]:
        """The requests placed in each cell."""
        found: dict[Cell, list[Id]] = defaultdict(list)
        for row in self.placed:
            for cell in self.cells(row.slots, row.period):
                found[cell].append(row.request)
        return found

    def is_offered(self, span: Span, level: int = LEVELS[-1]) -> bool:
        """True if each cell is offered, on all its days, to somebody of at most this audience level."""
        cells = self.cells(*span)
        return bool(cells) and all(self.offered[level].get(cell, 0) > 0 for cell in cells)

    def _up_to_each_level(self, rows: list[tuple[int, Span, int]]) -> list[dict[Cell, int]]:
        found: list[dict[Cell, int]] = [defaultdict(int) for _ in LEVELS]
        for own, span, amount in rows:
            for level in LEVELS[own:]:
                for cell in self.cells(*span):
                    found[level][cell] += amount
        return found


def _days(slot: Slot, period: Period) -> tuple[date, date]:
    """First day, and the day after the last, of the days that a slot may fall on; the same twice if there is none."""
    last = period.end or date.max
    if not isinstance(slot.day, date):
        return (period.start, last)
    return (slot.day, slot.day + timedelta(days=1)) if period.contains(slot.day) else (period.start, period.start)


def _boundaries(spans: set[Span]) -> tuple[list[date], list[list[time]]]:
    dates: set[date] = set()
    hours: list[set[time]] = [set() for _ in range(7)]
    for slots, period in spans:
        for slot in slots:
            dates |= set(_days(slot, period))
            hours[slot.weekday.number] |= {slot.start, slot.end}
    return sorted(dates), [sorted(found) for found in hours]


def _weekdays(start: date, end: date) -> set[int]:
    """The weekdays that fall between two dates, the second one excluded."""
    return {(start.weekday() + step) % 7 for step in range(min((end - start).days, 7))}
