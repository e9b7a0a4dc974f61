"""Structures that look after children, their sections, and their on-call agreements."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import AwardMode, Frozen, Id, LimitReason, Period, Slot, StaffMethod, StructureKind, Tariff


class SectionFacts(Frozen):
    """A group of one age: months completed, both ends included.

    `starts_per_week`: how many children may begin there in one week (none: no limit).
    """

    section: Id
    name: str
    age_from_months: int = Field(ge=0, le=216)
    age_to_months: int = Field(ge=0, le=216)
    places: int = Field(default=0, ge=0)
    starts_per_week: int | None = Field(default=None, ge=1)


class OnDuty(Frozen):
    """How many adults look after children at these hours of a week."""

    slots: tuple[Slot, ...]
    adults: int = Field(ge=0)


class Present(Frozen):
    """How many children come at these hours: who does not walk yet (under three, under six) and the others.

    `born` are children of whom the dates of birth are said instead: each counts by its age on the day looked at.
    """

    slots: tuple[Slot, ...]
    younger: int = Field(default=0, ge=0)
    older: int = Field(default=0, ge=0)
    born: tuple[date, ...] = ()


class Staffing(Frozen):
    """Staff and children of a usual week, from which the places that may be free are computed.

    `holidays`: the week is one of school holidays. `pedt`: the commune has a projet éducatif territorial.
    """

    method: StaffMethod = StaffMethod.BY_WALKING
    on_duty: tuple[OnDuty, ...]
    present: tuple[Present, ...] = ()
    pedt: bool = False
    holidays: bool = False


class StructurePublished(Event):
    """A structure as it is from now on, with all its sections: a new publication replaces the one before.

    `name`, `address` and `phone` are those of the public directory, never a person's. `closures` are days without
    care; `prepared_support` is how many children who need adapted care it has prepared for at once (none: no limit),
    up to and with `support_until` (none: as before limits had a last day, until it is published anew).
    `manager` runs it, maybe with others; `insertion_children` were admitted on the ground of insertion otherwise than
    through Berceau. With `staffing`, free places beyond what capacity and staff allow are told to a person.
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
    support_until: date | None = None
    support_reason: LimitReason | None = None
    manager: Id | None = None
    insertion_children: int = Field(default=0, ge=0)
    staffing: Staffing | None = None


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
