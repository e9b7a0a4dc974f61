"""The hours of one section, cut wherever one of its rows begins or ends: between two cuts every sum stays the same.

Written apart from the solver's own cells, so that one mistake does not hide in both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import groupby, pairwise

from contracts.vocabulary import WEEKDAYS, Period, Slot
from services.matcher.solver.schema import Hold, Vacancy

FOREVER = date.max
"""Stands for the end of what has none."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Cell:
    """Hours of one weekday (0 is Monday) on the days of `[first, until)`."""

    first: date
    until: date
    weekday: int
    start: time
    end: time

    @property
    def first_day(self) -> date:
        """The first day on which these hours come."""
        return self.first + timedelta(days=(self.weekday - self.first.weekday()) % 7)


@dataclass(frozen=True)
class Amount:
    """`places` at each of `slots` on the days of `period`."""

    slots: tuple[Slot, ...]
    period: Period
    places: int


class Hours:
    """The cells that some rows of a section cut time into."""

    def __init__(self, rows: Iterable[Vacancy | Hold]) -> None:
        rows = list(rows)
        bounds = {bound for row in rows for slot in row.slots for bound in _days(slot, row.period) or ()}
        self._stretches = list(pairwise(sorted(bounds)))
        self._starts = [first for first, _ in self._stretches]
        hours: dict[int, set[time]] = defaultdict(set)
        for slot in (slot for row in rows for slot in row.slots):
            hours[slot.weekday.number] |= {slot.start, slot.end}
        self._hours = {weekday: sorted(found) for weekday, found in hours.items()}

    def cells(self, row: Vacancy | Hold) -> frozenset[Cell]:
        """The cells that the row has its places in, or takes."""
        return frozenset(cell for slot in row.slots for cell in self._cells(slot, row.period))

    def _cells(self, slot: Slot, period: Period) -> Iterator[Cell]:
        days = _days(slot, period)
        if days is None:
            return
        weekday, hours = slot.weekday.number, self._hours[slot.weekday.number]
        pieces = list(pairwise(hours[bisect_left(hours, slot.start) : bisect_left(hours, slot.end) + 1]))
        for first, until in self._stretches[bisect_left(self._starts, days[0]) : bisect_left(self._starts, days[1])]:
            if (weekday - first.weekday()) % 7 < (until - first).days:  # a short stretch may lack the weekday
                yield from (Cell(first, until, weekday, start, end) for start, end in pieces)


def _days(slot: Slot, period: Period) -> tuple[date, date] | None:
    """First day and day after the last on which the slot comes back; None if it never does."""
    if isinstance(slot.day, date):
        return (slot.day, slot.day + ONE_DAY) if period.contains(slot.day) else None
    return (period.start, period.end or FOREVER)


def as_amounts(counts: Mapping[Cell, int]) -> tuple[Amount, ...]:
    """The same places as few rows: hours that touch joined, stretches of days that follow each other too."""
    found: dict[tuple[date, date], dict[int, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell, places in sorted(counts.items()):
        found[cell.first, cell.until][places].append(cell)
    rows = [
        (places, _joined(cells), first, until)
        for (first, until), by_places in found.items()
        for places, cells in by_places.items()
    ]
    rows.sort(key=lambda row: (row[0], [str(slot) for slot in row[1]], row[2]))
    amounts: list[Amount] = []
    for (places, slots), alike in groupby(rows, key=lambda row: (row[0], row[1])):
        amounts += [Amount(slots, period, places) for period in _periods([row[2:] for row in alike])]
    return tuple(amounts)


def _joined(cells: Iterable[Cell]) -> tuple[Slot, ...]:
    """The hours of sorted cells of one stretch of days."""
    slots: list[Slot] = []
    for cell in cells:
        weekday = WEEKDAYS[cell.weekday]
        if slots and slots[-1].day is weekday and slots[-1].end == cell.start:
            slots[-1] = Slot(day=weekday, start=slots[-1].start, end=cell.end)
        else:
            slots.append(Slot(day=weekday, start=cell.start, end=cell.end))
    return tuple(slots)


def _periods(stretches: Iterable[tuple[date, date]]) -> list[Period]:
    joined: list[tuple[date, date]] = []
    for first, until in sorted(stretches):
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((first, until))
    return [Period(start=first, end=None if until == FOREVER else until) for first, until in joined]
