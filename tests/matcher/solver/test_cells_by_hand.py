"""Cells of a few hours and dates, bit by bit, and the sets and numbers that are kept of them."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Period, Slot
from services.matcher.solver.cells import Amounts, Grid, Hours, Parts, Span, Weeks, atoms, bits, grid_of
from tests.matcher.solver.by_hand import hours

TUESDAY = date(2026, 9, 1)
MONDAY, NEXT = date(2026, 9, 7), date(2026, 9, 14)


def slot(day: Any, start: int, end: int) -> tuple[Slot, ...]:
    return (Slot(day=day, start=time(start), end=time(end)),)


def cells(grid: Grid, span: Span) -> list[int]:
    return list(bits(grid.mask(*span)))


def test_hours_are_cut_where_others_begin_or_end_and_days_follow_each_other() -> None:
    always = Period(start=MONDAY)
    whole, early, friday = (slot("mon", 8, 18), always), (slot("mon", 8, 10), always), (slot("fri", 9, 12), always)
    grid = grid_of([friday, whole, early])
    assert (cells(grid, early), cells(grid, whole), cells(grid, friday)) == ([0], [0, 1], [2])
    both = ((*slot("fri", 9, 12), *slot("mon", 8, 10)), always)
    assert cells(grid_of([both]), both) == [0, 1]
    apart = ((*slot("mon", 8, 10), *slot("mon", 14, 16)), always)
    noon = (slot("mon", 10, 14), always)
    grid = grid_of([apart, noon])
    assert (cells(grid, apart), cells(grid, noon)) == ([0, 2], [1])


def test_dates_are_cut_where_a_period_begins_or_ends_one_stretch_after_the_other() -> None:
    first, then = Period(start=MONDAY, end=NEXT), Period(start=NEXT, end=NEXT + timedelta(days=7))
    mornings = hours("mon", "wed")
    spans = [(mornings, first), (mornings, then), (mornings, Period(start=MONDAY))]
    grid = grid_of(spans)
    assert [cells(grid, span) for span in spans] == [[0, 1], [2, 3], [0, 1, 2, 3, 4, 5]]


def test_a_stretch_shorter_than_a_week_has_no_cell_of_the_days_that_it_lacks() -> None:
    all_days = hours("mon", "tue", "wed", "sun")
    for start, length, found in (
        (TUESDAY, 1, [1]),
        (TUESDAY, 2, [1, 2]),
        (TUESDAY, 6, [1, 2, 3]),
        (TUESDAY, 7, [0, 1, 2, 3]),
        (MONDAY, 1, [0]),
        (MONDAY - timedelta(days=1), 1, [3]),
        (MONDAY - timedelta(days=1), 2, [0, 3]),
    ):
        span = (all_days, Period(start=start, end=start + timedelta(days=length)))
        assert cells(grid_of([span]), span) == found, (start, length)


def test_single_days_are_stretches_of_their_own() -> None:
    always = Period(start=TUESDAY)
    weekly, dated = (slot("mon", 8, 12), always), (slot(NEXT, 8, 12), always)
    grid = grid_of([weekly, dated])
    (day,) = cells(grid, dated)
    assert cells(grid, weekly) == [0, day, day + 1]
    two = ((*slot(MONDAY, 8, 12), *slot(NEXT, 8, 10)), always)
    grid = grid_of([weekly, two])
    assert len(cells(grid, two)) == 3, "both halves of the first, and one half of the second"
    tuesdays, monday = (slot("tue", 8, 12), always), (slot(MONDAY, 8, 12), always)
    assert len(cells(grid_of([tuesdays, monday]), tuesdays)) == 2, "before that day and after it"
    outside = (slot(MONDAY, 8, 12), Period(start=NEXT))
    assert cells(grid_of([outside, weekly]), outside) == []
    alone = (slot(NEXT, 8, 12), always)
    assert cells(grid_of([alone]), alone) == [0]
    last = (slot(MONDAY, 8, 12), Period(start=TUESDAY, end=MONDAY))
    assert cells(grid_of([last, weekly]), last) == []
    mixed = ((*slot("tue", 8, 12), *slot(NEXT, 8, 12)), Period(start=TUESDAY, end=NEXT + timedelta(days=1)))
    tuesdays, mondays = (slot("tue", 8, 12), mixed[1]), (slot("mon", 8, 12), mixed[1])
    grid = grid_of([mixed, tuesdays, mondays])
    assert set(cells(grid, tuesdays)) < set(cells(grid, mixed))
    assert len(set(cells(grid, mixed)) & set(cells(grid, mondays))) == 1


def test_hours_are_read_once_and_what_is_cut_alike_is_one_grid() -> None:
    weeks = Weeks()
    mornings, always = slot("mon", 8, 12), Period(start=MONDAY)
    week = weeks.read(mornings)
    assert (week.weekly, week.dated) == ((Hours(0, time(8), time(12)),), ())
    assert weeks.read(mornings) is week
    dated = weeks.read(slot(NEXT, 9, 12))
    assert (dated.weekly, dated.dated) == ((), ((NEXT, Hours(0, time(9), time(12))),))
    assert [bound.bit_count() for bound in (week.bounds, dated.bounds, week.bounds | dated.bounds)] == [2, 2, 3]
    one = weeks.grid([(mornings, always)])
    assert weeks.grid([(slot("mon", 8, 12), Period(start=MONDAY))]) is one
    assert weeks.grid([(mornings, Period(start=NEXT))]) is not one
    assert weeks.grid([(slot("mon", 8, 13), always)]) is not one
    assert one.mask(mornings, always) == 1
    later, alone = (slot("tue", 8, 12), Period(start=NEXT)), (slot(NEXT, 8, 12), Period(start=NEXT))
    assert [weeks.grid([span]).mask(*span) for span in (later, alone)] == [1, 1], "what others cut does not cut these"


@pytest.mark.parametrize(
    ("masks", "parts"),
    [
        ([], []),
        ([0], []),
        ([0b11], [0b11]),
        ([0b11, 0b01], [0b01, 0b10]),
        ([0b01, 0b11], [0b01, 0b10]),
        ([0b0110, 0b0011], [0b0001, 0b0010, 0b0100]),
        ([0b0011, 0b1100], [0b0011, 0b1100]),
        ([0b0011, 0b1100, 0b0110], [0b0001, 0b0010, 0b0100, 0b1000]),
        ([0b0111, 0b0011, 0b0001], [0b0001, 0b0010, 0b0100]),
        ([0b11, 0b11], [0b11]),
    ],
)
def test_the_coarsest_parts_that_each_set_holds_whole(masks: list[int], parts: list[int]) -> None:
    assert sorted(atoms(masks)) == parts


@pytest.mark.parametrize(("mask", "found"), [(0, []), (1, [0]), (0b1010, [1, 3]), (1 << 70 | 1, [0, 70])])
def test_the_bits_of_a_set_the_lowest_first(mask: int, found: list[int]) -> None:
    assert list(bits(mask)) == found


def test_parts_stand_in_the_order_of_their_first_cells() -> None:
    parts = Parts([0b111000, 0b000110, 0b100001])
    assert parts.masks == [0b000001, 0b000110, 0b011000, 0b100000]
    assert (parts.numbers(0b111000), parts.within(0b111000)) == ((2, 3), 0b1100)
    assert (parts.numbers(0b000110), parts.within(0b000110)) == ((1,), 0b0010)
    assert (parts.numbers(0), parts.within(0)) == ((), 0)
    long, within = 0b100001, 0b000010
    assert Parts([within, long]).masks == [long, within]
    assert (Parts([]).masks, Parts([]).numbers(0)) == ([], ())


def test_a_number_is_kept_for_each_cell_of_either_sign() -> None:
    amounts = Amounts(4)
    assert (amounts.none_left & 0b111, amounts.below) == (0b111, 0)
    amounts.add(0b011, 3)
    amounts.add(0b110, -2)
    assert amounts.least([0b001, 0b010, 0b100]) == (3, 1, -2)
    assert amounts.least([0b111, 0b011]) == (-2, 1)
    assert (amounts.none_left & 0b1111, amounts.below & 0b1111) == (0b1100, 0b0100)
    amounts.add(0b100, 2)
    amounts.add(0b100, 0)
    assert (amounts.least([0b100]), amounts.below & 0b1111) == ((0,), 0)
    amounts.add(0b100, 4)
    assert amounts.least([0b100]) == (4,)
    amounts.add(0b100, -4)
    amounts.add(0b100, -4)
    assert amounts.least([0b100]) == (-4,)
