"""Rounds drawn at random, synthetic from end to end: tiny ones for the oracle, larger ones for order and speed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random

from contracts.vocabulary import Audience, Period, RequestKind, Slot, VacancyKind
from services.matcher.solver.schema import (
    Assigned,
    Combination,
    Hold,
    Pattern,
    Policy,
    Request,
    Round,
    Section,
    Siblings,
    SiblingsClaim,
    StructurePoints,
    Support,
    Together,
    Travel,
    Vacancy,
    Wish,
)

MONDAY = date(2026, 9, 7)
INSTANT = datetime(2026, 9, 4, 17, 30, tzinfo=UTC)
DAYS = ("mon", "tue", "wed", "thu", "fri")
ONE_OR_TWO_SECTIONS = (*[[("all", (0, 71))]] * 3, [("small", (0, 15)), ("big", (16, 71))])
MOSTLY_THREE_DAYS = (DAYS[:3], DAYS[:3], DAYS[:2], DAYS[1:3])
LONG, WHOLE, MORNING, AFTERNOON = (7, 19), (8, 18), (8, 13), (13, 18)


@dataclass(frozen=True)
class Taste:
    """What a drawn tiny round may contain."""

    equal_ranks: float = 0.4
    on_call: float = 0.4
    holds: float = 0.3
    dated: float = 0.3
    support: float = 0.6
    points_at: float = 0.0
    siblings: float = 0.0
    movers: float = 0.0
    flexible: float = 0.0


def slot(day: str | date, hours: tuple[int, int]) -> Slot:
    return Slot(day=day, start=time(hours[0]), end=time(hours[1]))


def tiny(seed: int, taste: Taste = Taste()) -> Round:
    """Up to six requests for two or three structures, over a fortnight."""
    draw = Random(seed)
    structures = ["X", "Y", "Z"][: draw.choice((2, 2, 3))]
    sections = [
        Section(id=f"{name}-{band}", structure=name, age_from_months=ages[0], age_to_months=ages[1])
        for name in structures
        for band, ages in draw.choice(ONE_OR_TWO_SECTIONS)
    ]
    requests = [_tiny_request(draw, f"R{number}", structures, sections, taste) for number in range(draw.randint(3, 6))]
    round = Round(
        id=f"tiny-{seed}",
        territory="tiny",
        instant=INSTANT,
        policy=Policy(seed=str(seed)),
        sections=tuple(sections),
        vacancies=tuple(row for section in sections for row in _tiny_vacancies(draw, section.id, taste)),
        requests=tuple(requests),
        holds=tuple(_tiny_holds(draw, sections, taste)),
        support=tuple(Support(structure=name, children=1) for name in structures if draw.random() < taste.support),
    )
    if draw.random() < taste.siblings:
        return with_siblings(draw, round)
    round = _with_movers(draw, round, taste) if taste.movers else round
    return _with_flexible_families(draw, round, taste) if taste.flexible else round


def _with_flexible_families(draw: Random, round: Round, taste: Taste) -> Round:
    """The same round in which some families accept a later start, or a part of their days."""
    flexible = {
        request.id: {
            "tolerance_days": draw.choice((0, 7, 14)),
            "accepts_partial": draw.random() < 0.6,
            "min_days": draw.choice((1, 1, 2)),
        }
        for request in round.requests
        if draw.random() < taste.flexible
    }
    changed = tuple(request.model_copy(update=flexible.get(request.id, {})) for request in round.requests)
    return round.model_copy(update={"requests": changed})


def _with_movers(draw: Random, round: Round, taste: Taste) -> Round:
    """The same round in which some of the children have a place, most of them on top of what is free."""
    requests, holds, vacancies = list(round.requests), list(round.holds), list(round.vacancies)
    for number, request in enumerate(requests):
        if draw.random() < taste.movers:
            section, days = draw.choice(round.sections).id, draw.choice(MOSTLY_THREE_DAYS)
            slots = tuple(slot(day, draw.choice((WHOLE, MORNING))) for day in draw.sample(days, draw.choice((1, 2))))
            had = Hold(id=f"current-{request.id}", section=section, slots=slots, period=_weeks(draw, taste.dated))
            holds.append(had)
            requests[number] = request.model_copy(update={"kind": RequestKind.CHANGE, "current": had.id})
            if draw.random() < 0.9:
                place = {"id": had.id, "section": section, "slots": slots, "places": 1, "period": had.period}
                vacancies.append(Vacancy.model_validate(place))
    rows = {"requests": tuple(requests), "holds": tuple(holds), "vacancies": tuple(vacancies)}
    return round.model_copy(update=rows)


def with_siblings(draw: Random, round: Round) -> Round:
    """The same round in which two or three of the children without a place are asked together, if there are so many."""
    structures = list(dict.fromkeys(section.structure for section in round.sections))
    waiting = [request.id for request in round.requests if request.current is None]
    count = draw.choice((2, 2, 3))
    if len(waiting) < count:
        return round
    names = draw.sample(waiting, count)
    together = draw.sample(tuple(Together), draw.choice((0, 1, 1, 2)))
    ways = tuple(
        Combination(
            seats=tuple(Assigned(request=name, structure=draw.choice((*structures, None))) for name in names),
            rank=rank,
        )
        for rank in (1, 2, 2, 3)
    )
    siblings = Siblings(
        id="family", requests=tuple(names), together=tuple(together),
        combinations=ways if draw.random() < 0.3 else (),  # the others leave it to the order of their wishes
    )  # fmt: skip
    minutes = tuple(
        Travel(one=one, other=other, minutes=draw.choice((10, 15, 30))) for one, other in pairwise(structures)
    )
    policy = round.policy.model_copy(update={"siblings_claim": draw.choice(tuple(SiblingsClaim))})
    return round.model_copy(update={"siblings": (siblings,), "travel": minutes, "policy": policy})


def _tiny_vacancies(draw: Random, section: str, taste: Taste) -> Iterator[Vacancy]:
    for number in range(draw.choice((1, 1, 2))):
        yield Vacancy(
            id=f"{section}-{number}",
            section=section,
            slots=tuple(slot(day, draw.choice((LONG, LONG, WHOLE, MORNING))) for day in draw.choice(MOSTLY_THREE_DAYS)),
            places=draw.choice((1, 1, 2)),
            period=_weeks(draw, taste.dated / 2),
        )
    if draw.random() < taste.on_call:
        yield Vacancy(
            id=f"{section}-on-call",
            section=section,
            kind=VacancyKind.ON_CALL,
            slots=tuple(slot(day, draw.choice((LONG, WHOLE))) for day in draw.choice(MOSTLY_THREE_DAYS)),
            places=1,
            period=Period(start=MONDAY),
            audience=draw.choice((Audience.URGENT_INSERTION, Audience.URGENT_INSERTION, Audience.INSERTION)),
            release_at=INSTANT + timedelta(hours=draw.choice((-1, 2, 48))),
        )


def _weeks(draw: Random, dated: float) -> Period:
    if draw.random() >= dated:
        return Period(start=MONDAY)
    start = MONDAY + timedelta(days=draw.choice((0, 0, 2, 7)))
    return Period(start=start, end=start + timedelta(days=draw.choice((1, 5, 7, 14))))


def _tiny_holds(draw: Random, sections: list[Section], taste: Taste) -> Iterator[Hold]:
    for section in sections:
        if draw.random() < taste.holds:
            yield Hold(
                id=f"held-{section.id}",
                section=section.id,
                slots=(slot(draw.choice(DAYS[:3]), draw.choice((WHOLE, MORNING))),),
                period=_weeks(draw, taste.dated),
                entitled_to=draw.choice((Audience.EVERYBODY, Audience.URGENT_INSERTION)),
            )


def who_accept_shared_weeks(round: Round) -> Round:
    """The same round in which every family would share its week between two structures."""
    asked = tuple(row.model_copy(update={"accepts_split": True}) for row in round.requests)
    return round.model_copy(update={"requests": asked})


def _tiny_request(draw: Random, name: str, structures: list[str], sections: list[Section], taste: Taste) -> Request:
    equal = draw.random() < taste.equal_ranks
    wished = draw.sample(structures, draw.randint(1, len(structures)))
    audience = draw.choice((Audience.EVERYBODY, Audience.EVERYBODY, Audience.INSERTION, Audience.URGENT_INSERTION))
    kind = RequestKind.URGENT if audience is Audience.URGENT_INSERTION else RequestKind.REGULAR
    period = _weeks(draw, taste.dated)
    return Request(
        id=name,
        born=draw.choice((date(2025, 5, 6), date(2025, 6, 20), date(2026, 3, 1))),
        kind=kind,
        tier=draw.choice((1, 2, 2)),
        points=draw.choice((0, 10, 20, 30)),
        points_at=tuple(
            StructurePoints(structure=to, points=draw.choice((0, 15, 25, 40)))
            for to in wished
            if draw.random() < taste.points_at
        ),
        since=draw.choice((None, date(2026, 9, 1), date(2026, 10, 1))),
        wishes=tuple(Wish(structure=to, rank=1 if equal else rank) for rank, to in enumerate(wished, 1)),
        patterns=tuple(
            Pattern(slots=_tiny_slots(draw, period, taste), rank=draw.choice((1, rank)) if equal else rank)
            for rank in range(1, draw.randint(1, 2) + 1)
        ),
        period=period,
        travel_minutes=draw.choice((0, 0, 0, 60)),
        entitled_to=audience,
        on_call_sections=tuple(section.id for section in sections if draw.random() < 0.7),
        needs_support=draw.random() < taste.support,
    )


def _tiny_slots(draw: Random, period: Period, taste: Taste) -> tuple[Slot, ...]:
    if draw.random() < taste.dated / 2:
        day = period.start + timedelta(days=draw.choice((0, 0, 1, 7)))
        return (slot(day, draw.choice((MORNING, AFTERNOON, (9, 12)))),)
    hours = draw.choice((WHOLE, WHOLE, WHOLE, MORNING, AFTERNOON))
    return tuple(slot(day, hours) for day in sorted(draw.sample(DAYS[:3], draw.choice((1, 1, 1, 2, 2, 3)))))


def _some(draw: Random, days: tuple[str, ...]) -> list[str]:
    return sorted(draw.sample(days, draw.randint(1, len(days))))


@dataclass(frozen=True)
class Size:
    """How large a drawn round is, and how often ranks are equal or points depend on the structure."""

    requests: int = 120
    structures: int = 12
    equal_ranks: float = 0.0
    points_at: float = 0.0
    starts: int = 4


def large(seed: int, size: Size) -> Round:
    """A territory: two sections a structure, weeks of two to five days, one to five wishes as in the Rio figures."""
    draw = Random(seed)
    structures = [f"S{number:03}" for number in range(size.structures)]
    sections = [
        Section(id=f"{name}-{band}", structure=name, age_from_months=ages[0], age_to_months=ages[1])
        for name in structures
        for band, ages in (("small", (0, 15)), ("big", (16, 40)))
    ]
    return Round(
        id=f"large-{seed}",
        territory="large",
        instant=INSTANT,
        policy=Policy(seed=str(seed)),
        sections=tuple(sections),
        vacancies=tuple(row for section in sections for row in _vacancies(draw, section.id, size)),
        requests=tuple(_request(draw, f"R{number:05}", structures, size) for number in range(size.requests)),
        holds=tuple(_hold(draw, section.id) for section in sections if draw.random() < 0.3),
        support=tuple(Support(structure=name, children=2) for name in structures if draw.random() < 0.1),
    )


def _vacancies(draw: Random, section: str, size: Size) -> Iterator[Vacancy]:
    places = max(size.requests // (size.structures * 4), 1)
    week = tuple(slot(day, hours) for day in DAYS for hours in (MORNING, AFTERNOON))
    yield Vacancy(id=f"{section}-1", section=section, slots=week, places=places, period=Period(start=MONDAY))
    for number, day in enumerate(_some(draw, DAYS), 2):
        here = (slot(day, draw.choice((WHOLE, MORNING, AFTERNOON))),)
        start = MONDAY + timedelta(weeks=draw.randrange(size.starts))
        yield Vacancy(
            id=f"{section}-{number}", section=section, slots=here, places=draw.randint(1, 2), period=Period(start=start)
        )
    if draw.random() < 0.1:
        yield Vacancy(
            id=f"{section}-on-call",
            section=section,
            kind=VacancyKind.ON_CALL,
            slots=week,
            places=1,
            period=Period(start=MONDAY),
            audience=Audience.URGENT_INSERTION,
            release_at=INSTANT + timedelta(days=3),
        )


def _hold(draw: Random, section: str) -> Hold:
    days = tuple(slot(day, WHOLE) for day in _some(draw, DAYS))
    return Hold(id=f"held-{section}", section=section, slots=days, period=Period(start=MONDAY))


def _request(draw: Random, name: str, structures: list[str], size: Size) -> Request:
    home = draw.randrange(len(structures))
    near = [structures[(home + step) % len(structures)] for step in range(min(12, len(structures)))]
    wished = draw.sample(near, min(draw.choices((1, 2, 3, 4, 5), (47, 18, 14, 8, 13))[0], len(near)))
    equal = draw.random() < size.equal_ranks
    urgent = draw.random() < 0.03
    start = MONDAY + timedelta(weeks=draw.randrange(size.starts))
    born = start - timedelta(days=draw.randrange(60, 1300))
    return Request(
        id=name,
        born=born,
        kind=RequestKind.URGENT if urgent else RequestKind.REGULAR,
        tier=1 if urgent or draw.random() < 0.1 else 2,
        points=draw.randrange(0, 60, 5),
        points_at=tuple(
            StructurePoints(structure=to, points=draw.randrange(60, 90, 5))
            for to in wished[:1]
            if draw.random() < size.points_at
        ),
        since=start,
        wishes=tuple(Wish(structure=to, rank=1 if equal else rank) for rank, to in enumerate(wished, 1)),
        patterns=tuple(
            Pattern(slots=tuple(slot(day, WHOLE) for day in _some(draw, DAYS)), rank=1 if equal else rank)
            for rank in range(1, draw.choice((1, 1, 2, 3)) + 1)
        ),
        period=Period(start=start, end=date(born.year + 3, 9, 1) if born.year > 2023 else date(2027, 9, 1)),
        entitled_to=Audience.URGENT_INSERTION if urgent else Audience.EVERYBODY,
        on_call_sections=tuple(f"{to}-{band}" for to in wished for band in ("small", "big")) if urgent else (),
        needs_support=draw.random() < 0.05,
    )
