"""Whether a structure's free places stay within its authorised capacity and its staff, at every hour of a week.

Two ages are told apart: in a crèche those who do not walk yet, in a jardin d'enfants those under three, in an accueil
de loisirs those under six. Wednesday is périscolaire; school holidays are a week of their own, which the structure
declares as such. When to modify: a text changes by a new dated entry of `ratios/encadrement.yaml`, never in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import yaml
from pydantic import TypeAdapter

from contracts.structures import Staffing
from contracts.vocabulary import Frozen, Slot, StaffMethod, StructureKind, Weekday
from services.calendar import in_force

LEISURE = StructureKind.ALSH
YOUNGER_UNTIL_MONTHS = {StructureKind.JARDIN_ENFANTS: 36, LEISURE: 72}
"""From these ages on a child counts as older; in a crèche, from when it walks."""


class Share(Frozen):
    percent: int
    source: str


class Together(Frozen):
    """How few adults are never alone, and from how many children on in a micro-crèche."""

    adults: int
    micro_creche_from: int
    source: str


class Months(Frozen):
    value: int
    source: str


class Ratio(Frozen):
    """Children for one adult, of each of the two ages."""

    younger: int
    older: int
    source: str


class Ratios(Frozen):
    """The texts in force from `valid_from` on."""

    valid_from: date
    at_once: Share
    in_the_week: Share
    together: Together
    walking_from_months: Months
    by_walking: Ratio
    one_in_six: Ratio
    jardin: Ratio
    long_day_hours: int
    holidays: Ratio
    long: Ratio
    short: Ratio
    long_with_pedt: Ratio
    short_with_pedt: Ratio


class Premises(Frozen):
    """What of a structure counts here. `capacity` is the authorised number of places."""

    kind: StructureKind
    capacity: int
    opening: tuple[Slot, ...]
    staffing: Staffing


class Free(Frozen):
    """Places said to be free at these hours of the week. A section from an age on may be given its youngest child."""

    slots: tuple[Slot, ...]
    places: int
    from_months: int = 0


class Excess(Frozen):
    """Hours at which the places said to be free do not fit, by which text, and how many fit there.

    Children, or adults where `of_adults`; without a slot, the hours of care of the whole week.
    """

    slot: Slot | None
    source: str
    wanted: int
    allowed: int
    of_adults: bool = False


@dataclass(frozen=True)
class Hour:
    """Some hours of one weekday: children of both ages there or expected, adults, and places said to be free."""

    slot: Slot
    younger: int
    older: int
    adults: int
    free: int

    @property
    def children(self) -> int:
        return self.younger + self.older

    @property
    def minutes(self) -> int:
        return _minutes(self.slot)


@lru_cache
def ratios_on(day: date) -> Ratios:
    """The texts in force on a day. Raises LookupError before the first."""
    text = resources.files("services.matcher").joinpath("ratios", "encadrement.yaml").read_text(encoding="utf-8")
    return in_force(TypeAdapter(tuple[Ratios, ...]).validate_python(yaml.safe_load(text)), day)


def excesses(premises: Premises, free: Sequence[Free], day: date) -> tuple[Excess, ...]:
    """Where the free places go beyond what capacity and staff allow; empty if every hour fits."""
    texts = ratios_on(day)
    hours = list(hours_of(premises, free, texts))
    found = [excess for hour in hours if hour.free for excess in _of_hour(premises, hour, texts)]
    return (*found, *_of_week(premises, hours, texts))


def hours_of(premises: Premises, free: Sequence[Free], texts: Ratios) -> Iterator[Hour]:
    """The week cut where anything begins or ends, with who is there beside the places said to be free."""
    walks = YOUNGER_UNTIL_MONTHS.get(premises.kind, texts.walking_from_months.value)
    staff, present = premises.staffing.on_duty, premises.staffing.present
    named = [slot for slots in (*(row.slots for row in staff), *(row.slots for row in present)) for slot in slots]
    named += [slot for row in free for slot in row.slots]
    for day in Weekday:
        bounds = sorted({bound for slot in named if slot.day is day for bound in (slot.start, slot.end)})
        for start, end in pairwise(bounds):
            here = [row for row in free if _covers(row.slots, day, start)]
            there = [row for row in present if _covers(row.slots, day, start)]
            yield Hour(
                slot=Slot(day=day, start=start, end=end),
                younger=sum(r.younger for r in there) + sum(r.places for r in here if r.from_months < walks),
                older=sum(r.older for r in there) + sum(r.places for r in here if r.from_months >= walks),
                adults=sum(row.adults for row in staff if _covers(row.slots, day, start)),
                free=sum(row.places for row in here),
            )


def adults_needed(premises: Premises, hour: Hour, texts: Ratios) -> tuple[int, str]:
    """How many adults the children of an hour need, and the text that says so."""
    ratio = ratio_on(premises, hour.slot.weekday, texts)
    whole = ratio.younger * ratio.older
    by_age = -(-(hour.younger * ratio.older + hour.older * ratio.younger) // whole)  # both shares, rounded up once
    micro = premises.kind is StructureKind.MICRO_CRECHE
    alone_below = texts.together.micro_creche_from if micro else 1
    if premises.kind is LEISURE or hour.children < alone_below or by_age >= texts.together.adults:
        return by_age, ratio.source
    return texts.together.adults, texts.together.source


def ratio_on(premises: Premises, day: Weekday, texts: Ratios) -> Ratio:
    """How many children one adult looks after on a day of the week."""
    if premises.kind is LEISURE:
        return _leisure(premises, day, texts)
    if premises.kind is StructureKind.JARDIN_ENFANTS:
        return texts.jardin
    return texts.by_walking if premises.staffing.method is StaffMethod.BY_WALKING else texts.one_in_six


def _leisure(premises: Premises, day: Weekday, texts: Ratios) -> Ratio:
    if premises.staffing.holidays:
        return texts.holidays
    minutes = sum(_minutes(slot) for slot in premises.opening if slot.day is day)
    if minutes > texts.long_day_hours * 60:
        return texts.long_with_pedt if premises.staffing.pedt else texts.long
    return texts.short_with_pedt if premises.staffing.pedt else texts.short


def _of_hour(premises: Premises, hour: Hour, texts: Ratios) -> Iterator[Excess]:
    percent = 100 if premises.kind is LEISURE else texts.at_once.percent
    most = premises.capacity * percent // 100
    if hour.children > most:
        yield Excess(slot=hour.slot, source=texts.at_once.source, wanted=hour.children, allowed=most)
    needed, source = adults_needed(premises, hour, texts)
    if hour.adults < needed:
        yield Excess(slot=hour.slot, source=source, wanted=needed, allowed=hour.adults, of_adults=True)


def _of_week(premises: Premises, hours: Sequence[Hour], texts: Ratios) -> Iterator[Excess]:
    """The week's hours of care within those of all places; nothing is said where no opening hours are."""
    offered = premises.capacity * sum(map(_minutes, premises.opening)) * texts.in_the_week.percent // 100
    taken = sum(hour.children * hour.minutes for hour in hours)
    if premises.kind is not LEISURE and offered and taken > offered and any(hour.free for hour in hours):
        yield Excess(slot=None, source=texts.in_the_week.source, wanted=-(-taken // 60), allowed=offered // 60)


def _covers(slots: Sequence[Slot], day: Weekday, start: time) -> bool:
    return any(slot.day is day and slot.start <= start < slot.end for slot in slots)


def _minutes(slot: Slot) -> int:
    return (slot.end.hour - slot.start.hour) * 60 + slot.end.minute - slot.start.minute
