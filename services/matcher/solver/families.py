"""Siblings asked together, as `verify` and `explain` read them: which places taken together are what a family asks.

Written without the solver, from the words of `schema.Siblings`. When to modify: with that class.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from contracts.vocabulary import Id
from services.matcher.solver.choices import Choice
from services.matcher.solver.schema import Assigned, Round, Siblings, Together

Worth = tuple[int, int]
"""How good an arrangement is to a family; the lowest is the best."""


@dataclass(frozen=True)
class Wanted:
    """Places that a family would take together, and what they are worth to it. A child asked alone takes one, or two
    that share its week."""

    choices: tuple[Choice, ...]
    worth: Worth


def is_shared(wanted: Wanted) -> bool:
    """True for a week of one child that two structures share."""
    return len({choice.request for choice in wanted.choices}) < len(wanted.choices)


class Families:
    """Who is asked for together with whom, and what each family would accept. `unit` names a child or its siblings."""

    def __init__(
        self,
        round: Round,
        choices: Mapping[Id, Sequence[Choice]],
        shared: Mapping[Id, Sequence[tuple[Choice, Choice]]],
    ) -> None:
        self._requests = {request.id: request for request in round.requests}
        self._choices, self._shared = choices, shared
        self._siblings = {row.id: row for row in round.siblings}
        self._minutes = {(row.one, row.other): row.minutes for row in round.travel}
        self.unit = {name: name for name in self._requests}
        self.unit |= {request: row.id for row in round.siblings for request in row.requests}
        self.members: dict[Id, tuple[Id, ...]] = {name: (name,) for name, unit in self.unit.items() if name == unit}
        self.members |= {row.id: tuple(sorted(row.requests)) for row in round.siblings}

    def together(self, unit: Id) -> Siblings | None:
        """What is asked of the places of these siblings; None for a child asked alone."""
        return self._siblings.get(unit)

    def wanted(self, unit: Id) -> Iterator[Wanted]:
        """Everything that would suit a unit, whether or not there is a place."""
        siblings = self._siblings.get(unit)
        if siblings is None:
            yield from (Wanted((choice,), (choice.level, 0)) for choice in self._choices[unit])
            yield from (Wanted(pair, (pair[0].level, 0)) for pair in self._shared[unit])
        else:
            yield from self._joint(siblings)

    def _joint(self, siblings: Siblings) -> Iterator[Wanted]:
        each: list[list[Choice | None]] = [[None, *self._choices[request]] for request in sorted(siblings.requests)]
        for chosen in itertools.product(*each):
            placed = tuple(choice for choice in chosen if choice is not None)
            worth = self.worth(siblings, placed)
            if worth is not None:
                yield Wanted(placed, worth)

    def worth(self, siblings: Siblings, placed: Sequence[Choice]) -> Worth | None:
        """How good it is to the family that exactly these are placed like this; None if it is not what it asks."""
        if not placed or not all(self._holds(condition, siblings, placed) for condition in siblings.together):
            return None
        patterns = sum(self._pattern_place(choice) for choice in placed)
        if siblings.combinations:
            there = {choice.request: choice.structure for choice in placed}
            ranks = [row.rank for row in siblings.combinations if there == _named(row.seats)]
            return (min(ranks), patterns) if ranks else None
        everybody = len(placed) == len(siblings.requests)
        return (sum(self._wish_place(choice) for choice in placed), patterns) if everybody else None

    def _holds(self, condition: Together, siblings: Siblings, placed: Sequence[Choice]) -> bool:
        check = {Together.SAME_STRUCTURE: _same_structure, Together.SAME_DAYS: _same_days}.get(condition)
        return all(
            check(one, other) if check else self._near(one, other, siblings)
            for one, other in itertools.combinations(placed, 2)
        )

    def _near(self, one: Choice, other: Choice, siblings: Siblings) -> bool:
        ways = ((one.structure, other.structure), (other.structure, one.structure))
        known = [self._minutes[way] for way in ways if way in self._minutes]
        return one.structure == other.structure or (bool(known) and min(known) <= siblings.near_minutes)

    def _wish_place(self, choice: Choice) -> int:
        ranks = {wish.rank for wish in self._requests[choice.request].wishes}
        return sum(rank < choice.wish_rank for rank in ranks)

    def _pattern_place(self, choice: Choice) -> int:
        patterns = self._requests[choice.request].patterns
        return len({pattern.rank for pattern in patterns if pattern.rank < patterns[choice.pattern].rank})


def _named(seats: Sequence[Assigned]) -> dict[Id, Id]:
    return {seat.request: seat.structure for seat in seats if seat.structure is not None}


def _same_structure(one: Choice, other: Choice) -> bool:
    return one.structure == other.structure


def _same_days(one: Choice, other: Choice) -> bool:
    return _days(one) == _days(other)


def _days(choice: Choice) -> set[str | date]:
    return {slot.day if isinstance(slot.day, date) else slot.day.value for slot in choice.slots}
