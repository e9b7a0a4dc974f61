"""What a family asks for whose child got a place that does not suit altogether: a better wish, or another week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from contracts.requests import AcceptedPattern, WishedStructure
from contracts.vocabulary import Frozen, Id, RequestKind, Slot, Weekday
from services.territory.structures import WORKING_WEEK

NOTICE = timedelta(weeks=4)
"""How long after the first day the child would move (assumed)."""


class Move(Frozen):
    """What another need says otherwise than the one that got the child its place."""

    kind: RequestKind
    wishes: tuple[WishedStructure, ...]
    patterns: tuple[AcceptedPattern, ...]
    start: date


def move_of(wishes: Sequence[WishedStructure], slots: Sequence[Slot], structure: Id, start: date) -> Move:
    """What is asked by the family of a child who comes to `structure` in these weekly hours from `start` on.

    The structures that it wished more; where there is none, one day more there, or a full week without Wednesday.
    """
    own = next((wish.rank for wish in wishes if wish.structure == structure), 0)
    better = tuple(wish for wish in wishes if wish.rank < own)
    week = AcceptedPattern(slots=tuple(slots if better else another_week(slots)), rank=1)
    return Move(
        kind=RequestKind.TRANSFER if better else RequestKind.CHANGE,
        wishes=better or (WishedStructure(structure=structure, rank=1),),
        patterns=(week,),
        start=start + NOTICE,
    )


def another_week(slots: Sequence[Slot]) -> list[Slot]:
    """The same hours on one day more; who comes on all five keeps Wednesday for the family."""
    missing = [day for day in WORKING_WEEK if day not in {slot.day for slot in slots}]
    if not missing:
        return [slot for slot in slots if slot.day is not Weekday.WED]
    first = slots[0]
    more = [slot.model_copy(update={"day": missing[0]}) for slot in slots if slot.day == first.day]
    return sorted([*slots, *more], key=lambda slot: (slot.weekday.number, slot.start))
