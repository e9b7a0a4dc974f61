"""A year of one town under one policy: every week a round, answers, silences, absences and departures.

Pure: no server, no clock, no chance but the seed's. Two policies meet the same people with the same moods.
When to modify: when something new happens in a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from contracts.vocabulary import Answer, Criterion, Id, Period, RequestKind, Slot
from services.cli.simulate_people import (
    ABSENT,
    GIVES_UP,
    LEAVES,
    WEEK,
    Family,
    Town,
    answer,
    arrivals,
    settled,
    town_of,
)
from services.matcher.rules.priority_grid import Grid, grid_in_force, points, tier
from services.matcher.solver.schema import (
    Hold,
    Mode,
    NotAgain,
    Placed,
    Policy,
    Request,
    Round,
    StructurePoints,
    Ties,
    Vacancy,
)
from services.matcher.solver.solve import decide
from services.territory import figures
from services.territory.chance import seeded
from services.territory.weeks import WHOLE_WEEK, Week

FIRST_MONDAY = date(2027, 1, 4)
LOOKS_AHEAD = 16
"""A request takes part in the rounds of the so many weeks before its wanted start: September is awarded from May."""

NOTICE = 4
"""Weeks between the word that a child leaves and the day."""

SILENCES = 2
"""A request is closed by a person after so many proposals without an answer."""

FULL_AT_FIRST = 0.92
BACKLOG = 16
"""Weeks before the first one whose requests wait already."""


@dataclass(frozen=True)
class Rules:
    """One policy: a dated grid, a fairness mode, a rule for ties."""

    grid: Id = "montlucon-modele"
    mode: Mode = Mode.STABLE
    ties: Ties = Ties.DRAW


@dataclass(frozen=True)
class Setting:
    """How large the town is and how much is asked of it; `demand` is requests a year for each place."""

    places: int = 240
    demand: float = 1.2
    weeks: int = 52
    seed: int = 7


@dataclass
class Stay:
    """A child in a section, and the Mondays of the weeks in which it is away."""

    child: Family
    section: Id
    slots: Week
    period: Period
    away: set[date] = field(default_factory=set)


@dataclass
class Waiting:
    """A request, what was offered to it so far, and how it ended."""

    child: Family
    tier: int
    refused: list[NotAgain] = field(default_factory=list)
    offers: int = 0
    silences: int = 0
    ended: str = ""
    served_in: int | None = None
    wish_rank: int | None = None


@dataclass
class Year:
    """All that happened under one policy: the requests, and week by week how full the places were."""

    rules: Rules
    requests: dict[Id, Waiting] = field(default_factory=dict)
    fill: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("oui", "non", "silence", "structure"), 0))
    envies: int = 0
    violations: int = 0
    unproven: int = 0


def lived(setting: Setting, rules: Rules) -> Iterator[Year]:
    """The year of one policy, once after each week, so that whoever watches sees it grow."""
    life = _Life(setting, rules)
    for week in range(setting.weeks):
        life.live(week)
        yield life.year


class _Life:
    """A year under way."""

    def __init__(self, setting: Setting, rules: Rules) -> None:
        self.setting, self.rules, self.chance = setting, rules, seeded(setting.seed)
        self.grid: Grid = grid_in_force(rules.grid, FIRST_MONDAY)
        self.town: Town = town_of(setting.places, self.chance)
        self.year = Year(rules)
        self.stays = [Stay(*row) for row in settled(self.town, FIRST_MONDAY, FULL_AT_FIRST, self.chance)]
        for week in range(-BACKLOG, 0):
            self._hear(week, occasional=False)

    def live(self, week: int) -> None:
        """One week: who comes and goes, the round, the answers."""
        monday = FIRST_MONDAY + week * WEEK
        self._hear(week, occasional=True)
        self._people_come_and_go(week, monday)
        outcome = decide(self._round(week, monday))
        self.year.envies += len(outcome.envies)
        self.year.violations += len(outcome.violations)
        self.year.unproven += len(outcome.unproven)
        for placed in outcome.placed:
            self._offer(placed, week)
        self.year.fill.append(self._fill(monday))
        self.year.waiting.append(sum(1 for row in self._open() if not row.child.occasional))

    def _hear(self, week: int, *, occasional: bool) -> None:
        monday = FIRST_MONDAY + week * WEEK
        for child in arrivals(self.town, monday, week, self.setting.demand, self.chance):
            if occasional or not child.occasional:
                self.year.requests[child.id] = Waiting(child, tier(child.criteria, self.grid))

    def _open(self) -> list[Waiting]:
        return [row for row in self.year.requests.values() if not row.ended]

    def _people_come_and_go(self, week: int, monday: date) -> None:
        self.stays = [stay for stay in self.stays if stay.period.end is None or stay.period.end > monday]
        for stay in self.stays:
            draw = self.chance.of(stay.child.id, "week", week)
            if draw.happens("absent", ABSENT):
                stay.away.add(monday + WEEK)
            if draw.happens("leaves", LEAVES) and _ends_after(stay.period, monday + NOTICE * WEEK):
                stay.period = Period(start=stay.period.start, end=monday + NOTICE * WEEK)
        for row in self._open():
            if row.child.school <= monday + WEEK or (row.child.occasional and row.child.asked < week):
                row.ended = "too_late"
            elif not row.child.occasional and self.chance.of(row.child.id).happens(f"gives up {week}", GIVES_UP):
                row.ended = "gave_up"

    def _round(self, week: int, monday: date) -> Round:
        rules = self.rules
        first = monday + WEEK
        soon = [row for row in self._open() if row.child.wanted <= monday + LOOKS_AHEAD * WEEK]
        return Round(
            id=f"week-{week}",
            territory="simulated",
            instant=datetime.combine(monday, time(18), UTC),
            policy=Policy(mode=rules.mode, ties=rules.ties, grid=rules.grid, seed=f"{self.setting.seed}/{week}"),
            sections=self.town.sections,
            vacancies=tuple(
                Vacancy(id=f"V-{id}", section=id, slots=WHOLE_WEEK, places=count, period=Period(start=first))
                for id, count in self.town.places.items()
            ),
            requests=tuple(self._request(row, first) for row in soon),
            holds=tuple(holds(self.stays, first)),
        )

    def _request(self, row: Waiting, first: date) -> Request:
        child = row.child
        start = max(child.wanted, first)
        ordinary = [criterion for criterion in child.criteria if criterion is not Criterion.SIBLING_PRESENT]
        with_sibling, _ = points(child.criteria, self.grid)
        alone, _ = points(ordinary, self.grid)
        own = [StructurePoints(structure=child.wishes[0].structure, points=with_sibling)]
        return Request(
            id=child.id,
            born=min(child.born, start),
            kind=RequestKind.OCCASIONAL if child.occasional else RequestKind.REGULAR,
            tier=row.tier,
            points=alone,
            points_at=tuple(own if with_sibling != alone else ()),
            since=child.wanted,
            wishes=child.wishes,
            patterns=child.patterns,
            period=Period(start=start, end=start + WEEK if child.occasional else child.school),
            not_again=tuple(row.refused),
        )

    def _offer(self, placed: Placed, week: int) -> None:
        row = self.year.requests[placed.request]
        said = answer(row.child.id, placed.section, row.offers, self.chance)
        confirmed = self.chance.of(row.child.id, "confirm", row.offers).happens("yes", CONFIRMED)
        row.offers += 1
        if said is Answer.OUI and confirmed:
            self._place(row, placed, week)
        else:
            self._lost(row, placed, said)

    def _place(self, row: Waiting, placed: Placed, week: int) -> None:
        self.year.answers["oui"] += 1
        row.ended, row.served_in, row.wish_rank = "served", week - row.child.asked, placed.wish_rank
        self.stays.append(Stay(row.child, placed.section, placed.slots, placed.period))

    def _lost(self, row: Waiting, placed: Placed, said: Answer | None) -> None:
        """The place is asked of the next family in the next round; this one keeps its rank."""
        name = {None: "silence", Answer.OUI: "structure"}.get(said, "non")
        self.year.answers[name] += 1
        row.refused.append(NotAgain(section=placed.section, slots=placed.slots))
        row.silences += said is None
        if said is Answer.FIN or row.silences >= SILENCES:
            row.ended = "closed"

    def _fill(self, monday: date) -> float:
        """Hours taken out of hours offered in the week, absent children left out."""
        taken = sum(_hours(stay.slots) for stay in self.stays if _is_there(stay, monday))
        return taken / (_hours(WHOLE_WEEK) * sum(self.town.places.values()))


CONFIRMED = figures.CONFIRMS.value + figures.CONFIRMS_LATE.value


def _ends_after(period: Period, day: date) -> bool:
    return period.start < day and (period.end is None or period.end > day)


def _is_there(stay: Stay, monday: date) -> bool:
    return stay.period.contains(monday) and monday not in stay.away


def holds(stays: list[Stay], first: date) -> Iterator[Hold]:
    """What is taken from `first` on; a week in which a child is away is free for others."""
    for number, stay in enumerate(stays):
        start = max(stay.period.start, first)
        cuts = sorted(day for day in stay.away if day >= start)
        for piece, period in enumerate(_pieces(start, stay.period.end, cuts)):
            yield Hold(id=f"H{number}-{piece}", section=stay.section, slots=stay.slots, period=period)


def _pieces(start: date, end: date | None, cuts: list[date]) -> Iterator[Period]:
    for cut in cuts:
        if cut > start:
            yield Period(start=start, end=min(cut, end) if end else cut)
        start = cut + WEEK
    if end is None or end > start:
        yield Period(start=start, end=end)


def _hours(slots: tuple[Slot, ...]) -> float:
    day = date.min
    spans = (datetime.combine(day, slot.end) - datetime.combine(day, slot.start) for slot in slots)
    return sum(spans, timedelta()).total_seconds() / 3600
