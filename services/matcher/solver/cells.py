"""The cells of one structure: what all the dates and hours named there cut time into, as bits of an integer.

A set of cells is an `int`, one bit per cell, so that "does it fit" is one AND. Cells are made for a round and never
stored. When to modify: when a new kind of row cuts time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import date, time
from itertools import compress, count, pairwise
from typing import NamedTuple, TypeVar

from contracts.vocabulary import Period, Slot

FOREVER = date.max.toordinal() + 1
DAYS_A_WEEK = 7
AS_FLAGS = bytes.maketrans(b"01", bytes((0, 1)))
Span = tuple[tuple[Slot, ...], Period]


class Hours(NamedTuple):
    """Hours of one weekday: its number, from when, until when."""

    weekday: int
    start: time
    end: time


class Week(NamedTuple):
    """The hours of some slots: those that come back every week, and those of single days. `bounds` are what they cut a
    week at, as bits of the numbers that `Weeks` gives."""

    weekly: tuple[Hours, ...]
    dated: tuple[tuple[date, Hours], ...]
    bounds: int


class Weeks:
    """What grids have in common: hours are read once, and those whose time is cut alike are one grid."""

    def __init__(self) -> None:
        # Slots and periods are slow to hash: known by their ids, which stay theirs while kept here.
        self._read: dict[int, tuple[tuple[Slot, ...], Week]] = {}
        self._days: dict[int, tuple[Period, int]] = {}
        self._grids: dict[tuple[int, int], Grid] = {}
        self._bounds: dict[tuple[int, time], int] = {}
        self._dates: dict[int, int] = {}

    def read(self, slots: tuple[Slot, ...]) -> Week:
        """The hours of these slots."""
        found = self._read.get(id(slots))
        if found is None:
            found = self._read[id(slots)] = (slots, self._week(slots))
        return found[1]

    def grid(self, spans: Iterable[Span]) -> Grid:
        """The grid that all these spans cut time into."""
        bounds = dates = 0
        for slots, period in {(id(slots), id(period)): (slots, period) for slots, period in spans}.values():
            week = self.read(slots)
            bounds |= week.bounds
            dates |= self._days_of(period) if week.weekly else 0
            for day in (day for day, _ in week.dated if period.contains(day)):
                dates |= _numbered(self._dates, (day.toordinal(), day.toordinal() + 1))
        if (bounds, dates) not in self._grids:
            named, days = list(self._bounds), list(self._dates)
            hours, stretches = [named[bit] for bit in bits(bounds)], sorted([days[bit] for bit in bits(dates)])
            self._grids[bounds, dates] = Grid(hours, stretches, self)
        return self._grids[bounds, dates]

    def _week(self, slots: tuple[Slot, ...]) -> Week:
        hours = [(slot.day, Hours(slot.weekday.number, slot.start, slot.end)) for slot in slots]
        weekly = tuple([own for day, own in hours if not isinstance(day, date)])
        dated = tuple([(day, own) for day, own in hours if isinstance(day, date)])
        cut = [(own.weekday, at) for _, own in hours for at in (own.start, own.end)]
        return Week(weekly, dated, _numbered(self._bounds, cut))

    def _days_of(self, period: Period) -> int:
        """The first day of a period and the one after its last, as bits of their numbers."""
        found = self._days.get(id(period))
        if found is None:
            found = self._days[id(period)] = (period, _numbered(self._dates, _ends(period)))
        return found[1]


Named = TypeVar("Named", bound=Hashable)


def _numbered(numbers: dict[Named, int], names: Iterable[Named]) -> int:
    """The numbers of these names as bits; what has none yet gets the next one."""
    return _union(1 << numbers.setdefault(name, len(numbers)) for name in names)


class Grid:
    """Stretch of dates by stretch of dates, weekday by weekday, the hours between two boundaries are one cell."""

    def __init__(self, bounds: Iterable[tuple[int, time]], dates: list[int], weeks: Weeks) -> None:
        """`bounds` are hours of weekdays, `dates` days as ordinals, in order."""
        self._weeks, self._days, self._dates = weeks, _Days(bounds), dates
        self._stretch = {day: number for number, day in enumerate(self._dates)}
        # Spans are slow to hash and looked up again and again: known by their ids, which stay theirs while kept here.
        self._masks: dict[tuple[int, int], tuple[Span, int]] = {}
        self._by_week: dict[int, int] = {}
        self._by_period: dict[int, tuple[Period, int]] = {}
        self._real = self._cells_that_happen()

    def mask(self, slots: tuple[Slot, ...], period: Period) -> int:
        """The cells of these slots on the days of the period. The span must be among those of the grid."""
        found = self._masks.get((id(slots), id(period)))
        if found is None:
            found = self._masks[id(slots), id(period)] = ((slots, period), self._mask(slots, period) & self._real)
        return found[1]

    def _mask(self, slots: tuple[Slot, ...], period: Period) -> int:
        week = self._weeks.read(slots)
        if id(slots) not in self._by_week:
            self._by_week[id(slots)] = self._days.mask(week.weekly)
        found = self._by_week[id(slots)] * self._repeats(period) if week.weekly else 0
        for day, hours in week.dated:
            if period.contains(day):
                found |= self._days.mask((hours,)) << self._stretch[day.toordinal()] * self._days.width
        return found

    def _repeats(self, period: Period) -> int:
        """One bit at the start of each stretch of a period. A product with it copies the hours of a week."""
        if id(period) not in self._by_period:
            first, after = map(self._stretch.__getitem__, _ends(period))
            repeats = sum(1 << stretch * self._days.width for stretch in range(first, after))
            self._by_period[id(period)] = (period, repeats)
        return self._by_period[id(period)][1]

    def _cells_that_happen(self) -> int:
        """A stretch of dates shorter than a week holds no cell of the weekdays it lacks."""
        return _union(
            self._days.between(start, end) << stretch * self._days.width
            for stretch, (start, end) in enumerate(pairwise(self._dates))
        )


class _Days:
    """The cells of one week, weekday by weekday: each boundary is the bit that begins there."""

    def __init__(self, bounds: Iterable[tuple[int, time]]) -> None:
        by_day: list[list[time]] = [[] for _ in range(DAYS_A_WEEK)]
        for weekday, bound in bounds:
            by_day[weekday].append(bound)
        self._bits: list[dict[time, int]] = []
        self._masks: list[int] = []
        self.width = 0
        for found in by_day:
            self._bits.append({bound: 1 << self.width + place for place, bound in enumerate(sorted(found))})
            cells = max(len(found) - 1, 0)
            self._masks.append((1 << cells) - 1 << self.width)
            self.width += cells

    def mask(self, hours: Iterable[Hours]) -> int:
        """The cells of one week that these hours cover."""
        return _union(self._bits[weekday][end] - self._bits[weekday][start] for weekday, start, end in hours)

    def between(self, start: int, end: int) -> int:
        """The cells of the weekdays from one day up to, and without, another; days as ordinals."""
        first, days = (start - 1) % DAYS_A_WEEK, end - start
        return _union(mask for weekday, mask in enumerate(self._masks) if (weekday - first) % DAYS_A_WEEK < days)


def grid_of(spans: Iterable[Span]) -> Grid:
    """The grid that these spans cut time into."""
    return Weeks().grid(spans)


def _ends(period: Period) -> tuple[int, int]:
    """First day and day after the last, as ordinals."""
    return (period.start.toordinal(), period.end.toordinal() if period.end else FOREVER)


def bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set, lowest first."""
    return compress(count(), _flags(mask))


