"""Ages, periods and tolerance."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.vocabulary import Period
from services.matcher.rules.eligibility import care_period, default_last_day, fits_ages, months_completed


@pytest.mark.parametrize(
    ("born", "on", "months"),
    [
        (date(2025, 5, 1), date(2026, 9, 1), 16),
        (date(2025, 5, 2), date(2026, 9, 1), 15),
        (date(2026, 9, 1), date(2026, 9, 1), 0),
        (date(2026, 10, 10), date(2026, 9, 1), None),
        (date(2025, 1, 31), date(2025, 2, 28), 0),
        (date(2025, 1, 31), date(2025, 3, 1), 1),
        (date(2024, 2, 29), date(2025, 2, 28), 11),
        (date(2024, 2, 29), date(2025, 3, 1), 12),
    ],
)
def test_months_are_completed_on_the_day_number_of_birth(born: date, on: date, months: int | None) -> None:
    assert months_completed(born, on) == months


@pytest.mark.parametrize(("day", "fits"), [(1, False), (2, True)])
def test_a_section_takes_its_oldest_age_and_not_the_next(day: int, fits: bool) -> None:
    assert fits_ages(date(2025, 5, day), date(2026, 9, 1), 0, 15) is fits


def test_a_section_takes_its_youngest_age() -> None:
    assert fits_ages(date(2025, 5, 1), date(2026, 9, 1), 16, 36)
    assert not fits_ages(date(2025, 5, 2), date(2026, 9, 1), 16, 36)


def test_no_section_takes_a_child_who_is_not_born_at_the_start() -> None:
    assert not fits_ages(date(2026, 9, 2), date(2026, 9, 1), 0, 71)


@pytest.mark.parametrize("born", [date(2024, 1, 1), date(2024, 12, 31)])
def test_care_ends_by_default_on_31_august_of_the_year_of_the_third_birthday(born: date) -> None:
    assert default_last_day(born) == date(2027, 8, 31)


def test_the_last_day_of_care_is_a_day_of_care() -> None:
    period = care_period(date(2024, 5, 1), date(2026, 9, 1))
    assert period == Period(start=date(2026, 9, 1), end=date(2027, 9, 1))
    assert period.contains(date(2027, 8, 31))


def test_a_person_may_move_the_last_day_of_care() -> None:
    moved = care_period(date(2024, 5, 1), date(2026, 9, 1), last_day=date(2028, 7, 5))
    assert moved == Period(start=date(2026, 9, 1), end=date(2028, 7, 6))


def test_care_that_would_start_after_its_end_has_no_period() -> None:
    assert care_period(date(2022, 5, 1), date(2026, 9, 1)) is None
    assert care_period(date(2023, 5, 1), date(2026, 9, 1)) is None  # the last day was the day before
    assert care_period(date(2023, 5, 1), date(2026, 8, 31)) is not None
