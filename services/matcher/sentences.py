"""What a round says to each family: its reason in French, said once for as long as it stays the same.

When to modify: when a family is told one more thing by a round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from contracts.rounds import RequestExplained
from services.matcher import tables as t
from services.matcher.memory import Memory
from services.matcher.reading import Loaded
from services.matcher.solver.explain import phrases
from services.matcher.solver.schema import Reason, Request
from services.matcher.step import Step


@dataclass(frozen=True)
class Told:
    """What a request is told; `plain` is the same without points. `digest` tells it from what was said before."""

    request: str
    placed: bool
    said: tuple[str, ...]
    plain: tuple[str, ...]
    reason: dict[str, Any]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps([self.said, self.reason], sort_keys=True).encode()).hexdigest()

    def after(self, first: First | None) -> Told:
        """The same behind what is to be read first."""
        if first is None:
            return self
        return replace(self, said=(*first.said, *self.said), plain=(*first.plain, *self.plain))


@dataclass(frozen=True)
class First:
    """What a family reads before its reason; `plain` is the same without its rank."""

    said: tuple[str, ...]
    plain: tuple[str, ...]


def told(request: Request, reason: Reason, names: Mapping[str, str]) -> Told:
    """A reason in words."""
    said, plain = (tuple(phrases(request, reason, names, points=points)) for points in (True, False))
    return Told(request.id, reason.placed, said, plain, reason.model_dump(mode="json"))


def aside(request: str, why: str) -> Told:
    """Why a request took no part."""
    return Told(request, False, (why,), (why,), {})


def digest(request: Request, reason: Reason, names: Mapping[str, str], memory: Memory) -> str:
    """That of a reason in words. The very same reason of the same request has the same, beside the very same names."""
    known = memory.told.get((id(reason), id(request)), lambda: _known(request, reason, names))
    if known.names is not names:
        known.names, known.digest = names, told(request, reason, names).digest
    return str(known.digest)


def _known(request: Request, reason: Reason, names: Mapping[str, str]) -> Known:
    return Known(request, reason, names, told(request, reason, names).digest)


@dataclass
class Known:
    """A digest, and what it was made of: kept here, their ids stay theirs."""

    request: Request
    reason: Reason
    names: Mapping[str, str]
    digest: str


def say(step: Step, loaded: Loaded, told: Told) -> None:
    """Say the reason of a request, if it is not what was said before."""
    same = t.explanations.c.request == told.request
    before = step.tx.scalar(sa.select(t.explanations.c.hash).where(same))
    digest = told.digest
    if before == digest:
        return
    if before is None:
        step.tx.execute(t.explanations.insert().values(request=told.request, hash=digest))
    else:
        step.tx.execute(t.explanations.update().where(same).values(hash=digest))
    step.say(
        RequestExplained, told.request, loaded.round.territory,
        round=loaded.round.id, placed=told.placed, phrases=told.said, plain_phrases=told.plain, reason=told.reason,
    )  # fmt: skip
