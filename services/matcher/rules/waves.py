"""Which families are asked at once for a place of the next hours, and in what order: plain sums, no solver.

For tomorrow morning one family after another is too slow. A wave starts where a round found such a place for a family:
the next of the round's own list who could sit there are asked with it, and the first OUI takes the place. Nobody is
passed over: a wave stays in one tier, and ends before the first whom it may not ask. So an urgent request of insertion
is always asked alone, a person looks first where health counts, and siblings are asked together or not at all.

When to modify: when a territory votes another way of asking several families at once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from contracts.vocabulary import Audience, Id, Period, RequestKind, Slot
from services.calendar import at
from services.matcher.rules.capacity import overfull
from services.matcher.solver.choices import Choice, Choices, care_hours
from services.matcher.solver.claims import claim
from services.matcher.solver.schema import Hold, Outcome, Placed, Request, Round


@dataclass(frozen=True)
class Asking:
    """At most `families` at once, for care that begins by `until`. `alone`: requests at which a person looks first."""

    families: int
    until: datetime
    alone: Container[Id]


@dataclass
class Wave:
    """One place, and whom it is proposed to in the order of the list; the first is whom the round found it for.

    A wave that goes on has its `name`, and the `before` first families were asked by earlier rounds. `gone` families
    were asked and have left: nobody who is asked later is given their number.
    """

    asked: list[Placed]
    tier: int
    entitled_to: Audience
    ended: bool = False
    name: Id | None = None
    before: int = 0
    gone: int = 0

    @property
    def new(self) -> list[Placed]:
        """Whom this round asks."""
        return self.asked[self.before :]

    @property
    def section(self) -> Id:
        return self.asked[0].section

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The hours that it holds: all that any of its families asks for."""
        return joined(slot for row in self.asked for slot in row.slots)

    def as_hold(self, more: Iterable[Slot] = (), entitled_to: Audience | None = None) -> Hold:
        """What it holds, or would hold with `more` hours for somebody who is `entitled_to` less."""
        least = min(self.entitled_to, entitled_to or self.entitled_to, key=lambda audience: audience.level)
        slots = joined([*self.slots, *more])
        name = self.name or f"wave.{self.asked[0].request}"
        return Hold(id=name, section=self.section, slots=slots, period=day_of(slots), entitled_to=least)


@dataclass(frozen=True)
class _Table:
    """What the waves of a round are filled from."""

    round: Round
    asking: Asking
    together: frozenset[Id]
    taken: Sequence[Hold]
    requests: dict[Id, Request] = field(default_factory=dict)


def waves_of(round: Round, outcome: Outcome, asking: Asking, going_on: Sequence[Wave] = ()) -> list[Wave]:
    """The waves that follow from what a round decided; always the same from the same round and outcome.

    A wave that goes on, and that families have left, asks the next ones.
    """
    together = frozenset(name for row in round.siblings for name in row.requests)
    requests = {request.id: request for request in round.requests}
    found = list(going_on)
    taken = [hold for hold in round.holds if hold.id not in {wave.name for wave in going_on}]
    for row in outcome.placed:
        request = requests[row.request]
        if _may_be_asked(request, row.slots, together, asking) and _may_lead(row, asking):
            found.append(Wave([row], request.tier, request.entitled_to))
        else:
            taken.append(_placed_hold(row, request))
    if found:
        _fill(found, _Table(round, asking, together, taken, requests), outcome)
    return [wave for wave in found if wave.new and len(wave.asked) > 1]


def _may_be_asked(request: Request, slots: Sequence[Slot], together: Container[Id], asking: Asking) -> bool:
    """One stretch of hours of one day, of an ordinary request, that leaves without a person."""
    return (
        request.kind is RequestKind.OCCASIONAL
        and len(slots) == 1
        and isinstance(slots[0].day, date)
        and not request.needs_support
        and request.current is None
        and request.id not in together
        and request.id not in asking.alone
    )


def _may_lead(row: Placed, asking: Asking) -> bool:
    """True for a place that is sure, and whose care begins soon."""
    slot = row.slots[0]
    soon = isinstance(slot.day, date) and at(slot.day, slot.start) <= asking.until
    part = row.partial or row.split
    return soon and not (row.on_call or row.to_prepare or part or row.replaces or row.after)


def _placed_hold(row: Placed, request: Request) -> Hold:
    return Hold(
        id=row.request, section=row.section, slots=row.slots, period=row.period, entitled_to=request.entitled_to
    )


