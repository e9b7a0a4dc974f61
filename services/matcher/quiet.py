"""Parts of which nothing is to be written: decided before, nobody is placed, and all that they say was said.

They are known by the very rows that they were decided on, and by what their requests were told last, which every round
reads anew. Only their hashes, which name the round, are made again. What is kept here may be lost at any time.
When to modify: when a round does one more thing for a part that nothing has touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contracts.vocabulary import Id
from services.matcher.remembered import has_same_rows, is_same_hour, releases
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.spelling import Print, Spelling, spelled_instant


@dataclass(frozen=True)
class _Quiet:
    """What came of a part, and the texts of both."""

    part: Round
    outcome: Outcome
    asked: Print
    said: Print
    requests: frozenset[Id]
    releases: tuple[datetime, ...]

    def is_at(self, part: Round) -> bool:
        """True for a part with the very same rows, where nothing that hangs on the hour has changed."""
        return has_same_rows(self.part, part) and is_same_hour(self.part, part, self.releases)

    def again(self, part: Round) -> Outcome:
        """The same outcome for the same part of another round."""
        asked = self.asked.sha256({"id": part.id, "instant": spelled_instant(part.instant)})
        names = {"round": part.id, "input_hash": asked}
        return self.outcome.model_copy(update={**names, "outcome_hash": self.said.sha256(names)})


@dataclass
class QuietParts:
    """Of one territory, by their first request: those of the last round, and of the round that goes on."""

    _before: dict[Id, _Quiet] = field(default_factory=dict)
    _now: dict[Id, _Quiet] = field(default_factory=dict)
    _told: dict[Id, str] = field(default_factory=dict)
    _names: Mapping[str, str] = field(default_factory=dict)
    _otherwise: Collection[Id] = frozenset()

    def turn(self, told: Mapping[Id, str], names: Mapping[str, str]) -> None:
        """Another round begins: `told` are the hashes of what requests were told last, as it reads them, `names` what
        structures are called."""
        self._before, self._now = self._now if names == self._names else {}, {}
        same = told == self._told
        self._otherwise = () if same else {name for name, _ in told.items() ^ self._told.items()}
        self._told, self._names = dict(told), names

    def of(self, part: Round) -> Outcome | None:
        """What came of a part of which there is nothing to write; None where that has to be seen."""
        known = self._before.get(part.requests[0].id)
        if known is None or not known.is_at(part):
            return None
        if not known.requests.isdisjoint(self._otherwise):
            return None
        self._now[part.requests[0].id] = known
        return known.again(part)

    def note(self, part: Round, outcome: Outcome, said: Mapping[Id, str], spelling: Spelling) -> None:
        """All that a part says was said by now. `said` are the hashes of what this round has told of it."""
        if outcome.placed or outcome.violations:
            return
        asked, found = spelling.print_of(part, ASKED), spelling.print_of(outcome, SAID)
        requests = frozenset(row.id for row in part.requests)
        self._now[part.requests[0].id] = _Quiet(part, outcome, asked, found, requests, tuple(releases(part)))
        self._told |= said


ASKED, SAID = frozenset({"id", "instant"}), frozenset({"round", "input_hash"})
"""What names the round in its text, and in that of its outcome."""
