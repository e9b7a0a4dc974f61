"""Parts of a territory that nothing has touched since the last round are not decided again: what came of them holds.

A part is known by all that it says but the round's name and its instant, of which only the day and what is released by
then count. So a part that is remembered comes to exactly what it would come to if it were decided again; only the
hashes, which name the round, are made anew. What is kept here may be lost at any time, and two matchers share nothing:
at worst a part is decided once more. When to modify: when an instant decides one more thing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.spelling import Spelling

Decide = Callable[[Round], Awaitable[Outcome]]
ANY_ROUND, ANY_INSTANT = "any", datetime(1970, 1, 1, tzinfo=UTC)
MOST_REQUESTS = 50_000
"""Of how many requests answers are kept, about 5 KB each: those of the territories that had a round last."""


@dataclass
class _Known:
    """What came of a part. `spelling` knows its rows, which are the same every time it is said again."""

    outcome: Outcome
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
    now: dict[str, _Known] = field(default_factory=dict)
    before: dict[str, _Known] = field(default_factory=dict)

    def begin(self, round: str) -> None:
        if round != self.round:
            self.round, self.before, self.now = round, self.now, {}

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
        spelled = Spelling()
        key = key_of(part, spelled)
        known = here.now.get(key) or here.before.get(key)
        outcome = known.again(part, spelled) if known else await self._decide(part)
        if not outcome.violations:
            here.now[key] = known or _Known(outcome)
            self._forget()
        return outcome

    def _forget(self) -> None:
        while len(self._territories) > 1 and sum(here.size for here in self._territories.values()) > self._most:
            del self._territories[next(iter(self._territories))]


def key_of(part: Round, spelled: Spelling) -> str:
    """What tells a part from every other that would come to something else."""
    releases = [*(row.release_at for row in part.vacancies), *(row.release_at for row in part.quotas)]
    past = sum(at is not None and at <= part.instant for at in releases)
    rest = part.model_copy(update={"id": ANY_ROUND, "instant": ANY_INSTANT})
    return f"{spelled.round_hash(rest)} {past} {part.instant.date()}"
