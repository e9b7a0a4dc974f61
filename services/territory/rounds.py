"""Rounds drawn for measuring: half-day weeks in a city and towns of every size, or whole weeks for the peers.

Synthetic from end to end: the same plan and seed give the same round in any process. The shape is that of a September
intake: one city holds 40 % of the structures, places are scarce, weeks are part-time, a third of the places are freed
for some half-days only. When to modify: when a measure needs a new fact; give it a share of 0 by default, so that the
rounds of earlier measures stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from math import exp
from statistics import NormalDist

from contracts.vocabulary import Id, Period
from services.matcher.solver.schema import (
    Mode,
    Pattern,
    Policy,
    Request,
    Round,
    Section,
    Siblings,
    StructurePoints,
    Support,
    Ties,
    Together,
    Vacancy,
    Wish,
)
from services.territory.chance import Chance, seeded
from services.territory.figures import CHOICES, DAYS_A_WEEK
from services.territory.weeks import WHOLE_WEEK, any_days, drawn_week, some_days

MONDAY = date(2027, 9, 6)
INSTANT = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
STARTS = tuple(MONDAY + timedelta(weeks=weeks) for weeks in (0, 5, 17))
"""The intake, the return from the autumn holidays, and January."""

AGES = (("petits", 2, 11), ("moyens", 12, 23), ("grands", 24, 35))
ALL_AGES = (("tous", 0, 71),)
CITY = 0.4
NEXT_TOWN = 0.2
"""Each town after the city holds this share of the structures that are left: towns of every size, down to one."""

AGE_DAYS = (70, 970)
"""At the wanted start: from the end of maternity leave to the last summer before school."""

NEAR = 12
"""A family chooses among so many structures around its home."""

FIRST_TIER = 0.1
FREED_FOR_SOME_DAYS = 0.34
SIBLING_POINTS = 20


@dataclass(frozen=True)
class RoundPlan:
    """How large a drawn round is and what it holds; the shares are between 0 and 1.

    `bands` is the number of different claims (tier and points) before seniority; 0 gives each request points of its
    own. `flexible` families rank their wishes equally, or would take any of the weeks with as many days.
    `points_at` families have points of their own at their first wish. `elsewhere` wishes name another town.
    `siblings` children have a brother or sister with the same claim who asks for the same structure.
    `support` structures have said how many children they have prepared for. `places` is for each request.
    """

    requests: int = 1_500
    structures: int = 100
    bands: int = 60
    flexible: float = 0.0
    points_at: float = 0.0
    elsewhere: float = 0.0
    support: float = 0.0
    siblings: float = 0.0
    places: float = 0.45
    whole_weeks: bool = False
    wishes: int = 0
    """So many wishes for each family, anywhere; 0 is as families do, in their own town."""

    own_lists: bool = False
    """Each structure has an order of its own, as hospitals have in the literature (whole weeks)."""

    mode: Mode = Mode.STABLE
    ties: Ties = Ties.DRAW


def drawn_round(plan: RoundPlan, seed: int) -> Round:
    """The round of a plan and a seed, its rows in the order of their ids."""
    return _Drawing(plan, seeded(seed)).round()


def town_sizes(structures: int) -> list[int]:
    """How many structures each town has: the city first."""
    sizes = [max(1, round(CITY * structures))]
    while (left := structures - sum(sizes)) > 0:
        sizes.append(max(1, round(NEXT_TOWN * left)))
    return sizes


@dataclass(frozen=True)
class Share:
    """What one territory of the country has."""

    requests: int
    structures: int


TERRITORIES, PLACES, REQUESTS, PLACES_A_STRUCTURE = 1_254, 450_000, 1_000_000, 33
SPREAD = 1.2
"""Spread of the logarithm of the inhabitants of the French EPCI: their mean is about twice their median."""


def country(territories: int = TERRITORIES, requests: int = REQUESTS) -> list[Share]:
    """Territories in sizes like the French EPCI, the largest first: quantiles of a log-normal law (assumed)."""
    law = NormalDist(0, SPREAD)
    weights = [exp(law.inv_cdf(1 - (rank + 0.5) / territories)) for rank in range(territories)]
    counts = shared_out(requests, weights)
    per_structure = REQUESTS / (PLACES / PLACES_A_STRUCTURE)
    return [Share(count, max(1, round(count / per_structure))) for count in counts]


def shared_out(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole numbers by weight, the largest remainders served first."""
    exact = [total * weight / sum(weights) for weight in weights]
    found = [int(part) for part in exact]
    rest = sorted(range(len(exact)), key=lambda number: found[number] - exact[number])
    for number in rest[: total - sum(found)]:
        found[number] += 1
    return found


