"""Weeks shared by two structures, made from what each could give: one child, two seats, one option.

Behind all that one structure could give, whole or in part. When to modify: when a week may be shared by more, or
otherwise than day by day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from services.matcher.solver.problem import Option, Seat, uses_of
from services.matcher.solver.schema import Request

Days = frozenset[object]


def with_split_weeks(request: Request, options: list[Option]) -> list[Option]:
    """The options of a request with each pair of shares that makes a whole pattern, instead of the shares.

    A share has a level below 0: how many levels are before any shared week.
    """
    shares = [option for option in options if option.level < 0]
    if not shares:
        return options
    whole = [option for option in options if option.level > 0]
    return [*whole, *(_joined(request, one, other) for one, other in _pairs(request, shares))]


def _pairs(request: Request, shares: list[Option]) -> Iterator[tuple[Option, Option]]:
    """Shares of one pattern in two structures that have each of its days once, the section named first first."""
    by_days: defaultdict[tuple[int, Days], list[Option]] = defaultdict(list)
    for option in shares:
        by_days[option.seats[0].pattern, _days(option.seats[0])].append(option)
    for (pattern, days), here in by_days.items():
        rest = frozenset(slot.day for slot in request.patterns[pattern].slots) - days
        for one in here:
            for other in by_days.get((pattern, rest), ()):
                apart = one.seats[0].structure != other.seats[0].structure
                if apart and one.seats[0].section < other.seats[0].section:
                    yield one, other


def _days(seat: Seat) -> Days:
    return frozenset(slot.day for slot in seat.slots)


def _joined(request: Request, one: Option, other: Option) -> Option:
    wishes = sorted({wish.rank for wish in request.wishes})
    patterns = sorted({pattern.rank for pattern in request.patterns})
    seats = (one.seats[0], other.seats[0])
    place = sum(wishes.index(seat.wish_rank) for seat in seats) * len(patterns)
    level = place - one.level + patterns.index(request.patterns[seats[0].pattern].rank) + 1
    told = tuple(seat._replace(level=level) for seat in seats)
    return Option(request.id, level, told, uses_of((use.row, use.mask) for part in (one, other) for use in part.uses))
