"""Dates, hours and numbers as a French reader expects them: in full for pages, short for an SMS.

Pages get "mardi 3 mars, de 8 h à 12 h" with non-breaking spaces. An SMS counts each character, so the short forms
keep to the lengths on which the texts were counted: day 12, hours 10, weekdays 14, deadline 13, date and hour 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time

from contracts.vocabulary import WEEKDAYS, Slot, Weekday
from services.calendar.days import local

NBSP = "\u00a0"
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_SHORT_MONTHS = (
    *("janv.", "févr.", "mars", "avril", "mai", "juin"),
    *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
)
_LONGEST_SHORT_DAYS = 14  # counted in the SMS texts
_FIRST_PLURAL = 2
_SHORTEST_RANGE = 3  # "lun-mer" reads better than "lun mar mer"; "lun-mar" reads worse than "lun mar"


def date_in_full(day: date, *, with_year: bool = False) -> str:
    """ "mardi 3 mars", "dimanche 1er mars", with the year where it could be mistaken."""
    number = "1er" if day.day == 1 else str(day.day)
    year = f" {day.year}" if with_year else ""
    return f"{_weekday(day).label} {number}{NBSP}{_MONTHS[day.month - 1]}{year}"


def hour_in_full(hour: time) -> str:
    """ "8 h", "8 h 30"."""
    minutes = f"{NBSP}{hour.minute:02}" if hour.minute else ""
    return f"{hour.hour}{NBSP}h{minutes}"


def hours_in_full(start: time, end: time) -> str:
    """ "de 8 h à 12 h"."""
    return f"de {hour_in_full(start)} à {hour_in_full(end)}"


def slot_in_full(slot: Slot) -> str:
    """ "mardi 3 mars, de 8 h à 12 h" for a date; "le mardi, de 8 h à 12 h" for a weekday."""
    day = date_in_full(slot.day) if isinstance(slot.day, date) else f"le {slot.day.label}"
    return f"{day}, {hours_in_full(slot.start, slot.end)}"


def instant_in_full(instant: datetime, *, with_year: bool = False) -> str:
    """ "mardi 3 mars à 18 h", on the French clock."""
    then = local(instant)
    return f"{date_in_full(then.date(), with_year=with_year)} à {hour_in_full(then.time())}"


def short_hour(hour: time) -> str:
    """ "8h", "8h30": at most 5 characters."""
    return f"{hour.hour}h{hour.minute:02}" if hour.minute else f"{hour.hour}h"


def short_hours(start: time, end: time) -> str:
    """ "8h-12h", "8h30-16h30": 10 characters; 11 for "13h30-17h30", which still fits the text (counted in tests)."""
    return f"{short_hour(start)}-{short_hour(end)}"


def short_date(day: date) -> str:
    """ "3/03", "13/10": at most 5 characters."""
    return f"{day.day}/{day.month:02}"


def short_day(day: date) -> str:
    """ "mar 3 mars", "mer 13 janv.": at most 12 characters."""
    return f"{_weekday(day).label[:3]} {day.day} {_SHORT_MONTHS[day.month - 1]}"


def short_limit(instant: datetime) -> str:
    """ "mar 3/03 18h" on the French clock: at most 13 characters; minutes take the place of the weekday."""
    then = local(instant)
    weekday = "" if then.minute else f"{_weekday(then.date()).label[:3]} "
    return f"{weekday}{short_date(then.date())} {short_hour(then.time())}"


def short_days(days: Iterable[Weekday]) -> str:
    """ "mardi", "lun mar jeu", "lun-ven", "lu ma je ve": at most 14 characters, in the order of the week."""
    wanted = frozenset(days)
    if len(wanted) == 1:
        return next(iter(wanted)).label
    return fitting_days(wanted, {day: day.label[:3] for day in WEEKDAYS}, {day: day.label[:2] for day in WEEKDAYS})


def fitting_days(days: Iterable[Weekday], names: Mapping[Weekday, str], shorter: Mapping[Weekday, str]) -> str:
    """Days by `names`, or by `shorter` ones where they would take more than 14 characters. Raises as `listed_days`."""
    wanted = frozenset(days)
    said = listed_days(wanted, names)
    return said if len(said) <= _LONGEST_SHORT_DAYS else listed_days(wanted, shorter)


def listed_days(days: Iterable[Weekday], names: Mapping[Weekday, str]) -> str:
    """Days by these names in the order of the week, three and more in a row as a range. Raises ValueError if none."""
    wanted = sorted(set(days), key=lambda day: day.number)
    if not wanted:
        raise ValueError("a place has at least one day")
    return " ".join(_run([names[day] for day in run]) for run in _runs(wanted))


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """ "0 place", "1 place", "2 places": French takes the plural from two on."""
    word = singular if abs(number) < _FIRST_PLURAL else plural or f"{singular}s"
    return f"{number}{NBSP}{word}"


def _weekday(day: date) -> Weekday:
    return WEEKDAYS[day.weekday()]


def _run(names: list[str]) -> str:
    return f"{names[0]}-{names[-1]}" if len(names) >= _SHORTEST_RANGE else " ".join(names)


def _runs(days: list[Weekday]) -> list[list[Weekday]]:
    runs: list[list[Weekday]] = []
    for day in days:
        if runs and runs[-1][-1].number == day.number - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
