"""What limits a choice beside the places, as `verify` and `explain` read it: places kept for families in insertion, and
children who begin in one week.

Written without the solver, from the words of `schema.Quota` and `schema.Section`. When to modify: with those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from contracts.vocabulary import Audience, Id, Period, Slot
from services.matcher.solver.books import Cut, Span
from services.matcher.solver.choices import HOME, Choice
from services.matcher.solver.movers import before as held_before
from services.matcher.solver.schema import Hold, LimitPrice, Placed, Quota, Request, Round, Rounding, Section, Why

Moment = object
"""A cell of several sections, or a week by its year and number."""


class Spot(NamedTuple):
    """One moment of one limit, by the limit's place among all."""

    limit: int
    moment: Moment


@dataclass
class Limit:
    """How many of some children may use each moment, and who does. `pooled`: their ordinary claims are compared."""

    why: Why
    pooled: bool
    left: Counter[Moment]
    users: dict[Id, frozenset[Moment]] = field(default_factory=dict)

    def overrun(self) -> set[Id]:
        """The children at moments with too many of them."""
        counts = Counter(moment for taken in self.users.values() for moment in taken)
        over = {moment for moment, count in counts.items() if count > self.left[moment]}
        return {name for name, taken in self.users.items() if taken & over}


class KeptForInsertion:
    """The places that a manager's structures guarantee together: what the others leave of them.

    A child who has a place there and may leave it counts among the others as long as it stays, and what it leaves is
    theirs. One who is there in insertion counts as there; were it to leave, its hours would be kept. Where the others
    are more than what is left to them, nobody of them may come, and whoever is there may stay.
    """

    def __init__(self, quota: Quota, round: Round, spans: Sequence[Span]) -> None:
        self._quota = quota.id
        self._sections = {row.id for row in round.sections if row.structure in quota.structures}
        holds = {row.id: row for row in round.holds if row.section in self._sections}
        had = {row.id: holds.pop(row.current) for row in round.requests if row.current in holds}
        public = {name: row for name, row in had.items() if _is_in_insertion(row)}
        self._had = {name: row for name, row in had.items() if row.entitled_to is Audience.EVERYBODY}
        stay = [*holds.values(), *(row for name, row in had.items() if name not in {*public, *self._had})]
        vacancies = [row for row in round.vacancies if row.section in self._sections]
        own = [(row.slots, row.period) for row in vacancies]
        own += [(row.slots, row.period) for row in (*stay, *had.values())]
        self._cut = Cut([*spans, *own])
        left: Counter[Moment] = Counter()
        for vacancy in vacancies:
            left.update(dict.fromkeys(self._cut.cells(vacancy.slots, vacancy.period), vacancy.places))
        for hold in stay:
            left.subtract(dict.fromkeys(self._cut.cells(hold.slots, hold.period), hold.units))
        there = Counter(cell for row in public.values() for cell in self._cells_of(row))
        for cell in left:
            left[cell] -= max(0, _missing(quota, round) + there[cell])
        others = Counter(cell for row in self._had.values() for cell in self._cells_of(row))
        closed = {cell for cell, count in others.items() if count > left[cell]}
        self._free = {name: self._cells_of(row) for name, row in public.items()}
        self._free |= {name: self._cells_of(row) & closed for name, row in self._had.items()}
        self.limit = Limit(
            Why.KEPT_FOR_INSERTION, True, Counter({cell: 0 if cell in closed else left[cell] for cell in left})
        )

    def _cells_of(self, hold: Hold) -> frozenset[Moment]:
        return self._cut.cells(hold.slots, hold.period)

    def moments(self, request: Request, section: Id, slots: tuple[Slot, ...], period: Period) -> frozenset[Moment]:
        """What a child takes of what is left to the others; nothing if it is in insertion."""
        others = request.entitled_to is Audience.EVERYBODY and section in self._sections
        return self._cut.cells(slots, period) - self._free.get(request.id, frozenset()) if others else frozenset()

    def kept(self, request: Id, before: date | None) -> frozenset[Moment]:
        """What a child of the others takes there of the place that it has, until a day, or as long as it stays."""
        hold = self._had.get(request)
        still = hold if hold is None or before is None else held_before(hold, before)
        return frozenset() if still is None else self._cells_of(still) - self._free[request]

    def priced(self, cell: int, price: int) -> LimitPrice:
        """The price of a moment, as it is written."""
        day, hour = self._cut.moment(cell)
        return LimitPrice(quota=self._quota, day=day, hour=hour, price=price)

    def moment_of(self, row: LimitPrice) -> Moment | None:
        """The moment of a written price; None if it speaks of another limit. Raises ValueError where nothing is."""
        ours = row.quota == self._quota and row.section is None and row.hour is not None
        return self._cut.cell_at(row.day, row.hour) if ours and row.hour is not None else None


