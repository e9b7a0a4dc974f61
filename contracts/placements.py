"""Children who have their place."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from contracts.base import Event
from contracts.vocabulary import DepartureReason, Id, Period, Slot


class PlacementConfirmed(Event):
    """The child has the place. An on-call place is confirmed by the family's OUI, under the agreement made before.

    Of a week that two structures share there are two, said together, of one proposal.
    `partial`: the child stays listed for the days that are missing. `replaces` is the placement that ends for this one.
    """

    type: Literal["placement.confirmed"]
    proposal: Id
    request: Id
    structure: Id
    section: Id
    slots: tuple[Slot, ...]
    period: Period
    appointment: AwareDatetime | None = None
    adaptation_start: date | None = None
    first_full_day: date | None = None
    partial: bool = False
    replaces: Id | None = None


class PlacementEnding(Event):
    """The last day is known: the hours are free from the day after."""

    type: Literal["placement.ending"]
    structure: Id
    section: Id
    last_day: date
    reason: DepartureReason


class PlacementEnded(Event):
    type: Literal["placement.ended"]
    structure: Id
    last_day: date
    reason: DepartureReason
