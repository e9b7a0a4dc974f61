"""A territory and the rules it voted, as its coordinator publishes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import Frozen, Id


class Commune(Frozen):
    """A commune by its INSEE code, with its municipal population."""

    code: str = Field(pattern=r"^[0-9AB]{5}$")
    name: str
    population: int = Field(ge=0)


class TerritoryPublished(Event):
    """The territory as it is from now on: a new publication replaces the one before.

    `policy` names a dated file of the matcher (grid, tiers, fairness mode, delays); `guichet_phone` is the public
    number that every page and SMS shows. `automatic_release` is the vote by which regular proposals leave by
    themselves, except where a criterion drawn from health counted. `round_quiet_seconds` is how long a round waits
    for more events of the same territory.
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
