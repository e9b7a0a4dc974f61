"""Siblings asked together: the ways to place all of them, made from the ways to place each.

A family says what it asks (one structure, the same days, near each other, or ranked combinations); the product of its
children's options is made here and nowhere else. When to modify: when families may ask something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Tally
from services.matcher.solver.problem import Option, Row, Seat, uses_of
from services.matcher.solver.schema import Combination, Request, Siblings, Together, Travel

Key = tuple[int, ...]
"""How good a joint option is to the family; the lowest is the best."""


def minutes_between(travel: Sequence[Travel]) -> dict[frozenset[Id], int]:
    """What is known of the way from one structure to another."""
    return {frozenset((row.one, row.other)): row.minutes for row in travel}


def joint_options(
    siblings: Siblings,
    members: Sequence[Request],
    options: Sequence[Sequence[Option]],
    minutes: dict[frozenset[Id], int],
    rows: tuple[Row, ...],
) -> list[Option]:
    """Every option of these siblings that fits what is free. `options` are those of each of the `members`, in order."""
    ranks = {member.id: _Ranks(member) for member in members}
    empty = Tally(rows)
    found: list[tuple[Key, Option]] = []
    for key, chosen in _chosen(siblings, members, options, ranks):
        seats = tuple(option.seats[0] for option in chosen)
        uses = uses_of((use.row, use.mask) for option in chosen for use in option.uses)
        joint = Option(siblings.id, 0, seats, uses)
        if is_together(siblings, seats, minutes) and empty.fits(joint):
            found.append((key, joint))
    levels = {key: level for level, key in enumerate(sorted({key for key, _ in found}), 1)}
    return [Option(joint.unit, levels[key], joint.seats, joint.uses) for key, joint in found]


class _Ranks:
    """Ranks counted from the best of one child: 0, 1, 2..."""

    def __init__(self, member: Request) -> None:
        self._wishes = sorted({wish.rank for wish in member.wishes})
        self._patterns = sorted({pattern.rank for pattern in member.patterns})
        self._by_position = [pattern.rank for pattern in member.patterns]

    def wish(self, seat: Seat) -> int:
        return self._wishes.index(seat.wish_rank)

    def pattern(self, seat: Seat) -> int:
        return self._patterns.index(self._by_position[seat.pattern])


def _chosen(
    siblings: Siblings, members: Sequence[Request], options: Sequence[Sequence[Option]], ranks: dict[Id, _Ranks]
) -> Iterator[tuple[Key, tuple[Option, ...]]]:
    if not siblings.combinations:
        for chosen in product(*options):
            seats = [option.seats[0] for option in chosen]
            wishes = sum(ranks[seat.request].wish(seat) for seat in seats)
            yield (wishes, sum(ranks[seat.request].pattern(seat) for seat in seats)), chosen
    for combination in siblings.combinations:
        for chosen in product(*_as_named(combination, members, options)):
            seats = [option.seats[0] for option in chosen]
            yield (combination.rank, sum(ranks[seat.request].pattern(seat) for seat in seats)), chosen


def _as_named(
    combination: Combination, members: Sequence[Request], options: Sequence[Sequence[Option]]
) -> list[list[Option]]:
    """For each child that the combination places, its options at the structure that is named."""
    named = {seat.request: seat.structure for seat in combination.seats if seat.structure is not None}
    return [
        [option for option in own if option.seats[0].structure == named[member.id]]
        for member, own in zip(members, options, strict=True)
        if member.id in named
    ] or [[]]


def is_together(siblings: Siblings, seats: Sequence[Seat], minutes: dict[frozenset[Id], int]) -> bool:
    """True if these seats are as the family asks."""
    conditions = {
        Together.SAME_STRUCTURE: len({seat.structure for seat in seats}) == 1,
        Together.SAME_DAYS: len({frozenset(slot.day for slot in seat.slots) for seat in seats}) == 1,
        Together.NEAR: all(
            one.structure == other.structure
            or minutes.get(frozenset((one.structure, other.structure)), siblings.near_minutes + 1)
            <= siblings.near_minutes
            for one, other in combinations(seats, 2)
        ),
    }
    return all(conditions[condition] for condition in siblings.together)