def request_id(number: int) -> Id:
    return f"R{number:06}"


@dataclass(frozen=True)
class _Town:
    structures: tuple[Id, ...]


class _Drawing:
    """A plan under way: its towns and the draws of its seed."""

    def __init__(self, plan: RoundPlan, chance: Chance) -> None:
        self.plan, self.chance = plan, chance
        self.ages = ALL_AGES if plan.whole_weeks else AGES

    @cached_property
    def structures(self) -> list[Id]:
        return [f"S{number:04}" for number in range(self.plan.structures)]

    @cached_property
    def towns(self) -> list[_Town]:
        ends = [sum(sizes) for sizes in _prefixes(town_sizes(self.plan.structures))]
        return [_Town(tuple(self.structures[a:b])) for a, b in zip([0, *ends], ends, strict=False)]

    @cached_property
    def town_of(self) -> dict[Id, _Town]:
        return {structure: town for town in self.towns for structure in town.structures}

    def round(self) -> Round:
        plan = self.plan
        sections = [
            Section(id=f"{structure}-{name}", structure=structure, age_from_months=low, age_to_months=high)
            for structure in self.structures
            for name, low, high in self.ages
        ]
        return Round(
            id=f"drawn-{self.chance.path}",
            territory="drawn",
            instant=INSTANT,
            policy=Policy(mode=plan.mode, ties=plan.ties, seed=self.chance.path),
            sections=tuple(sections),
            vacancies=tuple(self._vacancies(sections)),
            requests=tuple(self._request(number) for number in range(plan.requests)),
            support=tuple(self._support()),
            siblings=tuple(
                Siblings(id=f"F{first}", requests=(first, second), together=(Together.SAME_STRUCTURE,))
                for first, second in self._pairs()
            ),
        )

    def _pairs(self) -> Iterator[tuple[Id, Id]]:
        for number in range(1, self.plan.requests, 2):
            if self._is_second(number):
                yield request_id(number - 1), request_id(number)

    def _is_second(self, number: int) -> bool:
        """True for a child whose brother or sister has the number before."""
        return number % 2 == 1 and self.chance.happens(f"siblings/{number}", self.plan.siblings)

    def _support(self) -> Iterator[Support]:
        for structure in self.structures:
            if self.chance.happens(f"support/{structure}", self.plan.support):
                yield Support(structure=structure, children=1)

    def _vacancies(self, sections: list[Section]) -> Iterator[Vacancy]:
        sizes = [0.5 + self.chance.share(f"size/{section.id}") for section in sections]
        for section, places in zip(sections, shared_out(round(self._places), sizes), strict=True):
            parts = 0 if self.plan.whole_weeks else sum(self._is_freed(section.id, n) for n in range(places))
            if places > parts:
                yield self._vacancy(f"{section.id}-all", section.id, places - parts)
            for number in range(parts):
                yield self._freed(section.id, number)

    @property
    def _places(self) -> float:
        return self.plan.places * self.plan.requests

    def _is_freed(self, section: Id, number: int) -> bool:
        return self.chance.happens(f"freed/{section}/{number}", FREED_FOR_SOME_DAYS)

    def _vacancy(self, id: Id, section: Id, places: int) -> Vacancy:
        return Vacancy(id=id, section=section, slots=WHOLE_WEEK, places=places, period=Period(start=MONDAY))

    def _freed(self, section: Id, number: int) -> Vacancy:
        """A place that a part-time child has left on some half-days, from one of the dates on."""
        draw = self.chance.of("part", section, number)
        slots = some_days(draw, draw.whole("days", 2, 4))
        start = draw.pick("start", STARTS)
        return Vacancy(id=f"{section}-{number}", section=section, slots=slots, places=1, period=Period(start=start))

    def _request(self, number: int) -> Request:
        id = request_id(number)
        draw = self.chance.of(id)
        start = MONDAY if self.plan.whole_weeks else draw.pick("start", STARTS)
        born = start - timedelta(days=draw.whole("age", *AGE_DAYS))
        first = number - 1 if self._is_second(number) else number
        tier, points = self._claim(self.chance.of(request_id(first)), first)
        wished = self._wished(self.chance.of(request_id(first)))
        flexible = draw.happens("flexible", self.plan.flexible)
        equal = flexible and (len(wished) > 1 and draw.happens("equal", 0.5))
        return Request(
            id=id,
            born=born,
            tier=tier,
            points=points,
            points_at=tuple(self._points_at(draw, wished, points)),
            wishes=tuple(Wish(structure=to, rank=1 if equal else rank) for rank, to in enumerate(wished, 1)),
            patterns=self._patterns(draw, any_week=flexible and not equal),
            period=Period(start=start, end=None if self.plan.whole_weeks else _september_of_three(born)),
            needs_support=draw.happens("support", 0.05 if self.plan.support else 0.0),
        )

    def _claim(self, draw: Chance, number: int) -> tuple[int, int]:
        """Tier and points, so that a plan has as many bands as it says: one in ten is in the first tier."""
        bands = self.plan.bands or self.plan.requests
        band = draw.whole("band", 0, bands - 1) if self.plan.bands else number
        tier = 1 if band < FIRST_TIER * bands else 2
        return tier, 5 * (bands - band)

    def _points_at(self, draw: Chance, wished: list[Id], points: int) -> Iterator[StructurePoints]:
        if self.plan.own_lists:
            for to in wished:
                yield StructurePoints(structure=to, points=draw.whole(f"points/{to}", 0, 1_000_000))
        elif draw.happens("points_at", self.plan.points_at):
            yield StructurePoints(structure=wished[0], points=points + SIBLING_POINTS)

    def _wished(self, draw: Chance) -> list[Id]:
        if self.plan.wishes:
            return draw.shuffled("anywhere", self.structures)[: self.plan.wishes]
        home = draw.pick("home", self.structures)
        town = self.town_of[home].structures
        place = town.index(home)
        near = [town[(place + step) % len(town)] for step in range(min(NEAR, len(town)))]
        count = draw.weighted("wishes", CHOICES.weights)
        wished = draw.sample("near", {to: 1 / (1 + step) for step, to in enumerate(near)}, count)
        if draw.happens("elsewhere", self.plan.elsewhere):
            other = draw.pick("other", self.structures)
            wished = wished if other in wished else [*wished, other]
        return wished

    def _patterns(self, draw: Chance, *, any_week: bool) -> tuple[Pattern, ...]:
        if self.plan.whole_weeks:
            return (Pattern(slots=WHOLE_WEEK, rank=1),)
        days = draw.weighted("days", DAYS_A_WEEK.weights)
        if any_week:
            return tuple(Pattern(slots=slots, rank=1) for slots in any_days(draw, days))
        weeks = [drawn_week(draw.of("week", number), days) for number in range(draw.weighted("weeks", {1: 6, 2: 4}))]
        return tuple(Pattern(slots=slots, rank=rank) for rank, slots in enumerate(dict.fromkeys(weeks), 1))


def _prefixes(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[: end + 1] for end in range(len(numbers)))


def _september_of_three(born: date) -> date:
    """School takes over in the September of the year in which a child is three."""
    return date(born.year + 3, 9, 1)
