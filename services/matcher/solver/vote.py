"""What a territory votes, as a round holds it: the mode, the rule for ties, shares and guaranteed places.

`schema.py` hands all of it on; nobody else imports this module. When to modify: when a deliberation may say more.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from contracts.vocabulary import Frozen, Id

FIRST_TIER = 1
"""The tier that is looked at first: insertion and disability, as the grid says."""
ORDINARY_TIER = 2
LEAST_SHARE = 5
"""Per cent: one place in twenty is guaranteed to families in insertion (CASF D214-7), so no ceiling goes below."""


class Mode(StrEnum):
    """The fairness modes of the territory's vote."""

    STABLE = "stable"
    STRICT = "strict"
    MOST_CHILDREN = "most_children"


class Goal(StrEnum):
    """What a level counts: cases of envy left, children placed in all, claims of a band met, steps down from first
    wishes, minutes."""

    ENVIES = "envies"
    TOTAL = "total"
    CHILDREN = "children"
    WISHES = "wishes"
    HOURS = "hours"


class Ties(StrEnum):
    DRAW = "draw"
    TOGETHER = "together"


class SiblingsClaim(StrEnum):
    """With which of its claims a family that asks for its children together is ranked."""

    FIRST = "first"
    LAST = "last"


class Policy(Frozen):
    """What the territory voted, with the title of its deliberation.

    Siblings asked together have one claim. `first`: the best of theirs, so that nobody loses a rank, or a place that
    the law guarantees, by asking together. `last`: the lowest, so that nobody is passed by a child who ranks behind.
    `seed_commitment` is the SHA-256 of `seed`, in hexadecimal, published before the round; the seed is published after.
    `first_tier_percent` is the share of the free places up to which the first tier goes first; none: all of them.
    `wait_weeks`: hours that are free in more weeks than that before a start are not offered to it; none: they wait.
    """

    mode: Mode = Mode.STABLE
    ties: Ties = Ties.DRAW
    siblings_claim: SiblingsClaim = SiblingsClaim.FIRST
    grid: str = ""
    deliberation: str = ""
    seed: str = ""
    seed_commitment: str = ""
    first_tier_percent: int | None = Field(default=None, ge=LEAST_SHARE, le=100)
    wait_weeks: int | None = Field(default=None, ge=0)


class Rounding(StrEnum):
    """D214-7 does not say how a share of places becomes a number."""

    UP = "up"
    DOWN = "down"


class Quota(Frozen):
    """Places that the structures of a manager guarantee together to families in insertion.

    `percent` of their `places`, 5 for all (CASF D214-7), 20 for a structure labelled AVIP (L214-7 III). `counted` are
    children there already on that basis, those whose parent's pathway has ended too (D214-7 al. 3), beside those of
    the round's holds. What is missing is kept for them, at any of the structures, until `release_at`; none: always.
    """

    id: Id
    structures: tuple[Id, ...]
    places: int = Field(ge=0)
    percent: int = Field(default=LEAST_SHARE, ge=1, le=100)
    rounding: Rounding = Rounding.UP
    counted: int = Field(default=0, ge=0)
    release_at: datetime | None = None

    def is_open(self, instant: datetime) -> bool:
        """True while the missing places are kept."""
        return self.release_at is None or instant < self.release_at
