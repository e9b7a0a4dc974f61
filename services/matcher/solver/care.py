"""Hours of care that would suit a request: its patterns with travel time, in the sections that take its age.

A family may accept a part of its days, or a later start. Nothing here looks at places but for the days on which some
come free. When to modify: when age, period or travel are counted otherwise.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from itertools import combinations
from typing import NamedTuple

from contracts.vocabulary import Audience, Id, Period, Slot
from services.matcher.rules.eligibility import months_completed
from services.matcher.solver.cells import Span
from services.matcher.solver.schema import MOST_DAYS_TO_CHOOSE_FROM, Pattern, Request, Round, Section, Wish
from services.matcher.solver.stated import Stated

Known = dict[tuple[int, int], tuple[tuple[Slot, ...], tuple[Slot, ...]]]
"""Hours of care already worked out, with their slots, by the id of the slots and the minutes of travel."""

NO_DAYS: frozenset[date] = frozenset()


class Care(NamedTuple):
    """A request, a section that takes its age, and hours of care: an option before its cells are known.

    With a level below 0 it is a share of a week, and no choice by itself.
    """

    request: Request
    section: Section
    wish_rank: int
    pattern: int
    level: int
    slots: tuple[Slot, ...]
    period: Period

    @property
    def span(self) -> Span:
        return (self.slots, self.period)


class Rhythm(NamedTuple):
    """A pattern, or some of its days: its position, the place of its rank, hours of care, days given up."""

    pattern: int
    place: int
    slots: tuple[Slot, ...]
    given_up: int
    dated: bool


def effective_audience(request: Request, section: Id) -> Audience:
    """On-call places count only where the agreement of that section fits the request."""
    if request.entitled_to is Audience.URGENT_INSERTION and section not in request.on_call_sections:
        return Audience.INSERTION
    return request.entitled_to


def hours_of_care(slots: tuple[Slot, ...], travel_minutes: int) -> tuple[Slot, ...]:
    """The hours with travel time on both sides, within the day; those that touch are joined."""
    found: list[Slot] = []
    for slot in sorted((_widened(slot, travel_minutes) for slot in slots), key=_by_day_and_hour):
        if found and found[-1].day == slot.day and slot.start <= found[-1].end:
            found[-1] = found[-1].model_copy(update={"end": max(found[-1].end, slot.end)})
        else:
            found.append(slot)
    return slots if len(found) == len(slots) and all(map(operator.is_, found, slots)) else tuple(found)


def _widened(slot: Slot, minutes: int) -> Slot:
    if minutes == 0:
        return slot
    start = max(slot.start.hour * 60 + slot.start.minute - minutes, 0)
    end = min(slot.end.hour * 60 + slot.end.minute + minutes, 24 * 60 - 1)
    return Slot(day=slot.day, start=time(start // 60, start % 60), end=max(slot.end, time(end // 60, end % 60)))


def _by_day_and_hour(slot: Slot) -> tuple[int, str, time, time]:
    return (slot.weekday.number, str(slot.day), slot.start, slot.end)


def cares_by_structure(round: Round, stated: Stated | None = None) -> dict[Id, list[Care]]:
    """For each structure, everything that would suit somebody there, whether or not there is a place."""
    reading, stated = _Reading(round), stated or Stated()
    found: dict[Id, list[Care]] = defaultdict(list)
    for request in round.requests:
        for care in reading.known_cares(request, stated):
            found[care.section.structure].append(care)
    return found


def ages_at_start(request: Request) -> tuple[int, int] | None:
    """The months completed on the first and on the last day on which care may begin; None where nobody is born yet."""
    first = months_completed(request.born, request.period.start)
    if request.tolerance_days == 0:
        return None if first is None else (first, first)
    last = months_completed(request.born, request.period.start + timedelta(days=request.tolerance_days))
    return None if last is None else (first or 0, last)


class _Reading:
    """The sections of a round, the days on which places come free there, and hours already worked out."""

    def __init__(self, round: Round) -> None:
        self.sections: dict[Id, list[Section]] = defaultdict(list)
        for section in round.sections:
            self.sections[section.structure].append(section)
        self.opens: dict[Id, set[date]] = defaultdict(set)
        self.offered: dict[Id, list[Period]] = defaultdict(list)
        for vacancy in round.vacancies:
            self.opens[vacancy.section].add(vacancy.period.start)
            self.offered[vacancy.section] += [vacancy.period] if vacancy.places > 0 else []
        for hold in round.holds:
            self.opens[hold.section] |= {hold.period.end} if hold.period.end else set()
        self.spread = {section.id for section in round.sections if section.starts_per_week is not None}
        self.together = {name for row in round.siblings for name in row.requests}
        self.known: Known = {}
        self._known_dates: dict[int, tuple[tuple[Slot, ...], tuple[date, ...]]] = {}

    def known_cares(self, request: Request, stated: Stated) -> tuple[Care, ...]:
        """As `cares`: the very same where nothing that they are read from has changed."""
        later, sections = self._later_starts(request), self.sections
        wished = tuple([section for wish in request.wishes for section in sections[wish.structure]])
        together = request.id in self.together
        return stated.cares(request, wished, (later, together), lambda: self.cares(request, later))

    def cares(self, request: Request, later: Mapping[Id, Collection[date]]) -> Iterator[Care]:
        wish_ranks = _ranks(request.wishes)
        pattern_ranks = _ranks(request.patterns)
        rhythms = self._rhythms(request, pattern_ranks)
        every = {day: place for place, day in enumerate(sorted({request.period.start}.union(*later.values())))}
        one_round = len(wish_ranks) * len(pattern_ranks) * len(every)
        ages = {day: months_completed(request.born, day) for day in every}
        for wish in request.wishes:
            first = wish_ranks.index(wish.rank) * len(pattern_ranks)
            for section in self.sections[wish.structure]:
                for start, period in _periods(request, section, ages, later.get(section.id, NO_DAYS)):
                    late = every[start]
                    for pattern, place, slots, given_up, dated in rhythms:
                        if not (dated and late) and request.may_be_offered(section.id, slots):
                            level = (first + place) * len(every) + late + 1 + one_round * given_up
                            yield Care(request, section, wish.rank, pattern, level, slots, period)
        if request.accepts_split:
            yield from self._shares(request, one_round)

    def _shares(self, request: Request, one_round: int) -> Iterator[Care]:
        """What one of two structures could give of a whole pattern: `split.py` pairs them. Below 0, how many levels
        are before."""
        if not may_be_split(request, self.together):
            return
        before = one_round * max(len({slot.day for slot in pattern.slots}) for pattern in request.patterns)
        ages = {request.period.start: months_completed(request.born, request.period.start)}
        for wish in request.wishes:
            for section in self.sections[wish.structure]:
                for _, period in _periods(request, section, ages, NO_DAYS):
                    for index, slots in self._shared_days(request):
                        if request.may_be_offered(section.id, slots):
                            yield Care(request, section, wish.rank, index, -before, slots, period)

    def _shared_days(self, request: Request) -> Iterator[tuple[int, tuple[Slot, ...]]]:
        for index, pattern in enumerate(request.patterns):
            days = list(dict.fromkeys(slot.day for slot in pattern.slots))
            for count in (
                range(1, len(days)) if len(days) <= MOST_DAYS_TO_CHOOSE_FROM and _within(pattern, request) else ()
            ):
                for chosen in combinations(days, count):
                    kept = tuple(slot for slot in pattern.slots if slot.day in chosen)
                    yield index, self._hours(kept, request.travel_minutes)

    def _later_starts(self, request: Request) -> dict[Id, set[date]]:
        """By wished section, the days within the tolerance on which places come free.

        A section of another age, or without hours in the period, counts for nothing: it may be in another part.
        """
        if request.tolerance_days == 0 or request.id in self.together:
            return {}
        ages = ages_at_start(request)
        if ages is None:
            return {}
        first, end = request.period.start, request.period.end or date.max
        last = min(first + timedelta(days=request.tolerance_days), end - timedelta(days=1))
        wished = (section for wish in request.wishes for section in self.sections[wish.structure])
        of_age = (row.id for row in wished if row.age_from_months <= ages[1] and ages[0] <= row.age_to_months)
        reached = [id for id in of_age if any(_meet(row, request.period) for row in self.offered[id])]
        return {section: set(self._later(section, first, last)) for section in reached}

    def _later(self, section: Id, first: date, last: date) -> Iterator[date]:
        """The days on which places come free there; and Mondays, where starts are spread over the weeks."""
        yield from (day for day in self.opens[section] if first < day <= last)
        monday = first + timedelta(days=7 - first.weekday())
        while section in self.spread and monday <= last:
            yield monday
            monday += timedelta(days=7)

    def _rhythms(self, request: Request, ranks: list[int]) -> list[Rhythm]:
        """The patterns whose single days all lie in the period, and what a family accepts of their days."""
        travel, found = request.travel_minutes, []
        for index, pattern in enumerate(request.patterns):
            dates = self._dates(pattern.slots)
            if all(map(request.period.contains, dates)):
                place = ranks.index(pattern.rank)
                found.append(Rhythm(index, place, self._hours(pattern.slots, travel), 0, bool(dates)))
                for slots, given_up in self._parts(request, pattern) if request.accepts_partial else ():
                    found.append(Rhythm(index, place, self._hours(slots, travel), given_up, bool(dates)))
        return found

    def _dates(self, slots: tuple[Slot, ...]) -> tuple[date, ...]:
        """The single days that some slots name."""
        if id(slots) not in self._known_dates:
            self._known_dates[id(slots)] = (slots, tuple([slot.day for slot in slots if isinstance(slot.day, date)]))
        return self._known_dates[id(slots)][1]

    def _parts(self, request: Request, pattern: Pattern) -> Iterator[tuple[tuple[Slot, ...], int]]:
        """Some of the days of a pattern, as few as the family accepts, with how many fewer than it asked at most."""
        most = max(len({slot.day for slot in pattern.slots}) for pattern in request.patterns)
        days = list(dict.fromkeys(slot.day for slot in pattern.slots))
        few = len(days) <= MOST_DAYS_TO_CHOOSE_FROM and request.id not in self.together
        for count in range(request.min_days, len(days)) if few else ():
            for chosen in combinations(days, count):
                yield tuple(slot for slot in pattern.slots if slot.day in chosen), most - count

    def _hours(self, slots: tuple[Slot, ...], travel: int) -> tuple[Slot, ...]:
        key = (id(slots), travel)  # slow to hash; kept here, their ids stay theirs
        if key not in self.known:
            self.known[key] = (slots, hours_of_care(slots, travel))
        return self.known[key][1]


def _periods(
    request: Request, section: Section, ages: Mapping[date, int | None], later: Collection[date]
) -> Iterator[tuple[date, Period]]:
    """The days of care from each possible start at which the section takes the age."""
    first = request.period.start
    for start in sorted((first, *later)) if later else (first,):
        age = ages[start]
        if age is not None and section.age_from_months <= age <= section.age_to_months:
            yield start, request.period if start == first else Period(start=start, end=request.period.end)


def _ranks(rows: Sequence[Wish] | Sequence[Pattern]) -> list[int]:
    return sorted({row.rank for row in rows})


def may_be_split(request: Request, together: Container[Id]) -> bool:
    """True if a week may be shared by two structures, which siblings and movers are not tried with."""
    return request.accepts_split and request.current is None and request.id not in together


def _meet(one: Period, other: Period) -> bool:
    return (one.end is None or other.start < one.end) and (other.end is None or one.start < other.end)


def _within(pattern: Pattern, request: Request) -> bool:
    return all(not isinstance(slot.day, date) or request.period.contains(slot.day) for slot in pattern.slots)
