"""French days, deadlines and dates. 2026: 29 March and 25 October change the clock, 14 May is Ascension (Thursday)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import WEEKDAYS, Slot, VacancyKind, Weekday
from services import calendar
from services.calendar import PARIS, local, local_day

REGULAR, OCCASIONAL, ON_CALL = VacancyKind.REGULAR, VacancyKind.OCCASIONAL, VacancyKind.ON_CALL
ALWAYS_READ = calendar.DEFAULT_DELAYS.model_copy(update={"replies_read_for": None})
HOUR = timedelta(hours=1)


def paris(text: str) -> datetime:
    """ "2026-03-03 18:00" on the French clock, as an instant in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS).astimezone(UTC)


def shown(instant: datetime | None) -> str:
    assert instant is not None
    assert instant.tzinfo is UTC
    return local(instant).strftime("%a %Y-%m-%d %H:%M")


instants = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


# --- days -------------------------------------------------------------------------------------------------------------


def test_the_public_holidays_of_france_carry_french_names() -> None:
    year = calendar.public_holidays(2026)
    assert year[date(2026, 5, 14)] == "Ascension"
    assert year[date(2026, 4, 6)] == "Lundi de Pâques"
    assert len(year) == 11
    assert date(2026, 4, 3) not in year  # Good Friday is a holiday in Alsace only


def test_a_sunday_and_a_public_holiday_are_not_ordinary_days_but_a_saturday_is() -> None:
    assert not calendar.is_ordinary_day(date(2026, 3, 1))
    assert not calendar.is_ordinary_day(date(2026, 5, 14))
    assert calendar.is_ordinary_day(date(2026, 3, 7))


def test_the_guichet_is_closed_on_saturdays_holidays_and_its_own_closures() -> None:
    bridge = calendar.DEFAULT_OFFICE.model_copy(update={"closures": frozenset({date(2026, 5, 15)})})
    assert calendar.is_opening_day(date(2026, 5, 15))
    assert not calendar.is_opening_day(date(2026, 5, 15), bridge)
    assert not calendar.is_opening_day(date(2026, 5, 14))
    assert not calendar.is_opening_day(date(2026, 5, 16))


def test_a_naive_time_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ValueError, match="naive"):
        local(datetime(2026, 3, 3, 12))  # noqa: DTZ001
    with pytest.raises(ValueError, match="aware"):
        calendar.FixedClock(datetime(2026, 3, 3, 12))  # noqa: DTZ001


def test_a_french_day_begins_at_midnight_in_paris_not_in_greenwich() -> None:
    assert local_day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == date(2026, 7, 2)


def test_working_instants_skip_lunch_night_and_week_end() -> None:
    assert shown(calendar.next_working_instant(paris("2026-03-03 09:00"))) == "Tue 2026-03-03 09:00"
    assert shown(calendar.next_working_instant(paris("2026-03-03 12:00"))) == "Tue 2026-03-03 13:30"
    assert shown(calendar.next_working_instant(paris("2026-03-06 17:00"))) == "Mon 2026-03-09 08:30"


def test_an_office_that_never_opens_is_reported_and_does_not_loop() -> None:
    never = calendar.DEFAULT_OFFICE.model_copy(update={"hours": {}})
    with pytest.raises(LookupError, match="opening hours"):
        calendar.add_working_days(paris("2026-03-03 09:00"), 1, never)


def test_the_rules_in_force_are_the_latest_that_had_begun() -> None:
    old = calendar.DEFAULT_DELAYS
    new = old.model_copy(update={"valid_from": date(2027, 1, 1), "source": "Délibération fictive"})
    assert calendar.in_force([new, old], date(2026, 12, 31)) is old
    assert calendar.in_force([new, old], date(2027, 1, 1)) is new
    with pytest.raises(LookupError):
        calendar.in_force([new], date(2026, 12, 31))


@given(instants)
def test_next_and_last_allowed_surround_the_instant_and_are_allowed(instant: datetime) -> None:
    window = calendar.ORDINARY_HOURS
    after, before = calendar.next_allowed(instant, window), calendar.last_allowed(instant, window)
    assert before <= instant <= after
    assert window.holds(before)
    assert window.holds(after)


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_a_regular_delay_is_44_hours_when_they_end_in_the_day() -> None:
    assert shown(calendar.answer_by(paris("2026-03-03 15:00"), REGULAR)) == "Thu 2026-03-05 11:00"


