"""What a round says to each family: its reason in French, said once for as long as it stays the same.

When to modify: when a family is told one more thing by a round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from contracts.rounds import RequestExplained
from services.bus.rows import change_rows
from services.matcher import tables as t
from services.matcher.memory import Memory
from services.matcher.reading import Loaded
from services.matcher.solver.phrases import family_phrases, phrases
from services.matcher.solver.schema import Outcome, Reason, Request, Round
from services.matcher.solver.spelling import spelled
from services.matcher.step import Step


@dataclass(frozen=True)
class Told:
    """What a request is told: `plain` without points, `family` as said to the family itself.

    `digest` tells it from what was said before.
    """

    request: str
    placed: bool
    said: tuple[str, ...]
    plain: tuple[str, ...]
    family: tuple[str, ...]
    reason: dict[str, Any]

    @property
    def digest(self) -> str:
        return _digest(self.said, spelled(self.reason))

    def after(self, first: First | None) -> Told:
        """The same behind what is to be read first."""
        if first is None:
            return self
        said, plain = (*first.said, *self.said), (*first.plain, *self.plain)
        return replace(self, said=said, plain=plain, family=(*first.family, *self.family))


def _digest(said: tuple[str, ...], reason: str) -> str:
    """That of a reason in words, and as it is spelled."""
    return hashlib.sha256("\n".join((*said, reason)).encode()).hexdigest()


@dataclass(frozen=True)
class First:
    """What a family reads before its reason; `plain` is the same without its rank, `family` as said to itself."""

    said: tuple[str, ...]
    plain: tuple[str, ...]
    family: tuple[str, ...]


def told(request: Request, reason: Reason, names: Mapping[str, str]) -> Told:
    """A reason in words."""
    said, plain = (tuple(phrases(request, reason, names, points=points)) for points in (True, False))
    family = tuple(family_phrases(request, reason, names))
    return Told(request.id, reason.placed, said, plain, family, reason.model_dump(mode="json"))


def aside(request: str, why: str) -> Told:
    """Why a request took no part."""
    return Told(request, False, (why,), (why,), (why,), {})


def digest(request: Request, reason: Reason, names: Mapping[str, str], memory: Memory) -> str:
    """That of a reason in words. The very same reason of the same request has the same, beside the very same names."""
    known: Known = memory.told.of(reason, lambda _: Known())
    if known.names is not names or known.request is not request:
        said = tuple(phrases(request, reason, names))
        known.request, known.names, known.digest = request, names, _digest(said, memory.spelling.row(reason))
    return known.digest


def news_of(loaded: Loaded, part: Round, outcome: Outcome, memory: Memory) -> list[tuple[Reason, str]]:
    """The reasons of a part, each with its digest, but for those that were said before."""
    asked, names = {request.id: request for request in part.requests}, memory.named(loaded.names)
    digests = ((reason, digest(asked[reason.request], reason, names, memory)) for reason in outcome.reasons)
    return [(reason, now) for reason, now in digests if loaded.told.get(reason.request) != now]


@dataclass
class Known:
    """The digest of a reason, and what else it was made of: it is known for as long as the reason is kept."""

    request: Request | None = None
    names: Mapping[str, str] | None = None
    digest: str = ""


def say(step: Step, loaded: Loaded, *news: Told) -> None:
    """Say the reasons of these requests, each if it is not what was said before."""
    if not news:
        return
    before = {row.request: row.hash for row in step.tx.execute(_SAID, {"_names": [told.request for told in news]})}
    digests = {told.request: told.digest for told in news}
    changed = [told for told in news if before.get(told.request) != digests[told.request]]
    for told in changed:
        step.say(
            RequestExplained, told.request, loaded.round.territory,
            round=loaded.round.id, placed=told.placed, phrases=told.said, plain_phrases=told.plain,
            family_phrases=told.family, reason=told.reason,
        )  # fmt: skip
    new = {told.request for told in changed} - before.keys()
    step.insert(t.explanations, *({"request": name, "hash": digests[name]} for name in sorted(new)))
    other = [{"request": told.request, "hash": digests[told.request]} for told in changed if told.request not in new]
    change_rows(step.tx, t.explanations, ("request",), other)


_SAID = sa.select(t.explanations).where(t.explanations.c.request.in_(sa.bindparam("_names", expanding=True)))
