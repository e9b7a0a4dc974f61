"""What is known of each structure of a round: its rows, who wishes it, who is placed there, and what was found there.

Where no rule ties structures together, reasons and checks look at one structure at a time. What was found there holds
as long as its rows, the choices of all who wish it and the children placed there are the very same, and is then neither
said nor checked again. What is kept here may be lost at any time. When to modify: when a reason, or a check, looks at
one thing more; what reaches beyond a structure belongs into `is_apart`.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from contracts.vocabulary import Id
from services.matcher.solver.books import Book
from services.matcher.solver.choices import Choice, Choices
from services.matcher.solver.schema import Outcome, Placed, Policy, Reason, Request, Round, Section, WishReason
from services.matcher.solver.standings import Standing

Rows = tuple[tuple[object, ...], ...]
Lines = dict[int, tuple[list[Standing], list[int]]]
"""By audience level, the children of a section in the order of their claims, and what is full before each."""
Asked = tuple[Id, int, int | None, bool]
"""A request, the rank of its wish, the level at which it is placed, and whether that is this wish."""
MOST_OF_ONE = 3
"""A structure is looked at from as many parts of a territory as may wish it without a place for them there."""


@dataclass
class Open:
    """Who may use a structure: by request the choices that are open to it, by section who is eligible there."""

    usable: dict[Id, list[Choice]] = field(default_factory=dict)
    eligible: dict[Id, dict[Id, Standing]] = field(default_factory=lambda: defaultdict(dict))
    ranked: dict[Id, list[Id]] = field(default_factory=dict)


@dataclass(eq=False)
class Desk:
    """One structure, and what was found there. `sound`: by request, the level at which it was placed when every check
    of what it prefers here held; `is_sound`: those of the places themselves held."""

    rows: Rows
    sections: tuple[Section, ...]
    wishers: list[Id]
    placed: tuple[Placed, ...]
    open: Open | None = None
    books: dict[Id, Book] | None = None
    lines: dict[Id, Lines] = field(default_factory=dict)
    told: dict[Asked, WishReason] = field(default_factory=dict)
    sound: dict[Id, int | None] = field(default_factory=dict)
    is_sound: bool = False


@dataclass(frozen=True)
class _Read:
    """The choices of a request, and what they were read from."""

    request: Request
    sections: tuple[Section, ...]
    starts: frozenset[tuple[Id, date]]
    choices: list[Choice]


@dataclass
class Kept:
    """What was found in the parts of one territory, under one policy and on one day."""

    _under: tuple[Policy, date] | None = None
    _choices: dict[int, _Read] = field(default_factory=dict)
    _desks: dict[Id, list[Desk]] = field(default_factory=dict)
    _reasons: dict[int, tuple[Request, list[Desk], Reason]] = field(default_factory=dict)

    def begin(self, round: Round) -> None:
        """Another decision begins. Rows are known by their ids, which stay theirs while kept here."""
        under = (round.policy, round.instant.date())
        if self._under != under:
            self._under, self._choices, self._desks, self._reasons = under, {}, {}, {}

    def let_go(self, requests: Iterable[int]) -> None:
        """Of the requests of these ids nothing is known any more, but what was found at structures that they wished."""
        for name in requests:
            self._choices.pop(name, None)
            self._reasons.pop(name, None)

    def choices(self, request: Request, accepted: Choices) -> list[Choice]:
        """What would suit a request: the same list as long as it is read from the same."""
        sections, starts = tuple(accepted.wished(request)), accepted.later(request)
        known = self._choices.get(id(request))
        if known is None or known.starts != starts or not _are_same(known.sections, sections):
            known = _Read(request, sections, starts, list(accepted.of(request)))
            self._choices[id(request)] = known
        return known.choices

    def desks(self, round: Round, choices: Mapping[Id, list[Choice]], placed: Iterable[Placed]) -> dict[Id, Desk]:
        """Every structure that has a section in a round, or is wished there."""
        home = {section.id: section.structure for section in round.sections}
        sections = _grouped((row.structure, row) for row in round.sections)
        vacancies = _grouped((home.get(row.section, row.section), row) for row in round.vacancies)
        holds = _grouped((home.get(row.section, row.section), row) for row in round.holds)
        seats = _grouped((home.get(row.section, row.structure), row) for row in placed)
        wishers: dict[Id, dict[Id, None]] = defaultdict(dict)
        for request in round.requests:
            for wish in request.wishes:
                wishers[wish.structure][request.id] = None
        found: dict[Id, Desk] = {}
        for name in sorted({*sections, *wishers}):
            own, names = vacancies.get(name, []), list(wishers[name])
            open_to = tuple(row.audience_at(round.instant) for row in own)
            rows: Rows = (
                tuple(sections.get(name, ())), tuple(own), tuple(holds.get(name, ())), open_to,
                tuple([choices[request] for request in names]),
            )  # fmt: skip
            found[name] = self._desk(name, rows, names, tuple(seats.get(name, ())))
        return found

    def _desk(self, name: Id, rows: Rows, wishers: list[Id], placed: tuple[Placed, ...]) -> Desk:
        before = self._desks.get(name, [])
        same = [desk for desk in before if all(map(_are_same, desk.rows, rows))]
        desk = next((desk for desk in same if desk.placed == placed), None)
        if desk is None:
            sections: tuple[Section, ...] = rows[0]  # type: ignore[assignment]
            desk = Desk(rows, sections, wishers, placed, same[0].open if same else None)
        self._desks[name] = [desk, *(other for other in before if other is not desk)][:MOST_OF_ONE]
        return desk

    def reason(
        self, request: Request, placed: bool, desks: list[Desk], lines: Callable[[], tuple[WishReason, ...]]
    ) -> Reason:  # fmt: skip
        """The reason of a request: the very same one as long as each line says the same. Of whoever is placed nowhere,
        as before, no line is read where nothing has changed at any of the structures wished."""
        _, there, known = self._reasons.get(id(request), (None, [], None))
        if known is not None and not placed and not known.placed and there == desks:
            return known
        wishes = lines()
        if known is None or known.placed is not placed or known.wishes != wishes:
            known = Reason(request=request.id, placed=placed, wishes=wishes, sent_behind=request.sent_behind)
        self._reasons[id(request)] = request, desks, known
        return known


class Look:
    """What of some structures checks have to look at. `again`: not at what they have found sound before."""

    def __init__(self, desks: Mapping[Id, Desk], placed: Mapping[Id, Placed], again: bool) -> None:
        self._desks, self._again = desks, again
        self._levels = {name: row.level for name, row in placed.items()}

    def books(self, books: Mapping[Id, Book]) -> dict[Id, Book]:
        """Those of sections where something has changed since."""
        known = {section.id for desk in self._desks.values() if desk.is_sound for section in desk.sections}
        return {name: book for name, book in books.items() if not (self._again and name in known)}

    @cached_property
    def structures(self) -> dict[Id, list[Id]]:
        """By request, the structures where what it prefers was not found sound while it had what it has."""
        found: dict[Id, list[Id]] = defaultdict(list)
        for structure, desk in self._desks.items():
            for name in desk.wishers:
                if name not in desk.sound or desk.sound[name] != self._levels.get(name):
                    found[name].append(structure)
        return found

    def note_sound(self) -> None:
        """Every check has held: nothing of it is looked at again before it changes."""
        for name, structures in self.structures.items() if self._again else ():
            for structure in structures:
                self._desks[structure].sound[name] = self._levels.get(name)
        for desk in self._desks.values() if self._again else ():
            desk.is_sound = True


def is_apart(round: Round, outcome: Outcome) -> bool:
    """True if nothing ties one structure to another, so that each can be looked at by itself."""
    tied = round.siblings or round.quotas or round.support or outcome.withheld or outcome.envies or outcome.behind
    voted = round.policy.wait_weeks is not None or round.policy.first_tier_percent is not None
    return not (
        tied
        or voted
        or outcome.certificate is not None
        or any(hold.by_person for hold in round.holds)
        or any(section.starts_per_week is not None for section in round.sections)
        or any(row.current is not None or row.accepts_split or row.points_at for row in round.requests)
    )


def _are_same(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


def _grouped(pairs: Iterable[tuple[Id, object]]) -> dict[Id, list]:  # type: ignore[type-arg]
    found = defaultdict(list)
    for name, row in pairs:
        found[name].append(row)
    return found
