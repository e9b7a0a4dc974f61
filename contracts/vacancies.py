"""Free places, as structures say them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.base import Event
from contracts.vocabulary import Audience, Frozen, Id, Period, Slot, VacancyKind, WithdrawalReason


class VacancyOpened(Event):
    """`places` are free at each of `slots`, on the days of `period`.

    The count is absolute: what Berceau places there afterwards is taken off by Berceau. `audience` keeps the places
    for some until `release_at`. `agreement` is the on-call agreement they rest on.
    """

    type: Literal["vacancy.opened"]
    structure: Id
    section: Id
    kind: VacancyKind
    slots: tuple[Slot, ...] = Field(min_length=1)
    places: int = Field(ge=1)
    period: Period
    audience: Audience = Audience.EVERYBODY
    release_at: AwareDatetime | None = None
    agreement: Id | None = None
    said_by: Id


class VacancyChanged(Event):
    """The absolute number of places of a vacancy from now on, and its last day where that moved."""

    type: Literal["vacancy.changed"]
    places: int = Field(ge=0)
    period: Period | None = None
    said_by: Id


class VacancyWithdrawn(Event):
    type: Literal["vacancy.withdrawn"]
    reason: WithdrawalReason
    said_by: Id


class VacancyReconfirmed(Event):
    """ "Toujours libre": the director saw it and it still is."""

    type: Literal["vacancy.reconfirmed"]
    said_by: Id


class FreePlaces(Frozen):
    slots: tuple[Slot, ...] = Field(min_length=1)
    places: int = Field(ge=0)
    period: Period


class SnapshotDeclared(Event):
    """All that a section has free `as_of` an instant, placements and live proposals known there already taken off.

    It is reconciled, never applied blindly: fewer places than proposals hold is a task for a person.
    """

    type: Literal["snapshot.declared"]
    structure: Id
    section: Id
    free: tuple[FreePlaces, ...]
    as_of: AwareDatetime
    said_by: Id
