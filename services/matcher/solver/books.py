"""The hours of one section as `verify` and `explain` read them: its cells, what is offered in each, and who is there.

Written without the solver, which cuts time in its own way. When to modify: when a new kind of row fills a section.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise

from contracts.vocabulary import WEEKDAYS, Audience, Period, Slot, Weekday
from services.matcher.solver.schema import Hold, Placed, Vacancy

Span = tuple[tuple[Slot, ...], Period]
Cell = int
"""Stretch of dates, and stretch of hours of a weekday, by number: hours of one weekday stand side by side."""
AUDIENCES = tuple(Audience)
LEVELS = tuple(range(len(AUDIENCES)))


class Cut:
    """Time as all the bounds of some spans cut it: one cell for each weekday, stretch of hours, stretch of dates.

    Cells have numbers, and a set of cells is a whole number with one bit for each.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._known: dict[tuple[int, int], tuple[tuple[Slot, ...], Period, int]] = {}
        self._known_slots: dict[tuple[int, int], tuple[Slot, Period, int]] = {}
        self._dates, self._hours = _boundaries(_each_once(spans))
        self._until: dict[Weekday | date, dict[time, int]] = {}
        """By weekday and hour, the cells of the day before that hour, in the first stretch of dates only. Stretches of
        dates stand side by side, so that a product with some of them, as bits, is the same hours on those dates."""
        self._happen = self._cells_that_happen(max(len(self._dates) - 1, 0))
        self._days: dict[tuple[date, date], int] = {}

    def mask(self, slots: tuple[Slot, ...], period: Period) -> int:
        """The cells of these slots on the days of the period, as bits."""
        key = (id(slots), id(period))  # slow to hash, and looked up again and again; kept here, their ids stay theirs
        if key not in self._known:
            self._known[key] = (slots, period, self._mask(slots, period))
        return self._known[key][2]

    def cells(self, slots: tuple[Slot, ...], period: Period) -> frozenset[Cell]:
        """The same cells by their numbers."""
        return frozenset(numbers(self.mask(slots, period)))

    def slot_mask(self, slot: Slot, period: Period) -> int:
        """The cells of one slot, as bits."""
        key = (id(slot), id(period))
        if key not in self._known_slots:
            until = self._until[slot.weekday]
            cells = self._stretches(*_days(slot, period)) * (until[slot.end] - until[slot.start]) & self._happen
            self._known_slots[key] = (slot, period, cells)
        return self._known_slots[key][2]

    def cell_at(self, day: date, hour: time) -> Cell:
        """The cell of one moment. Raises ValueError where no span comes near it."""
        hours, stretch = self._hours[day.weekday()], bisect_right(self._dates, day) - 1
        number = bisect_right(hours, hour) - 1
        if not (0 <= stretch < len(self._dates) - 1 and 0 <= number < len(hours) - 1):
            raise ValueError(f"nothing happens on {day} at {hour}")
        return self._first_cell(WEEKDAYS[day.weekday()], hours[number], hours[number + 1]) + stretch

    def moment(self, cell: Cell) -> tuple[date, time]:
        """The first moment of a cell: a day and an hour."""
        for weekday, hours in zip(WEEKDAYS, self._hours, strict=True):
            for hour, end in pairwise(hours):
                stretch = cell - self._first_cell(weekday, hour, end)
                if 0 <= stretch < len(self._dates) - 1:
                    start = self._dates[stretch]
                    return start + timedelta(days=(weekday.number - start.weekday()) % 7), hour
        raise ValueError(f"there is no cell {cell}")

    def _first_cell(self, weekday: Weekday, hour: time, end: time) -> Cell:
        return (self._until[weekday][end] - self._until[weekday][hour]).bit_length() - 1

    def _mask(self, slots: tuple[Slot, ...], period: Period) -> int:
        found = self._stretches(period.start, period.end or date.max) * self._weekly(slots) & self._happen
        for slot in slots:
            if isinstance(slot.day, date):
                found |= self.slot_mask(slot, period)
        return found

    def _weekly(self, slots: tuple[Slot, ...]) -> int:
        """The cells of all slots that come every week, in the first stretch of dates only."""
        found = 0
        for slot in slots:
            until = self._until.get(slot.day)
            if until is not None:
                found |= until[slot.end] - until[slot.start]
        return found

    def _stretches(self, start: date, end: date) -> int:
        if (start, end) not in self._days:
            first, last = bisect_left(self._dates, start), bisect_left(self._dates, end)
            self._days[start, end] = (1 << last) - (1 << first)
        return self._days[start, end]

    def _cells_that_happen(self, width: int) -> int:
        found, first = 0, 0
        for weekday, hours in zip(WEEKDAYS, self._hours, strict=True):
            firsts = 0
            self._until[weekday] = until = {}
            for hour in hours:
                until[hour] = firsts
                firsts |= 1 << first
                first += width
            first -= width if hours else 0
            found |= _stretches_with(weekday.number, self._dates) * (until[hours[-1]] if hours else 0)
        return found