def _fill(found: list[Wave], table: _Table, outcome: Outcome) -> None:
    """Go down the list: each joins the wave with the fewest families among those at its best wish."""
    asked: set[Id] = set()
    for choice in _in_order(found, table, outcome):
        request = table.requests[choice.request]
        could = [wave for wave in found if request.id not in asked and _could_sit(choice, wave, found, table)]
        whole = choice.slots == care_hours(request, choice.pattern)
        if not (whole and _may_be_asked(request, choice.slots, table.together, table.asking)):
            for wave in could:
                wave.ended = True
            continue
        for wave in could:
            wave.ended = wave.ended or wave.tier != request.tier
        if open_ones := [wave for wave in could if not wave.ended]:
            wave = min(open_ones, key=lambda wave: len(wave.asked))
            wave.asked.append(_as_placed(choice))
            wave.entitled_to = min(wave.entitled_to, request.entitled_to, key=lambda audience: audience.level)
            asked.add(request.id)


def _in_order(found: Sequence[Wave], table: _Table, outcome: Outcome) -> Iterator[Choice]:
    """What those without a place would take of the waves' places: by claim there, then as they prefer."""
    answered = {row.request for row in outcome.placed} | set(outcome.withheld)
    sections = {wave.section for wave in found}
    choices, seed = Choices(table.round), table.round.policy.seed
    rows = [
        ((claim(request, choice.structure, seed), choice.level, choice.section), choice)
        for request in table.round.requests
        if request.id not in answered
        for choice in choices.of(request)
        if choice.section in sections
    ]
    return (choice for _, choice in sorted(rows, key=lambda row: row[0]))


def _could_sit(choice: Choice, wave: Wave, found: Sequence[Wave], table: _Table) -> bool:
    """True if the place of an open wave would do for it, were nobody else asked."""
    if wave.ended or len(wave.asked) >= table.asking.families or choice.section != wave.section:
        return False
    if not _meets(choice, wave.slots[0]):
        return False
    entitled_to = table.requests[choice.request].entitled_to
    taken = [*table.taken, *(other.as_hold() for other in found if other is not wave)]
    beside = [hold for hold in taken if hold.section == wave.section]
    vacancies = [vacancy for vacancy in table.round.vacancies if vacancy.section == wave.section]
    if all(isinstance(slot.day, date) for slot in choice.slots) and len({slot.day for slot in choice.slots}) == 1:
        new = wave.as_hold(choice.slots, entitled_to)
        if table.round.quotas and new.slots != wave.slots:
            return False  # what is kept for insertion at other hours is the round's to count
    else:
        new = Hold(id=choice.request, section=wave.section, slots=choice.slots, period=choice.period,
                   entitled_to=entitled_to)  # fmt: skip
    return not overfull(vacancies, beside, new, table.round.instant)


def _meets(choice: Choice, slot: Slot) -> bool:
    """True if some of its hours are hours of the wave's day."""
    if not isinstance(slot.day, date) or not choice.period.contains(slot.day):
        return False
    same_day = [own for own in choice.slots if own.day in (slot.day, slot.weekday)]
    return any(own.start < slot.end and slot.start < own.end for own in same_day)


def _as_placed(choice: Choice) -> Placed:
    names = ("request", "structure", "section", "pattern", "slots", "period", "wish_rank", "level")
    return Placed(**{name: getattr(choice, name) for name in names})


def joined(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Hours of single days without overlaps, those that touch joined."""
    found: list[Slot] = []
    for slot in sorted(slots, key=lambda slot: (str(slot.day), slot.start, slot.end)):
        last = found[-1] if found else None
        if last is not None and last.day == slot.day and slot.start <= last.end:
            found[-1] = Slot(day=last.day, start=last.start, end=max(last.end, slot.end))
        else:
            found.append(slot)
    return tuple(found)


def without(slots: Iterable[Slot], others: Iterable[Slot]) -> tuple[Slot, ...]:
    """What is left of hours of single days when `others` are taken away."""
    left = list(slots)
    for other in others:
        left = [piece for slot in left for piece in _cut(slot, other)]
    return tuple(left)


def _cut(slot: Slot, other: Slot) -> Iterator[Slot]:
    if slot.day != other.day:
        yield slot
        return
    until, again = min(slot.end, other.start), max(slot.start, other.end)
    if slot.start < until:
        yield Slot(day=slot.day, start=slot.start, end=until)
    if again < slot.end:
        yield Slot(day=slot.day, start=again, end=slot.end)


def day_of(slots: Sequence[Slot]) -> Period:
    """The one day of these hours."""
    (day,) = {slot.day for slot in slots if isinstance(slot.day, date)}
    return Period(start=day, end=day + timedelta(days=1))
