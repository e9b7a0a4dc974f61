"""Parts of a territory that nothing has touched since the last round are not decided again: what came of them holds.

A part is known by all that it says but the round's name and its instant, of which only the day and what is released by
then count. So a part that is remembered comes to exactly what it would come to if it were decided again; only the
hashes, which name the round, are made anew. What is kept here may be lost at any time, and two matchers share nothing:
at worst a part is decided once more. When to modify: when an instant decides one more thing.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.spelling import Spelling

Decide = Callable[[Round], Awaitable[Outcome]]
ANY_ROUND, ANY_INSTANT = "any", datetime(1970, 1, 1, tzinfo=UTC)
ROWS = ("requests", "sections", "vacancies", "holds", "support", "siblings", "travel", "quotas")
MOST_REQUESTS = 50_000
"""Of how many requests answers are kept, about 5 KB each: those of the territories that had a round last."""


@dataclass
class _Known:
    """What came of a part. `spelling` knows its rows, which are the same every time it is said again."""

    outcome: Outcome
    key: str
    part: Round
    spelling: Spelling = field(default_factory=Spelling)

    def again(self, part: Round, spelled: Spelling) -> Outcome:
        """The same outcome for a part of another round."""
        names = {"round": part.id, "input_hash": spelled.round_hash(part)}
        said = self.outcome.model_copy(update=names)
        return said.model_copy(update={"outcome_hash": self.spelling.outcome_hash(said)})


@dataclass
class _Territory:
    """What came of the parts of the round that goes on, and of those of the round before."""

    round: str = ""
    spelling: Spelling = field(default_factory=Spelling)
    now: dict[str, _Known] = field(default_factory=dict)
    before: dict[str, _Known] = field(default_factory=dict)
    by_request: dict[str, _Known] = field(default_factory=dict)

    def note(self, known: _Known) -> None:
        self.now[known.key] = known
        if known.part.requests:
            self.by_request[known.part.requests[0].id] = known

    def begin(self, round: str) -> None:
        if round != self.round:
            self.round, self.before, self.now = round, self.now, {}
            self.by_request = {
                known.part.requests[0].id: known for known in self.before.values() if known.part.requests
            }
            self.spelling.turn()

    @property
    def size(self) -> int:
        return sum(len(known.outcome.reasons) for parts in (self.now, self.before) for known in parts.values())


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
        known = here.by_request.get(part.requests[0].id) if part.requests else None
        key = known.key if known and is_same(known.part, part) else key_of(part, here.spelling)
        known = here.now.get(key) or here.before.get(key)
        outcome = known.again(part, here.spelling) if known else await self._decide(part)
        if not outcome.violations:
            here.note(known or _Known(outcome, key, part))
            self._forget()
        return outcome

    def _forget(self) -> None:
        while len(self._territories) > 1 and sum(here.size for here in self._territories.values()) > self._most:
            del self._territories[next(iter(self._territories))]


def is_same(before: Round, now: Round) -> bool:
    """True if a part has the very same rows and nothing that hangs on the hour has changed."""
    pairs = ((getattr(before, name), getattr(now, name)) for name in ROWS)
    same = all(one is other or _are_same(one, other) for one, other in pairs)
    days = before.instant.date() == now.instant.date()
    return same and days and before.policy == now.policy and not any(map(_is_between(before, now), _releases(now)))


def _are_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


def key_of(part: Round, spelled: Spelling) -> str:
    """What tells a part from every other that would come to something else."""
    rest = part.model_copy(update={"id": ANY_ROUND, "instant": ANY_INSTANT})
    past, day = _hour(part)
    return f"{spelled.round_hash(rest)} {past} {day}"


def _hour(part: Round) -> tuple[int, date]:
    """What counts of the instant: how much is released by then, and the day."""
    return sum(at <= part.instant for at in _releases(part)), part.instant.date()


def _releases(part: Round) -> list[datetime]:
    """When places of it are released."""
    every = [*(row.release_at for row in part.vacancies), *(row.release_at for row in part.quotas)]
    return [at for at in every if at is not None]


def _is_between(before: Round, now: Round) -> Callable[[datetime], bool]:
    """True of a moment up to which one of two rounds had come and the other had not."""
    first, last = sorted((before.instant, now.instant))
    return lambda at: first < at <= last
