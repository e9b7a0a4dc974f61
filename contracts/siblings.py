"""Brothers and sisters whose family asks for their places together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import Frozen, Id, Labelled


class Together(Labelled):
    """What a family asks of the places of its children, all of them together."""

    SAME_STRUCTURE = "same_structure", "Dans la même structure"
    SAME_DAYS = "same_days", "Les mêmes jours"
    NEAR = "near", "Dans la même commune"


class SiblingsSeat(Frozen):
    """Where one child goes in a combination; no structure: it stays without a place."""

    request: Id
    structure: Id | None = None


class SiblingsCombination(Frozen):
    """One structure, or none, for each child; 1 is the best rank."""

    seats: tuple[SiblingsSeat, ...] = Field(min_length=1)
    rank: int = Field(ge=1, le=50)


class SiblingsAsked(Event):
    """These requests of one family are decided together: each child gets a place as is asked here, or none does.

    With `combinations` only those count, in their order, and a child may be left out.
    """

    type: Literal["siblings.asked"]
    family: Id
    requests: tuple[Id, ...] = Field(min_length=2, max_length=6)
    together: tuple[Together, ...] = ()
    combinations: tuple[SiblingsCombination, ...] = ()


class SiblingsParted(Event):
    """From now on each of the children is asked for by itself."""

    type: Literal["siblings.parted"]
    said_by: Id
