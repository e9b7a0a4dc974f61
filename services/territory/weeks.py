"""Half-day weeks: ten half-days, whole days, any so many of five. Slots are shared, so that large rounds stay small.

When to modify: when a drawn round needs another cut of the week.
"""

from __future__ import annotations

from datetime import time
from functools import cache
from itertools import combinations

from contracts.vocabulary import WEEKDAYS, Slot
from services.territory.chance import Chance

OPENS, NOON, CLOSES = time(8), time(13), time(18)
FIVE = range(5)
HALF_DAYS_ONLY = 0.15
"""Part-time weeks that are mornings or afternoons only (assumed, as for the requests of the territory)."""

Week = tuple[Slot, ...]


@cache
def morning(day: int) -> Slot:
    return Slot(day=WEEKDAYS[day], start=OPENS, end=NOON)


@cache
def afternoon(day: int) -> Slot:
    return Slot(day=WEEKDAYS[day], start=NOON, end=CLOSES)


@cache
def whole_day(day: int) -> Slot:
    return Slot(day=WEEKDAYS[day], start=OPENS, end=CLOSES)


@cache
def days(numbers: tuple[int, ...]) -> Week:
    """Whole days, Monday is 0."""
    return tuple(whole_day(number) for number in numbers)


@cache
def half_days(numbers: tuple[int, ...], afternoons: bool) -> Week:
    return tuple((afternoon if afternoons else morning)(number) for number in numbers)


WHOLE_WEEK = days(tuple(FIVE))


def some_days(draw: Chance, count: int) -> Week:
    """So many whole days of the five."""
    return days(tuple(sorted(draw.shuffled("which", FIVE)[:count])))


def drawn_week(draw: Chance, count: int) -> Week:
    """So many days of the five, whole or, for some families, mornings or afternoons only."""
    chosen = tuple(sorted(draw.shuffled("which", FIVE)[:count]))
    if count < len(FIVE) and draw.happens("half", HALF_DAYS_ONLY):
        return half_days(chosen, draw.happens("afternoons", 0.3))
    return days(chosen)


def any_days(draw: Chance, count: int) -> tuple[Week, ...]:
    """Every week with so many whole days; a family that needs all five would take any four."""
    few = min(count, len(FIVE) - 1)
    return tuple(days(chosen) for chosen in combinations(FIVE, few))
