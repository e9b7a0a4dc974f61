"""What became of each wish of a request, as an outcome says it.

`schema.py` hands all of it on; nobody else imports this module.
When to modify: when a wish may fail for one more cause.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from contracts.vocabulary import Frozen, Id, Slot


def is_unsaid(value: object) -> bool:
    """True for what is left out of the text of a row: a field that came later changes no hash where it says nothing."""
    return not value


class Why(StrEnum):
    """Why a wish was, or was not, met. One of these for each wish of each request."""

    OFFERED = "offered"
    PREFERRED_ELSEWHERE = "preferred_elsewhere"
    NO_SECTION_FOR_AGE = "no_section_for_age"
    NO_PLACE_AT_THESE_TIMES = "no_place_at_these_times"
    KEPT_FOR_ANOTHER_AUDIENCE = "kept_for_another_audience"
    KEPT_FOR_INSERTION = "kept_for_insertion"
    TOO_MANY_STARTS = "too_many_starts"
    WAITS_TOO_LONG = "waits_too_long"
    HELD_BY_PERSON = "held_by_person"
    GIVEN_BY_PERSON = "given_by_person"
    FULL = "full"
    UNKNOWN_STRUCTURE = "unknown_structure"
    ANSWERED_BEFORE = "answered_before"
    SIBLINGS_APART = "siblings_apart"
    WITHHELD = "withheld"


class WishReason(Frozen):
    """What became of one wish. `rank` counts the eligible requests there with a higher claim, plus one.

    `full_slots` are hours that no arrangement could add; `last_points` the points of the lowest claim admitted there.
    `held_because` is what the person says who keeps a place back there.
    """

    structure: Id
    why: Why
    rank: int | None = None
    points: int | None = None
    full_slots: tuple[Slot, ...] = ()
    last_tier: int | None = None
    last_points: int | None = None
    held_because: str = Field(default="", exclude_if=is_unsaid)


class Reason(Frozen):
    """Why a request was, or was not, offered a place: one line for each wish, in the order of the wishes.

    `sent_behind`: the first tier had its share, so the request ranked with the others.
    """

    request: Id
    placed: bool
    wishes: tuple[WishReason, ...]
    sent_behind: bool = False
