"""Invented free places, as part-time weeks leave them: Wednesdays, Friday afternoons, a few whole weeks, September."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from pydantic import Field

from contracts.vocabulary import (
    Audience,
    AwardMode,
    Id,
    Period,
    Slot,
    StructureKind,
    VacancyKind,
)
from services.calendar import at
from services.territory.calendars import ONE_DAY, next_working_day
from services.territory.chance import Chance
from services.territory.people import slug
from services.territory.said import Said
from services.territory.structures import WORKING_WEEK, Structure, slot

NOON = time(12)
LEFTOVERS = {
    "wednesday": 0.12,
    "friday_afternoon": 0.12,
    "monday_morning": 0.05,
    "two_days": 0.08,
    "whole_week": 0.06,
    "september": 0.06,
}
"""Free places of a section for each of its places. Assumed: together 13 % of the hours before September, well within
the 28 % that are open and not invoiced."""

UNTIL_SUMMER = 0.2  # share of the leftovers that are free until 31 July only, as a child comes in September (assumed)
TOMORROW = 0.25  # share of the structures where a child is away on the next working day (assumed)

KEPT_FOR_INSERTION = timedelta(weeks=3)  # how long whole weeks of an AVIP crèche wait for their public (assumed)
AGREES = 0.7  # share of the crèches that sign an on-call agreement (assumed)
PLACES_PER_ON_CALL = 40  # one on-call place for so many places (assumed)


class Vacancy(Said):
    """Fields as `VacancyOpened` says them."""

    structure: Id
    section: Id
    kind: VacancyKind = VacancyKind.REGULAR
    slots: tuple[Slot, ...] = Field(min_length=1)
    places: int = Field(ge=1)
    period: Period
    audience: Audience = Audience.EVERYBODY
    release_at: datetime | None = None
    agreement: Id | None = None
    said_by: Id


class Agreement(Said):
    """Fields as `AgreementSigned` says them."""

    structure: Id
    section: Id
    agreed_by: Id
    notice_hours: float
    age_from_months: int
    age_to_months: int
    days_per_child: int
    valid_until: date


def vacancies(places: Sequence[Structure], on: date, many: float, chance: Chance) -> tuple[Vacancy, ...]:
    """What is free on `on` in structures that are awarded or only shown; `many` times the usual number."""
    shown = [structure for structure in places if structure.kind is not StructureKind.ALSH]
    regular = [found for structure in shown for found in _leftovers(structure, on, many, chance.of(structure.id))]
    absences = [
        absence(structure, next_working_day(on), chance.of(structure.id))
        for structure in shown
        if is_awarded(structure) and chance.of(structure.id).happens("tomorrow", TOMORROW * many)
    ]
    return tuple(regular + absences)


def is_awarded(structure: Structure) -> bool:
    return structure.award_mode is AwardMode.AWARDED


def _leftovers(structure: Structure, on: date, many: float, chance: Chance) -> Iterator[Vacancy]:
    for section in structure.sections:
        draw = chance.of(section.section)
        for name, share in LEFTOVERS.items():
            places = _rounded(section.places * share * many, draw.share(f"{name}/places"))
            slots = tuple(_slots(structure, name, draw))
            if places and slots:
                yield _regular(structure, section.section, name, slots, places, on, draw)


def _regular(
    structure: Structure, section: Id, name: str, slots: tuple[Slot, ...], places: int, on: date, draw: Chance
) -> Vacancy:
    """In a structure with the AVIP label, whole weeks are kept for insertion for some weeks."""
    kept = structure.avip and name == "whole_week"
    return Vacancy(
        id=f"V-{section.removeprefix('S-')}-{slug(name)}",
        structure=structure.id,
        section=section,
        slots=slots,
        places=places,
        period=_period(name, on, draw),
        audience=Audience.INSERTION if kept else Audience.EVERYBODY,
        release_at=at(on + KEPT_FOR_INSERTION, time(18)) if kept else None,
        said_by=structure.person,
    )


def _rounded(expected: float, chance: float) -> int:
    """A whole number that is `expected` on average."""
    return int(expected) + (chance < expected % 1)


def _slots(structure: Structure, name: str, draw: Chance) -> Iterator[Slot]:
    """The opening hours that a leftover leaves free."""
    days = {
        "wednesday": WORKING_WEEK[2:3],
        "friday_afternoon": WORKING_WEEK[4:],
        "monday_morning": WORKING_WEEK[:1],
        "two_days": draw.shuffled("days", WORKING_WEEK)[:2],
    }.get(name, WORKING_WEEK)
    for open_slot in structure.opening:
        if open_slot.day in days:
            half = _half(open_slot, name)
            if half is not None:
                yield half


def _half(open_slot: Slot, name: str) -> Slot | None:
    start = max(open_slot.start, NOON) if name == "friday_afternoon" else open_slot.start
    end = min(open_slot.end, NOON) if name == "monday_morning" else open_slot.end
    return slot(open_slot.day, start, end) if start < end else None


def _period(name: str, on: date, draw: Chance) -> Period:
    if name == "september":
        return Period(start=date(on.year + (on.month >= 9), 9, 1))
    start = on + timedelta(days=draw.whole(f"{name}/start", 1, 30))
    summer = date(start.year + (start.month >= 7), 8, 1)
    return Period(start=start, end=summer if draw.happens(f"{name}/until", UNTIL_SUMMER) else None)


def absence(structure: Structure, day: date, chance: Chance) -> Vacancy:
    """A child is away on `day`, so that its place is free for the morning or the whole day."""
    section = chance.pick(f"section/{day}", structure.sections)
    hours = sorted((open_slot.start, open_slot.end) for open_slot in structure.opening if open_slot.day in WORKING_WEEK)
    whole = chance.happens(f"whole/{day}", 0.4)
    free = slot(day, hours[0][0], hours[0][1] if whole else min(NOON, hours[0][1]))
    return Vacancy(
        id=f"V-{section.section.removeprefix('S-')}-{day:%Y%m%d}",
        structure=structure.id,
        section=section.section,
        kind=VacancyKind.OCCASIONAL,
        slots=(free,),
        places=1,
        period=Period(start=day, end=day + ONE_DAY),
        said_by=structure.person,
    )


def agreements(places: Sequence[Structure], on: date, chance: Chance) -> tuple[Agreement, ...]:
    """On-call agreements: the AVIP crèches, and most of the other crèches that are awarded."""
    willing = [s for s in places if is_awarded(s) and s.kind is not StructureKind.HALTE_GARDERIE]
    signed = [s for s in willing if s.avip or chance.of(s.id).happens("agrees", AGREES)]
    return tuple(_agreement(structure, on, chance.of(structure.id)) for structure in signed)


def _agreement(structure: Structure, on: date, chance: Chance) -> Agreement:
    """For the children of one section, until the end of the school year."""
    section = chance.pick("section", structure.sections)
    return Agreement(
        id=f"A-{structure.id.removeprefix('S-')}-{on.year}",
        structure=structure.id,
        section=section.section,
        agreed_by=structure.person,
        notice_hours=chance.pick("notice", (2, 4, 12, 12)),
        age_from_months=section.age_from_months,
        age_to_months=section.age_to_months,
        days_per_child=chance.pick("days", (3, 5, 10)),
        valid_until=date(on.year + (on.month >= 8), 8, 31),
    )


def on_call_places(signed: Sequence[Agreement], places: Sequence[Structure], on: date) -> tuple[Vacancy, ...]:
    """The place, or the places in large structures, that each agreement keeps for urgent insertion requests."""
    by_id = {structure.id: structure for structure in places}
    return tuple(_on_call_place(agreement, by_id[agreement.structure], on) for agreement in signed)


def _on_call_place(agreement: Agreement, structure: Structure, on: date) -> Vacancy:
    return Vacancy(
        id=f"V-{structure.id.removeprefix('S-')}-astreinte",
        structure=structure.id,
        section=agreement.section,
        kind=VacancyKind.ON_CALL,
        slots=structure.opening,
        places=max(1, structure.capacity // PLACES_PER_ON_CALL),
        period=Period(start=on, end=agreement.valid_until + ONE_DAY),
        audience=Audience.URGENT_INSERTION,
        agreement=agreement.id,
        said_by=structure.person,
    )
