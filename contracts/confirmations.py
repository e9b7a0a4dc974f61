"""What structures decide on the children they were told of, and how placements end."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from contracts.base import Event
from contracts.vocabulary import DepartureReason, Id, RefusalReason


class AdmissionConfirmed(Event):
    """The structure takes the child, with the dates the family needs to know.

    `structure`: which of the two that share the child's week; None where one has it all.
    """

    type: Literal["admission.confirmed"]
    proposal: Id
    appointment: AwareDatetime | None = None
    adaptation_start: date
    first_full_day: date
    said_by: Id
    structure: Id | None = None


class AdmissionRefused(Event):
    """The structure does not take the child, for one reason of the closed list. `structure`: as where it takes it."""

    type: Literal["admission.refused"]
    proposal: Id
    reason: RefusalReason
    said_by: Id
    structure: Id | None = None


class DepartureAnnounced(Event):
    """A placed child leaves after `last_day`: its hours open again the day after."""

    type: Literal["departure.announced"]
    placement: Id
    last_day: date
    reason: DepartureReason
    said_by: Id
