"""What `verify` and `explain` read in a round, written without the solver: ages, hours, claims, cells and their users.

It imports only the data it reads. Where the solver needs the same fact it works it out its own way, so that one
mistake does not hide in both. When to modify: when the specification of a round changes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from contracts.vocabulary import Audience, Id, Period, Slot
from services.matcher.solver.books import AUDIENCES, Book, Cell, Span
from services.matcher.solver.schema import Outcome, Placed, Request, Round, Section

Standing = tuple[int, int, date, str]
"""Tier, points from the highest, seniority and draw: the lowest stands first."""


@dataclass(frozen=True)
class Choice:
    """One section and pattern that a request would accept, whether or not there is a place."""

    request: Id
    structure: Id
    section: Id
    pattern: int
    wish_rank: int
    level: int
    slots: tuple[Slot, ...]
    period: Period

    @property
    def span(self) -> Span:
        return (self.slots, self.period)


def months(born: date, on: date) -> int:
    """Completed months of age; negative before birth."""
    whole = 12 * (on.year - born.year) + (on.month - born.month)
    return whole - (on.day < born.day)


def accepts_age(section: Section, request: Request) -> bool:
    age = months(request.born, request.period.start)
    return age >= 0 and section.age_from_months <= age <= section.age_to_months


def care_hours(request: Request, pattern: int) -> tuple[Slot, ...]:
    """The hours of a pattern with travel on both sides, touching ones joined, in the order of the week."""
    travel = timedelta(minutes=request.travel_minutes)
    by_day: dict[str, list[Slot]] = defaultdict(list)
    for slot in request.patterns[pattern].slots:
        by_day[f"{slot.weekday.number} {slot.day}"].append(slot)
    joined: list[Slot] = []
    for day in sorted(by_day):
        hours = sorted((_earlier(slot.start, travel), _later(slot.end, travel)) for slot in by_day[day])
        joined += [Slot(day=by_day[day][0].day, start=start, end=end) for start, end in _joined(hours)]
    return tuple(joined)


def _earlier(moment: time, travel: timedelta) -> time:
    if not travel:
        return moment
    day = datetime(2000, 1, 2, moment.hour, moment.minute, moment.second)  # noqa: DTZ001
    return max(day - travel, datetime(2000, 1, 2)).time()  # noqa: DTZ001


def _later(moment: time, travel: timedelta) -> time:
    if not travel:
        return moment
    day = datetime(2000, 1, 2, moment.hour, moment.minute, moment.second)  # noqa: DTZ001
    return max(moment, min(day + travel, datetime(2000, 1, 2, 23, 59)).time())  # noqa: DTZ001


def _joined(hours: list[tuple[time, time]]) -> list[tuple[time, time]]:
    found = hours[:1]
    for start, end in hours[1:]:
        if start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def audience_in(request: Request, section: Id) -> Audience:
    """Whose places a request may use in a section: on-call ones only where the agreement fits it."""
    fits = request.entitled_to is not Audience.URGENT_INSERTION or section in request.on_call_sections
    return request.entitled_to if fits else Audience.INSERTION


def band(request: Request, structure: Id) -> tuple[int, int]:
    """Tier and points of a request at a structure."""
    here = {row.structure: row.points for row in request.points_at}
    return (request.tier, here.get(structure, request.points))


def standing(request: Request, structure: Id, seed: str) -> Standing:
    """What is compared at a structure: nobody has the same."""
    tier, points = band(request, structure)
    ticket = hmac.new(seed.encode(), request.id.encode(), hashlib.sha256).hexdigest()
    return (tier, -points, request.since or date.max, ("0" if request.since else "1") + ticket)


class Facts:
    """A round and an outcome, indexed: requests, choices, sections, placements."""

    def __init__(self, round: Round, outcome: Outcome) -> None:
        self.round, self.outcome, self.seed = round, outcome, round.policy.seed
        self.requests = {row.id: row for row in round.requests}
        self.sections = {row.id: row for row in round.sections}
        self.placed = {row.request: row for row in outcome.placed}
        self.by_structure: dict[Id, list[Section]] = defaultdict(list)
        for section in round.sections:
            self.by_structure[section.structure].append(section)
        self.choices = {request.id: list(self._choices(request)) for request in round.requests}
        self._levels: dict[tuple[Id, Id], int] = {}

    @cached_property
    def books(self) -> dict[Id, Book]:
        """A book for each section that somebody wishes or is placed in."""
        wished: dict[Id, list[Span]] = defaultdict(list)
        for choices in self.choices.values():
            for choice in choices:
                wished[choice.section].append(choice.span)
        placed: dict[Id, list[Placed]] = defaultdict(list)
        for row in self.outcome.placed:
            placed[row.section].append(row)
        names = {*wished, *placed} & self.sections.keys()
        return {name: Book(self.round, name, wished[name], placed[name]) for name in sorted(names)}

    def _choices(self, request: Request) -> Iterator[Choice]:
        wish_ranks = sorted({wish.rank for wish in request.wishes})
        pattern_ranks = sorted({pattern.rank for pattern in request.patterns})
        hours = {index: care_hours(request, index) for index in range(len(request.patterns))}
        for wish in request.wishes:
            for section in self.by_structure[wish.structure]:
                for index, pattern in enumerate(request.patterns):
                    suits = accepts_age(section, request) and _in_period(hours[index], request.period)
                    if suits and request.may_be_offered(section.id, hours[index]):
                        level = wish_ranks.index(wish.rank) * len(pattern_ranks) + pattern_ranks.index(pattern.rank)
                        yield Choice(
                            request=request.id,
                            structure=wish.structure,
                            section=section.id,
                            pattern=index,
                            wish_rank=wish.rank,
                            level=level + 1,
                            slots=hours[index],
                            period=request.period,
                        )

    def level_in(self, request: Id, section: Id) -> int:
        """The audience level of a request in a section."""
        if (request, section) not in self._levels:
            self._levels[request, section] = AUDIENCES.index(audience_in(self.requests[request], section))
        return self._levels[request, section]

    @cached_property
    def standings(self) -> dict[Id, Standing]:
        """For each placed child, what it stands on where it is placed."""
        return {
            id: standing(self.requests[id], row.structure, self.seed)
            for id, row in self.placed.items()
            if id in self.requests
        }

    def could_take(self, choice: Choice, ahead_of: Standing | None = None) -> bool:
        """True if the choice fits beside the others placed there; `ahead_of` keeps only those who stand before it."""
        cells = self.books[choice.section].cells(*choice.span)
        return bool(cells) and all(self.has_room(cell, choice, ahead_of) for cell in cells)

    def has_room(self, cell: Cell, choice: Choice, ahead_of: Standing | None = None) -> bool:
        """The same in one cell."""
        own, book = self.level_in(choice.request, choice.section), self.books[choice.section]
        return all(self._has_room(book, cell, level, choice, ahead_of) for level in book.binding_levels if level >= own)

    def _has_room(self, book: Book, cell: Cell, level: int, choice: Choice, ahead_of: Standing | None) -> bool:
        free = book.offered[level].get(cell, 0) - book.held[level].get(cell, 0)
        for other in book.children.get(cell, ()):
            counts = ahead_of is None or self.standings[other] < ahead_of
            if counts and other != choice.request and self.level_in(other, choice.section) <= level:
                free -= 1
        return free > 0


def _in_period(slots: tuple[Slot, ...], period: Period) -> bool:
    return all(period.contains(slot.day) for slot in slots if isinstance(slot.day, date))
