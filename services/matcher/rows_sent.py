"""Rows on their way to another process: each is sent once, and only named afterwards, so that it is the same object
there from one decision to the next.

Whoever hears a name that it does not know says so, and everything is sent again. Names are never used twice. When to
modify: when a part or its outcome has one more kind of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from services.matcher.solver.schema import Outcome, Round

Whole = TypeVar("Whole", Round, Outcome)
ROWS: Mapping[type, tuple[str, ...]] = {
    Round: ("sections", "vacancies", "requests", "holds", "support", "siblings", "quotas", "travel"),
    Outcome: ("reasons",),
}
"""What is sent row by row."""
MOST_ROWS = 15_000
"""Of how many rows the names are kept on both sides, some 2 KB each, those that are gone among them; then all are sent
again, which costs a large part 30 ms."""


class UnknownRow(LookupError):
    """A row is named that was not sent, or was lost on its way."""


@dataclass(frozen=True)
class Parcel(Generic[Whole]):
    """A part, or an outcome: what has no rows, the rows of each kind by name, and those that were never sent.

    `afresh`: nothing that was sent before counts.
    """

    rest: Whole
    names: dict[str, list[int]]
    new: dict[int, Any]
    afresh: bool


@dataclass
class Sending(Generic[Whole]):
    """Sends to one process. Rows are known by their ids, which stay theirs while kept here."""

    _known: dict[int, tuple[object, int]] = field(default_factory=dict)
    _next: count[int] = field(default_factory=count)
    _afresh: bool = True

    def forget(self) -> None:
        """Everything is sent again from here on."""
        self._known, self._afresh = {}, True

    def parcel(self, whole: Whole) -> Parcel[Whole]:
        """What there is to send."""
        if len(self._known) > MOST_ROWS:
            self.forget()
        kinds, new = ROWS[type(whole)], dict[int, Any]()
        names = {kind: [self._name(row, new) for row in getattr(whole, kind)] for kind in kinds}
        rest = whole.model_copy(update=dict.fromkeys(kinds, ()))
        parcel, self._afresh = Parcel(rest, names, new, self._afresh), False
        return parcel

    def _name(self, row: object, new: dict[int, Any]) -> int:
        known = self._known.get(id(row))
        if known is None:
            known = self._known[id(row)] = (row, next(self._next))
            new[known[1]] = row
        return known[1]


@dataclass
class Receiving(Generic[Whole]):
    """Hears from one process."""

    _known: dict[int, Any] = field(default_factory=dict)

    def whole(self, parcel: Parcel[Whole]) -> Whole:
        """What was sent. Raises UnknownRow."""
        if parcel.afresh:
            self._known.clear()
        self._known.update(parcel.new)
        return parcel.rest.model_copy(update={kind: self._rows(names) for kind, names in parcel.names.items()})

    def _rows(self, names: Sequence[int]) -> tuple[Any, ...]:
        try:
            return tuple(map(self._known.__getitem__, names))
        except KeyError as missing:
            raise UnknownRow(str(missing)) from missing