class StartsPerWeek:
    """How many children may begin in a section in one week."""

    def __init__(self, section: Section, most: int, holds: Sequence[Hold], weeks: set[tuple[int, int]]) -> None:
        self._section = section.id
        here = [hold for hold in holds if hold.section == section.id]
        self._there = {hold.id for hold in here}
        left: Counter[Moment] = Counter(dict.fromkeys(weeks, most))
        for hold in here:
            left[_week(hold.period)] -= hold.units if _has_weekdays(hold.slots) else 0
        self.limit = Limit(Why.TOO_MANY_STARTS, False, left)

    def moments(self, request: Request, section: Id, slots: tuple[Slot, ...], period: Period) -> frozenset[Moment]:
        begins = section == self._section and request.current not in self._there and _has_weekdays(slots)
        return frozenset({_week(period)}) if begins else frozenset()

    def kept(self, request: Id, before: date | None) -> frozenset[Moment]:
        """Nothing: who is there began before."""
        return frozenset()

    def priced(self, week: tuple[int, int], price: int) -> LimitPrice:
        """The price of a week, as it is written."""
        return LimitPrice(section=self._section, day=date.fromisocalendar(*week, 1), price=price)

    def moment_of(self, row: LimitPrice) -> Moment | None:
        """The week of a written price; None if it speaks of another limit."""
        ours = row.section == self._section and row.quota is None
        return _week(Period(start=row.day)) if ours else None


Rule = KeptForInsertion | StartsPerWeek


class Limits:
    """The limits of a round, and what the placed children use of them."""

    def __init__(self, round: Round, placed: Sequence[Placed], choices: Mapping[Id, Sequence[Choice]]) -> None:
        self._requests = {row.id: row for row in round.requests}
        self._all: list[Rule] = [*_quotas(round, placed, choices)]
        weeks = {_week(row.period) for row in placed}
        weeks |= {_week(choice.period) for own in choices.values() for choice in own}
        for section in round.sections:
            if section.starts_per_week is not None:
                self._all.append(StartsPerWeek(section, section.starts_per_week, round.holds, weeks))
        for row in placed if self._all else ():
            self._note(row.request, self.used(row) if row.request in self._requests else ())
        begins = {row.request: row.period.start for row in placed}
        for request in round.requests if self._all else ():
            for rule in self._all if request.current is not None else ():
                self._note(request.id, [(rule.limit, rule.kept(request.id, begins.get(request.id)))])

    def _note(self, request: Id, used: Iterable[tuple[Limit, frozenset[Moment]]]) -> None:
        for limit, moments in used:
            if moments:
                limit.users[request] = limit.users.get(request, frozenset()) | moments

    def used(self, row: Choice | Placed) -> Iterator[tuple[Limit, frozenset[Moment]]]:
        """The limits that a place would count in, with the moments."""
        for rule in self._all:
            moments = self._moments(rule, row)
            if moments:
                yield rule.limit, moments

    def _moments(self, rule: Rule, row: Choice | Placed) -> frozenset[Moment]:
        if isinstance(row, Choice) and row.pattern == HOME:
            return rule.kept(row.request, None)
        return rule.moments(self._requests[row.request], row.section, row.slots, row.period)

    def spots(self, choice: Choice) -> Iterator[Spot]:
        """The same, moment by moment."""
        for number, rule in enumerate(self._all):
            yield from (Spot(number, moment) for moment in self._moments(rule, choice))

    def spots_at_home(self, request: Id, before: date | None) -> Iterator[Spot]:
        """What a child uses of the place that it has, until a day, or as long as it stays."""
        for number, rule in enumerate(self._all):
            yield from (Spot(number, moment) for moment in rule.kept(request, before))

    def left_at(self, spot: Spot) -> int:
        """How many of those whom a limit counts it leaves room for at a moment, before anybody is placed."""
        return max(0, self._all[spot.limit].limit.left[spot.moment])

    def is_of_several(self, spot: Spot) -> bool:
        """True for a moment of several structures, where ordinary claims are compared; False for one of a section."""
        return self._all[spot.limit].limit.pooled

    def priced(self, spot: Spot, price: int) -> LimitPrice:
        """A price as it is written."""
        rule = self._all[spot.limit]
        return rule.priced(spot.moment, price)  # type: ignore[arg-type]

    def spot_of(self, row: LimitPrice) -> Spot:
        """What a written price speaks of. Raises KeyError for a limit that is not there, ValueError for its moment."""
        for number, rule in enumerate(self._all):
            moment = rule.moment_of(row)
            if moment is not None:
                return Spot(number, moment)
        raise KeyError(row.quota or row.section)

    def overrun(self, why: Why) -> Iterator[set[Id]]:
        """The children beyond each limit of one kind."""
        yield from (found for rule in self._all if rule.limit.why is why and (found := rule.limit.overrun()))