def test_a_deadline_in_the_night_moves_to_the_morning() -> None:
    assert shown(calendar.answer_by(paris("2026-03-03 10:00"), REGULAR)) == "Thu 2026-03-05 08:00"


def test_a_deadline_on_a_sunday_moves_earlier_where_replies_are_read_for_48_hours() -> None:
    assert shown(calendar.answer_by(paris("2026-03-06 11:00"), REGULAR)) == "Sat 2026-03-07 20:00"


def test_a_deadline_on_a_sunday_moves_to_monday_where_replies_are_always_read() -> None:
    assert shown(calendar.answer_by(paris("2026-03-06 11:00"), REGULAR, ALWAYS_READ)) == "Mon 2026-03-09 08:00"


def test_a_deadline_is_rounded_down_to_the_hour_that_the_sms_says() -> None:
    assert shown(calendar.answer_by(paris("2026-03-03 15:47"), REGULAR)) == "Thu 2026-03-05 11:00"


def test_an_on_call_delay_is_counted_in_minutes_and_ends_at_closing_time() -> None:
    assert shown(calendar.answer_by(paris("2026-03-03 17:32"), ON_CALL)) == "Tue 2026-03-03 18:15"
    tomorrow = paris("2026-03-04 07:30")
    assert shown(calendar.answer_by(paris("2026-03-03 19:40"), ON_CALL, before=tomorrow)) == "Tue 2026-03-03 20:00"


def test_a_family_that_agreed_to_any_hour_may_be_asked_in_the_evening() -> None:
    assert shown(calendar.answer_by(paris("2026-03-03 20:30"), ON_CALL, any_hour=True)) == "Tue 2026-03-03 21:15"


def test_an_answer_is_never_awaited_beyond_the_start_of_care() -> None:
    care = paris("2026-03-04 07:30")
    assert calendar.answer_by(paris("2026-03-03 19:55"), ON_CALL, before=care) == care
    assert shown(calendar.answer_by(paris("2026-03-03 18:00"), OCCASIONAL, before=care)) == "Tue 2026-03-03 20:00"


@given(instants, st.sampled_from([REGULAR, OCCASIONAL, ON_CALL]))
def test_no_deadline_falls_on_a_sunday_a_holiday_or_outside_8_to_20(start: datetime, kind: VacancyKind) -> None:
    assert calendar.ORDINARY_HOURS.holds(calendar.answer_by(start, kind))


@given(instants)
def test_a_planned_regular_deadline_leaves_a_day_and_stays_under_48_hours(released_at: datetime) -> None:
    departure = calendar.next_departure(released_at, REGULAR)
    left = calendar.planned_answer_by(released_at, REGULAR) - departure
    assert departure >= released_at
    assert timedelta(hours=23) <= left < timedelta(hours=48)
    assert calendar.ORDINARY_HOURS.holds(departure)


def test_no_regular_proposal_leaves_after_friday_noon_where_replies_are_read_for_48_hours() -> None:
    assert shown(calendar.next_departure(paris("2026-03-06 12:00"), REGULAR)) == "Fri 2026-03-06 12:00"
    assert shown(calendar.next_departure(paris("2026-03-06 12:01"), REGULAR)) == "Mon 2026-03-09 08:00"
    assert shown(calendar.next_departure(paris("2026-03-07 09:00"), REGULAR)) == "Mon 2026-03-09 08:00"
    assert shown(calendar.planned_answer_by(paris("2026-03-06 15:00"), REGULAR)) == "Tue 2026-03-10 20:00"


def test_a_regular_proposal_leaves_on_a_saturday_where_replies_are_always_read() -> None:
    assert shown(calendar.next_departure(paris("2026-03-07 09:00"), REGULAR, ALWAYS_READ)) == "Sat 2026-03-07 09:00"


def test_an_occasional_proposal_leaves_on_friday_afternoon() -> None:
    assert shown(calendar.next_departure(paris("2026-03-06 15:00"), OCCASIONAL)) == "Fri 2026-03-06 15:00"


