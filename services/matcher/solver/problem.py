"""What is left to decide, once age, dates, hours and travel are settled: units, their options, and rows of numbers.

A unit is a child, or siblings who are decided at once. An option serves all of its children; it may use several rows,
each in cells of its own, so that siblings, or a week in two places, are one choice like any other.

When to modify: when a choice needs to say one more thing to the search. Nothing here decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from contracts.vocabulary import Id, Period, Slot
from services.matcher.solver.cells import bits
from services.matcher.solver.claims import Claim
from services.matcher.solver.schema import Request


class RowKind(StrEnum):
    """What a row of numbers limits. `GOAL` and `HALF` are made by the search: what was decided, what follows."""

    PLACES = "places"
    KEPT = "kept"
    SUPPORT = "support"
    LIMIT = "limit"
    GOAL = "goal"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class Row:
    """How many more children fit in each cell. `KEPT` counts only those whom kept places are closed to.

    `place` is the section whose numbers these are; for `SUPPORT`, the structure; for `LIMIT`, a section or a quota.
    """

    kind: RowKind
    place: Id
    left: tuple[int, ...]


class Use(NamedTuple):
    """Cells of one row that an option takes one more place in. With `nth` at 2 it is its second child there, and so on.

    `mask` are the cells as bits, `cells` their positions. Masks compare within one row only.
    """

    row: int
    nth: int
    mask: int
    cells: tuple[int, ...]


class Seat(NamedTuple):
    """One child in one section at the hours of one of its patterns. `mask` are its cells in the structure's grid."""

    request: Id
    structure: Id
    section: Id
    wish_rank: int
    pattern: int
    level: int
    slots: tuple[Slot, ...]
    period: Period
    mask: int


class Option(NamedTuple):
    """One way to serve a unit: a seat for each of its children that it places, and all that they use together.

    Without a seat it is the place that the child has now.
    """

    unit: Id
    level: int
    seats: tuple[Seat, ...]
    uses: tuple[Use, ...]

    @property
    def children(self) -> int:
        """How many children it places; a week in two structures is two seats of one child."""
        return len({seat.request for seat in self.seats}) if len(self.seats) > 1 else len(self.seats)


@dataclass(frozen=True, slots=True)
class Unit:
    """The requests decided at once, and their options, level by level, each level in the order of the draw.

    `stay` is the place that the child has now: it keeps it, or takes one of its options.
    """

    id: Id
    requests: tuple[Request, ...]
    levels: tuple[tuple[Option, ...], ...]
    stay: Option | None = None

    @property
    def options(self) -> Iterator[Option]:
        return (option for level in self.levels for option in level)

    @property
    def choices(self) -> Iterator[Option]:
        """The options, and the place that the child has now."""
        yield from self.options
        if self.stay is not None:
            yield self.stay

    @property
    def needs_support(self) -> bool:
        return any(request.needs_support for request in self.requests)


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that is left to decide.

    `support` gives the row of a structure that has said what it prepared, `ordinary` the claim of each unit where no
    structure is named, `ranked` the units with an option in each section, highest claim first.
    """

    units: dict[Id, Unit]
    rows: tuple[Row, ...]
    support: dict[Id, int]
    ordinary: dict[Id, Claim]
    ranked: dict[Id, list[Id]]


def uses_of(pairs: Iterable[tuple[int, int]]) -> tuple[Use, ...]:
    """What children use together, from one (row, mask) for each row that each of them uses."""
    layers: dict[int, list[int]] = defaultdict(list)
    for row, mask in pairs:
        mine = layers[row]
        for nth, layer in enumerate(mine):
            mine[nth], mask = layer | mask, layer & mask
        if mask:
            mine.append(mask)
    return tuple(
        [
            Use(row, nth, mask, tuple(bits(mask)))
            for row, mine in sorted(layers.items())
            for nth, mask in enumerate(mine, 1)
        ]
    )


def with_support(option: Option, unit: Unit, support: dict[Id, int]) -> Option:
    """The same option, using moreover what its structures have prepared for those of its children who need it."""
    needing = {request.id for request in unit.requests if request.needs_support}
    used = [
        (support[seat.structure], seat.mask)
        for seat in option.seats
        if seat.request in needing and seat.structure in support
    ]
    return option._replace(uses=(*option.uses, *uses_of(used))) if used else option
