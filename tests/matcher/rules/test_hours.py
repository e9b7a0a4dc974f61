"""The cells of a section and what is told of them: hours that touch joined, stretches of days that follow too."""

from __future__ import annotations

from datetime import date, time, timedelta

from contracts.vocabulary import Period, Slot, Weekday
from services.matcher.rules.hours import FOREVER, Amount, Cell, Hours, as_amounts
from services.matcher.solver.schema import Hold

MONDAY = date(2026, 9, 7)
FIRST, SECOND, THIRD, FOURTH = (MONDAY + timedelta(weeks=n) for n in range(4))


def cell(start: int, end: int, weekday: int = 0, first: date = FIRST, until: date = SECOND) -> Cell:
    return Cell(first, until, weekday, time(start), time(end))


def slot(start: int, end: int, day: Weekday = Weekday.MON) -> Slot:
    return Slot(day=day, start=time(start), end=time(end))


def test_hours_that_touch_are_joined_and_others_are_not() -> None:
    cells = [cell(11, 12), cell(9, 10), cell(8, 9), cell(10, 11), cell(13, 14), cell(14, 15, weekday=1)]
    assert as_amounts(dict.fromkeys(cells, 1)) == (
        Amount((slot(8, 12), slot(13, 14), slot(14, 15, Weekday.TUE)), Period(start=FIRST, end=SECOND), 1),
    )


def test_stretches_of_days_that_follow_each_other_are_one_period_and_others_are_not() -> None:
    weeks = [(FIRST, SECOND), (SECOND, THIRD), (FOURTH, FOREVER)]
    counts = {cell(8, 9, first=first, until=until): 2 for first, until in weeks}
    assert as_amounts(counts) == (
        Amount((slot(8, 9),), Period(start=FIRST, end=THIRD), 2),
        Amount((slot(8, 9),), Period(start=FOURTH), 2),
    )


def test_the_same_hours_are_one_row_even_where_other_hours_lie_between() -> None:
    counts = {
        cell(8, 9): 1,
        cell(10, 11, first=SECOND, until=THIRD): 1,
        cell(8, 9, first=THIRD, until=FOURTH): 1,
        cell(8, 9, weekday=1): 3,
    }
    assert as_amounts(counts) == (
        Amount((slot(10, 11),), Period(start=SECOND, end=THIRD), 1),
        Amount((slot(8, 9),), Period(start=FIRST, end=SECOND), 1),
        Amount((slot(8, 9),), Period(start=THIRD, end=FOURTH), 1),
        Amount((slot(8, 9, Weekday.TUE),), Period(start=FIRST, end=SECOND), 3),
    )


def test_rows_are_told_in_one_order_whatever_the_order_of_the_counts() -> None:
    """The fewest places first, then the hours as they are written, then the days."""
    counts = {
        cell(8, 9): 2,
        cell(8, 9, first=SECOND, until=THIRD): 1,
        cell(10, 11, first=THIRD, until=FOURTH): 1,
        cell(8, 9, first=FOURTH, until=FOREVER): 1,
    }
    backwards = dict(reversed(list(counts.items())))
    assert [(row.places, row.slots[0].start.hour, row.period.start) for row in as_amounts(counts)] == [
        (1, 10, THIRD), (1, 8, SECOND), (1, 8, FOURTH), (2, 8, FIRST),
    ]  # fmt: skip
    assert as_amounts(backwards) == as_amounts(counts)


def test_a_weekday_is_found_in_every_stretch_that_holds_it_and_in_no_other() -> None:
    for start, length in ((start, length) for start in range(7) for length in range(1, 9)):
        first = MONDAY + timedelta(days=start)
        period = Period(start=first, end=first + timedelta(days=length))
        row = Hold(id="h", section="s", slots=(slot(8, 9),), period=period)
        comes = any((first + timedelta(days=n)).weekday() == 0 for n in range(length))
        assert bool(Hours([row]).cells(row)) is comes, (start, length)
