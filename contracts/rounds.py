"""What a round decided, in figures, and the reason that each request was given."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import Frozen, Id


class BrokenGuarantee(Frozen):
    guarantee: str
    sentence: str


class RoundDecided(Event):
    """`trigger` says what made it due; hashes let anyone recompute it; `broken` is empty unless it was withheld.

    `seed_commitment` names the draw that settled its ties: the print that `draw.sealed` had said before.
    """

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
    seed_commitment: str = ""


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A print in hexadecimal."""


class DrawSealed(Event):
    """The draw of a day is fixed, and nobody knows it yet: `commitment` is the SHA-256 of its seed."""

    type: Literal["draw.sealed"]
    day: date
    commitment: Sha256


class DrawOpened(Event):
    """The day is over: with its seed, anyone recomputes the draw, and sees that it is the one that was sealed."""

    type: Literal["draw.opened"]
    day: date
    seed: str
    commitment: Sha256


class RequestExplained(Event):
    """Why a request was, or was not, offered a place. Said when it changed.

    `reason` is the solver's `Reason` as plain JSON and `phrases` the same in French. `plain_phrases` say it without
    points, tier or rank, for those who may not see what health counts for. `family_phrases` say it to the family;
    without them `phrases` are shown to everybody, as before there were any.
    """

    type: Literal["request.explained"]
    round: Id
    placed: bool
    phrases: tuple[str, ...]
    plain_phrases: tuple[str, ...] = ()
    family_phrases: tuple[str, ...] = ()
    reason: dict[str, Any]
