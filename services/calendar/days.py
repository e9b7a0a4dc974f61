"""Which days and hours count: French time, public holidays, hours in which people are written to, the guichet's hours.

When to modify: hours change by a new dated entry, never in place, so that an old deadline can be computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import holidays

from contracts.vocabulary import WEEKDAYS, Frozen, Weekday

PARIS = ZoneInfo("Europe/Paris")
"""The time zone of metropolitan France, summer time included."""

ONE_DAY = timedelta(days=1)
_SEARCHED_DAYS = 366  # bounds a search that wrong opening hours would make endless


class Dated(Protocol):
    """Policy that holds from a day on."""

    @property
    def valid_from(self) -> date: ...


D = TypeVar("D", bound=Dated)


def in_force(versions: Sequence[D], day: date) -> D:
    """The latest version valid on `day`. Raises LookupError if none was valid yet."""
    valid = [version for version in versions if version.valid_from <= day]
    if not valid:
        raise LookupError(f"no rules were in force on {day.isoformat()}")
    return max(valid, key=lambda version: version.valid_from)


def local(instant: datetime) -> datetime:
    """`instant` as a French wall clock shows it. Raises ValueError if it is naive: a naive time names no instant."""
    if instant.tzinfo is None:
        raise ValueError(f"a naive time names no instant: {instant.isoformat()}")
    return instant.astimezone(PARIS)


def utc(instant: datetime) -> datetime:
    """`instant` in UTC, where sums and differences are elapsed time. Raises ValueError if it is naive."""
    return local(instant).astimezone(UTC)


def local_day(instant: datetime) -> date:
    """The French calendar day on which `instant` falls."""
    return local(instant).date()


def at(day: date, hour: time) -> datetime:
    """The instant of `hour` on `day` in France, in UTC; the first of the two when the clock goes back."""
    return datetime.combine(day, hour, PARIS).astimezone(UTC)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> Mapping[date, str]:
    """Public holidays of metropolitan France with their French names (Code du travail, L3133-1)."""
    return MappingProxyType(dict(holidays.country_holidays("FR", years=year, language="fr")))


def is_public_holiday(day: date) -> bool:
    return day in public_holidays(day.year)


def is_ordinary_day(day: date) -> bool:
    """A day on which families may be written to and a deadline may fall: neither Sunday nor public holiday."""
    return day.weekday() != Weekday.SUN.number and not is_public_holiday(day)


class DayWindow(Frozen):
    """Hours of a day in which people are written to and may be expected to answer, in local time.

    `every_day`: on Sundays and public holidays too.
    """

    valid_from: date
    source: str
    opens: time
    closes: time
    every_day: bool = False

    def suits(self, day: date) -> bool:
        return self.every_day or is_ordinary_day(day)

    def holds(self, instant: datetime) -> bool:
        """True if `instant` falls on a suitable day in `[opens, closes]`: a deadline may fall at closing time."""
        then = local(instant)
        return self.suits(then.date()) and self.opens <= then.time() <= self.closes


ORDINARY_HOURS = DayWindow(
    valid_from=date(2026, 1, 1),
    source="Choix du guichet : ni la nuit, ni le dimanche, ni les jours fériés (aucun texte ne l'impose à un service "
    "public)",
    opens=time(8),
    closes=time(20),
)


def next_allowed(instant: datetime, window: DayWindow) -> datetime:
    """The first instant at or after `instant` on a suitable day in `[opens, closes)`."""
    then = local(instant)
    if window.suits(then.date()) and window.opens <= then.time() < window.closes:
        return instant.astimezone(UTC)
    first = then.date() if then.time() < window.opens else then.date() + ONE_DAY
    return at(_first(first, ONE_DAY, window.suits), window.opens)


def last_allowed(instant: datetime, window: DayWindow) -> datetime:
    """The last instant at or before `instant` on a suitable day in `[opens, closes]`."""
    if window.holds(instant):
        return instant.astimezone(UTC)
    then = local(instant)
    last = then.date() if then.time() > window.closes else then.date() - ONE_DAY
    return at(_first(last, -ONE_DAY, window.suits), window.closes)


class OfficeHours(Frozen):
    """When the guichet answers. `closures` are single days closed in addition to Sundays and public holidays."""

    valid_from: date
    source: str
    hours: Mapping[Weekday, tuple[tuple[time, time], ...]]
    closures: frozenset[date] = frozenset()


_WHOLE_DAY = ((time(8, 30), time(12)), (time(13, 30), time(17)))

DEFAULT_OFFICE = OfficeHours(
    valid_from=date(2026, 1, 1),
    source="Horaires de démonstration (synthétiques) : à remplacer par ceux du guichet",
    hours=dict.fromkeys(WEEKDAYS[:5], _WHOLE_DAY),
)


def is_opening_day(day: date, office: OfficeHours = DEFAULT_OFFICE) -> bool:
    """True if the guichet opens on `day`: a working day."""
    opens = bool(office.hours.get(WEEKDAYS[day.weekday()]))
    return opens and is_ordinary_day(day) and day not in office.closures


def next_opening_day(day: date, office: OfficeHours = DEFAULT_OFFICE) -> date:
    """The first opening day after `day`."""
    return _first(day + ONE_DAY, ONE_DAY, lambda other: is_opening_day(other, office))


def next_working_instant(instant: datetime, office: OfficeHours = DEFAULT_OFFICE) -> datetime:
    """`instant` itself if the guichet is open then, else the moment it next opens."""
    then = local(instant)
    for opens, closes in _openings(then.date(), office):
        if then.time() < closes:
            return max(at(then.date(), opens), instant.astimezone(UTC))
    day = next_opening_day(then.date(), office)
    return at(day, _openings(day, office)[0][0])


def add_working_days(instant: datetime, days: int, office: OfficeHours = DEFAULT_OFFICE) -> datetime:
    """The same hour `days` opening days later, counted from when the guichet was next open.

    Friday 15:00 plus two is Tuesday 15:00; Saturday 10:00 counts as Monday's opening.
    """
    start = local(next_working_instant(instant, office))
    day = start.date()
    for _ in range(days):
        day = next_opening_day(day, office)
    return at(day, start.time())


def _openings(day: date, office: OfficeHours) -> tuple[tuple[time, time], ...]:
    return office.hours[WEEKDAYS[day.weekday()]] if is_opening_day(day, office) else ()


def _first(day: date, step: timedelta, suits: Callable[[date], bool]) -> date:
    """The first day that suits, from `day` on by `step`. Raises LookupError if none does within a year."""
    for n in range(_SEARCHED_DAYS):
        if suits(day + n * step):
            return day + n * step
    raise LookupError(f"no suitable day within a year of {day.isoformat()}: check the opening hours and closures")
