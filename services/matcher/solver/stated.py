"""What a problem is made of, structure by structure and family by family, kept from one decision to the next.

Rows are known by their ids: where they are the very same, so is what was stated of them. What is kept here may be lost
at any time. When to modify: when an option, or a row, depends on one thing more.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from contracts.vocabulary import Id
from services.matcher.solver.claims import Claim
from services.matcher.solver.problem import Option, Row, Unit
from services.matcher.solver.schema import Policy, Request, Round

Made = TypeVar("Made")
MOST_OF_ONE = 3
"""A structure is looked at from as many parts of a territory as may wish it without a place for them there."""


@dataclass(frozen=True)
class Place:
    """A structure: what its options were made of, the number of its first row, its rows and its options."""

    of: tuple[tuple[object, ...], ...]
    first: int
    rows: tuple[Row, ...]
    options: tuple[Option, ...]


@dataclass
class Stated:
    """Of one territory, under one policy and on one day."""

    _under: tuple[Policy, date] | None = None
    _cares: dict[int, tuple[Request, tuple[object, ...], object, tuple[object, ...]]] = field(default_factory=dict)
    _places: dict[Id, list[Place]] = field(default_factory=dict)
    _units: dict[int, tuple[Request, list[Option], Unit]] = field(default_factory=dict)
    _claims: dict[int, tuple[Request, Claim]] = field(default_factory=dict)

    def begin(self, round: Round) -> None:
        """Another decision begins."""
        under = (round.policy, round.instant.date())
        if self._under != under:
            self._under, self._cares, self._places, self._units, self._claims = under, {}, {}, {}, {}

    def let_go(self, requests: Iterable[int]) -> None:
        """Of the requests of these ids nothing is known any more, but what their structures were made of."""
        for name in requests:
            self._cares.pop(name, None)
            self._units.pop(name, None)
            self._claims.pop(name, None)

    def cares(
        self, request: Request, sections: tuple[object, ...], when: object, make: Callable[[], Iterable[Made]]
    ) -> tuple[Made, ...]:  # fmt: skip
        """What would suit a request: the very same as long as it is read from the same sections and days."""
        known = self._cares.get(id(request))
        if known is None or known[2] != when or not are_same(known[1], sections):
            known = self._cares[id(request)] = (request, sections, when, tuple(make()))
        return known[3]  # type: ignore[return-value]

    def place(self, name: Id, of: tuple[tuple[object, ...], ...], first: int, make: Callable[[], Place]) -> Place:
        """The rows and options of a structure: the very same as long as they are made of the same."""
        before = self._places.get(name, [])
        same = (row for row in before if row.first == first and all(map(are_same, row.of, of)))
        found = next(same, None) or make()
        self._places[name] = [found, *(row for row in before if row is not found)][:MOST_OF_ONE]
        return found

    def unit(
        self, request: Request, options: list[Option], make: Callable[[Request, list[Option]], Unit]
    ) -> Unit:  # fmt: skip
        """A child asked alone, with these options."""
        known = self._units.get(id(request))
        if known is None or not are_same(known[1], options):
            known = self._units[id(request)] = (request, options, make(request, options))
        return known[2]

    def claim(self, request: Request, make: Callable[[], Claim]) -> Claim:
        """The ordinary claim of a request asked alone."""
        known = self._claims.get(id(request))
        if known is None:
            known = self._claims[id(request)] = (request, make())
        return known[1]


def are_same(one: Sequence[object], other: Sequence[object]) -> bool:
    """True if these are the very same objects."""
    return len(one) == len(other) and all(map(operator.is_, one, other))
