"""Invented requests: who asks for which days, where, and on what grounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from pydantic import Field

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.vocabulary import Criterion, Id, Period, RequestKind, StructureKind, Tariff, Weekday
from services.territory import figures
from services.territory.calendars import ONE_DAY, next_working_day
from services.territory.chance import Chance
from services.territory.people import DAYS_A_MONTH, Child, Family
from services.territory.said import Said
from services.territory.structures import MONTLUCON_CODE, WORKING_WEEK, Structure, slot
from services.territory.vacancies import Agreement, is_awarded

YOUNGEST = timedelta(weeks=10)
"""The age at which crèches take a child: the end of maternity leave, and of the first two months."""

FULL_DAYS = ((time(8), time(17)), (time(8, 30), time(16, 30)), (time(8), time(18)), (time(8, 15), time(17, 30)))
HALF_DAYS = ((time(8), time(12)), (time(8, 30), time(12)), (time(13, 30), time(17, 30)))
MORNING = (time(8, 30), time(12))
COURSE_DAY = (time(8, 30), time(16, 30))

HALF_TIME = 0.15  # share of the part-time weeks that are mornings or afternoons only (assumed)
SAME_PLACE, TOWN, ELSEWHERE = 6.0, 3.0, 0.4
"""How much likelier a structure is wished in one's own commune, in Montluçon, and elsewhere (assumed)."""


