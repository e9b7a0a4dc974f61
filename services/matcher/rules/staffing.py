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
from contracts.vocabulary import Frozen, Id, Slot, StaffMethod, StructureKind, Weekday
from services.calendar import in_force
from services.matcher.rules.eligibility import months_completed

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
    """Places said to be free at these hours of the week. A section from an age on may be given its youngest child.

    `counted`: places beside them, whose children are among those who come.
    """

    slots: tuple[Slot, ...]
    places: int
    from_months: int = 0
    section: Id = ""
    counted: bool = False


class Seated(Frozen):
    """A child for whom hours of a section are held: it counts by its own age, and not by that of the section."""

    section: Id
    slots: tuple[Slot, ...]
    born: date


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


def excesses(
    premises: Premises, free: Sequence[Free], day: date, seated: Sequence[Seated] = ()
) -> tuple[Excess, ...]:  # fmt: skip
    """Where the free places go beyond what capacity and staff allow; empty if every hour fits. Ages are of `day`."""
    texts = ratios_on(day)
    hours = list(hours_of(premises, free, day, seated))
    found = [excess for hour in hours if hour.free for excess in _of_hour(premises, hour, texts)]
    return (*found, *_of_week(premises, hours, texts))


def hours_of(premises: Premises, free: Sequence[Free], day: date, seated: Sequence[Seated] = ()) -> Iterator[Hour]:
    """The week cut where anything begins or ends, with who is there beside the places said to be free."""
    texts, staff, present = ratios_on(day), premises.staffing.on_duty, premises.staffing.present
    walks = YOUNGER_UNTIL_MONTHS.get(premises.kind, texts.walking_from_months.value)
    spans = [row.slots for row in staff] + [row.slots for row in present]
    spans += [row.slots for row in free] + [row.slots for row in seated]
    named = [slot for slots in spans for slot in slots]
    for weekday in Weekday:
        bounds = sorted({bound for slot in named if slot.day is weekday for bound in (slot.start, slot.end)})
        for start, end in pairwise(bounds):
            here = [row for row in free if _covers(row.slots, weekday, start)]
            there = [row for row in present if _covers(row.slots, weekday, start)]
            ages = [months for row in there for born in row.born if (months := months_completed(born, day)) is not None]
            ages += _ages(here, [row for row in seated if _covers(row.slots, weekday, start)], day)
            younger = sum(months < walks for months in ages)
            yield Hour(
                slot=Slot(day=weekday, start=start, end=end),
                younger=sum(row.younger for row in there) + younger,
                older=sum(row.older for row in there) + len(ages) - younger,
                adults=sum(row.adults for row in staff if _covers(row.slots, weekday, start)),
                free=sum(row.places for row in here if not row.counted),
            )


def _ages(here: Sequence[Free], seated: Sequence[Seated], day: date) -> Iterator[int]:
    """In months, who may sit on the places said to be free: children for whom they are held, and the youngest that
    their section takes. The eldest sit on places that are counted already."""
    for section in dict.fromkeys(row.section for row in here):
        rows = [row for row in here if row.section == section]
        counted = sum(row.places for row in rows if row.counted)
        free = sorted(row.from_months for row in rows if not row.counted for _ in range(row.places))
        born = sorted(row.born for row in seated if row.section == section)[counted:]
        ages = [months for one in born if (months := months_completed(one, day)) is not None][-len(free) :]
        yield from ages if free else ()
        yield from free[: len(free) - len(ages)]


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
