"""Structures that look after children, their sections, and their on-call agreements."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import AwardMode, Frozen, Id, Period, Slot, StructureKind, Tariff


class SectionFacts(Frozen):
    """A group of one age: months completed, both ends included."""

    section: Id
    name: str
    age_from_months: int = Field(ge=0, le=216)
    age_to_months: int = Field(ge=0, le=216)
    places: int = Field(default=0, ge=0)


class StructurePublished(Event):
    """A structure as it is from now on, with all its sections: a new publication replaces the one before.

    `name`, `address` and `phone` are those of the public directory, never a person's. `closures` are days without
    care; `prepared_support` is how many children who need adapted care it has prepared for at once (none: no limit).
    """

    type: Literal["structure.published"]
    name: str
    kind: StructureKind
    commune: str
    address: str = ""
    phone: str = ""
    award_mode: AwardMode = AwardMode.AWARDED
    tariff: Tariff = Tariff.PSU
    avip: bool = False
    capacity: int = Field(ge=0)
    sections: tuple[SectionFacts, ...]
    opening: tuple[Slot, ...]
    closures: tuple[Period, ...] = ()
    prepared_support: int | None = Field(default=None, ge=1)


class AgreementSigned(Event):
    """Before any emergency, a structure agreed on whom it takes in on call, so that a OUI confirms at once."""

    type: Literal["agreement.signed"]
    structure: Id
    section: Id
    agreed_by: Id
    notice_hours: float = Field(ge=0)
    age_from_months: int = Field(ge=0)
    age_to_months: int = Field(ge=0)
    days_per_child: int = Field(ge=1)
    valid_until: date


class AgreementEnded(Event):
    type: Literal["agreement.ended"]
    structure: Id
