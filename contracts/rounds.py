"""What a round decided, in figures, and the reason that each request was given."""

from __future__ import annotations

from typing import Any, Literal

from contracts.base import Event
from contracts.vocabulary import Frozen, Id


class BrokenGuarantee(Frozen):
    guarantee: str
    sentence: str


class RoundDecided(Event):
    """`trigger` says what made it due; hashes let anyone recompute it; `broken` is empty unless it was withheld."""

    type: Literal["round.decided"]
    trigger: str
    requests: int
    proposed: int
    dropped: int = 0
    engine: str
    policy: Id
    input_hash: str
    outcome_hash: str
    broken: tuple[BrokenGuarantee, ...] = ()


class RequestExplained(Event):
    """Why a request was, or was not, offered a place. Said when it changed.

    `reason` is the solver's `Reason` as plain JSON and `phrases` the same in French. `plain_phrases` say it without a
    number of points, for those who may not see what health counts for.
    """

    type: Literal["request.explained"]
    round: Id
    placed: bool
    phrases: tuple[str, ...]
    plain_phrases: tuple[str, ...] = ()
    reason: dict[str, Any]
