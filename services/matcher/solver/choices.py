"""What a request would accept, as `verify` and `explain` read it: sections that take its age, and hours of care.

Whether there is a place is not asked here. The solver works the same facts out in its own way. When to modify: when
age, travel or the order of wishes are read otherwise.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from contracts.vocabulary import Id, Period, Slot
from services.matcher.solver.books import Span
from services.matcher.solver.schema import MOST_DAYS_TO_CHOOSE_FROM, Placed, Request, Round, Section, Vacancy, Wish

TWO = 2
"""Structures that may share a week."""
HOME = -1
"""Stands for a pattern where a child goes back to the place that it had."""


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


def accepts_age_in_time(section: Section, request: Request) -> bool:
    """True if a section takes the child's age on some day of the tolerance."""
    last = months(request.born, request.period.start + timedelta(days=request.tolerance_days))
    first = months(request.born, request.period.start)
    return last >= 0 and section.age_from_months <= last and first <= section.age_to_months


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


@dataclass(frozen=True)
class Taking:
    """A whole pattern or a part of it, from one day on: what a family would take in any section that fits."""

    pattern: int
    slots: tuple[Slot, ...]
    start: date
    missing: int


class Choices:
    """What the requests of a round would accept. `asked_together` take whole patterns from the wanted start only."""

    def __init__(self, round: Round) -> None:
        self._sections: dict[Id, list[Section]] = defaultdict(list)
        for section in round.sections:
            self._sections[section.structure].append(section)
        self._opening: dict[Id, set[date]] = defaultdict(set)
        self._offered: dict[Id, list[Vacancy]] = defaultdict(list)
        for vacancy in round.vacancies:
            self._opening[vacancy.section].add(vacancy.period.start)
            self._offered[vacancy.section].append(vacancy)
        for hold in round.holds:
            if hold.period.end is not None:
                self._opening[hold.section].add(hold.period.end)
        self._hours: dict[tuple[int, int], tuple[tuple[Slot, ...], tuple[Slot, ...]]] = {}
        self._spread = {section.id for section in round.sections if section.starts_per_week}
        self._asked_together = {request for row in round.siblings for request in row.requests}

    def of(self, request: Request) -> Iterator[Choice]:
        """All that would suit a request, wish by wish."""
        starts = self._starts(request)
        wishes = sorted({wish.rank for wish in request.wishes})
        patterns = sorted({pattern.rank for pattern in request.patterns})
        takings = list(self._takings(request, sorted({start for _, start in starts})))
        order = sorted({start for _, start in starts})
        for wish in request.wishes:
            for section in self._sections[wish.structure]:
                for taking in takings:
                    if (section.id, taking.start) in starts and _suits(request, section, taking):
                        rank = request.patterns[taking.pattern].rank
                        level = wishes.index(wish.rank) * len(patterns) + patterns.index(rank)
                        level = level * len(order) + order.index(taking.start)
                        level += taking.missing * len(wishes) * len(patterns) * len(order)
                        yield Choice(
                            request=request.id,
                            structure=wish.structure,
                            section=section.id,
                            pattern=taking.pattern,
                            wish_rank=wish.rank,
                            level=level + 1,
                            slots=taking.slots,
                            period=_from(taking.start, request.period),
                        )

    def wished(self, request: Request) -> Iterator[Section]:
        """The sections of the structures that a request wishes."""
        return (section for wish in request.wishes for section in self._sections[wish.structure])

    def later(self, request: Request) -> frozenset[tuple[Id, date]]:
        """The sections and days on which care may begin there; none where it may only begin on the wanted day."""
        return frozenset(self._starts(request) if request.tolerance_days else ())

    def shared(self, request: Request) -> Iterator[tuple[Choice, Choice]]:
        """The weeks that two structures could share, behind all that one of them could give."""
        alone = request.current is None and request.id not in self._asked_together
        if not (request.accepts_split and alone):
            return
        wishes, patterns = ({row.rank for row in rows} for rows in (request.wishes, request.patterns))
        starts = {start for _, start in self._starts(request)}
        widest = max(len(_days(pattern.slots)) for pattern in request.patterns)
        before = len(wishes) * len(patterns) * len(starts) * widest
        for (one, there), (other, elsewhere) in itertools.combinations(self._wished_sections(request), 2):
            if there.structure != elsewhere.structure:
                steps = sum(rank < wish.rank for wish in (one, other) for rank in wishes)
                for index, first, second in self._halves(request):
                    worse = sum(rank < request.patterns[index].rank for rank in patterns)
                    level = before + steps * len(patterns) + worse + 1
                    taken = (Taking(index, slots, request.period.start, 0) for slots in (first, second))
                    pair = list(zip((one, other), (there, elsewhere), taken, strict=True))
                    if all(_suits(request, section, taking) for _, section, taking in pair):
                        yield _share(request, *pair[0], level), _share(request, *pair[1], level)

    def _wished_sections(self, request: Request) -> list[tuple[Wish, Section]]:
        return [(wish, section) for wish in request.wishes for section in self._sections[wish.structure]]

    def _halves(self, request: Request) -> Iterator[tuple[int, tuple[Slot, ...], tuple[Slot, ...]]]:
        """The whole patterns cut in two between days, in every way."""
        for index in range(len(request.patterns)):
            whole = self._care_hours(request, index)
            days = sorted(_days(whole), key=str)
            few = len(days) <= MOST_DAYS_TO_CHOOSE_FROM and _in_period(whole, request.period)
            for count in range(1, len(days)) if few else ():
                for chosen in itertools.combinations(days, count):
                    first = tuple(slot for slot in whole if slot.day in chosen)
                    yield index, first, tuple(slot for slot in whole if slot.day not in chosen)

    def _starts(self, request: Request) -> set[tuple[Id, date]]:
        """Sections and days on which care may begin there."""
        sections = [section for wish in request.wishes for section in self._sections[wish.structure]]
        days = 0 if request.id in self._asked_together else request.tolerance_days
        found = {(section.id, request.period.start) for section in sections}
        for section in sections if days else ():
            id = section.id
            later = [*self._opening[id], *(_mondays(request) if id in self._spread else ())]
            if _could_serve(section, self._offered[id], request):
                found |= {(id, day) for day in later if _is_in_time(request, day)}
        return found

    def _takings(self, request: Request, starts: Sequence[date]) -> Iterator[Taking]:
        widest = max((len(_days(pattern.slots)) for pattern in request.patterns), default=0)
        for index in range(len(request.patterns)):
            whole = self._care_hours(request, index)
            if not _in_period(whole, request.period):
                continue
            days = sorted(_days(whole), key=str)
            dated = any(isinstance(day, date) for day in days)
            for start in starts[: 1 if dated else None]:
                yield Taking(index, whole, start, 0)
                for count in self._part_sizes(request, len(days)):
                    for kept in itertools.combinations(days, count):
                        yield Taking(index, tuple(slot for slot in whole if slot.day in kept), start, widest - count)

    def _care_hours(self, request: Request, pattern: int) -> tuple[Slot, ...]:
        """The hours of care of a pattern; the same ones are worked out once."""
        slots = request.patterns[pattern].slots
        key = (id(slots), request.travel_minutes)  # slow to hash; kept here, their ids stay theirs
        if key not in self._hours:
            self._hours[key] = (slots, care_hours(request, pattern))
        return self._hours[key][1]

    def _part_sizes(self, request: Request, days: int) -> range:
        possible = request.accepts_partial and days <= MOST_DAYS_TO_CHOOSE_FROM
        return range(request.min_days, days) if possible and request.id not in self._asked_together else range(0)


