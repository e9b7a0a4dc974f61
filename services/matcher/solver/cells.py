"""The cells of one structure: what all the dates and hours named there cut time into, as bits of an integer.

A set of cells is an `int`, one bit per cell, so that "does it fit" is one AND. Cells are made for a round and never
stored. When to modify: when a new kind of row cuts time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time

from contracts.vocabulary import Period, Slot

FOREVER = date.max.toordinal() + 1
Span = tuple[tuple[Slot, ...], Period]


@dataclass(frozen=True, slots=True)
class Day:
    """One weekday of the grid: the hours that cut it, and its first bit. Stretches of dates follow each other."""

    hours: tuple[time, ...]
    first_bit: int
    repeats: tuple[int, ...]

    @property
    def width(self) -> int:
        return max(len(self.hours) - 1, 0)


class Grid:
    """Weekday by weekday, stretch of dates by stretch of dates, the hours between two boundaries are one cell."""

    def __init__(self, spans: Iterable[Span]) -> None:
        spans = list({(id(slots), id(period)): (slots, period) for slots, period in spans}.values())
        self._dates = sorted({bound for slots, period in spans for bound in _date_bounds(slots, period)})
        self._days = _days_of(spans, max(len(self._dates) - 1, 0))
        # Spans are slow to hash and looked up again and again: known by their ids, which stay theirs while kept here.
        self._masks: dict[tuple[int, int], tuple[Span, int]] = {}
        self._real = self._cells_that_happen()

    def mask(self, slots: tuple[Slot, ...], period: Period) -> int:
        """The cells of these slots on the days of the period. The span must be among those of the grid."""
        key = (id(slots), id(period))
        if key not in self._masks:
            mask = self._real & _union(self._slot_mask(slot, period) for slot in slots)
            self._masks[key] = ((slots, period), mask)
        return self._masks[key][1]

    def _slot_mask(self, slot: Slot, period: Period) -> int:
        bounds = _bounds_of(slot, period)
        if bounds is None:
            return 0
        day = self._days[slot.weekday.number]
        first, last = bisect_left(self._dates, bounds[0]), bisect_left(self._dates, bounds[1])
        start, end = bisect_left(day.hours, slot.start), bisect_left(day.hours, slot.end)
        hours = ((1 << (end - start)) - 1) << start
        stretches = day.repeats[last] - day.repeats[first]
        return (hours * stretches) << day.first_bit

    def _cells_that_happen(self) -> int:
        """A stretch of dates shorter than a week holds no cell of the weekdays it lacks."""
        return _union(
            ((1 << day.width) - 1) << (day.first_bit + stretch * day.width)
            for stretch, (start, end) in enumerate(zip(self._dates, self._dates[1:], strict=False))
            for weekday, day in enumerate(self._days)
            if (weekday - (start - 1)) % 7 < end - start
        )


def bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def atoms(masks: Iterable[int]) -> list[int]:
    """The coarsest sets of cells that each mask either holds whole or leaves alone. Cells in no mask are left out."""
    parts: list[int] = []
    covered = 0
    for mask in masks:
        refined: list[int] = []
        for part in parts:
            inside = part & mask
            refined += (part,) if not inside or inside == part else (inside, part ^ inside)
        rest = mask & ~covered
        parts = [*refined, rest] if rest else refined
        covered |= mask
    return parts


class Amounts:
    """A whole number for each cell, of either sign: one integer for each binary digit of all of them, so that an amount
    is added to any set of cells at once."""

    def __init__(self, most: int) -> None:
        """`most` is how far from 0 the numbers may go."""
        self._digits = [0] * (most.bit_length() + 1)  # the last one is the sign: two's complement

    def add(self, mask: int, amount: int) -> None:
        """Adds an amount to the number of each cell of a set."""
        carried = 0
        for place, digit in enumerate(self._digits):
            added = mask if amount >> place & 1 else 0
            self._digits[place] = digit ^ added ^ carried
            carried = digit & added | carried & (digit ^ added)

    @property
    def none_left(self) -> int:
        """The cells whose number is 0 or below."""
        *digits, sign = self._digits
        return sign | ~_union(digits)

    @property
    def below(self) -> int:
        """The cells whose number is below 0."""
        return self._digits[-1]

    def least(self, mask: int) -> int:
        """The least number among the cells of a set that is not empty."""
        *digits, sign = self._digits
        found = -(1 << len(digits)) if mask & sign else 0
        lowest = mask & sign or mask
        for place in range(len(digits) - 1, -1, -1):
            without = lowest & ~digits[place]
            found += 0 if without else 1 << place
            lowest = without or lowest
        return found


class Parts:
    """Sets of cells without any in common, and where they stand in their list."""

    def __init__(self, masks: Iterable[int]) -> None:
        self.masks = atoms(masks)
        self._firsts = _union(mask & -mask for mask in self.masks)
        self._numbers = {(mask & -mask).bit_length() - 1: number for number, mask in enumerate(self.masks)}
        self._within: dict[int, int] = {}

    def within(self, mask: int) -> int:
        """The parts that a set of cells holds, as bits. It holds each of them whole or leaves it alone."""
        if mask not in self._within:
            self._within[mask] = _union(1 << self._numbers[first] for first in bits(mask & self._firsts))
        return self._within[mask]


def _union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _bounds_of(slot: Slot, period: Period) -> tuple[int, int] | None:
    """First day and day after the last, as ordinals, of the stretch in which the slot comes back."""
    if isinstance(slot.day, date):
        return (slot.day.toordinal(), slot.day.toordinal() + 1) if period.contains(slot.day) else None
    return (period.start.toordinal(), period.end.toordinal() if period.end else FOREVER)


def _date_bounds(slots: tuple[Slot, ...], period: Period) -> Iterator[int]:
    for slot in slots:
        yield from _bounds_of(slot, period) or ()


def _days_of(spans: Iterable[Span], stretches: int) -> list[Day]:
    hours: list[set[time]] = [set() for _ in range(7)]
    for slot in {id(slot): slot for slots, _ in spans for slot in slots}.values():
        hours[slot.weekday.number] |= {slot.start, slot.end}
    days: list[Day] = []
    first_bit = 0
    for found in hours:
        width = max(len(found) - 1, 0)
        days.append(Day(tuple(sorted(found)), first_bit, _repeats(width, stretches)))
        first_bit += width * stretches
    return days


def _repeats(width: int, stretches: int) -> tuple[int, ...]:
    """For n from 0: one bit at the start of each of the first n stretches. A product with it copies a day's hours."""
    found = [0]
    for stretch in range(stretches):
        found.append(found[-1] | 1 << (stretch * width))
    return tuple(found)
