"""What would have been enough for a child without a place: of each kind of change, the smallest.

Nothing here is guessed. A change is passed over only where it could help in no arrangement that leaves alone whom the
request never moves; whatever is named was decided again, by the function that is handed in. When to modify: when
families ask about another kind of change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import combinations

from contracts.vocabulary import Frozen, Id, Period, Slot, Weekday
from services.matcher.solver.choices import accepts_age_in_time
from services.matcher.solver.decided_with import decided_with
from services.matcher.solver.reach import Reach
from services.matcher.solver.schema import Hold, Outcome, Pattern, Placed, Request, Round, Section, Wish

Decide = Callable[[Round], Outcome]
WORKING_DAYS = tuple(Weekday)[:5]
DAYS_IN_WEEK = 7
WEEK = timedelta(days=DAYS_IN_WEEK)
MONTHS = 12


class Kind(StrEnum):
    """The kinds of change, the smallest for a family first."""

    FEWER_DAYS = "fewer_days"
    OTHER_DAY = "other_day"
    LATER_START = "later_start"
    OTHER_STRUCTURE = "other_structure"


class Enough(Frozen):
    """A change of one request with which the same round places the child. `lost` are the hours given up for it.

    `shared` is the second structure, where two would share its week.
    """

    kind: Kind
    placed: Placed
    lost: tuple[Slot, ...] = ()
    shared: Placed | None = None


@dataclass(frozen=True)
class _Try:
    """A request as it would have been, and how it differs."""

    kind: Kind
    request: Request
    lost: tuple[Slot, ...] = ()


def enough(round: Round, outcome: Outcome, request: Id, decide: Decide) -> tuple[Enough, ...]:
    """For each kind of change, the smallest that would have given this child a place; empty for a placed child.

    `round` is canonical and `outcome` its own. Raises KeyError for an unknown request.
    """
    asked = {row.id: row for row in round.requests}[request]
    if any(row.request == request for row in outcome.placed):
        return ()
    looking = _Looking(round, outcome, asked, decide)
    found = (looking.first(kind) for kind in Kind)
    return tuple(row for row in found if row is not None)


class _Looking:
    """One request beside those who are placed: what could have been asked instead."""

    def __init__(self, round: Round, outcome: Outcome, asked: Request, decide: Decide) -> None:
        self.round, self.outcome, self.asked, self.decide = round, outcome, asked, decide
        self.reach = Reach(round, outcome, asked)
        self.tries = {
            Kind.FEWER_DAYS: self._fewer_days,
            Kind.OTHER_DAY: self._other_day,
            Kind.LATER_START: self._later_start,
            Kind.OTHER_STRUCTURE: self._other_structure,
        }

    def first(self, kind: Kind) -> Enough | None:
        """The first change of a kind that is enough, once decided again."""
        possible = [attempt for attempt in self.tries[kind]() if self.reach.may_be_placed(attempt.request)]
        for attempt in self._in_question(kind, possible):
            placed = self._placed(attempt.request)
            if placed and self._is_still_whole(attempt.request, placed[0].pattern):
                return Enough(
                    kind=kind, placed=placed[0], lost=attempt.lost, shared=placed[1] if len(placed) > 1 else None
                )
        return None

    def _is_still_whole(self, request: Request, pattern: int) -> bool:
        """False where the pattern given has lost a day of the need by beginning later."""
        return _is_whole(request.patterns[pattern], request.period.start, self.asked.period)

    def _placed(self, request: Request) -> list[Placed]:
        """What the same round gives the child with its request changed."""
        return [row for row in self.decide(_part_of(request, self.round)).placed if row.request == request.id]

    def _in_question(self, kind: Kind, tries: Sequence[_Try]) -> Iterator[_Try]:
        """The first, then the others; without those of them that would not do all together, where that can be said."""
        yield from tries[:1]
        more = kind is not Kind.LATER_START and self.reach.more_choices_never_harm
        yield from self._from_which_on_it_does(tries[1:]) if more else tries[1:]

    def _from_which_on_it_does(self, tries: Sequence[_Try]) -> Sequence[_Try]:
        """Twice as many at each step, then between the last two: some seven decisions among a hundred changes."""
        low, high = 0, 1
        while low < len(tries) and not self._placed(self._all_at_once(tries[:high])):
            low, high = high, 2 * high
        while high - low > 1 and low < len(tries):
            middle = (low + high) // 2
            low, high = (low, middle) if self._placed(self._all_at_once(tries[:middle])) else (middle, high)
        return tries[low:]

    def _all_at_once(self, tries: Sequence[_Try]) -> Request:
        """The request that would accept any of these."""
        patterns = [row.request.patterns[len(self.asked.patterns) :] for row in tries]
        wishes = [row.request.wishes[len(self.asked.wishes) :] for row in tries]
        behind = range(len(tries))
        more_patterns = (row.model_copy(update={"rank": row.rank + n}) for n in behind for row in patterns[n])
        more_wishes = (row.model_copy(update={"rank": row.rank + n}) for n in behind for row in wishes[n])
        return self.asked.model_copy(
            update={
                "patterns": (*self.asked.patterns, *more_patterns),
                "wishes": (*self.asked.wishes, *more_wishes),
            }
        )

    def _fewer_days(self) -> Iterator[_Try]:
        """One day less, then two, of the patterns in the family's order."""
        patterns = [_days(pattern) for pattern in sorted(self.asked.patterns, key=lambda row: row.rank)]
        for fewer in range(1, max(map(len, patterns), default=0)):
            for days in patterns:
                for lost in combinations(days, fewer) if fewer < len(days) else ():
                    kept = [day for day in days if day not in lost]
                    yield _Try(Kind.FEWER_DAYS, self._asking_also(_joined(kept)), _joined(lost))

    def _other_day(self) -> Iterator[_Try]:
        """One weekday exchanged for another, at the same hours."""
        for pattern in sorted(self.asked.patterns, key=lambda row: row.rank):
            days = _days(pattern)
            free = [day for day in WORKING_DAYS if all(slot.day != day for slot in pattern.slots)]
            for lost in days:
                kept = _joined(day for day in days if day is not lost)
                for day in free if isinstance(lost[0].day, Weekday) else ():
                    moved = tuple(slot.model_copy(update={"day": day}) for slot in lost)
                    yield _Try(Kind.OTHER_DAY, self._asking_also((*kept, *moved)), lost)

    def _later_start(self) -> Iterator[_Try]:
        """The dates from which on something is otherwise at the wished structures, the earliest first.

        The seniority is the wanted entry date: where the two are one, the later start is the younger claim too.
        """
        asked, period = self.asked, self.asked.period
        for start in sorted(_Dates(self.round, self.outcome, asked).later):
            since = start if asked.since == period.start else asked.since
            changed = {"period": Period(start=start, end=period.end), "since": since}
            yield _Try(Kind.LATER_START, asked.model_copy(update=changed))

    def _other_structure(self) -> Iterator[_Try]:
        """One structure more, behind all wishes."""
        wished = {wish.structure for wish in self.asked.wishes}
        last = max((wish.rank for wish in self.asked.wishes), default=0)
        of_age = {row.structure for row in self.round.sections if accepts_age_in_time(row, self.asked)}
        for structure in sorted(of_age - wished):
            wishes = (*self.asked.wishes, Wish(structure=structure, rank=last + 1))
            yield _Try(Kind.OTHER_STRUCTURE, self.asked.model_copy(update={"wishes": wishes}))

    def _asking_also(self, slots: tuple[Slot, ...]) -> Request:
        last = max(pattern.rank for pattern in self.asked.patterns)
        patterns = (*self.asked.patterns, Pattern(slots=slots, rank=last + 1))
        return self.asked.model_copy(update={"patterns": patterns})


