"""Exhaustive search on tiny rounds: every arrangement is tried, hour by hour and day by day.

It shares nothing with the code under test but the data, so that they can only agree by being right.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import itertools
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from contracts.vocabulary import Audience, Period, Slot
from services.matcher.solver.schema import Hold, Quota, Request, Round, Section, Siblings
from tests.matcher.solver.drawn_rounds import MONDAY

HORIZON = [MONDAY + timedelta(days=number) for number in range(42)]
"""All that happens in a tiny round begins and ends in these weeks; afterwards every week is like the last one."""

Moment = tuple[date, int]


@dataclass(frozen=True)
class Seat:
    """One way to serve a request, with the moments that it takes."""

    request: str
    structure: str
    section: str
    pattern: int
    ranks: tuple[int, int]
    worth: tuple[int, ...]
    slots: tuple[Slot, ...]
    said: str
    audience: int
    moments: frozenset[Moment]
    start: date
    halves: tuple[Seat, ...] = ()

    @property
    def each(self) -> tuple[Seat, ...]:
        """The two halves of a week in two structures, else the seat itself."""
        return self.halves or (self,)

    @cached_property
    def bits(self) -> int:
        return bits(self.moments)


Arrangement = dict[str, Seat]
Goal = Callable[[Arrangement], Any]


class Oracle:
    """Everything about a tiny round, spelled out."""

    def __init__(self, round: Round) -> None:
        self.round = round
        self.requests = {request.id: request for request in round.requests}
        self.supply: list[Counter[tuple[str, Moment]]] = [Counter() for _ in Audience]
        for vacancy in round.vacancies:
            for level in range(audience_level(vacancy.audience_at(round.instant)), 3):
                for moment in moments(vacancy.slots, vacancy.period, 0):
                    self.supply[level][vacancy.section, moment] += vacancy.places
        self.held: list[Counter[tuple[str, Moment]]] = [Counter() for _ in Audience]
        self.had = {row.id: hold for row in round.requests for hold in round.holds if row.current == hold.id}
        self.had_at = {name: moments(hold.slots, hold.period, 0) for name, hold in self.had.items()}
        for hold in (hold for hold in round.holds if hold not in self.had.values()):
            for level in range(audience_level(hold.entitled_to), 3):
                for moment in moments(hold.slots, hold.period, 0):
                    self.held[level][hold.section, moment] += hold.units
        self.full = [self._full(level) for level in range(3)]
        self.crowded = [self._crowded(level) for level in range(3)]
        self.there: dict[tuple[str, date], Seat] = {}
        self.seats = {request.id: [*self._seats(request), *self._shared(request)] for request in round.requests}
        asked_together = {request for row in round.siblings for request in row.requests}
        self.units = [(name,) for name in self.requests if name not in asked_together]
        self.units += [row.requests for row in round.siblings]
        self.units.sort(key=lambda unit: self.unit_claim(unit, None))
        self.order = [request for unit in self.units for request in sorted(unit)]

    def claim(self, request: str, structure: str | None) -> tuple[object, ...]:
        row = self.requests[request]
        points = {here.structure: here.points for here in row.points_at}.get(structure or "", row.points)
        since = row.since or date.max
        return (row.tier, -points, since, row.since is None, sign(self.round.policy.seed, request))

    def unit_claim(self, unit: tuple[str, ...], structure: str | None) -> tuple[object, ...]:
        claims = sorted(self.claim(request, structure) for request in unit)
        return claims[0 if self.round.policy.siblings_claim == "first" else -1]

    def worth(self, unit: tuple[str, ...], arrangement: Arrangement) -> tuple[int, ...] | None:
        """How good an arrangement is to a family, the lowest first; None where it is not what it asks."""
        seats = [arrangement[request] for request in unit if request in arrangement]
        if not seats:
            return (99,)
        if len(unit) == 1:
            return seats[0].worth
        siblings = next(row for row in self.round.siblings if row.requests == unit)
        if any(not self._as_asked(siblings, one, other) for one in seats for other in seats):
            return None
        patterns = sum(self._places(seat)[1] for seat in seats)
        if not siblings.combinations:
            return (sum(self._places(seat)[0] for seat in seats), patterns) if len(seats) == len(unit) else None
        there = {(seat.request, seat.structure) for seat in seats}
        ranks = [
            row.rank
            for row in siblings.combinations
            if {(s.request, s.structure) for s in row.seats if s.structure} == there
        ]
        return (min(ranks), patterns) if ranks else None

    def _places(self, seat: Seat) -> tuple[int, int]:
        """How many ranks of the wishes, and of the patterns, come before those of this seat."""
        request = self.requests[seat.request]
        wishes = sorted({wish.rank for wish in request.wishes})
        return (wishes.index(seat.ranks[0]), sorted({row.rank for row in request.patterns}).index(seat.ranks[1]))

    def _as_asked(self, siblings: Siblings, one: Seat, other: Seat) -> bool:
        days = [{str(slot.day) for slot in self.requests[s.request].patterns[s.pattern].slots} for s in (one, other)]
        ways = [row.minutes for row in self.round.travel if {row.one, row.other} == {one.structure, other.structure}]
        near = one.structure == other.structure or min(ways, default=999) <= siblings.near_minutes
        holds = {"same_structure": one.structure == other.structure, "same_days": days[0] == days[1], "near": near}
        return all(holds[condition] for condition in siblings.together)

    def _seats(self, request: Request) -> Iterator[Seat]:
        for wish, section in itertools.product(request.wishes, self.round.sections):
            for start in self._starts(request, section.id) if section.structure == wish.structure else ():
                for index, slots, missing in self._rhythms(request):
                    yield from self._seat(request, wish.rank, section, start, index, slots, missing)

    def _seat(
        self,
        request: Request,
        rank: int,
        section: Section,
        start: date,
        index: int,
        slots: tuple[Slot, ...],
        missing: int,
    ) -> Iterator[Seat]:
        """The seat at these hours, if they are offered to a child of this age."""
        period = Period(start=start, end=request.period.end)
        taken = moments(slots, period, request.travel_minutes)
        dated = isinstance(slots[0].day, date)
        whole = all(
            not isinstance(slot.day, date) or request.period.contains(slot.day)
            for slot in request.patterns[index].slots
        )
        offered = all(self.supply[2][section.id, moment] > 0 for moment in taken)
        late = (start - request.period.start).days
        waits = self._waits_too_long(section.id, start, slots, request.travel_minutes)
        if taken and offered and whole and not waits and not (dated and late) and self._takes(request, section, start):
            ranks = (rank, request.patterns[index].rank)
            yield Seat(
                request.id,
                section.structure,
                section.id,
                index,
                ranks,
                (missing, *ranks, late),
                slots,
                f"{request.id} {section.id} {said(slots, request)}",
                self._audience(request, section.id),
                taken,
                start,
            )

    def _shared(self, request: Request) -> Iterator[Seat]:
        """Weeks of which one structure has some days and another the rest, behind everything else."""
        together = any(request.id in row.requests for row in self.round.siblings)
        if not request.accepts_split or together or request.current:
            return
        sections = [row for wish in request.wishes for row in self.round.sections if row.structure == wish.structure]
        rank = {wish.structure: wish.rank for wish in request.wishes}
        start = request.period.start
        for one, other in itertools.permutations(sections, 2):
            for index, pattern in enumerate(request.patterns) if one.structure < other.structure else ():
                days = sorted({str(slot.day) for slot in pattern.slots})
                for kept in (kept for count in range(1, len(days)) for kept in itertools.combinations(days, count)):
                    here = tuple(slot for slot in pattern.slots if str(slot.day) in kept)
                    there = tuple(slot for slot in pattern.slots if str(slot.day) not in kept)
                    for a in self._seat(request, rank[one.structure], one, start, index, here, 0):
                        for b in self._seat(request, rank[other.structure], other, start, index, there, 0):
                            yield self._both(a, b)

    def _both(self, one: Seat, other: Seat) -> Seat:
        steps = self._places(one)[0] + self._places(other)[0]
        halves = tuple(sorted((one, other), key=lambda seat: seat.section))
        worth = (len(HORIZON), steps, self._places(one)[1])
        return dataclasses.replace(one, worth=worth, moments=one.moments | other.moments, halves=halves)

    def _waits_too_long(self, section: str, start: date, slots: tuple[Slot, ...], travel: int) -> bool:
        """True if these hours are free on each of their days in one week more than a place may wait."""
        weeks = self.round.policy.wait_weeks
        if weeks is None or isinstance(slots[0].day, date):
            return False
        since = start - timedelta(days=7 * (weeks + 1))
        before = moments(slots, Period(start=since, end=start), travel)
        held: Counter[Moment] = Counter()
        for hold in self.round.holds:
            if hold.section == section:
                held.update(dict.fromkeys(moments(hold.slots, hold.period, 0), hold.units))
        free = all(self.supply[2][section, moment] > held[moment] for moment in before)
        return since >= self.round.instant.date() and free

    def _starts(self, request: Request, section: str) -> list[date]:
        """The wanted start, and later days within the tolerance on which something opens or ends there."""
        changes = {row.period.start for row in self.round.vacancies if row.section == section}
        changes |= {row.period.end for row in self.round.holds if row.section == section and row.period.end}
        late = [request.period.start + timedelta(days=number) for number in range(1, request.tolerance_days + 1)]
        together = any(request.id in row.requests for row in self.round.siblings)
        spread = any(row.id == section and row.starts_per_week for row in self.round.sections)
        changes |= {day for day in late if spread and day.weekday() == 0}
        later = [day for day in late if day in changes and request.period.contains(day) and not together]
        return [request.period.start, *later]

    def _rhythms(self, request: Request) -> Iterator[tuple[int, tuple[Slot, ...], int]]:
        """Patterns and, where a part would help, some of their days; with the days missing to the longest pattern."""
        together = any(request.id in row.requests for row in self.round.siblings)
        longest = max(len({slot.day for slot in pattern.slots}) for pattern in request.patterns)
        for index, pattern in enumerate(request.patterns):
            yield index, pattern.slots, 0
            days = {str(slot.day) for slot in pattern.slots}
            for count in range(request.min_days, len(days)) if request.accepts_partial and not together else ():
                for kept in itertools.combinations(sorted(days), count):
                    yield index, tuple(slot for slot in pattern.slots if str(slot.day) in kept), longest - count

    def _takes(self, request: Request, section: Section, start: date) -> bool:
        birthdays = 0
        while month_later(request.born, birthdays + 1) <= (start.year, start.month, start.day):
            birthdays += 1
        return request.born <= start and section.age_from_months <= birthdays <= section.age_to_months

    def _audience(self, request: Request, section: str) -> int:
        if request.entitled_to is Audience.URGENT_INSERTION and section not in request.on_call_sections:
            return 1
        return audience_level(request.entitled_to)

    def fits(self, seats: list[Seat], seat: Seat) -> bool:
        """True if a seat fits beside others, on top of what is held."""
        if seat.halves:
            return all(self.fits(seats, half) for half in seat.halves)
        for level in range(seat.audience, 3):
            others = [other.bits for other in seats if other.section == seat.section and other.audience <= level]
            full = self.full[level][seat.section]
            if any(taken & full[number] & seat.bits for number, taken in enumerate(at_once(others))):
                return False
            if self.crowded[level].get(seat.section, 0) & seat.bits:
                return False
        return self._leaves_kept_places(seats, seat) and self._begins_in_its_week(seats, seat)

    def _full(self, level: int) -> dict[str, list[int]]:
        """By section, and by how many seats are taken besides what is held: the moments without room for one more."""
        full = {row.id: [EVERY_MOMENT] + [0] * (len(self.requests) + len(self.had)) for row in self.round.sections}
        for (section, moment), places in self.supply[level].items():
            room = places - self.held[level][section, moment]
            if 0 < room < len(full[section]):
                full[section][room] |= BITS[moment]
            if room > 0:
                full[section][0] &= ~BITS[moment]
        return {section: [*itertools.accumulate(rows, operator.or_)] for section, rows in full.items()}

    def _crowded(self, level: int) -> dict[str, int]:
        """By section, the moments at which more is held than there are places: whoever leaves them frees nothing."""
        held = self.held[level].copy()
        for hold in self.had.values():
            if audience_level(hold.entitled_to) <= level:
                held.update(dict.fromkeys(((hold.section, m) for m in moments(hold.slots, hold.period, 0)), hold.units))
        found: dict[str, int] = {}
        for (section, moment), units in held.items():
            if units > self.supply[level][section, moment]:
                found[section] = found.get(section, 0) | BITS[moment]
        return found

    def _leaves_kept_places(self, seats: list[Seat], seat: Seat) -> bool:
        """True if, hour by hour, enough places are left to families in insertion over the structures of each quota."""
        for guarantee in self.guarantees:
            others = [other for other in (*seats, seat) if other.audience == 0 and other.section in guarantee.sections]
            for moment in seat.moments if seat in others else ():
                left, public, ordinary = guarantee.at(moment)
                at_home = seat.request in public or (len(ordinary) > left and seat.request in ordinary)
                users = sum(moment in other.moments and other.request not in public for other in others)
                if not at_home and (len(ordinary) > left or users > left):
                    return False
        return True

    @cached_property
    def guarantees(self) -> list[Guarantee]:
        """The quotas of which places are kept, or would be once the children in insertion had left."""
        instant = self.round.instant
        kept = (row for row in self.round.quotas if row.release_at is None or instant < row.release_at)
        return [row for row in (Guarantee(self, quota) for quota in kept) if row.owed + row.may_leave > 0]

    def _begins_in_its_week(self, seats: list[Seat], seat: Seat) -> bool:
        """True if no more children begin in the section in that week than it says."""
        most = next(row.starts_per_week for row in self.round.sections if row.id == seat.section)
        if most is None or not self._begins(seat, seat.section):
            return True
        week = seat.start.isocalendar()[:2]
        others = [other for other in seats if self._begins(other, seat.section)]
        begun = sum(other.start.isocalendar()[:2] == week for other in others)
        for hold in self.round.holds:
            if hold.section == seat.section and not _dated(hold.slots):
                begun += hold.units * (hold.period.start.isocalendar()[:2] == week)
        return begun < most

    def _begins(self, seat: Seat, section: str) -> bool:
        """False for single days, and for who is in the section already."""
        had = self.had.get(seat.request)
        return seat.section == section and not _dated(seat.slots) and not (had and had.section == section)

    def arrangements(self) -> Iterator[Arrangement]:
        """Every arrangement that fits, those who are served or not in any combination."""
        yield from self._extend({}, list(self.order))

    def _extend(self, done: Arrangement, rest: list[str]) -> Iterator[Arrangement]:
        if not rest:
            if self._fits_with_current_places(done):
                yield done
            return
        yield from self._extend(done, rest[1:])
        for seat in self.seats[rest[0]]:
            if self.fits([half for other in done.values() for half in other.each], seat):
                yield from self._extend({**done, rest[0]: seat}, rest[1:])

    def _fits_with_current_places(self, arrangement: Arrangement) -> bool:
        """True if all seats fit beside the places that children have from before, until they get another."""
        there = [*self.current_seats(arrangement), *(half for seat in arrangement.values() for half in seat.each)]
        return all(
            self.fits([other for other in there if other not in seat.each], seat) for seat in arrangement.values()
        )

    def current_seats(self, arrangement: Arrangement) -> list[Seat]:
        """What children still have of the places from before."""
        return [
            self._current_seat(name, arrangement[name].start if name in arrangement else date.max) for name in self.had
        ]

    def _current_seat(self, name: str, until: date) -> Seat:
        if (name, until) not in self.there:
            hold = self.had[name]
            taken = frozenset((day, hour) for day, hour in moments(hold.slots, hold.period, 0) if day < until)
            section, level = hold.section, audience_level(hold.entitled_to)
            ranks, slots = (0, 0), hold.slots
            seat = Seat(f"current of {name}", "", section, -1, ranks, (), slots, "", level, taken, date.max)
            self.there[name, until] = seat
        return self.there[name, until]

    def best(self) -> Arrangement:
        """The one arrangement that `stable` means where claims do not depend on the structure."""
        asked = (found for found in self.arrangements() if all(self.worth(unit, found) for unit in self.units))
        return lowest(asked, self._worths, self._hours, self._beyond, self._draws)

    def _worths(self, arrangement: Arrangement) -> tuple[object, ...]:
        return tuple(self.worth(unit, arrangement) for unit in self.units)

    def _hours(self, arrangement: Arrangement) -> int:
        return -sum(map(self.minutes, arrangement.values()))

    def _beyond(self, arrangement: Arrangement) -> tuple[bool, ...]:
        beyond = self.beyond_support(arrangement, self.order)
        return tuple(any(name in beyond for name in unit) for unit in self.units)

    def _draws(self, arrangement: Arrangement) -> tuple[object, ...]:
        return tuple(self._draw([arrangement[name] for name in unit if name in arrangement]) for unit in self.units)

    def minutes(self, seat: Seat) -> int:
        """How long a week of a seat is, or its single days, with travel time."""
        hours = [(slot.end.hour - slot.start.hour) * 60 for half in seat.each for slot in half.slots]
        return sum(hours) + 2 * self.requests[seat.request].travel_minutes * len(hours)

    def _draw(self, seats: list[Seat]) -> tuple[str, tuple[int, ...]]:
        seats = sorted((half for seat in seats for half in seat.each), key=lambda seat: (seat.request, seat.section))
        said = "; ".join(seat.said for seat in seats)
        return (sign(self.round.policy.seed, said) if seats else "", tuple(seat.pattern for seat in seats))

    def beyond_support(self, arrangement: Arrangement, order: list[str]) -> set[str]:
        """Those who need adapted care and find, at some moment, as many as the structure has prepared for."""
        limits = {row.structure: row.children for row in self.round.support}
        there: Counter[tuple[str, Moment]] = Counter()
        found: set[str] = set()
        for name in order:
            for seat in arrangement[name].each if name in arrangement else ():
                if not self.requests[name].needs_support or seat.structure not in limits:
                    continue
                if all(there[seat.structure, moment] < limits[seat.structure] for moment in seat.moments):
                    there.update((seat.structure, moment) for moment in seat.moments)
                else:
                    found.add(name)
        return found

    def is_stable(self, arrangement: Arrangement) -> bool:
        """True if each family has what it asks, and none could take better seats back from lower claims there."""
        worths = {unit: self.worth(unit, arrangement) for unit in self.units}
        if None in worths.values():
            return False
        return not any(self._could_take_back(arrangement, unit, worths[unit]) for unit in self.units)

    def _could_take_back(self, arrangement: Arrangement, unit: tuple[str, ...], here: tuple[int, ...] | None) -> bool:
        for seats in itertools.product(*([None, *self.seats[name]] for name in unit)):
            own = {seat.request: seat for seat in seats if seat is not None}
            worth = self.worth(unit, own)
            if own and worth is not None and here is not None and worth < here:
                ahead = [
                    half
                    for other_unit in self.units
                    for name in other_unit
                    if other_unit != unit and (other := arrangement.get(name))
                    for half in other.each
                    if self._is_ahead(other_unit, half, unit)
                ]
                if self._fit_together(ahead, list(own.values())):
                    return True
        return False

    def _is_ahead(self, other: tuple[str, ...], seat: Seat, unit: tuple[str, ...]) -> bool:
        return self.unit_claim(other, seat.structure) < self.unit_claim(unit, seat.structure)  # type: ignore[operator]

    def _fit_together(self, there: list[Seat], more: list[Seat]) -> bool:
        return all(self.fits([*there, *more[:number]], seat) for number, seat in enumerate(more))


class Guarantee:
    """A quota, hour by hour.

    The hours of a child in insertion who may leave are kept once it has left. Any other child who may leave is one of
    the others while it stays; where these are too many, nobody of them comes, and who is there may stay.
    """

    def __init__(self, oracle: Oracle, quota: Quota) -> None:
        self.sections = {row.id for row in oracle.round.sections if row.structure in quota.structures}
        self._oracle = oracle
        self._had = {name: hold for name, hold in oracle.had.items() if hold.section in self.sections}
        held = [row for row in oracle.round.holds if row.section in self.sections and _is_public(row)]
        share = quota.places * quota.percent / 100
        self.owed = (math.ceil if quota.rounding == "up" else math.floor)(share) - quota.counted
        self.owed -= sum(row.units for row in held)
        self.may_leave = sum(map(_is_public, self._had.values()))
        self._known: dict[Moment, tuple[int, set[str], set[str]]] = {}

    def at(self, moment: Moment) -> tuple[int, set[str], set[str]]:
        """What is left to the others, and who of those who may leave is there: in insertion, and not."""
        if moment not in self._known:
            oracle = self._oracle
            there = {name for name in self._had if moment in oracle.had_at[name]}
            public = {name for name in there if _is_public(self._had[name])}
            ordinary = {name for name in there if self._had[name].entitled_to == "everybody"}
            free = sum(oracle.supply[2][name, moment] - oracle.held[2][name, moment] for name in self.sections)
            free -= len(there - public - ordinary)
            self._known[moment] = (free - max(0, self.owed + len(public)), public, ordinary)
        return self._known[moment]


def _is_public(hold: Hold) -> bool:
    return hold.entitled_to != "everybody" and not _dated(hold.slots)


def lowest(arrangements: Iterable[Arrangement], *goals: Goal) -> Arrangement:
    """The first of those that are lowest by the first goal, among them by the second, and so on."""
    left = list(arrangements)
    for goal in goals:
        reached = [goal(arrangement) for arrangement in left]
        best = min(reached)
        left = [arrangement for arrangement, here in zip(left, reached, strict=True) if here == best]
    return left[0]


def audience_level(audience: Audience) -> int:
    return {Audience.EVERYBODY: 0, Audience.INSERTION: 1, Audience.URGENT_INSERTION: 2}[audience]


def month_later(born: date, months: int) -> tuple[int, int, int]:
    """The day on which so many months are complete, which need not exist in the calendar."""
    years, month = divmod(born.month - 1 + months, 12)
    return (born.year + years, month + 1, born.day)


def moments(slots: tuple[Slot, ...], period: Period, travel: int) -> frozenset[Moment]:
    """Every hour of every day that these slots take."""
    found = set()
    for day in HORIZON:
        for slot in slots:
            falls = slot.day == day if isinstance(slot.day, date) else slot.day.number == day.weekday()
            if falls and period.start <= day and (period.end is None or day < period.end):
                found |= {(day, hour) for hour in range(slot.start.hour - travel // 60, slot.end.hour + travel // 60)}
    return frozenset(found)


BITS = {(day, hour): 1 << 24 * number + hour for number, day in enumerate(HORIZON) for hour in range(24)}
EVERY_MOMENT = sum(BITS.values())


def bits(found: frozenset[Moment]) -> int:
    """Moments as the bits of a number: an exhaustive search asks again and again what two of them have in common."""
    return sum(BITS[moment] for moment in found)


def at_once(seats: list[int]) -> list[int]:
    """By how many: the moments at which at least so many of the seats are taken."""
    found = [EVERY_MOMENT]
    for seat in seats:
        found.append(0)
        for number in range(len(found) - 1, 0, -1):
            found[number] |= found[number - 1] & seat
    return found


def _dated(slots: tuple[Slot, ...]) -> bool:
    return all(isinstance(slot.day, date) for slot in slots)


def said(slots: tuple[Slot, ...], request: Request) -> str:
    """The hours of care as the draw reads them."""
    travel = request.travel_minutes // 60
    rows = sorted(slots, key=lambda slot: (slot.weekday.number, str(slot.day), slot.start))
    return ",".join(f"{row.day} {row.start.hour - travel:02}:00-{row.end.hour + travel:02}:00" for row in rows)


def sign(seed: str, text: str) -> str:
    return hmac.new(seed.encode(), text.encode(), hashlib.sha256).hexdigest()