def share_a_week(rows: Sequence[Placed], request: Request) -> bool:
    """True if two structures have each day of one whole pattern once, from the wanted start."""
    whole = care_hours(request, rows[0].pattern)
    both = sorted((slot for row in rows for slot in row.slots), key=whole.index) if _named_in(rows, whole) else []
    apart = len({row.structure for row in rows}) == len(rows) == TWO
    days = [{slot.day for slot in row.slots} for row in rows]
    same = all(row.split and not row.partial and row.pattern == rows[0].pattern for row in rows)
    return (
        apart
        and same
        and tuple(both) == whole
        and not set.intersection(*days)
        and all(row.period == request.period for row in rows)
    )


def _named_in(rows: Sequence[Placed], whole: tuple[Slot, ...]) -> bool:
    return all(slot in whole for row in rows for slot in row.slots)


def _share(request: Request, wish: Wish, section: Section, taking: Taking, level: int) -> Choice:
    return Choice(
        request=request.id,
        structure=wish.structure,
        section=section.id,
        pattern=taking.pattern,
        wish_rank=wish.rank,
        level=level,
        slots=taking.slots,
        period=request.period,
    )


def _could_serve(section: Section, vacancies: Iterable[Vacancy], request: Request) -> bool:
    """True if a section takes the age on some day of the tolerance, and offers hours before the need ends."""
    end = request.period.end or date.max
    offers = (
        row.places > 0 and row.period.start < end and request.period.start < (row.period.end or date.max)
        for row in vacancies
    )
    return accepts_age_in_time(section, request) and any(offers)


def _is_in_time(request: Request, day: date) -> bool:
    return request.period.contains(day) and 0 < (day - request.period.start).days <= request.tolerance_days


def _mondays(request: Request) -> Iterator[date]:
    first = request.period.start
    days = (first + timedelta(days=late) for late in range(1, request.tolerance_days + 1))
    return (day for day in days if day.weekday() == 0)


def _suits(request: Request, section: Section, taking: Taking) -> bool:
    age = months(request.born, taking.start)
    fits = age >= 0 and section.age_from_months <= age <= section.age_to_months
    return fits and request.may_be_offered(section.id, taking.slots)


def _from(start: date, period: Period) -> Period:
    return period if start == period.start else Period(start=start, end=period.end)


def _days(slots: Iterable[Slot]) -> set[object]:
    return {slot.day for slot in slots}


def _in_period(slots: tuple[Slot, ...], period: Period) -> bool:
    return all(period.contains(slot.day) for slot in slots if isinstance(slot.day, date))