def test_no_regular_proposal_leaves_on_the_eve_of_a_holiday_saturday() -> None:
    # 15 August 2026 is a Saturday: on Friday morning only eight hours would be left, Monday is after the 48 hours
    assert shown(calendar.next_departure(paris("2026-08-14 11:00"), REGULAR)) == "Mon 2026-08-17 08:00"


def test_44_hours_across_both_clock_changes_are_44_elapsed_hours() -> None:
    in_march, in_october = paris("2026-03-28 15:00"), paris("2026-10-24 15:00")
    assert shown(calendar.answer_by(in_march, REGULAR, ALWAYS_READ)) == "Mon 2026-03-30 12:00"
    assert shown(calendar.answer_by(in_october, REGULAR, ALWAYS_READ)) == "Mon 2026-10-26 10:00"
    for start in (in_march, in_october):
        assert calendar.answer_by(start, REGULAR, ALWAYS_READ) - start == 44 * HOUR


def test_naive_local_time_would_end_an_hour_off_across_the_clock_change() -> None:
    start = local(paris("2026-10-24 15:00"))
    naive = (start + timedelta(hours=44)).astimezone(UTC)  # wall-clock sum: what the rule must not do
    assert naive - start.astimezone(UTC) == 45 * HOUR
    assert naive != calendar.answer_by(start, REGULAR, ALWAYS_READ)


def test_the_hour_that_comes_twice_keeps_two_different_deadlines() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = first + HOUR
    assert local(first).time() == local(second).time() == time(2, 30)
    ends = [calendar.answer_by(start, ON_CALL, any_hour=True) for start in (first, second)]
    assert ends[1] - ends[0] == HOUR


def test_a_reminder_comes_at_half_time_in_ordinary_hours() -> None:
    start = paris("2026-03-03 15:00")
    assert shown(calendar.reminder_at(start, paris("2026-03-05 11:00"))) == "Wed 2026-03-04 13:00"
    assert shown(calendar.reminder_at(paris("2026-03-05 18:00"), paris("2026-03-07 14:00"))) == "Fri 2026-03-06 16:00"
    assert shown(calendar.reminder_at(paris("2026-03-03 10:00"), paris("2026-03-04 08:01"))) == "Wed 2026-03-04 08:00"


def test_a_short_delay_has_no_reminder() -> None:
    start = paris("2026-03-03 17:30")
    assert calendar.reminder_at(start, start + timedelta(minutes=45)) is None


def test_a_reminder_never_comes_at_or_after_the_deadline() -> None:
    assert calendar.reminder_at(paris("2026-03-03 18:00"), paris("2026-03-04 08:00")) is None


def test_a_structure_has_two_working_days_to_confirm() -> None:
    assert shown(calendar.confirmation_due(paris("2026-03-03 15:00"))) == "Thu 2026-03-05 15:00"
    assert shown(calendar.confirmation_due(paris("2026-03-06 15:00"))) == "Tue 2026-03-10 15:00"
    assert shown(calendar.confirmation_due(paris("2026-03-07 10:00"))) == "Wed 2026-03-11 08:30"
    assert shown(calendar.confirmation_due(paris("2026-05-13 15:00"))) == "Mon 2026-05-18 15:00"


def test_rappel_stops_the_clock_until_the_call() -> None:
    deadline = paris("2026-03-05 11:00")
    asked, called = paris("2026-03-04 09:00"), paris("2026-03-04 11:00")
    moved = calendar.answer_by_after_callback(deadline, asked, called, already_stopped=False)
    assert shown(moved) == "Thu 2026-03-05 13:00"


def test_rappel_stops_the_clock_for_one_working_day_at_most() -> None:
    deadline, asked = paris("2026-03-05 11:00"), paris("2026-03-04 09:00")
    for called in (None, paris("2026-03-09 09:00")):
        moved = calendar.answer_by_after_callback(deadline, asked, called, already_stopped=False)
        assert shown(moved) == "Fri 2026-03-06 11:00"