class Book(Cut):
    """One section of a round: what is offered in each cell, and who uses it.

    `before`: all that was held before the round, where children may leave a place; what they keep is among `holds`.
    """

    def __init__(
        self,
        instant: datetime,
        vacancies: Sequence[Vacancy],
        holds: Sequence[Hold],
        wished: Iterable[Span],
        placed: Sequence[Placed],
        before: Sequence[Hold] = (),
    ) -> None:
        self.instant, self.vacancies, self.holds, self.placed = instant, vacancies, holds, placed
        self._before = before
        free = [(row.slots, row.period) for row in self.vacancies]
        taken = [(row.slots, row.period) for row in self.holds] + [(row.slots, row.period) for row in placed]
        super().__init__([*wished, *free, *taken])

    @cached_property
    def free(self) -> tuple[Left, ...]:
        """For each audience level, the places that it may use, less the units that holds of at most that level keep."""
        return tuple(self._left(level, self.holds) for level in LEVELS)

    @cached_property
    def _offered(self) -> tuple[Left, ...]:
        return tuple(self._left(level, ()) for level in LEVELS)

    @cached_property
    def crowded(self) -> tuple[int, ...]:
        """For each audience level, the cells, as bits, in which more was held before than there are places.

        Whoever leaves them frees nothing in this round: nobody may come, and whoever is there may stay.
        """
        return tuple(self._left(level, self._before).short if self._before else 0 for level in LEVELS)

    def _left(self, level: int, held: Sequence[Hold]) -> Left:
        left = Left(sum(row.places for row in self.vacancies) + sum(row.units for row in held) + len(self.placed))
        for row in self.vacancies:
            if row.audience_at(self.instant).level <= level:
                left.give(self.mask(row.slots, row.period), row.places)
        for hold in held:
            if hold.entitled_to.level <= level:
                left.take(self.mask(hold.slots, hold.period), hold.units)
        return left

    @cached_property
    def binding_levels(self) -> tuple[int, ...]:
        """The levels to look at: where the next one offers no more, it holds more users and says it all."""
        last = LEVELS[-1]
        return tuple(level for level in LEVELS if level == last or self._offered[level] != self._offered[level + 1])

    def is_offered(self, span: Span, level: int = LEVELS[-1]) -> bool:
        """True if each cell is offered, on all its days, to somebody of at most this audience level."""
        mask = self.mask(*span)
        return bool(mask) and not mask & ~self._offered[level].some

    def full_before(self, level: int, rows: Sequence[Placed]) -> list[int]:
        """The cells, as bits, without a place for one more of this level, beside none, one, two... of these rows."""
        left, crowded = self.free[level].copy(), self.crowded[level]
        found = [~left.some | crowded]
        for row in rows:
            left.take(self.mask(row.slots, row.period), 1)
            found.append(~left.some | crowded)
        return found

    def full_beside(self, level: int, taken: Sequence[Span], given: Iterable[Span]) -> int:
        """The cells, as bits, without a place for one more of this level, were these taken and those given back."""
        left = self.free[level].copy(len(taken))
        for span in given:
            left.give(self.mask(*span), 1)
        for span in taken:
            left.take(self.mask(*span), 1)
        return ~left.some | self.crowded[level]

    def overrun(self, level: int, rows: Iterable[Placed], *, with_holds: bool) -> int:
        """The cells, as bits, in which these rows are too many for this level."""
        left, touched = (self.free if with_holds else self._offered)[level].copy(), 0
        for row in rows:
            mask = self.mask(row.slots, row.period)
            left.take(mask, 1)
            touched |= mask
        return left.short & touched