def _flags(mask: int) -> bytes:
    """For each bit, the lowest first, 1 or 0."""
    return format(mask, "b")[::-1].encode().translate(AS_FLAGS)


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

    def least(self, masks: Sequence[int]) -> tuple[int, ...]:
        """For each of these sets of cells, none of them empty, the least number among its cells."""
        by_number = sorted(self._by_number(_union(masks)))
        return tuple([next(number for number, cells in by_number if cells & mask) for mask in masks])

    def _by_number(self, mask: int) -> list[tuple[int, int]]:
        """Each number that some cell of a set has, and all the cells of the set that have it."""
        found = [(0, mask)]
        for place, digit in enumerate(self._digits):
            worth = 1 << place if place < len(self._digits) - 1 else -1 << place
            split = (part for n, cells in found for part in ((n, cells & ~digit), (n + worth, cells & digit)))
            found = [(number, cells) for number, cells in split if cells]
        return found


class Parts:
    """Sets of cells without any in common, in the order of their first cells, and where they stand in their list."""

    def __init__(self, masks: Iterable[int]) -> None:
        self.masks = sorted(atoms(masks), key=_first)
        self._firsts = _union(map(_first, self.masks))
        self._numbers = [0] * self._firsts.bit_length()
        self._bits = [1 << number for number in range(len(self.masks))]
        for number, mask in enumerate(self.masks):
            self._numbers[_first(mask).bit_length() - 1] = number

    def numbers(self, mask: int) -> tuple[int, ...]:
        """The parts that a set of cells holds, by their place in the list. It holds each of them whole or leaves it
        alone."""
        return tuple(compress(self._numbers, _flags(mask & self._firsts)))

    def within(self, mask: int) -> int:
        """The same parts as bits."""
        return sum(map(self._bits.__getitem__, self.numbers(mask)))


def _first(mask: int) -> int:
    return mask & -mask


def _union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union
