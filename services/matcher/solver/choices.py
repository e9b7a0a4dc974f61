"""What a request would accept, as `verify` and `explain` read it: sections that take its age, and hours of care.

Whether there is a place is not asked here. The solver works the same facts out in its own way. When to modify: when
age, travel or the order of wishes are read otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from contracts.vocabulary import Id, Period, Slot
from services.matcher.solver.books import Span
from services.matcher.solver.schema import Request, Section


@dataclass(frozen=True)
class Choice:
    """One section and pattern that a request would accept, whether or not there is a place."""

    request: Id
    structure: Id
    section: Id
    pattern: int
    wish_rank: int
    level: int
    slots: tuple[Slot, ...]
    period: Period

    @property
    def span(self) -> Span:
        return (self.slots, self.period)


def months(born: date, on: date) -> int:
    """Completed months of age; negative before birth."""
    whole = 12 * (on.year - born.year) + (on.month - born.month)
    return whole - (on.day < born.day)


def accepts_age(section: Section, request: Request) -> bool:
    age = months(request.born, request.period.start)
    return age >= 0 and section.age_from_months <= age <= section.age_to_months


def care_hours(request: Request, pattern: int) -> tuple[Slot, ...]:
    """The hours of a pattern with travel on both sides, touching ones joined, in the order of the week."""
    travel = timedelta(minutes=request.travel_minutes)
    by_day: dict[str, list[Slot]] = defaultdict(list)
    for slot in request.patterns[pattern].slots:
        by_day[f"{slot.weekday.number} {slot.day}"].append(slot)
    joined: list[Slot] = []
    for day in sorted(by_day):
        hours = sorted((_earlier(slot.start, travel), _later(slot.end, travel)) for slot in by_day[day])
        joined += [Slot(day=by_day[day][0].day, start=start, end=end) for start, end in _joined(hours)]
    return tuple(joined)


def _earlier(moment: time, travel: timedelta) -> time:
    if not travel:
        return moment
    day = datetime(2000, 1, 2, moment.hour, moment.minute, moment.second)  # noqa: DTZ001
    return max(day - travel, datetime(2000, 1, 2)).time()  # noqa: DTZ001


def _later(moment: time, travel: timedelta) -> time:
    if not travel:
        return moment
    day = datetime(2000, 1, 2, moment.hour, moment.minute, moment.second)  # noqa: DTZ001
    return max(moment, min(day + travel, datetime(2000, 1, 2, 23, 59)).time())  # noqa: DTZ001


def _joined(hours: list[tuple[time, time]]) -> list[tuple[time, time]]:
    found = hours[:1]
    for start, end in hours[1:]:
        if start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def choices_of(request: Request, sections: Mapping[Id, Sequence[Section]]) -> Iterator[Choice]:
    """All that would suit a request, wish by wish; `sections` are those of each structure."""
    wish_ranks = sorted({wish.rank for wish in request.wishes})
    pattern_ranks = sorted({pattern.rank for pattern in request.patterns})
    hours = {index: care_hours(request, index) for index in range(len(request.patterns))}
    for wish in request.wishes:
        for section in sections.get(wish.structure, ()):
            for index, pattern in enumerate(request.patterns):
                suits = accepts_age(section, request) and _in_period(hours[index], request.period)
                if suits and request.may_be_offered(section.id, hours[index]):
                    level = wish_ranks.index(wish.rank) * len(pattern_ranks) + pattern_ranks.index(pattern.rank)
                    yield Choice(
                        request=request.id,
                        structure=wish.structure,
                        section=section.id,
                        pattern=index,
                        wish_rank=wish.rank,
                        level=level + 1,
                        slots=hours[index],
                        period=request.period,
                    )


def _in_period(slots: tuple[Slot, ...], period: Period) -> bool:
    return all(period.contains(slot.day) for slot in slots if isinstance(slot.day, date))