class Request(Said):
    """Fields as `RequestRegistered` says them."""

    family: Id
    child: Id
    kind: RequestKind
    born: date
    is_born: bool = True
    commune: str
    wishes: tuple[WishedStructure, ...] = Field(min_length=1)
    patterns: tuple[AcceptedPattern, ...] = Field(min_length=1)
    period: Period
    tolerance_days: int = 0
    travel_minutes: int = 0
    criteria: tuple[DeclaredCriterion, ...] = ()
    needs_support: bool = False
    since: date
    prescriber: Id | None = None
    urgent_sms_agreed: bool = False
    file_complete: bool = False
    accepts_partial: bool = False
    min_days: int = 1
    accepts_split: bool = False
    within_minutes: int | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a family chooses from: structures and on-call agreements, who may prescribe, and the day it asks."""

    structures: Sequence[Structure]
    agreements: Sequence[Agreement]
    counsellors: Sequence[Id]
    on: date

    def on_call_for(self, child: Child) -> tuple[Structure, ...]:
        """The structures whose agreement takes a child of this age: those that a counsellor asks first."""
        age = (self.on - child.born).days / DAYS_A_MONTH
        fits = {a.structure for a in self.agreements if a.age_from_months <= age < a.age_to_months}
        return tuple(structure for structure in self.structures if structure.id in fits)


def request(family: Family, child: Child, kind: RequestKind, around: Surroundings, chance: Chance) -> Request:
    """What `family`, of which `chance` is the source, asks for one child on the day `around.on`."""
    own = chance.of("request")
    grounds = situation(kind, own, single=is_single(chance))
    on_call = around.on_call_for(child) if kind is RequestKind.URGENT else ()
    wishes = tuple(_wishes(family.commune, on_call or around.structures, own))
    period, patterns = _need(child, kind, around.on, own)
    fewest, shared = _fewest_days(kind, patterns, own), _accepts_split(kind, patterns, wishes, own)
    return Request(
        id=f"R-{child.id.removeprefix('E-')}",
        family=family.id,
        child=child.id,
        kind=kind,
        born=child.born,
        is_born=child.is_born,
        commune=family.commune,
        wishes=wishes,
        patterns=patterns,
        period=period,
        tolerance_days=own.pick("tolerance", (0, 14, 30, 30, 60)) if kind is RequestKind.REGULAR else 0,
        travel_minutes=own.pick("travel", (0, 15, 20, 30)) if Criterion.INSERTION in grounds else 0,
        criteria=_criteria(grounds, family, wishes, around.structures, own),
        needs_support=Criterion.DISABILITY in grounds,
        since=period.start,
        prescriber=own.pick("prescriber", around.counsellors) if kind is RequestKind.URGENT else None,
        urgent_sms_agreed=kind is RequestKind.URGENT and own.happens("texts", 0.9),
        file_complete=kind is not RequestKind.REGULAR or own.happens("file", figures.FILE_COMPLETE.value),
        **{"accepts_partial": fewest is not None, "min_days": fewest or 1, "accepts_split": shared},
        within_minutes=_within_minutes(kind, own),
    )


def _accepts_split(
    kind: RequestKind, patterns: Sequence[AcceptedPattern], wishes: Sequence[WishedStructure], own: Chance
) -> bool:  # fmt: skip
    """Whether two structures in the week would do."""
    longest = max(len({slot.day for slot in pattern.slots}) for pattern in patterns)
    could = kind is RequestKind.REGULAR and longest > 1 and len(wishes) > 1
    return could and own.happens("split", figures.ACCEPTS_SPLIT.value)


def _within_minutes(kind: RequestKind, own: Chance) -> int | None:
    """How far behind its wishes the family would go by road; None where only to these."""
    anywhere = kind is RequestKind.REGULAR and own.happens("anywhere", figures.ANYWHERE_NEAR.value)
    return own.pick("minutes", (10, 15, 20, 30)) if anywhere else None


def _fewest_days(kind: RequestKind, patterns: Sequence[AcceptedPattern], own: Chance) -> int | None:
    """How many days would help at the least; None where only all of them would."""
    most = min(len({slot.day for slot in pattern.slots}) for pattern in patterns)
    partly = kind is RequestKind.REGULAR and most > 1 and own.happens("partial", figures.ACCEPTS_PARTIAL.value)
    return own.whole("fewest", 1, most - 1) if partly else None


def is_single(family: Chance) -> bool:
    """True if one parent brings the family up alone."""
    return family.happens("single", figures.SINGLE_PARENT.value)


def situation(kind: RequestKind, chance: Chance, *, single: bool) -> tuple[Criterion, ...]:
    """The criteria that a family declares wherever it asks."""
    work = [Criterion.INSERTION] if kind is RequestKind.URGENT else list(_work(chance, single=single))
    others = [Criterion(name) for name, p in figures.OTHER_CRITERIA.weights.items() if chance.happens(name, p)]
    if Criterion.NO_SOLUTION in others and Criterion.LASTING_SOLUTION in others:
        others.remove(Criterion.LASTING_SOLUTION)
    alone = [Criterion.SINGLE_PARENT] if single else []
    adapted = [Criterion.DISABILITY] if chance.happens("disability", figures.DISABILITY.value) else []
    return (Criterion.RESIDENT, *alone, *work, *adapted, *others)


def _work(chance: Chance, *, single: bool) -> Iterator[Criterion]:
    """Who seeks a job is in insertion; who has one works, alone or beside a partner who works, or does not."""
    if chance.happens("unemployed", figures.UNEMPLOYMENT.value):
        yield Criterion.INSERTION
        if not single and chance.happens("partner_works", 0.5):
            yield Criterion.ONE_WORKS_ONE_SEEKS
        return
    work = chance.weighted("work", figures.WORKING.weights)
    if work == "one_works" and single:
        yield Criterion.BOTH_PARENTS_WORK
    elif work != "none":
        yield Criterion(work)


def _criteria(
    grounds: tuple[Criterion, ...],
    family: Family,
    wishes: tuple[WishedStructure, ...],
    structures: Sequence[Structure],
    chance: Chance,
) -> tuple[DeclaredCriterion, ...]:
    """The grounds, each validated or not, then those that are true in one structure only."""
    everywhere = [
        DeclaredCriterion(criterion=each, validated=chance.happens(f"valid/{each}", figures.VALIDATED.value))
        for each in grounds
    ]
    births = [child.born for child in family.children]
    at_once = len(set(births)) < len(births)
    twins = [DeclaredCriterion(criterion=Criterion.TWINS, validated=True)] if at_once else []
    communes = {structure.id: structure.commune for structure in structures}
    near = [
        DeclaredCriterion(criterion=Criterion.SAME_COMMUNE, validated=True, structure=wish.structure)
        for wish in wishes
        if communes[wish.structure] == family.commune
    ]
    elder = [DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure=wishes[0].structure)]
    present = elder if chance.happens("sibling", figures.SIBLING_PRESENT.value) else []
    return tuple(everywhere + twins + near + present)


def _wishes(commune: str, structures: Sequence[Structure], chance: Chance) -> Iterator[WishedStructure]:
    """One to five structures, the nearest and largest more often; some families like the first two as much."""
    weights = {s.id: _appeal(s, commune) for s in structures if is_awarded(s)}
    count = chance.weighted("choices", figures.CHOICES.weights)
    equal = chance.happens("equal", figures.EQUAL_WISHES.value)
    for number, structure in enumerate(chance.sample("wishes", weights, count), start=1):
        yield WishedStructure(structure=structure, rank=max(1, number - 1) if equal else number)


def _appeal(structure: Structure, commune: str) -> float:
    near = SAME_PLACE if structure.commune == commune else TOWN if structure.commune == MONTLUCON_CODE else ELSEWHERE
    price = 0.4 if structure.tariff is Tariff.PAJE else 1.0
    halves = 0.3 if structure.kind is StructureKind.HALTE_GARDERIE else 1.0
    return near * price * halves * structure.capacity


def _need(child: Child, kind: RequestKind, on: date, chance: Chance) -> tuple[Period, tuple[AcceptedPattern, ...]]:
    if kind is RequestKind.URGENT:
        return _course(on, chance)
    if kind is RequestKind.OCCASIONAL:
        return _odd_mornings(on, chance)
    return Period(start=_wanted_start(child, on, chance)), tuple(_weeks(chance))


def _wanted_start(child: Child, on: date, chance: Chance) -> date:
    """Soon, in some months, or in September; never before ten weeks of age, nor shortly before school."""
    september = date(on.year + (on.month >= 8), 9, 1)
    soon = on + timedelta(days=chance.whole("soon", 3, 45))
    later = on + timedelta(days=chance.whole("later", 46, 150))
    wanted = chance.weighted("start", {soon: 50, later: 20, september: 30})
    school = date(child.born.year + 3, 9, 1)
    return max(soon if wanted > school - timedelta(weeks=12) else wanted, child.born + YOUNGEST)


def _weeks(chance: Chance) -> Iterator[AcceptedPattern]:
    """A week that is wished and, for who works part time, other weeks that would do, some of them as well."""
    count = chance.weighted("days", figures.DAYS_A_WEEK.weights)
    half = count < len(WORKING_WEEK) and chance.happens("half", HALF_TIME)
    start, end = chance.pick("hours", HALF_DAYS if half else FULL_DAYS)
    others = chance.weighted("others", figures.OTHER_WEEKS.weights) if count < len(WORKING_WEEK) else 0
    as_good = chance.happens("as_good", 0.5)
    seen: set[tuple[Weekday, ...]] = set()
    for number in range(others + 1):
        days = _days(count, chance.of("week", number))
        if days not in seen:
            rank = 1 if as_good else len(seen) + 1
            yield AcceptedPattern(slots=tuple(slot(day, start, end) for day in days), rank=rank)
        seen.add(days)


def _days(count: int, chance: Chance) -> tuple[Weekday, ...]:
    """Days of a week in order; who leaves out one day leaves out Wednesday most often."""
    usual = {day: 0.35 if day is Weekday.WED else 1.0 for day in WORKING_WEEK}
    return tuple(sorted(chance.sample("days", usual, count), key=lambda day: day.number))


def _course(on: date, chance: Chance) -> tuple[Period, tuple[AcceptedPattern, ...]]:
    """Training or an interview, from the next working day on, for one to five working days."""
    days = _next_days(on, chance.pick("days", (1, 1, 2, 3, 5)))
    slots = tuple(slot(day, *COURSE_DAY) for day in days)
    return Period(start=days[0], end=days[-1] + ONE_DAY), (AcceptedPattern(slots=slots, rank=1),)


def _odd_mornings(on: date, chance: Chance) -> tuple[Period, tuple[AcceptedPattern, ...]]:
    """One morning among those of the next two weeks, whichever is free."""
    days = [day for day in _next_days(on, 10) if chance.happens(f"morning/{day}", 0.5)] or _next_days(on, 1)
    patterns = tuple(AcceptedPattern(slots=(slot(day, *MORNING),), rank=1) for day in days)
    return Period(start=days[0], end=days[-1] + ONE_DAY), patterns


def _next_days(on: date, count: int) -> list[date]:
    days: list[date] = []
    for _ in range(count):
        days.append(next_working_day(days[-1] if days else on))
    return days
