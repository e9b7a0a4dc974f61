"""Invented structures: crèches, micro-crèches, halte-garderies, MAM, childminders and ALSH, with their calendars.

`MONTLUCON` lists them by commune and capacity. Their mean size, their places per child and their opening days are the
figures of `figures.py`; their names, addresses and numbers are synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, ClassVar, Literal

from contracts.structures import SectionFacts
from contracts.vocabulary import WEEKDAYS, AwardMode, Id, LimitReason, Period, Slot, StructureKind, Tariff, Weekday
from services.territory import figures
from services.territory.calendars import closures, school_holidays, working_days
from services.territory.chance import Chance
from services.territory.names import CRECHE_NAMES
from services.territory.people import slug
from services.territory.said import Said

WHOLE_DAY = (time(7, 30), time(18, 30))  # eleven hours: figures.OPENING_HOURS
HALVES = ((time(8, 30), time(12)), (time(13, 30), time(17, 30)))
WORKING_WEEK = WEEKDAYS[:5]

MONTLUCON_CODE, DOMERAT, DESERTINES, PREMILHAT = "03185", "03101", "03098", "03211"
SAINT_VICTOR, QUINSSAINES, VILLEBRET, LAVAULT = "03262", "03212", "03314", "03140"
MARCILLAT, LIGNEROLLES, TEILLET = "03161", "03145", "03279"

MIN_MONTHS, MAX_MONTHS = 2, 47
"""Ages of crèches: from the end of maternity leave to the summer of the third birthday."""


class Structure(Said):
    """Fields as `StructurePublished` says them; `person` is who speaks for its places."""

    OWN: ClassVar[frozenset[str]] = frozenset({"person", "synthetic"})

    name: str
    kind: StructureKind
    commune: str
    address: str
    phone: str = ""
    award_mode: AwardMode
    tariff: Tariff
    avip: bool = False
    capacity: int
    sections: tuple[SectionFacts, ...]
    opening: tuple[Slot, ...]
    closures: tuple[Period, ...]
    prepared_support: int | None = None
    support_until: date | None = None
    support_reason: LimitReason | None = None
    person: Id
    synthetic: Literal[True] = True


@dataclass(frozen=True)
class Plan:
    """A structure before it is drawn."""

    kind: StructureKind
    commune: str
    capacity: int
    award_mode: AwardMode = AwardMode.AWARDED
    tariff: Tariff = Tariff.PSU
    avip: bool = False
    name: str = ""


def _minder(commune: str, places: int) -> Plan:
    return Plan(StructureKind.CHILDMINDER, commune, places, AwardMode.INTRODUCTION, Tariff.AM)


CHILDMINDERS = (
    (MONTLUCON_CODE, 12),
    (DOMERAT, 6),
    (DESERTINES, 4),
    (PREMILHAT, 3),
    (SAINT_VICTOR, 2),
    (QUINSSAINES, 2),
    (VILLEBRET, 1),
    (LAVAULT, 1),
    (LIGNEROLLES, 1),
    (TEILLET, 1),
)

_C, _MICRO, _HALTE = StructureKind.CRECHE, StructureKind.MICRO_CRECHE, StructureKind.HALTE_GARDERIE

MONTLUCON = (
    Plan(_C, MONTLUCON_CODE, 66),
    Plan(_C, MONTLUCON_CODE, 60),
    Plan(_C, MONTLUCON_CODE, 45),
    Plan(_C, MONTLUCON_CODE, 36, avip=True),
    Plan(_C, DOMERAT, 48),
    Plan(_C, DESERTINES, 30),
    Plan(_C, PREMILHAT, 30),
    Plan(StructureKind.FAMILY_CRECHE, MONTLUCON_CODE, 30),
    Plan(_MICRO, MONTLUCON_CODE, 12, avip=True),
    Plan(_MICRO, QUINSSAINES, 12, tariff=Tariff.PAJE),
    Plan(_MICRO, MARCILLAT, 12),
    Plan(_HALTE, SAINT_VICTOR, 20),
    Plan(_HALTE, MONTLUCON_CODE, 24),
    Plan(_C, MONTLUCON_CODE, 60, AwardMode.EMPLOYER_RESERVED, name="Crèche de l'hôpital"),
    Plan(_MICRO, DOMERAT, 12, AwardMode.EMPLOYER_RESERVED, Tariff.PAJE, name="Micro de la zone"),
    Plan(StructureKind.MAM, DOMERAT, 12, AwardMode.INTRODUCTION, Tariff.AM, name="MAM des Tilleuls"),
    Plan(StructureKind.MAM, VILLEBRET, 8, AwardMode.INTRODUCTION, Tariff.AM, name="MAM du Cher"),
    Plan(StructureKind.ALSH, MONTLUCON_CODE, 80, AwardMode.INTRODUCTION, name="ALSH de la Plaine"),
    Plan(StructureKind.ALSH, DESERTINES, 40, AwardMode.INTRODUCTION, name="ALSH du Vert Bois"),
    *(_minder(commune, 3 + n % 2) for commune, many in CHILDMINDERS for n in range(many)),
)


_FIRST_MINDER = next(n for n, plan in enumerate(MONTLUCON) if plan.kind is StructureKind.CHILDMINDER)


def structures(on: date, scale: float, chance: Chance) -> tuple[Structure, ...]:
    """The structures of the territory as of `on`: repeated for a larger `scale`, every so many for a smaller one."""
    names = chance.shuffled("names", CRECHE_NAMES)
    count = max(1, round(len(MONTLUCON) * scale))
    step = max(1.0, len(MONTLUCON) / count)
    drawn: list[Structure] = []
    for number in (int(n * step) for n in range(count)):
        copy, which = divmod(number, len(MONTLUCON))
        name = _name(MONTLUCON[which], which, copy, names)
        drawn.append(_structure(MONTLUCON[which], name, number, on, chance.of("structure", number)))
    return tuple(drawn)


def _name(plan: Plan, number: int, copy: int, names: list[str]) -> str:
    minder = f"Ass. mat. n° {number - _FIRST_MINDER + 1}"
    base = plan.name or (minder if plan.kind is StructureKind.CHILDMINDER else names[number])
    return f"{base} {copy + 1}" if copy else base


def _structure(plan: Plan, name: str, number: int, on: date, chance: Chance) -> Structure:
    identity = f"S-{slug(name)}"
    yearly = [shut for year in (on.year, on.year + 1) for shut in closures(year, _opening_days(chance), chance)]
    return Structure(
        id=identity,
        name=name,
        kind=plan.kind,
        commune=plan.commune,
        address=f"{chance.whole('number', 1, 90)} rue Inventée",
        phone=f"04 65 71 {number // 100 % 100:02} {number % 100:02}",  # fixed lines that are kept for fiction
        award_mode=plan.award_mode,
        tariff=plan.tariff,
        avip=plan.avip,
        capacity=plan.capacity,
        sections=tuple(_sections(identity, plan)),
        opening=tuple(_opening(plan.kind, on)),
        closures=tuple(shut for shut in yearly if shut.end is None or shut.end > on),
        **_limit(chance.pick("support", (None, 1, 2, 3)) if plan.kind is _C else None, on),
        person=f"P-{identity.removeprefix('S-')}",
    )


def _limit(children: int | None, on: date) -> dict[str, Any]:
    """How many children with adapted care it has prepared for, and for how long that counts."""
    if children is None:
        return {}
    until = on + timedelta(days=LIMIT_DAYS)
    return {"prepared_support": children, "support_until": until, "support_reason": LimitReason.CHILDREN_THERE}


LIMIT_DAYS = 300
"""How long a limit to adapted care lasts. Assumed: the rest of a school year."""


def _opening_days(chance: Chance) -> int:
    return int(figures.OPENING_DAYS.value) + chance.whole("days", -3, 3)


GROUPS = (
    (25, (("Bébés", MIN_MONTHS, 11, 0.28), ("Moyens", 12, 23, 0.34), ("Grands", 24, MAX_MONTHS, 0.38))),
    (13, (("Petits", MIN_MONTHS, 17, 0.4), ("Grands", 18, MAX_MONTHS, 0.6))),
    (0, (("Tous âges", MIN_MONTHS, MAX_MONTHS, 1.0),)),
)
"""Groups of age by the smallest capacity that has them: (name, from, to, share of the places). Assumed."""

SCHOOL_GROUPS = (("Maternelles", 36, 71, 0.4), ("Élémentaires", 72, 143, 0.6))


def _sections(structure: Id, plan: Plan) -> Iterator[SectionFacts]:
    groups = SCHOOL_GROUPS if plan.kind is StructureKind.ALSH else _groups(plan.capacity)
    left = plan.capacity
    for number, (name, low, high, share) in enumerate(groups, start=1):
        places = left if number == len(groups) else round(plan.capacity * share)
        left -= places
        identity = f"{structure}-{slug(name)}"
        yield SectionFacts(section=identity, name=name, age_from_months=low, age_to_months=high, places=places)


def _groups(capacity: int) -> tuple[tuple[str, int, int, float], ...]:
    return next(groups for smallest, groups in GROUPS if capacity >= smallest)


def _opening(kind: StructureKind, on: date) -> Iterator[Slot]:
    """Eleven hours a day; two half-days in a halte-garderie; Wednesdays and the next holidays in an ALSH."""
    if kind is StructureKind.HALTE_GARDERIE:
        yield from (slot(day, *half) for day in WORKING_WEEK for half in HALVES)
    elif kind is StructureKind.ALSH:
        yield slot(Weekday.WED, *WHOLE_DAY)
        yield from (slot(day, *WHOLE_DAY) for day in _next_holidays(on) if day.weekday() != Weekday.WED.number)
    else:
        yield from (slot(day, *WHOLE_DAY) for day in WORKING_WEEK)


def _next_holidays(on: date) -> list[date]:
    soon = on + timedelta(weeks=26)
    coming = [holiday for holiday in school_holidays() if on <= holiday.first_day < soon]
    return [day for holiday in coming for day in working_days(holiday.period)]


def slot(day: Weekday | date, start: time, end: time) -> Slot:
    return Slot(day=day, start=start, end=end)
