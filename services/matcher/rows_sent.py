"""Rows on their way to another process: each is sent once, and only named afterwards, so that it is the same object
there from one decision to the next.

A row is known on both sides for as long as whoever sends keeps it for other ends: nothing is kept for the way alone.
Whoever hears a name that it does not know says so, and everything is sent again. Names are never used twice. When to
modify: when a part or its outcome has one more kind of rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeAlias, TypeVar
from weakref import KeyedRef

from services.matcher.solver.schema import Outcome, Round

Whole = TypeVar("Whole", Round, Outcome)
ROWS: Mapping[type, tuple[str, ...]] = {
    Round: ("sections", "vacancies", "requests", "holds", "support", "siblings", "quotas", "travel"),
    Outcome: ("reasons",),
}
"""What is sent row by row."""
Sent: TypeAlias = KeyedRef[tuple[int, int], Any]
"""A row that was sent, with its id and its name."""


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
    """Sends to one process. Rows are slow to hash: known by their ids, for as long as anybody here keeps them."""

    _known: dict[int, Sent] = field(default_factory=dict)
    _left: deque[Sent] = field(default_factory=deque)
    _next: count[int] = field(default_factory=count)
    _afresh: bool = True

    def forget(self) -> None:
        """Everything is sent again from here on."""
        self._known, self._left, self._afresh = {}, deque(), True

    def parcel(self, whole: Whole) -> Parcel[Whole]:
        """What there is to send."""
        kinds, new, gone = ROWS[type(whole)], dict[int, Any](), self._gone()
        names = {kind: [self._name(row, new) for row in getattr(whole, kind)] for kind in kinds}
        rest = whole.model_copy(update=dict.fromkeys(kinds, ()))
        parcel, self._afresh = Parcel(rest, names, new, gone, self._afresh), False
        return parcel

    def _name(self, row: object, new: dict[int, Any]) -> int:
        known = self._known.get(id(row))
        if known is None or known() is not row:  # the id of a row that is gone
            known = self._known[id(row)] = KeyedRef(row, self._left.append, (id(row), next(self._next)))
            new[known.key[1]] = row
        return known.key[1]

    def _gone(self) -> list[int]:
        """The names of rows that nobody keeps any more. They may leave in any thread: only this one takes note."""
        names = []
        while self._left:
            sent = self._left.popleft()
            where, name = sent.key
            if self._known.get(where) is sent:
                del self._known[where]
            names.append(name)
        return names


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
