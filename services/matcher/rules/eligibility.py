"""Who may be cared for, in which section and on which days: age, period of care and tolerance.

Ages are counted in completed months. When to modify: when a text or a deliberation changes an age or a date below.
"""

from __future__ import annotations

from datetime import date, timedelta

from contracts.vocabulary import Period

SCHOOL_AGE_YEARS = 3
"""School is compulsory from the September of the year of the third birthday (Code de l'éducation, L131-1)."""
LAST_MONTH_AND_DAY = (8, 31)
"""The default last day of care in that year; a person may move it, and a disabled child may stay."""


def months_completed(born: date, on: date) -> int | None:
    """Whole months from birth to `on`, or None before birth. A month is complete on the same day number as birth."""
    if on < born:
        return None
    months = (on.year - born.year) * 12 + on.month - born.month
    return months if on.day >= born.day else months - 1


def fits_ages(born: date, start: date, from_months: int, to_months: int) -> bool:
    """True if the age at the start of care is within the section's ages, both ends included."""
    age = months_completed(born, start)
    return age is not None and from_months <= age <= to_months


def default_last_day(born: date) -> date:
    """31 August of the year of the third birthday: the last day of care unless a person decides otherwise."""
    return date(born.year + SCHOOL_AGE_YEARS, *LAST_MONTH_AND_DAY)


def care_period(born: date, start: date, last_day: date | None = None) -> Period | None:
    """The days of care from `start` to `last_day` included, else to the default one; None if nothing is left."""
    end = (last_day or default_last_day(born)) + timedelta(days=1)
    return Period(start=start, end=end) if start < end else None
