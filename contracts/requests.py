"""What families and counsellors ask for. No name and no contact: those stay in the vault."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import ClosingReason, Criterion, Frozen, Id, Period, RequestKind, Slot


class WishedStructure(Frozen):
    structure: Id
    rank: int = Field(ge=1, le=20)


class AcceptedPattern(Frozen):
    """A week, or a set of single days, that the family would accept."""

    slots: tuple[Slot, ...] = Field(min_length=1)
    rank: int = Field(ge=1, le=20)


class DeclaredCriterion(Frozen):
    """A criterion of the grid. Only validated ones count; `structure` limits one to where it is true."""

    criterion: Criterion
    validated: bool = False
    structure: Id | None = None


class NeedFacts(Event):
    """What registering and amending have in common: the whole need, as it is from now on.

    `born` is the birth date, or the due date while `is_born` is false. `since` is the wanted entry date, which settles
    equal points. `travel_minutes` are added on both sides of the hours. `prescriber` is the counsellor's id.
    `urgent_sms_agreed`: the family agreed to be texted outside the usual hours for an urgent place.
    `accepts_partial`: `min_days` or more of the days would help, while the child stays listed for the others.
    `within_minutes`: behind its wishes, any other structure within so many minutes of its commune would do.
    `accepts_split`: two of the structures may share the week, each with its own days, where no single one has a place.
    `current` is the placement that the child has now, where it asks for another one.
    """

    family: Id
    child: Id
    kind: RequestKind
    born: date
    is_born: bool = True
    commune: str
    wishes: tuple[WishedStructure, ...] = Field(min_length=1)
    patterns: tuple[AcceptedPattern, ...] = Field(min_length=1)
    period: Period
    tolerance_days: int = Field(default=0, ge=0, le=180)
    travel_minutes: int = Field(default=0, ge=0, le=120)
    criteria: tuple[DeclaredCriterion, ...] = ()
    needs_support: bool = False
    since: date
    prescriber: Id | None = None
    urgent_sms_agreed: bool = False
    file_complete: bool = False
    accepts_partial: bool = False
    min_days: int = Field(default=1, ge=1, le=7)
    current: Id | None = None
    accepts_split: bool = False
    within_minutes: int | None = Field(default=None, ge=1, le=120)


class RequestRegistered(NeedFacts):
    type: Literal["request.registered"]


class RequestAmended(NeedFacts):
    """The whole need as it is now. A live proposal that no longer fits it is withdrawn."""

    type: Literal["request.amended"]


class RequestClosed(Event):
    """A person said so. Silence never closes a request."""

    type: Literal["request.closed"]
    reason: ClosingReason
    said_by: Id
