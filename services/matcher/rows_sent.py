"""Rows on their way to another process: each is sent once, and only named afterwards, so that it is the same object
there from one decision to the next.

A row is known on both sides for as long as whoever sends keeps it for other ends: nothing is kept for the way alone.
Whoever hears a name that it does not know says so, and everything is sent again. Names are never used twice. When to
modify: when a part or its outcome has one more kind of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from services.matcher.solver.living import Living
from services.matcher.solver.schema import Outcome, Round

Whole = TypeVar("Whole", Round, Outcome)
ROWS: Mapping[type, tuple[str, ...]] = {
    Round: ("sections", "vacancies", "requests", "holds", "support", "siblings", "quotas", "travel"),
    Outcome: ("reasons",),
}
"""What is sent row by row."""


class UnknownRow(LookupError):
    """A row is named that was not sent, or was lost on its way."""


@dataclass(frozen=True)
class Parcel(Generic[Whole]):
    """A part, or an outcome: what has no rows, the rows of each kind by name, and those that were never sent.

    `gone` are names that will not be said again. `afresh`: nothing that was sent before counts.
    """

    rest: Whole
    names: dict[str, list[int]]
    new: dict[int, Any]
    gone: list[int]
    afresh: bool


@dataclass
class Sending(Generic[Whole]):
    """Sends to one process: the names of its rows, for as long as anybody here keeps them."""

    _known: Living[int] = field(default_factory=Living)
    _next: count[int] = field(default_factory=count)
    _afresh: bool = True

    def forget(self) -> None:
        """Everything is sent again from here on."""
        self._known, self._afresh = Living(), True

    def parcel(self, whole: Whole) -> Parcel[Whole]:
        """What there is to send."""
        kinds, new, gone = ROWS[type(whole)], dict[int, Any](), self._known.let_go()

        def named(row: object) -> int:
            new[name := next(self._next)] = row
            return name

        names = {kind: [self._known.of(row, named) for row in getattr(whole, kind)] for kind in kinds}
        rest = whole.model_copy(update=dict.fromkeys(kinds, ()))
        parcel, self._afresh = Parcel(rest, names, new, gone, self._afresh), False
        return parcel


@dataclass
class Receiving(Generic[Whole]):
    """Hears from one process."""

    _known: dict[int, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows may be named."""
        return len(self._known)

    def whole(self, parcel: Parcel[Whole]) -> Whole:
        """What was sent. Raises UnknownRow."""
        if parcel.afresh:
            self._known.clear()
        for name in parcel.gone:
            self._known.pop(name, None)
        self._known.update(parcel.new)
        return parcel.rest.model_copy(update={kind: self._rows(names) for kind, names in parcel.names.items()})

    def _rows(self, names: Sequence[int]) -> tuple[Any, ...]:
        try:
            return tuple(map(self._known.__getitem__, names))
        except KeyError as missing:
            raise UnknownRow(str(missing)) from missing
