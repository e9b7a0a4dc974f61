"""On-call agreements: each condition alone can refuse."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.structures import AgreementSigned
from contracts.vocabulary import Slot
from services.matcher.rules.on_call import may_use_on_call_place

PARIS = ZoneInfo("Europe/Paris")
WEDNESDAY = date(2026, 12, 2)
BORN = date(2025, 6, 1)
TOMORROW = (Slot(day=WEDNESDAY, start=time(8, 30), end=time(16, 30)),)
EVENING_BEFORE = datetime(2026, 12, 1, 17, 30, tzinfo=PARIS)
AGREEMENT = AgreementSigned.model_construct(
    structure="X",
    section="X-all",
    agreed_by="director",
    notice_hours=12,
    age_from_months=10,
    age_to_months=36,
    days_per_child=2,
    valid_until=date(2026, 12, 31),
)


def _may(slots: tuple[Slot, ...] = TOMORROW, now: datetime = EVENING_BEFORE, born: date = BORN, **facts: Any) -> bool:
    return may_use_on_call_place(AGREEMENT.model_copy(update=facts), born, slots, now)


def test_a_place_for_tomorrow_may_be_used_within_the_agreement() -> None:
    assert _may()


@pytest.mark.parametrize(("hours", "allowed"), [(15, True), (15.5, False)])
def test_the_notice_counts_in_hours_up_to_the_first_slot(hours: float, allowed: bool) -> None:
    assert _may(notice_hours=hours) is allowed


def test_the_notice_counts_real_hours_when_the_clocks_change() -> None:
    sunday_change = (Slot(day=date(2027, 3, 29), start=time(8), end=time(16)),)
    saturday = datetime(2027, 3, 27, 20, 0, tzinfo=PARIS)
    assert _may(sunday_change, saturday, notice_hours=35, valid_until=date(2027, 12, 31))
    assert not _may(sunday_change, saturday, notice_hours=35.5, valid_until=date(2027, 12, 31))


@pytest.mark.parametrize(("born", "allowed"), [(date(2026, 3, 1), False), (date(2026, 2, 2), True)])
def test_the_child_is_within_the_ages_of_the_agreement(born: date, allowed: bool) -> None:
    assert _may(born=born) is allowed


@pytest.mark.parametrize(("days", "allowed"), [(2, True), (3, False)])
def test_a_child_comes_no_more_days_than_agreed(days: int, allowed: bool) -> None:
    slots = tuple(Slot(day=WEDNESDAY + timedelta(days=number), start=time(8), end=time(12)) for number in range(days))
    assert _may(slots, notice_hours=1) is allowed


@pytest.mark.parametrize(("until", "allowed"), [(WEDNESDAY, True), (WEDNESDAY - timedelta(days=1), False)])
def test_the_agreement_holds_on_its_last_day_and_not_after(until: date, allowed: bool) -> None:
    assert _may(valid_until=until) is allowed


def test_a_weekly_pattern_is_a_regular_place_and_never_on_call() -> None:
    assert not _may((Slot(day="wed", start=time(8), end=time(12)),))
    assert not _may(())
