"""What `verify` and `explain` read in a round, written without the solver: ages, hours, claims, cells and their users.

It imports only the data it reads. Where the solver needs the same fact it works it out its own way, so that one
mistake does not hide in both. When to modify: when the specification of a round changes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cached_property

from contracts.vocabulary import Audience, Id
from services.matcher.solver.books import AUDIENCES, Book, Cell, Span
from services.matcher.solver.choices import Choice, accepts_age, care_hours, choices_of, months
from services.matcher.solver.families import Families, Wanted, Worth
from services.matcher.solver.schema import Outcome, Placed, Request, Round, Section, SiblingsClaim, Ties

__all__ = ["Choice", "Facts", "Standing", "accepts_age", "audience_in", "band", "care_hours", "months", "standing"]

LAST = "2"
"""Sorts after every draw: with it a standing is the lowest of its band."""

Standing = tuple[int, int, date, str]
"""Tier, points from the highest, seniority and draw: the lowest stands first."""


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
        self.choices = {request.id: list(choices_of(request, self.by_structure)) for request in round.requests}
        self.families = Families(round, self.choices)
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

    def level_in(self, request: Id, section: Id) -> int:
        """The audience level of a request in a section."""
        if (request, section) not in self._levels:
            self._levels[request, section] = AUDIENCES.index(audience_in(self.requests[request], section))
        return self._levels[request, section]

    def standing_at(self, request: Id, structure: Id) -> Standing:
        """What a request stands on at a structure: of siblings asked together, the first or the last, as was voted."""
        own = (self.requests[name] for name in self.families.members[self.families.unit[request]])
        standings = [standing(member, structure, self.seed) for member in own]
        first = self.round.policy.siblings_claim is SiblingsClaim.FIRST
        return min(standings) if first else max(standings)

    @cached_property
    def standings(self) -> dict[Id, Standing]:
        """For each placed child, what it stands on where it is placed."""
        return {id: self.standing_at(id, row.structure) for id, row in self.placed.items() if id in self.requests}

    @cached_property
    def worths(self) -> dict[Id, Worth | None]:
        """For each unit with a placed child, how good that is to the family; None if it is not what it asks."""
        units = {self.families.unit[request] for request in self.placed if request in self.requests}
        return {unit: self._worth(unit) for unit in sorted(units)}

    def _worth(self, unit: Id) -> Worth | None:
        siblings = self.families.together(unit)
        rows = [self.placed[name] for name in self.families.members[unit] if name in self.placed]
        if siblings is None:
            return (rows[0].level, 0)
        held = [choice for row in rows for choice in self.choices[row.request] if is_choice(row, choice)]
        return self.families.worth(siblings, held) if len(held) == len(rows) else None

    def preferred(self, unit: Id) -> list[Wanted]:
        """What a unit would rather have than what it was offered."""
        here = self.worths.get(unit)
        return [wanted for wanted in self.families.wanted(unit) if here is None or wanted.worth < here]

    def could_take(self, wanted: Choice | Wanted, ahead_of: Standing | None = None) -> bool:
        """True if these places fit beside the others placed there; `ahead_of` keeps only those who stand before."""
        choices = (wanted,) if isinstance(wanted, Choice) else wanted.choices
        return all(self._fits(choice, ahead_of, choices) for choice in choices)

    def could_take_back(self, wanted: Wanted) -> bool:
        """True if these places fit beside those who stand before the family where each of them is."""
        return all(self._fits(choice, self._not_below(choice), wanted.choices) for choice in wanted.choices)

    def _not_below(self, choice: Choice) -> Standing:
        """All who stand before this are not below the request there: where equals are served together, they too."""
        standing = self.standing_at(choice.request, choice.structure)
        together = self.round.policy.ties is Ties.TOGETHER
        return (*standing[:2], date.max, LAST) if together else standing

    def _fits(self, choice: Choice, ahead_of: Standing | None, beside: Iterable[Choice]) -> bool:
        cells = self._cells(choice)
        return bool(cells) and all(self.has_room(cell, choice, ahead_of, beside) for cell in cells)

    def _cells(self, choice: Choice) -> frozenset[Cell]:
        return self.books[choice.section].cells(*choice.span)

    def has_room(
        self, cell: Cell, choice: Choice, ahead_of: Standing | None = None, beside: Iterable[Choice] = ()
    ) -> bool:
        """The same in one cell; `beside` are the places that brothers and sisters would take with this one."""
        own, book = self.level_in(choice.request, choice.section), self.books[choice.section]
        too = [
            self.level_in(other.request, other.section)
            for other in beside
            if other.section == choice.section and other is not choice and cell in self._cells(other)
        ]
        return all(
            self._free(book, cell, level, choice, ahead_of) > sum(other <= level for other in too)
            for level in book.binding_levels
            if level >= own
        )

    def _free(self, book: Book, cell: Cell, level: int, choice: Choice, ahead_of: Standing | None) -> int:
        """The places that a child finds in a cell beside those who count, its own family apart."""
        free = book.offered[level].get(cell, 0) - book.held[level].get(cell, 0)
        for other in book.children.get(cell, ()):
            counts = ahead_of is None or self.standings[other] < ahead_of
            family = self.families.unit[other] == self.families.unit[choice.request]
            if counts and not family and self.level_in(other, choice.section) <= level:
                free -= 1
        return free


def is_choice(row: Placed, choice: Choice) -> bool:
    """True if a placement is this choice."""
    same_place = (row.structure, row.section, row.pattern) == (choice.structure, choice.section, choice.pattern)
    same_hours = (row.slots, row.period) == (choice.slots, choice.period)
    return same_place and same_hours and (row.wish_rank, row.level) == (choice.wish_rank, choice.level)
