"""French for pages, where the calendar's own words do not suffice: weeks, periods, ages, numbers to dial.

When to modify: a sentence that two screens say is made here, so that both say it alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from contracts.vocabulary import Period, Slot, Weekday
from services.calendar import date_in_full, hours_in_full

NBSP = "\u00a0"
_ONE_DAY = timedelta(days=1)
_SAME_YEAR = timedelta(days=200)
"""A date further away is told with its year."""

_MONTHS_IN_WORDS = 24
"""Up to two years people count a child's age in months."""

_RANGE = 3
"""From three days in a row on, "du lundi au mercredi" reads better than a list."""


def week(slots: Iterable[Slot]) -> list[str]:
    """One phrase for each group of hours: "du lundi au vendredi, de 8 h à 18 h", "mardi 3 mars, de 8 h à 12 h"."""
    weekly: dict[tuple[time, time], list[Weekday]] = {}
    dated: dict[tuple[time, time], list[date]] = {}
    for slot in slots:
        hours = (slot.start, slot.end)
        if isinstance(slot.day, date):
            dated.setdefault(hours, []).append(slot.day)
        else:
            weekly.setdefault(hours, []).append(slot.day)
    phrases = [f"{_weekdays(days)}, {_unbroken(*hours)}" for hours, days in weekly.items()]
    return phrases + [f"{_dates(days)}, {_unbroken(*hours)}" for hours, days in dated.items()]


def _unbroken(start: time, end: time) -> str:
    """Hours that no line break parts."""
    return hours_in_full(start, end).replace(" ", NBSP)


def _weekdays(days: Sequence[Weekday]) -> str:
    wanted = sorted(set(days), key=lambda day: day.number)
    if len(wanted) >= _RANGE and wanted[-1].number - wanted[0].number == len(wanted) - 1:
        return f"du {wanted[0].label} au {wanted[-1].label}"
    return listed([f"le {day.label}" for day in wanted])


def _dates(days: Sequence[date]) -> str:
    wanted = sorted(set(days))
    if len(wanted) < _RANGE:
        return listed([date_in_full(day) for day in wanted])
    return f"du {date_in_full(wanted[0])} au {date_in_full(wanted[-1])} ({len(wanted)}{NBSP}jours)"


def listed(words: Sequence[str]) -> str:
    """ "a", "a et b", "a, b et c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} et {words[-1]}"


@pass_context
def day(context: Context, value: date) -> str:
    """A date in full, with its year where that could be mistaken."""
    return on_day(value, context["today"])


@pass_context
def iso_day(context: Context, text: str) -> str:
    """The same for a date as it is kept in JSON."""
    return on_day(date.fromisoformat(text), context["today"])


def read_slots(rows: Iterable[Any]) -> tuple[Slot, ...]:
    """Slots as they are kept in JSON."""
    return tuple(Slot.model_validate(row) for row in rows)


def on_day(value: date, today: date) -> str:
    return date_in_full(value, with_year=abs(value - today) > _SAME_YEAR)


@pass_context
def lasting(context: Context, period: Period) -> str:
    """ "à partir du mardi 10 novembre", "du … au …" with the last day, "mardi 3 mars" for a single day.

    A year that is told with the last day would go for both: where they differ, the first has its own.
    """
    today = context["today"]
    first, last = on_day(period.start, today), period.end - _ONE_DAY if period.end else None
    if last is None:
        return f"à partir du {first}"
    told = on_day(last, today)
    if last.year != period.start.year and told.endswith(str(last.year)):
        first = date_in_full(period.start, with_year=True)
    return first if last == period.start else f"du {first} au {told}"


@pass_context
def between(context: Context, dates: dict[str, date]) -> str:
    """ "du lundi 24 août au jeudi 30 septembre", from `start` up to, and without, `end`."""
    return lasting(context, Period(**dates))


def age(months: int) -> str:
    """ "moins d'un mois", "17 mois", "3 ans", "2 ans et 6 mois"."""
    if months == 0:
        return "moins d'un mois"
    years, rest = divmod(months, 12)
    if months < _MONTHS_IN_WORDS:
        return f"{months}{NBSP}mois"
    whole = f"{years}{NBSP}ans"
    return f"{whole} et {rest}{NBSP}mois" if rest else whole


def age_or_unborn(months: int | None) -> str:
    """The same of a child who may not be born yet."""
    return "à naître" if months is None else age(months)


def ages(section: dict[str, Any]) -> str:
    """ "de 2 mois à 17 mois", for a section's facts."""
    youngest, oldest = section["age_from_months"], age(section["age_to_months"])
    return f"de {age(youngest)} à {oldest}" if youngest else f"de la naissance à {oldest}"


def months_between(born: date, on: date) -> int:
    """Completed months of age on a day; 0 before birth."""
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    return max(0, months)


def dialled(number: str) -> str:
    """What a telephone link carries."""
    return "".join(sign for sign in number if sign.isdigit() or sign == "+")


def of(name: str) -> str:
    """ "de Lina", "d'Alice": with the elision that French wants before a vowel."""
    plain = unicodedata.normalize("NFD", name[:2]).upper()
    elides = plain[:1] in tuple("AEIOU")
    return f"d'{name}" if elides else f"de {name}"


def capitalised(text: str) -> str:
    """With its first letter in capitals and the rest as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def in_sentence(text: str) -> str:
    """A label in the middle of a sentence: its first letter small, unless it stands for a name in capitals (RSA)."""
    return text if text[:2].isupper() else f"{text[:1].lower()}{text[1:]}"


def in_order(name: str) -> str:
    """What French sorts a name by: its letters without accents, "Désertines" before "Domérat"."""
    return "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign)).casefold()
