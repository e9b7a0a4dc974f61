"""What would have been enough for a child without a place, and whom it would touch to force a child in.

Nothing here is guessed: candidates are sorted out by looking at the outcome, then the round is decided again with the
one change, by the function that is handed in. When to modify: when families ask about another kind of change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import combinations

from contracts.vocabulary import Effect as Effect
from contracts.vocabulary import Frozen, Id, Period, Slot, Weekday
from services.matcher.solver.facts import Choice, Facts, accepts_age, audience_in, care_hours, standing
from services.matcher.solver.schema import Hold, Outcome, Pattern, Placed, Request, Round, Siblings, Wish

Decide = Callable[[Round], Outcome]
WORKING_DAYS = tuple(Weekday)[:5]
FORCED = "placé par une personne"


class Kind(StrEnum):
    """The kinds of change, the smallest for a family first."""

    FEWER_DAYS = "fewer_days"
    OTHER_DAY = "other_day"
    LATER_START = "later_start"
    OTHER_STRUCTURE = "other_structure"


class Enough(Frozen):
    """A change of one request with which the same round places the child. `lost` are the hours given up for it."""

    kind: Kind
    placed: Placed
    lost: tuple[Slot, ...] = ()


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
    looking = _Looking(round, outcome, asked)
    found = (looking.first(kind, decide) for kind in Kind)
    return tuple(row for row in found if row is not None)


class _Looking:
    """One request beside those who are placed: what could have been asked instead."""

    def __init__(self, round: Round, outcome: Outcome, asked: Request) -> None:
        self.round, self.outcome, self.asked = round, outcome, asked
        self.tries = {
            Kind.FEWER_DAYS: self._fewer_days,
            Kind.OTHER_DAY: self._other_day,
            Kind.LATER_START: self._later_start,
            Kind.OTHER_STRUCTURE: self._other_structure,
        }

    def first(self, kind: Kind, decide: Decide) -> Enough | None:
        """The first change of a kind that is enough, once decided again."""
        for attempt in self.tries[kind]():
            if self._finds_room(attempt.request):
                again = decide(_with(self.round, attempt.request))
                placed = next((row for row in again.placed if row.request == self.asked.id), None)
                if placed is not None:
                    return Enough(kind=kind, placed=placed, lost=attempt.lost)
        return None

    def _finds_room(self, request: Request) -> bool:
        """True if some choice of the changed request fits beside those placed before it: quick, and not the last word.

        Where equal ranks would let others make room, a smaller change may be passed over; none that is named is wrong.
        """
        structures = {wish.structure for wish in request.wishes}
        sections = {row.id for row in self.round.sections if row.structure in structures}
        placed = tuple(row for row in self.outcome.placed if row.section in sections)
        there = {row.request for row in placed}
        near = self.round.model_copy(
            update={
                "sections": tuple(row for row in self.round.sections if row.id in sections),
                "quotas": (),
                "vacancies": tuple(row for row in self.round.vacancies if row.section in sections),
                "holds": tuple(row for row in self.round.holds if row.section in sections),
                "requests": (*(row for row in self.round.requests if row.id in there), request),
            }
        )
        facts = Facts(near, self.outcome.model_copy(update={"placed": placed}))
        return any(_fits(facts, request, choice) for choice in facts.choices[request.id])

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
        """The dates at which something comes free or ends at the wished structures, the earliest first."""
        period = self.asked.period
        for start in sorted(self._later_dates(period)):
            later = Period(start=start, end=period.end)
            yield _Try(Kind.LATER_START, self.asked.model_copy(update={"period": later}))

    def _later_dates(self, period: Period) -> set[date]:
        wished = {wish.structure for wish in self.asked.wishes}
        sections = {row.id for row in self.round.sections if row.structure in wished}
        dates = {row.period.start for row in self.round.vacancies if row.section in sections}
        dates |= {row.period.end for row in self.round.holds if row.section in sections and row.period.end}
        return {day for day in dates if day > period.start and (period.end is None or day < period.end)}

    def _other_structure(self) -> Iterator[_Try]:
        """One structure more, behind all wishes."""
        wished = {wish.structure for wish in self.asked.wishes}
        last = max((wish.rank for wish in self.asked.wishes), default=0)
        for structure in sorted(
            {row.structure for row in self.round.sections if accepts_age(row, self.asked)} - wished
        ):
            wishes = (*self.asked.wishes, Wish(structure=structure, rank=last + 1))
            yield _Try(Kind.OTHER_STRUCTURE, self.asked.model_copy(update={"wishes": wishes}))

    def _asking_also(self, slots: tuple[Slot, ...]) -> Request:
        last = max(pattern.rank for pattern in self.asked.patterns)
        patterns = (*self.asked.patterns, Pattern(slots=slots, rank=last + 1))
        return self.asked.model_copy(update={"patterns": patterns})


def _days(pattern: Pattern) -> list[tuple[Slot, ...]]:
    """The slots of a pattern, those of one day together."""
    found: dict[str, tuple[Slot, ...]] = {}
    for slot in pattern.slots:
        found[str(slot.day)] = (*found.get(str(slot.day), ()), slot)
    return list(found.values())


def _joined(days: Iterable[tuple[Slot, ...]]) -> tuple[Slot, ...]:
    return tuple(slot for day in days for slot in day)


def _fits(facts: Facts, request: Request, choice: Choice) -> bool:
    book, level = facts.books[choice.section], facts.level_in(request.id, choice.section)
    mine = standing(request, choice.structure, facts.seed)
    return book.is_offered(choice.span, level) and facts.could_take(choice, ahead_of=mine)


def _with(round: Round, request: Request) -> Round:
    others = tuple(row for row in round.requests if row.id != request.id)
    return round.model_copy(update={"requests": (*others, request)})


class Difference(Frozen):
    """One child whose answer is another. `before` or `after` is none where there is no place."""

    request: Id
    effect: Effect
    before: Placed | None = None
    after: Placed | None = None


def differences(before: Outcome, after: Outcome) -> tuple[Difference, ...]:
    """Every child whose answer differs, sorted by request."""
    was, now = _by_request(before.placed), _by_request(after.placed)
    found = []
    for request in sorted(was.keys() | now.keys()):
        one, other = was.get(request, ()), now.get(request, ())
        effect = _effect(one, other)
        if effect is not None:
            rows = {"before": next(iter(one), None), "after": next(iter(other), None)}
            found.append(Difference(request=request, effect=effect, **rows))
    return tuple(found)


def _by_request(placed: Iterable[Placed]) -> dict[Id, tuple[Placed, ...]]:
    """The row of each child, or its two where structures share its week."""
    found: dict[Id, tuple[Placed, ...]] = {}
    for row in placed:
        found[row.request] = (*found.get(row.request, ()), row)
    return found


def _effect(before: tuple[Placed, ...], after: tuple[Placed, ...]) -> Effect | None:
    if not before or not after:
        return Effect.LOSES if before else Effect.GAINS
    if before[0].level != after[0].level:
        return Effect.WORSE if after[0].level > before[0].level else Effect.BETTER
    same = {(row.section, row.pattern) for row in before} == {(row.section, row.pattern) for row in after}
    return None if same else Effect.MOVES


class Forced(Frozen):
    """A child put in a place by a person: whom it touches, and whether the place is beyond what is free."""

    placed_at: Id
    slots: tuple[Slot, ...]
    beyond_capacity: bool
    touched: tuple[Difference, ...]


def forced(round: Round, outcome: Outcome, request: Id, section: Id, pattern: int, decide: Decide) -> Forced:
    """The same round with this child already in its place: it holds the hours, and the others are decided again.

    Raises KeyError for an unknown request or section, IndexError for an unknown pattern.
    """
    asked = {row.id: row for row in round.requests}[request]
    hold = forced_hold(round, asked, section, pattern)
    again = decide(with_forced(round, hold))
    touched = tuple(row for row in differences(outcome, again) if row.request != request)
    return Forced(
        placed_at=section, slots=hold.slots, beyond_capacity=not is_free(round, asked, hold), touched=touched
    )  # fmt: skip


def forced_hold(round: Round, asked: Request, section: Id, pattern: int) -> Hold:
    """The hours of a child whom a person places. Raises KeyError for an unknown section, IndexError for a pattern.

    A round is read by whoever verifies it, so it says that a person decided; the motive stays with who decided.
    """
    where = {row.id: row for row in round.sections}[section]
    slots = care_hours(asked, range(len(asked.patterns))[pattern])
    return Hold(
        id=f"forced:{asked.id}"[:64], section=where.id, slots=slots, period=asked.period,
        entitled_to=audience_in(asked, where.id), reason=FORCED, by_person=True, forced=asked.id,
    )  # fmt: skip


def forced_seat(round: Round, asked: Request, hold: Hold, pattern: int) -> Placed:
    """The same in an outcome, with what the place is worth to the family: the last, if it never asked it."""
    structure = next(row.structure for row in round.sections if row.id == hold.section)
    own = Facts(round.model_copy(update={"requests": (asked,), "siblings": ()}), _nobody(round)).choices[asked.id]
    same = [row.level for row in own if row.section == hold.section and row.slots == hold.slots]
    ranks = {wish.structure: wish.rank for wish in asked.wishes}
    return Placed(
        request=asked.id, structure=structure, section=hold.section, pattern=pattern, slots=hold.slots,
        period=hold.period, wish_rank=ranks.get(structure, 0), level=min(same, default=len(own) + 1),
        replaces=asked.current,
    )  # fmt: skip


def _nobody(round: Round) -> Outcome:
    """An outcome that places nobody."""
    return Outcome(round=round.id, policy=round.policy, placed=(), reasons=(), input_hash="", outcome_hash="")


def with_forced(round: Round, hold: Hold) -> Round:
    """The round in which a child has its place by a person: it is asked for no more, with or without its siblings."""
    others = tuple(row for row in round.requests if row.id != hold.forced)
    families = [_left_together(row, hold.forced) for row in round.siblings]
    left = tuple(row for row in families if len(row.requests) > 1)
    return round.model_copy(update={"requests": others, "holds": (*round.holds, hold), "siblings": left})


def _left_together(siblings: Siblings, gone: Id | None) -> Siblings:
    combinations = (
        row.model_copy(update={"seats": tuple(seat for seat in row.seats if seat.request != gone)})
        for row in siblings.combinations
    )
    return siblings.model_copy(
        update={
            "requests": tuple(name for name in siblings.requests if name != gone),
            "combinations": tuple(row for row in combinations if row.seats),
        }
    )


def is_free(round: Round, asked: Request, hold: Hold) -> bool:
    """True if the hours are free before anybody of the round is placed."""
    span = (hold.slots, hold.period)
    wishes = (Wish(structure=next(row.structure for row in round.sections if row.id == hold.section), rank=1),)
    patterns = (Pattern(slots=hold.slots, rank=1),)
    alone = asked.model_copy(update={"wishes": wishes, "patterns": patterns, "travel_minutes": 0, "not_again": ()})
    facts = Facts(round.model_copy(update={"requests": (alone,), "siblings": ()}), _nobody(round))
    here = [choice for choice in facts.choices[asked.id] if choice.section == hold.section]
    level = facts.level_in(asked.id, hold.section)
    return any(facts.books[hold.section].is_offered(span, level) and facts.could_take(choice) for choice in here)
