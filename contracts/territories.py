"""A territory and the rules it voted, as its coordinator publishes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import Frozen, Id

Point = tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]]
"""Longitude, then latitude, in degrees (WGS 84), as in GeoJSON."""

Ring = Annotated[tuple[Point, ...], Field(min_length=4)]
"""A closed line: its last point is its first."""


class Commune(Frozen):
    """A commune by its INSEE code, with its municipal population.

    `outline` are the rings of its border, holes among them; without one there is no map, and nothing else lacks.
    """

    code: str = Field(pattern=r"^[0-9AB]{5}$")
    name: str
    population: int = Field(ge=0)
    outline: tuple[Ring, ...] = ()


class TravelTime(Frozen):
    """Minutes by road from one commune to another, in either direction, by their INSEE codes."""

    one: str = Field(pattern=r"^[0-9AB]{5}$")
    other: str = Field(pattern=r"^[0-9AB]{5}$")
    minutes: int = Field(ge=0, le=600)


class TerritoryPublished(Event):
    """The territory as it is from now on: a new publication replaces the one before.

    `policy` names a dated file of the matcher (grid, tiers, fairness mode, delays); `guichet_phone` is the public
    number that every page and SMS shows. `automatic_release` is the vote by which regular proposals leave by
    themselves, except where a criterion drawn from health counted. `round_quiet_seconds` is how long a round waits
    for more events of the same territory. `outlines_source` names whom the outlines of the communes come from, and
    of when, as their licence asks. `travel` says which communes are near each other, for families who would go anywhere
    within some minutes; `travel_source` whom these minutes come from, and of when. Two communes without a row are not
    near; within one commune it is 0 minutes unless a row says more.
    """

    type: Literal["territory.published"]
    name: str
    guichet_name: str
    guichet_phone: str
    communes: tuple[Commune, ...]
    policy: Id
    time_zone: str = "Europe/Paris"
    automatic_release: bool = False
    round_quiet_seconds: int = Field(default=60, ge=0)
    outlines_source: str = ""
    travel: tuple[TravelTime, ...] = ()
    travel_source: str = ""
