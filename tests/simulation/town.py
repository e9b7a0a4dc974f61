"""A small invented town: who speaks, which places there can be, who asks. Every person and number is invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.structures import SectionFacts
from contracts.territories import Commune, TravelTime
from contracts.vocabulary import Criterion, LimitReason, Period, RequestKind, Slot, StructureKind, VacancyKind, Weekday
from services.calendar import local_day
from services.ingest.actors import Actor, Role
from services.ingest.declare.structures import StructureBody
from services.ingest.declare.territories import TerritoryBody
from services.ingest.declare.vacancies import VacancyBody
from services.ingest.families import ContactBody, RegistrationBody
from tests.simulation.hostility import Habit, Hostility

TERRITORY, COMMUNE, NEXT_COMMUNE = "montlucon", "03185", "03190"
CRECHES = ("creche-a", "creche-b")
SECTIONS = {"creche-a": ("a-petits",), "creche-b": ("b-petits", "b-grands")}
STRUCTURE_OF = {section: creche for creche, sections in SECTIONS.items() for section in sections}
MORNING = (time(8), time(12))
TUESDAYS, THURSDAYS = (Slot(day=day, start=MORNING[0], end=MORNING[1]) for day in (Weekday.TUE, Weekday.THU))
PATTERNS = ((TUESDAYS,), (THURSDAYS,), (TUESDAYS, THURSDAYS))
OUTSIDERS = "Berthe Fictive"
STARTS = (
    date(2026, 3, 25), date(2026, 4, 29), date(2026, 9, 7), date(2026, 10, 21), date(2026, 12, 21),
)  # fmt: skip
"""A day before the clocks change, before 1 May, an ordinary Monday, before the clocks change back, before Christmas."""


@dataclass(frozen=True)
class Family:
    """An invented family: the marks by which its names and numbers would be known anywhere."""

    n: int

    @property
    def names(self) -> tuple[str, ...]:
        return (f"Zulmée Inventée{self.n}q", f"Hyacinthe Inventé{self.n}q", f"Bébé{self.n}q")

    def phone(self, parent: int) -> str:
        return f"+3363998{self.n:02}{parent:02}"


@dataclass
class Town:
    """Who may act, and the families that have not asked yet."""

    start: datetime
    families: list[Family] = field(default_factory=lambda: [Family(n) for n in range(40)])
    asked: list[Family] = field(default_factory=list)
    coordinator: Actor = field(default_factory=lambda: Actor("p-coordinator", Role.COORDINATOR, TERRITORY))
    counsellor: Actor = field(default_factory=lambda: Actor("p-counsellor", Role.COUNSELLOR, TERRITORY))
    administrator: Actor = field(default_factory=lambda: Actor("p-technician", Role.ADMINISTRATOR, TERRITORY))

    def director(self, creche: str) -> Actor:
        return Actor(f"p-{creche}", Role.STRUCTURE, TERRITORY, structure=creche)

    def next_family(self) -> Family | None:
        if not self.families:
            return None
        self.asked.append(self.families.pop(0))
        return self.asked[-1]


def territory(dice: Hostility) -> TerritoryBody:
    return TerritoryBody(
        name="Territoire inventé", guichet_name="Guichet", guichet_phone="04 65 71 00 00",
        communes=(Commune(code=COMMUNE, name="Montluçon", population=34_000), *_next_communes(dice)),
        policy="montlucon-modele", automatic_release=dice.happens(0.5), round_quiet_seconds=dice.one((0, 60)),
        **_travel(dice),
    )  # fmt: skip


def _next_communes(dice: Hostility) -> tuple[Commune, ...]:
    is_wide = dice.habit is Habit.NEW_RULES
    return (Commune(code=NEXT_COMMUNE, name="La commune d'à côté", population=2_000),) if is_wide else ()


def _travel(dice: Hostility) -> dict[str, Any]:
    """Travel times, where they count: another time each time, or none any more."""
    minutes = dice.one((5, 20, 40, None)) if dice.habit is Habit.NEW_RULES else None
    if minutes is None:
        return {}
    return {"travel": (TravelTime(one=COMMUNE, other=NEXT_COMMUNE, minutes=minutes),), "travel_source": "essai"}


def commune_of(dice: Hostility, creche: str) -> str:
    return NEXT_COMMUNE if dice.habit is Habit.NEW_RULES and creche != CRECHES[0] else COMMUNE


def structure(creche: str, sections: tuple[str, ...], today: date, commune: str) -> StructureBody:
    named = tuple(SectionFacts(section=s, name=s, age_from_months=2, age_to_months=36, places=12) for s in sections)
    return StructureBody(
        name=f"Les {creche}", kind=StructureKind.CRECHE, commune=commune, capacity=12, sections=named,
        prepared_support=1, support_until=today + timedelta(days=90), support_reason=LimitReason.TRAINING,
    )  # fmt: skip


def weeks(now: datetime) -> Period:
    """From next Monday on, for half a year."""
    today = local_day(now)
    monday = today + timedelta(days=7 - today.weekday())
    return Period(start=monday, end=monday + timedelta(days=182))


def one_day(dice: Hostility, now: datetime) -> tuple[tuple[Slot, ...], Period]:
    """A morning of one of the next days."""
    day = local_day(now) + timedelta(days=dice.one((1, 1, 2, 3, 5)))
    if dice.is_crowded:  # everybody means tomorrow
        day = local_day(now) + timedelta(days=1)
    return (Slot(day=day, start=MORNING[0], end=MORNING[1]),), Period(start=day, end=day + timedelta(days=1))


def regular_places(dice: Hostility, section: str, now: datetime) -> VacancyBody:
    slots = dice.one(_patterns(dice))
    if dice.habit is Habit.SHARED_WEEKS:  # no crèche has the whole week
        slots = (TUESDAYS,) if STRUCTURE_OF[section] == CRECHES[0] else (THURSDAYS,)
    return VacancyBody(
        section=section, kind=VacancyKind.REGULAR, slots=slots, places=dice.one((1, 1, 2)), period=weeks(now)
    )


def _patterns(dice: Hostility) -> tuple[tuple[Slot, ...], ...]:
    """Where families have the same habits they want the same days too, or nobody would follow anybody."""
    if dice.habit is Habit.SHARED_WEEKS:
        return PATTERNS[2:]
    return PATTERNS[:1] if dice.habit in (Habit.SIBLINGS, Habit.MOVES) else PATTERNS


def _wished(dice: Hostility) -> list[str]:
    wished = list(CRECHES)[: dice.one((1, 2))] if dice.happens(0.5) else list(reversed(CRECHES))
    if dice.habit is Habit.NEW_RULES:  # the other one may be near enough
        return [CRECHES[0]]
    return list(CRECHES) if dice.habit is Habit.SHARED_WEEKS else wished


def need(dice: Hostility, kind: RequestKind, now: datetime) -> dict[str, Any]:
    """What a family asks for. Criteria are validated where the kind needs it, and by the guichet's dice."""
    if kind.is_weekly:
        patterns, period = [dice.one(_patterns(dice))], weeks(now)
    else:
        slots, period = one_day(dice, now)
        patterns = [slots]
    wished = _wished(dice)
    today = local_day(now)
    is_born = not dice.happens(0.12)
    return {
        "kind": kind,
        "born": today - timedelta(days=300) if is_born else today + timedelta(days=dice.one((1, 2, 30))),
        "is_born": is_born,
        "commune": COMMUNE,
        "wishes": tuple(WishedStructure(structure=s, rank=n) for n, s in enumerate(wished, start=1)),
        "patterns": tuple(AcceptedPattern(slots=slots, rank=n) for n, slots in enumerate(patterns, start=1)),
        "period": period,
        "criteria": criteria(dice, kind),
        "needs_support": dice.happens(0.1),
        "since": today,
        "urgent_sms_agreed": dice.happens(0.7),
        "file_complete": not dice.happens(0.1),
        "accepts_split": dice.habit is Habit.SHARED_WEEKS and kind.is_weekly,
        "within_minutes": dice.one((None, 10, 30)) if dice.habit is Habit.NEW_RULES else None,
    }


def criteria(dice: Hostility, kind: RequestKind) -> tuple[DeclaredCriterion, ...]:
    insertion = kind is RequestKind.URGENT or dice.happens(0.2)
    found = [Criterion.INSERTION] if insertion else []
    found += [Criterion.DISABILITY] if dice.happens(0.1) else []
    return tuple(DeclaredCriterion(criterion=c, validated=True) for c in found)


def registration(dice: Hostility, family: Family, kind: RequestKind, now: datetime) -> RegistrationBody:
    parents = dice.one((1, 2, 2))
    contacts = tuple(
        ContactBody(phone=family.phone(n), name=family.names[n], may_answer=n == 0 or dice.happens(0.9))
        for n in range(parents)
    )
    people = {"contacts": contacts, "child_first_name": family.names[2]}
    return RegistrationBody(**need(dice, kind, now), **people)
