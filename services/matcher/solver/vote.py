"""What a territory votes, as a round holds it: the mode, the rule for ties, the share of the first tier.

`schema.py` hands all of it on; nobody else imports this module. When to modify: when a deliberation may say more.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from contracts.vocabulary import Frozen

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
    """

    mode: Mode = Mode.STABLE
    ties: Ties = Ties.DRAW
    siblings_claim: SiblingsClaim = SiblingsClaim.FIRST
    grid: str = ""
    deliberation: str = ""
    seed: str = ""
    seed_commitment: str = ""
    first_tier_percent: int | None = Field(default=None, ge=LEAST_SHARE, le=100)