def _quotas(
    round: Round, placed: Sequence[Placed], choices: Mapping[Id, Sequence[Choice]]
) -> Iterator[KeptForInsertion]:
    for quota in quotas_that_bind(round):
        here = {row.id for row in round.sections if row.structure in quota.structures}
        wished = [choice.span for own in choices.values() for choice in own if choice.section in here]
        given = [(row.slots, row.period) for row in placed if row.section in here]
        yield KeptForInsertion(quota, round, [*wished, *given, *_until_they_leave(round, placed, choices)])


def _until_they_leave(round: Round, placed: Sequence[Placed], choices: Mapping[Id, Sequence[Choice]]) -> Iterator[Span]:
    """What children keep of their places until each day on which another could begin."""
    holds = {hold.id: hold for hold in round.holds}
    starts: dict[Id, set[date]] = {name: {choice.period.start for choice in own} for name, own in choices.items()}
    for row in placed:
        starts.setdefault(row.request, set()).add(row.period.start)
    for request in round.requests:
        hold = holds.get(request.current or "")
        for day in starts.get(request.id, ()):
            if hold is not None and (still := held_before(hold, day)) is not None:
                yield still.slots, still.period


def quotas_that_bind(round: Round) -> list[Quota]:
    """Those not released yet, of which places are owed, or would be once the children in insertion had left."""
    kept = (row for row in round.quotas if row.release_at is None or round.instant < row.release_at)
    may_leave = {row.current for row in round.requests}
    return [quota for quota in kept if _missing(quota, round, but=may_leave) > 0]


def _missing(quota: Quota, round: Round, but: Collection[Id | None] = ()) -> int:
    """The places owed beside the children who are there, without those who hold `but`; below 0 where there are more."""
    whole, rest = divmod(quota.places * quota.percent, 100)
    owed = whole + (rest > 0 and quota.rounding is Rounding.UP)
    structure = {row.id: row.structure for row in round.sections}
    for hold in (hold for hold in round.holds if hold.id not in but):
        owed -= hold.units if _is_in_insertion(hold) and structure[hold.section] in quota.structures else 0
    return owed - quota.counted


def _is_in_insertion(hold: Hold) -> bool:
    return hold.entitled_to is not Audience.EVERYBODY and _has_weekdays(hold.slots)


def _has_weekdays(slots: tuple[Slot, ...]) -> bool:
    return not all(isinstance(slot.day, date) for slot in slots)


def _week(period: Period) -> tuple[int, int]:
    year, week, _ = period.start.isocalendar()
    return (year, week)