class Left:
    """What is left in each cell: one whole number for each binary digit, of all the cells together.

    The last digit says that a number is below 0. `most` is how far from 0 the numbers may go.
    """

    def __init__(self, most: int) -> None:
        self._digits = [0] * (most.bit_length() + 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Left) and self._digits == other._digits

    __hash__ = None  # type: ignore[assignment]

    def copy(self, more: int = 0) -> Left:
        """The same numbers, which may go as much `more` from 0."""
        found = Left(0)
        found._digits = [*self._digits, *[self._digits[-1]] * more.bit_length()]
        return found

    @property
    def some(self) -> int:
        """The cells, as bits, with something left."""
        found = 0
        for digit in self._digits:
            found |= digit
        return found & ~self.short

    @property
    def short(self) -> int:
        """The cells, as bits, with less than nothing left."""
        return self._digits[-1]

    def at(self, cell: Cell) -> int:
        """What is left in one cell."""
        values = [(digit >> cell & 1) << place for place, digit in enumerate(self._digits)]
        return sum(values[:-1]) - values[-1]

    def give(self, mask: int, places: int) -> None:
        """So many places more in these cells: digit by digit, what does not fit is carried to the next."""
        for place in numbers(places):
            carry = mask
            for higher in range(place, len(self._digits)):
                self._digits[higher], carry = self._digits[higher] ^ carry, self._digits[higher] & carry

    def take(self, mask: int, units: int) -> None:
        """So many less in these cells: digit by digit, what is missing is borrowed from the next."""
        for place in numbers(units):
            borrow = mask
            for higher in range(place, len(self._digits)):
                self._digits[higher], borrow = self._digits[higher] ^ borrow, borrow & ~self._digits[higher]


def numbers(mask: int) -> list[Cell]:
    """The cells of a set."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def _each_once(spans: Iterable[Span]) -> Iterable[Span]:
    return {(id(slots), id(period)): (slots, period) for slots, period in spans}.values()


def _days(slot: Slot, period: Period) -> tuple[date, date]:
    """First day, and the day after the last, of the days that a slot may fall on; the same twice if there is none."""
    last = period.end or date.max
    if not isinstance(slot.day, date):
        return (period.start, last)
    return (slot.day, slot.day + timedelta(days=1)) if period.contains(slot.day) else (period.start, period.start)


def _boundaries(spans: Iterable[Span]) -> tuple[list[date], list[list[time]]]:
    dates: set[date] = set()
    hours: dict[Weekday | date, set[time]] = {weekday: set() for weekday in WEEKDAYS}
    for slots, period in spans:
        for slot in slots:
            weekly = hours.get(slot.day)
            dates.update(_days(slot, period) if weekly is None else (period.start, period.end or date.max))
            (hours[slot.weekday] if weekly is None else weekly).update((slot.start, slot.end))
    return sorted(dates), [sorted(found) for found in hours.values()]


def _stretches_with(weekday: int, dates: Sequence[date]) -> int:
    """The stretches between these dates, as bits, that hold a given weekday; the second date is not part of one."""
    return sum(
        1 << number
        for number, (start, end) in enumerate(pairwise(dates))
        if (weekday - start.weekday()) % 7 < (end - start).days
    )