def test_rappel_stops_the_clock_once_and_only_before_the_deadline() -> None:
    deadline, asked = paris("2026-03-05 11:00"), paris("2026-03-04 09:00")
    assert calendar.answer_by_after_callback(deadline, asked, None, already_stopped=True) == deadline
    assert calendar.answer_by_after_callback(deadline, deadline, None, already_stopped=False) == deadline


# --- French -----------------------------------------------------------------------------------------------------------


def test_dates_are_written_in_full_for_pages() -> None:
    assert calendar.date_in_full(date(2026, 3, 3)) == "mardi 3\u00a0mars"
    assert calendar.date_in_full(date(2026, 3, 1), with_year=True) == "dimanche 1er\u00a0mars 2026"
    slot = Slot(day=date(2026, 3, 3), start=time(8), end=time(12, 30))
    assert calendar.slot_in_full(slot) == "mardi 3\u00a0mars, de 8\u00a0h à 12\u00a0h\u00a030"
    assert calendar.slot_in_full(Slot(day=Weekday.TUE, start=time(8), end=time(12))) == (
        "le mardi, de 8\u00a0h à 12\u00a0h"
    )
    assert calendar.instant_in_full(paris("2026-03-03 18:00")) == "mardi 3\u00a0mars à 18\u00a0h"


def test_short_forms_read_well() -> None:
    assert calendar.short_limit(paris("2026-03-03 18:00")) == "mar 3/03 18h"
    assert calendar.short_limit(paris("2026-10-13 18:30")) == "13/10 18h30"
    assert calendar.short_day(date(2026, 3, 3)) == "mar 3 mars"
    assert calendar.short_hours(time(8, 30), time(16, 30)) == "8h30-16h30"
    assert calendar.short_date(date(2026, 9, 1)) == "1/09"
    assert [calendar.short_days(days) for days in _some_weeks()] == [
        "lun mar jeu",
        "lun-ven",
        "mercredi",
        "lu ma je ve",
    ]


def _some_weeks() -> Iterator[list[Weekday]]:
    mon, tue, wed, thu, fri, *_ = WEEKDAYS
    yield [thu, tue, mon]
    yield [mon, tue, wed, thu, fri]
    yield [wed]
    yield [mon, tue, thu, fri]


def test_every_set_of_weekdays_fits_in_14_characters_and_is_named_differently() -> None:
    weeks = [days for size in range(1, 8) for days in combinations(WEEKDAYS, size)]
    names = [calendar.short_days(days) for days in weeks]
    assert max(map(len, names)) <= 14
    assert len(set(names)) == len(weeks) == 127


def test_every_day_and_deadline_of_a_year_fits_in_its_sms_length() -> None:
    for n in range(366):
        day = date(2026, 1, 1) + timedelta(days=n)
        assert len(calendar.short_day(day)) <= 12
        assert len(calendar.short_date(day)) <= 5
        for hour in (time(18), time(18, 45)):
            assert len(calendar.short_limit(calendar.at(day, hour))) <= 13


def test_french_takes_the_plural_from_two_on() -> None:
    words = [calendar.counted(n, "place") for n in (0, 1, 2)]
    assert words == ["0\u00a0place", "1\u00a0place", "2\u00a0places"]
    assert calendar.counted(3, "cheval", "chevaux") == "3\u00a0chevaux"


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_fixed_clock_moves_only_when_told_to() -> None:
    clock = calendar.FixedClock(paris("2026-03-03 18:00"))
    assert clock() == clock() == paris("2026-03-03 18:00")
    assert clock.advance(HOUR) == clock() == paris("2026-03-03 19:00")


def test_a_scaled_clock_runs_a_day_in_a_minute() -> None:
    ticks = iter([100.0, 100.0, 160.0])
    clock = calendar.ScaledClock(paris("2026-03-03 18:00"), speed=24 * 60, ticks=lambda: next(ticks))
    assert clock() == paris("2026-03-03 18:00")
    assert clock() == paris("2026-03-04 18:00")
    with pytest.raises(ValueError, match="speed"):
        calendar.ScaledClock(paris("2026-03-03 18:00"), speed=0)


def test_the_system_clock_is_aware() -> None:
    assert calendar.system_clock().utcoffset() == timedelta(0)
