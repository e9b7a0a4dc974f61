"""Parts of a territory that nothing has touched since the last round are not decided again: what came of them holds.

A part is known by all that it says but the round's name and its instant, of which only the day and what is released by
then count. So a part that is remembered comes to exactly what it would come to if it were decided again; only the
hashes, which name the round, are made anew. What is kept here may be lost at any time, and two matchers share nothing:
at worst a part is decided once more. When to modify: when an instant decides one more thing.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.vocabulary import Frozen, Id
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.spelling import Spelling

Decide = Callable[[Round], Awaitable[Outcome]]
ROWS = ("requests", "sections", "vacancies", "holds", "support", "siblings", "travel", "quotas")
MOST_REQUESTS = 50_000
"""Of how many requests answers are kept, about 5 KB each: those of the territories that had a round last."""


@dataclass
class _Known:
    """What came of a part. `spelling` knows its rows, which are the same every time it is said again."""

    outcome: Outcome
    part: Round
    spelling: Spelling = field(default_factory=Spelling)

    def again(self, part: Round, spelled: Spelling) -> Outcome:
        """The same outcome for a part of another round."""
        names = {"round": part.id, "input_hash": spelled.round_hash(part)}
        said = self.outcome.model_copy(update=names)
        return said.model_copy(update={"outcome_hash": self.spelling.outcome_hash(said)})


@dataclass
class _Territory:
    """What came of the parts of the round that goes on, and of those of the round before, by their first request. A
    round may decide a part more than once: with the first tier alone, or without a child who stays where it is."""

    round: str = ""
    spelling: Spelling = field(default_factory=Spelling)
    now: dict[Id, list[_Known]] = field(default_factory=dict)
    before: dict[Id, list[_Known]] = field(default_factory=dict)

    def of(self, part: Round) -> _Known | None:
        """What is known of a part: by its very rows, or else by what they say."""
        there = [*self.now.get(_first(part), ()), *self.before.get(_first(part), ())]
        same = (known for known in there if is_same(known.part, part))
        return next(same, None) or next((known for known in there if is_same(known.part, part, self.spelling)), None)

    def note(self, known: _Known) -> None:
        there = self.now.setdefault(_first(known.part), [])
        if not any(known is other for other in there):
            there.append(known)

    def begin(self, round: str) -> None:
        if round != self.round:
            self.round, self.before, self.now = round, self.now, {}

    @property
    def size(self) -> int:
        known = (known for parts in (self.now, self.before) for there in parts.values() for known in there)
        return sum(len(known.outcome.reasons) for known in known)


class Remembered:
    """Decides parts, and remembers those of each territory's last round. Parts must be canonical."""

    def __init__(self, decide: Decide, most: int = MOST_REQUESTS) -> None:
        self._decide, self._most = decide, most
        self._territories: dict[str, _Territory] = {}

    async def decide(self, part: Round) -> Outcome:
        """The outcome of a part, the same as if it were decided now. What a check found fault with is decided again."""
        here = self._territories.pop(part.territory, None) or _Territory()
        self._territories[part.territory] = here  # the last one looked at stands last
        here.begin(part.id)
        known = here.of(part)
        outcome = known.again(part, here.spelling) if known else await self._decide(part)
        if not outcome.violations:
            here.note(known or _Known(outcome, part))
            self._forget()
        return outcome

    def _forget(self) -> None:
        while len(self._territories) > 1 and sum(here.size for here in self._territories.values()) > self._most:
            del self._territories[next(iter(self._territories))]


def _first(part: Round) -> Id:
    return part.requests[0].id if part.requests else ""


def is_same(before: Round, now: Round, spelling: Spelling | None = None) -> bool:
    """True if a part has the very same rows, or with a `spelling` rows that are spelled alike, and nothing that hangs
    on the hour has changed. Of two parts that differ, hardly more is spelled than the first row that does."""
    return has_same_rows(before, now, spelling) and is_same_hour(before, now, releases(now))


def has_same_rows(before: Round, now: Round, spelling: Spelling | None = None) -> bool:
    """The same whatever the hour."""
    pairs = ((getattr(before, name), getattr(now, name)) for name in ROWS)
    return before.policy == now.policy and all(_are_same(one, other, spelling) for one, other in pairs)


def is_same_hour(before: Round, now: Round, releases: Iterable[datetime]) -> bool:
    """True if two rounds are on one day, and none of these moments lies between them."""
    first, last = sorted((before.instant, now.instant))
    return before.instant.date() == now.instant.date() and not any(first < at <= last for at in releases)


def releases(part: Round) -> list[datetime]:
    """When places of it are released."""
    every = [*(row.release_at for row in part.vacancies), *(row.release_at for row in part.quotas)]
    return [at for at in every if at is not None]


def _are_same(one: tuple[Frozen, ...], other: tuple[Frozen, ...], spelling: Spelling | None) -> bool:
    if one is other or (len(one) == len(other) and all(map(operator.is_, one, other))):
        return True
    if spelling is None or len(one) != len(other):
        return False
    differing = ((row, now) for row, now in zip(one, other, strict=True) if row is not now)
    return all(spelling.row(row) == spelling.row(now) for row, now in differing)
