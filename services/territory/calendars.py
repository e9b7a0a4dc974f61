"""School holidays of zone A, and the closures by which a structure comes to its opening days of the year."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from contracts.vocabulary import Frozen, Period, Weekday
from services.calendar import public_holidays
from services.territory.chance import Chance

ONE_DAY = timedelta(days=1)
_FRIDAY = Weekday.FRI.number


class SchoolHoliday(Frozen):
    """Days without school, both ends included."""

    name: str
    first_day: date
    last_day: date

    @property
    def period(self) -> Period:
        return Period(start=self.first_day, end=self.last_day + ONE_DAY)


def read_csv(name: str) -> list[dict[str, str]]:
    """The lines of one of this package's data files."""
    text = files("services.territory").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def school_holidays() -> tuple[SchoolHoliday, ...]:
    """School holidays of zone A that are published, in order. Years without a line have none here."""
    return tuple(
        SchoolHoliday(
            name=line["nom"],
            first_day=date.fromisoformat(line["premier_jour"]),
            last_day=date.fromisoformat(line["dernier_jour"]),
        )
        for line in read_csv("school_holidays.csv")
    )


@cache
def working_days(period: Period) -> tuple[date, ...]:
    """Mondays to Fridays of a bounded period that are no public holiday; every structure asks of the same few."""
    return tuple(day for day in days_of(period) if day.weekday() <= _FRIDAY and day not in public_holidays(day.year))


def days_of(period: Period) -> Iterator[date]:
    """Each day of a bounded period."""
    if period.end is None:
        raise ValueError("une période sans fin n'a pas de liste de jours")
    yield from (period.start + n * ONE_DAY for n in range((period.end - period.start).days))


def next_working_day(day: date) -> date:
    """The first working day after `day`."""
    return working_days(Period(start=day + ONE_DAY, end=day + 10 * ONE_DAY))[0]


def closures(year: int, opening_days: int, chance: Chance) -> tuple[Period, ...]:
    """When a structure that opens about `opening_days` in `year` shuts: summer, Christmas, spring, bridges, study days.

    Public holidays are not in it: everybody shuts then. Taken in this order until the year is as short as wanted; the
    last week may leave it a few days shorter.
    """
    left = len(working_days(_whole(year))) - opening_days
    taken: list[Period] = []
    for period in _habits(year, chance):
        days = len(working_days(period))
        if days <= left:
            taken.append(period)
            left -= days
    return tuple(sorted(taken, key=lambda period: period.start))


def _habits(year: int, chance: Chance) -> Iterator[Period]:
    """What structures close, the most usual first; nothing overlaps."""
    summer = _monday_on_or_after(date(year, 8, 1))
    yield Period(start=summer, end=summer + timedelta(weeks=3))
    yield Period(start=date(year, 12, 24), end=date(year + 1, 1, 1))
    spring = [holiday.first_day for holiday in school_holidays() if _is_spring(holiday, year)]
    for first in spring:
        week = _monday_on_or_after(first)
        yield Period(start=week, end=week + timedelta(weeks=1))
    yield from (Period(start=day, end=day + ONE_DAY) for day in bridge_days(year))
    for month in chance.shuffled("months", (1, 2, 3, 6, 9, 10, 11)):
        monday = _monday_on_or_after(date(year, month, chance.whole(f"study/{month}", 7, 20)))
        if monday not in public_holidays(year):
            yield Period(start=monday, end=monday + ONE_DAY)


def bridge_days(year: int) -> list[date]:
    """Mondays and Fridays between a public holiday and a weekend, before summer: those of May, mostly."""
    tuesdays = [day - ONE_DAY for day in public_holidays(year) if day.weekday() == Weekday.TUE.number]
    thursdays = [day + ONE_DAY for day in public_holidays(year) if day.weekday() == Weekday.THU.number]
    spring = [day for day in tuesdays + thursdays if day.month in (5, 6, 7)]
    return sorted(day for day in spring if day not in public_holidays(year))


def _is_spring(holiday: SchoolHoliday, year: int) -> bool:
    return holiday.name == "Vacances de printemps" and holiday.first_day.year == year


def _whole(year: int) -> Period:
    return Period(start=date(year, 1, 1), end=date(year + 1, 1, 1))


def _monday_on_or_after(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)
