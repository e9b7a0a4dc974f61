"""Cells against the calendar: two spans share a cell exactly if they share an hour of a day."""

from __future__ import annotations

from datetime import date, time, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import WEEKDAYS, Period, Slot
from services.matcher.solver.books import Cut, Left
from services.matcher.solver.cells import Amounts, Parts, Span, atoms, bits, grid_of

FIRST = date(2026, 8, 26)
DAYS = [FIRST + timedelta(days=number) for number in range(45)]

days = st.integers(0, 20).map(lambda number: FIRST + timedelta(days=number))
hours = st.lists(st.integers(6, 20), min_size=2, max_size=2, unique=True).map(sorted)
slots = st.builds(
    lambda day, pair: Slot(day=day, start=time(pair[0]), end=time(pair[1])), st.sampled_from(WEEKDAYS[:5]) | days, hours
)
periods = st.builds(
    lambda start, length: Period(start=start, end=start + timedelta(days=length) if length else None),
    days,
    st.integers(0, 20),
)
spans = st.tuples(st.lists(slots, min_size=1, max_size=3).map(tuple), periods)


def _moments(span: Span) -> set[tuple[date, int]]:
    rows, period = span
    return {
        (day, hour)
        for day in DAYS
        for slot in rows
        if period.contains(day) and slot.day in (day, WEEKDAYS[day.weekday()])
        for hour in range(slot.start.hour, slot.end.hour)
    }


@given(st.lists(spans, min_size=2, max_size=4))
def test_two_spans_share_a_cell_exactly_if_they_share_an_hour(drawn: list[Span]) -> None:
    grid, cut = grid_of(drawn), Cut(drawn)
    for one in drawn:
        for other in drawn:
            meet = bool(_moments(one) & _moments(other))
            assert bool(grid.mask(*one) & grid.mask(*other)) is meet
            assert bool(cut.cells(*one) & cut.cells(*other)) is meet


@given(st.lists(spans, min_size=2, max_size=4))
def test_a_span_has_all_cells_of_another_exactly_if_it_has_all_its_hours(drawn: list[Span]) -> None:
    grid, cut = grid_of(drawn), Cut(drawn)
    for one in drawn:
        for other in drawn:
            within = _moments(one) <= _moments(other)
            assert (not grid.mask(*one) & ~grid.mask(*other)) is within
            assert (cut.cells(*one) <= cut.cells(*other)) is within


@given(st.lists(st.integers(0, 2**12 - 1), max_size=6))
def test_atoms_are_disjoint_and_each_mask_is_made_of_whole_ones(masks: list[int]) -> None:
    parts = atoms(masks)
    assert sum(part.bit_count() for part in parts) == sum(1 for _ in bits(_union(parts)))
    assert _union(parts) == _union(masks)
    assert all(part & mask in (0, part) for part in parts for mask in masks)


def _union(masks: list[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def test_amounts_of_cells_are_what_adding_them_one_by_one_gives() -> None:
    for seed in range(50):
        draw = Random(seed)
        added = [(draw.getrandbits(12), draw.randint(-9, 9)) for _ in range(20)]
        amounts, left = Amounts(180), Left(180)
        for mask, amount in added:
            amounts.add(mask, amount)
            left.give(mask, max(amount, 0))
            left.take(mask, max(-amount, 0))
        one_by_one = [sum(amount for mask, amount in added if mask >> cell & 1) for cell in range(12)]
        assert list(amounts.least([1 << cell for cell in range(12)])) == one_by_one
        assert [left.at(cell) for cell in range(12)] == one_by_one
        assert amounts.least([0b111111]) == (min(one_by_one[:6]),)
        assert [bool(left.some >> cell & 1) for cell in range(12)] == [value > 0 for value in one_by_one]
        assert [bool(left.short >> cell & 1) for cell in range(12)] == [value < 0 for value in one_by_one]
        assert [bool(amounts.none_left >> cell & 1) for cell in range(12)] == [value <= 0 for value in one_by_one]


def test_parts_know_which_of_them_a_set_of_cells_holds() -> None:
    draw = Random(3)
    masks = [draw.getrandbits(20) for _ in range(6)]
    parts = Parts(masks)
    for mask in masks:
        held = [number for number, part in enumerate(parts.masks) if part & mask]
        assert parts.within(mask) == sum(1 << number for number in held)
        assert all(parts.masks[number] & ~mask == 0 for number in held)
