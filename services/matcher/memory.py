"""What the rounds of one territory have in common: rows read, texts spelled, sentences written.

Everything is known by what it was made from (a version, the text of a row, the very object), never by a moment or a
place, so nothing here can be out of date: what has changed is not found. It may be lost at any time, and is then made
again. When to modify: when a round does one more thing that costs for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Any, Generic, TypeVar

from services.matcher.kept_text import Runs
from services.matcher.quiet import QuietParts
from services.matcher.solver.canonical import Once
from services.matcher.solver.collector import leave_alone
from services.matcher.solver.living import Living
from services.matcher.solver.spelling import Spelling
from services.matcher.touched import Cutter

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
MOST_REQUESTS = 20_000
"""Of how many waiting requests rounds are remembered, some 40 KB each with what is held beside them: those of the
territories decided last."""

MANY_REQUESTS = 500
"""Of fewer, what is kept costs the collector less than it takes to say so."""


class Lately(Generic[Key, Value]):
    """What was made for this round or the one before; what neither has asked for is forgotten."""

    def __init__(self) -> None:
        self._now: dict[Key, Value] = {}
        self._before: dict[Key, Value] = {}
        self.made = 0
        """How many of them this round has made."""

    def turn(self) -> None:
        """Another round begins."""
        self._now, self._before, self.made = {}, self._now, 0

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        found = self._now.get(key)
        if found is None:
            found = self._before.get(key)
            if found is None:
                found, self.made = make(), self.made + 1
            self._now[key] = found
        return found

    def all(self, keys: Sequence[Key], make: Callable[[list[Key]], Mapping[Key, Value]]) -> list[Value]:
        """As `get` for each, where those that are not known are made together."""
        known = self._before | self._now if self._now else self._before
        if new := list(filterfalse(known.__contains__, keys)):
            made = make(new)
            self.made += len(made)
            known = {**known, **made}
        found = dict(zip(keys, map(known.__getitem__, keys), strict=True))
        self._now = self._now | found if self._now else found
        return list(found.values())

    def rest(self) -> None:
        """The round is over: what it has not asked for is forgotten now, and not before the next one begins."""
        self._before = {}

    def __len__(self) -> int:
        return len(self._now)


@dataclass
class Memory:
    """Of one territory, under one lease. `asked_in` is what all requests were read against: with another, they are read
    again."""

    token: int = 0
    waiting: Lately[tuple[str, int], Any] = field(default_factory=Lately)
    asked: Lately[Hashable, Any] = field(default_factory=Lately)
    asked_in: object = None
    rows: Lately[tuple[object, ...], Any] = field(default_factory=Lately)
    stocks: Mapping[str, Any] = field(default_factory=dict)
    told: Living[Any] = field(default_factory=Living)
    names: Mapping[str, str] = field(default_factory=dict)
    once: Once = field(default_factory=Once)
    spelling: Spelling = field(default_factory=Spelling)
    runs: Runs = field(default_factory=Runs)
    quiet: QuietParts = field(default_factory=QuietParts)

    def __post_init__(self) -> None:
        self.cutter = Cutter(self.once)
        self._was_new = False

    def turn(self) -> None:
        """Another round begins."""
        for kept in (self.waiting, self.asked, self.rows):
            kept.turn()

    def rest(self) -> None:
        """A round is over. Where most of what is kept is new, the collector is told to look at it no more, and again
        after the next round: that one sees what this has given away, and finds most of its answers anew.

        It would walk through all of it again and again, half a second for 6,000 requests, in the middle of a round.
        Rows hold no circles: they go as soon as nobody keeps them, frozen or not.
        """
        for kept in (self.waiting, self.asked, self.rows):
            kept.rest()
        self.told.let_go()
        is_new = MANY_REQUESTS <= len(self.asked) < 2 * self.asked.made
        if is_new or self._was_new:
            leave_alone()
        self._was_new = is_new

    def named(self, names: Mapping[str, str]) -> Mapping[str, str]:
        """The very same names as in the round before, if they are equal."""
        if self.names != names:
            self.names = names
        return self.names

    def read_against(self, context: object) -> None:
        """Forgets how requests read, unless they are read against the same."""
        if self.asked_in != context:
            self.asked, self.asked_in = Lately(), context


class Memories:
    """The memory of each territory; those decided longest ago are lost first."""

    def __init__(self, most: int = MOST_REQUESTS) -> None:
        self._most = most
        self._known: dict[str, Memory] = {}

    def of(self, territory: str, token: int = 0) -> Memory:
        """The memory of a territory, for its next round under the lease of this token.

        Under another one nothing is remembered: whoever had the territory in between has left nothing to believe.
        """
        memory = self._known.pop(territory, None)
        if memory is None or memory.token != token:
            memory = Memory(token)
        self._known[territory] = memory  # the last one looked at stands last
        while len(self._known) > 1 and sum(len(kept.waiting) for kept in self._known.values()) > self._most:
            del self._known[next(iter(self._known))]
        return memory