class _Dates:
    """The days on which what a request finds at its wished structures changes."""

    def __init__(self, round: Round, outcome: Outcome, asked: Request) -> None:
        self.round, self.outcome, self.asked = round, outcome, asked
        wished = {wish.structure for wish in asked.wishes}
        self.sections = {row.id: row for row in round.sections if row.structure in wished}
        rows: tuple[Hold | Placed, ...] = (*round.holds, *outcome.placed)
        self._taken = [row for row in rows if row.section in self.sections]

    @property
    def later(self) -> set[date]:
        """Those from which on each day of some pattern still comes: once its last Monday is past it is another one."""
        first, end = self.asked.period.start, self.asked.period.end or date.max
        found = {*self._opening(), *self._coming_free(), *self._of_age()}
        if any(row.starts_per_week is not None for row in self.sections.values()):
            found |= set(self._mondays())
        days = {day for day in found if first < day < end}
        return {day for day in days if any(_is_whole(row, day, self.asked.period) for row in self.asked.patterns)}

    def _opening(self) -> Iterator[date]:
        """Places open; children who have one may leave it."""
        yield from (row.period.start for row in self.round.vacancies if row.section in self.sections)
        had = {row.id for row in self.round.holds if row.section in self.sections}
        leaving = {row.id for row in self.round.requests if row.current in had}
        yield from (row.period.start for row in self.round.requests if row.id in leaving)
        yield from (row.period.start for row in self.outcome.placed if row.request in leaving)

    def _coming_free(self) -> Iterator[date]:
        """What is held, or given in this round, ends: a period, the last of its Mondays, or a single day."""
        for row in self._taken:
            yield from (row.period.end - timedelta(days=ago) for ago in range(DAYS_IN_WEEK) if row.period.end)
            yield from (slot.day + timedelta(days=1) for slot in row.slots if isinstance(slot.day, date))

    def _of_age(self) -> Iterator[date]:
        """The child is old enough for a section."""
        yield from (_when_old_enough(row, self.asked) for row in self.sections.values())

    def _mondays(self) -> Iterator[date]:
        """Another week begins, up to the first in which nobody begins any more."""
        last = max((row.period.start for row in self._taken), default=self.asked.period.start)
        monday = self.asked.period.start + timedelta(days=DAYS_IN_WEEK - self.asked.period.start.weekday())
        for week in range(max(0, (last - monday).days // DAYS_IN_WEEK + 2)):
            yield monday + week * WEEK


def _is_whole(pattern: Pattern, start: date, period: Period) -> bool:
    """True if all days of a pattern that would come from the wanted start on come from this one on."""
    return all(_comes(slot, start, period) for slot in pattern.slots if _comes(slot, period.start, period))


def _comes(slot: Slot, start: date, period: Period) -> bool:
    """True if a day comes from a start on, before the need ends."""
    ahead = (slot.weekday.number - start.weekday()) % DAYS_IN_WEEK
    day = slot.day if isinstance(slot.day, date) else start + timedelta(days=ahead)
    return start <= day < (period.end or date.max)


def _when_old_enough(section: Section, request: Request) -> date:
    """The first day on which the child has lived so many whole months."""
    years, month = divmod(request.born.month - 1 + section.age_from_months, MONTHS)
    first = date(request.born.year + years, month + 1, 1)
    same = first + timedelta(days=request.born.day - 1)
    return same if same.month == first.month else (first + timedelta(days=31)).replace(day=1)


def _days(pattern: Pattern) -> list[tuple[Slot, ...]]:
    """The slots of a pattern, those of one day together."""
    found: dict[str, tuple[Slot, ...]] = {}
    for slot in pattern.slots:
        found[str(slot.day)] = (*found.get(str(slot.day), ()), slot)
    return list(found.values())


def _joined(days: Iterable[tuple[Slot, ...]]) -> tuple[Slot, ...]:
    return tuple(slot for day in days for slot in day)


def _part_of(request: Request, round: Round) -> Round:
    """The part of the round that the changed request is decided in; all of it where the first tier shares its places.

    The other parts would be decided as they were, and take most of the time.
    """
    others = tuple(row for row in round.requests if row.id != request.id)
    whole = round.model_copy(update={"requests": (*others, request)})
    if round.policy.first_tier_percent is not None:
        return whole
    near = decided_with(whole)[request.id]
    return whole.model_copy(
        update={
            "requests": tuple(row for row in whole.requests if row.id in near),
            "siblings": tuple(row for row in whole.siblings if near.issuperset(row.requests)),
        }
    )
