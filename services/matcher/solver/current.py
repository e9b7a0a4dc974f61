"""Places that children have now and would give up for a better one: what they use until then, and what they free.

When to modify: when more of a place than what follows the first day of the new one is kept, or freed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from contracts.vocabulary import Id, Period
from services.matcher.solver.cells import Span
from services.matcher.solver.problem import Option, uses_of
from services.matcher.solver.schema import Hold, Request, Round

LAST = 1_000_000
"""The level of staying: behind every option."""
Pairs = list[tuple[int, int]]
"""Rows, each with the cells of it that are used."""


@dataclass(frozen=True)
class Current:
    """The place of one child, and the days on which a new one may begin."""

    request: Id
    hold: Hold
    starts: tuple[date, ...]

    @property
    def span(self) -> Span:
        return (self.hold.slots, self.hold.period)

    def span_before(self, start: date) -> Span | None:
        """What the child keeps of the place until a new one begins on `start`; None if nothing."""
        kept = until(self.hold.period, start)
        return (self.hold.slots, kept) if kept else None

    @property
    def spans(self) -> Iterator[Span]:
        yield self.span
        yield from (span for start in self.starts if (span := self.span_before(start)))


def until(period: Period, day: date) -> Period | None:
    """The days of a period before `day`; None if there are none."""
    if day <= period.start:
        return None
    return Period(start=period.start, end=day if period.end is None else min(day, period.end))


def current_places(round: Round, starts: dict[Id, set[date]]) -> list[Current]:
    """The places that children of the round may give up. `starts`: by request, the days on which care may begin."""
    holds = {hold.id: hold for hold in round.holds}
    return [
        Current(request.id, holds[request.current], tuple(sorted(starts.get(request.id, ()))))
        for request in round.requests
        if request.current is not None
    ]


@dataclass
class Kept:
    """What children use of their places: `whole` while they stay, `before` until a new place begins."""

    whole: defaultdict[Id, Pairs] = field(default_factory=lambda: defaultdict(list))
    before: defaultdict[tuple[Id, date], Pairs] = field(default_factory=lambda: defaultdict(list))

    def note(self, place: Current, rows: Mapping[int, int], mask: Callable[[Span], int]) -> None:
        """Notes what a child uses of its place in these rows: all but their full cells. `mask` gives a span's cells."""
        for row, open_cells in rows.items():
            self.whole[place.request].append((row, mask(place.span) & open_cells))
            for start in place.starts:
                span = place.span_before(start)
                if span is not None:
                    self.before[place.request, start].append((row, mask(span) & open_cells))

    def stay(self, request: Request) -> Option | None:
        """The place that a child has, behind all that it asks; None for who has none."""
        return None if request.current is None else Option(request.id, LAST, (), uses_of(self.whole[request.id]))

    def after(self, option: Option) -> Option:
        """An option of a child who has a place: it uses moreover what the child keeps until then."""
        seat = option.seats[0]
        kept = self.before.get((seat.request, seat.period.start), [])
        pairs = [(use.row, use.mask) for use in option.uses]
        return option._replace(uses=uses_of([*pairs, *kept])) if kept else option
