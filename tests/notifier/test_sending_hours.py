"""When texts leave. 2026: 29 March and 25 October change the clock, 14 May is Ascension, a Thursday."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calendar import PARIS, is_ordinary_day, local
from services.notifier.sending_hours import DEFAULT_SENDING, first_hour, is_quiet, next_sending_time

instants = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def paris(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-03-03 07:59", "2026-03-03 08:00"),
        ("2026-03-03 08:00", "2026-03-03 08:00"),
        ("2026-03-03 19:59", "2026-03-03 19:59"),
        ("2026-03-03 20:00", "2026-03-04 08:00"),
        ("2026-03-07 20:30", "2026-03-09 08:00"),  # Saturday evening to Monday
        ("2026-03-08 12:00", "2026-03-09 08:00"),  # Sunday
        ("2026-05-13 21:00", "2026-05-15 08:00"),  # over Ascension
        ("2026-03-28 21:00", "2026-03-30 08:00"),  # over the clock change of March
        ("2026-10-24 21:00", "2026-10-26 08:00"),  # and of October
    ],
)
def test_an_ordinary_text_leaves_between_8_and_20_on_an_ordinary_day(now: str, leaves: str) -> None:
    assert next_sending_time(paris(now), urgent=False) == paris(leaves)


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-03-08 12:00", "2026-03-08 12:00"),  # Sunday
        ("2026-05-14 21:30", "2026-05-14 21:30"),  # Ascension
        ("2026-03-03 22:00", "2026-03-04 06:00"),
        ("2026-03-29 01:30", "2026-03-29 06:00"),
    ],
)
def test_an_urgent_text_leaves_on_any_day_but_never_at_night(now: str, leaves: str) -> None:
    assert next_sending_time(paris(now), urgent=True) == paris(leaves)


def test_eight_oclock_is_the_french_clock_on_both_sides_of_the_change() -> None:
    before, after = (next_sending_time(paris(f"2026-03-{day} 23:00"), urgent=False) for day in (27, 29))
    assert (before.hour, after.hour) == (7, 6)  # UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        next_sending_time(datetime(2026, 3, 3, 12), urgent=False)  # noqa: DTZ001


def test_the_quiet_hours_of_the_gateway_are_kept_too() -> None:
    noon = paris("2026-03-03 12:00")
    over_lunch, over_night = (time(12), time(14)), (time(19), time(9))
    assert next_sending_time(noon, urgent=False, quiet=over_lunch) == paris("2026-03-03 14:00")
    assert next_sending_time(noon, urgent=False, quiet=over_night) == noon
    assert next_sending_time(paris("2026-03-07 19:30"), urgent=False, quiet=over_night) == paris("2026-03-09 09:00")
    assert next_sending_time(paris("2026-03-08 21:00"), urgent=True, quiet=over_night) == paris("2026-03-09 09:00")


@given(st.times(), st.times(), st.booleans())
def test_a_first_hour_is_found_where_and_only_where_one_minute_is_left(start: time, end: time, urgent: bool) -> None:
    quiet = (start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0))
    window = DEFAULT_SENDING.urgent if urgent else DEFAULT_SENDING.ordinary
    minutes = [time(n // 60, n % 60) for n in range(24 * 60)]
    left = [hour for hour in minutes if window.opens <= hour < window.closes and not is_quiet(hour, quiet)]
    assert first_hour(window, quiet) == min(left, default=None)


def test_hours_that_the_gateway_never_leaves_are_an_error_and_no_endless_search() -> None:
    with pytest.raises(ValueError, match="sends nothing"):
        next_sending_time(paris("2026-03-03 12:00"), urgent=False, quiet=(time(7), time(21)))


@given(instants, st.booleans())
def test_a_text_never_leaves_early_nor_later_than_the_next_ordinary_morning(now: datetime, urgent: bool) -> None:
    leaves = next_sending_time(now, urgent)
    assert now <= leaves <= now + timedelta(days=4)
    assert next_sending_time(leaves, urgent) == leaves
    assert urgent or (is_ordinary_day(local(leaves).date()) and 8 <= local(leaves).hour < 20)
