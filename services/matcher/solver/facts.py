"""What `verify` and `explain` read in a round, written without the solver: ages, hours, claims, cells and their users.

It imports only the data it reads. Where the solver needs the same fact it works it out its own way, so that one
mistake does not hide in both. When to modify: when the specification of a round changes.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from copy import copy
from datetime import date
from functools import cached_property
from typing import TypeVar

from contracts.vocabulary import Id, Period
from services.matcher.solver.books import AUDIENCES, Book, Span
from services.matcher.solver.choices import HOME, Choice, Choices, accepts_age, care_hours, months
from services.matcher.solver.desks import Desk, Kept, Lines, Look, is_apart
from services.matcher.solver.families import Families, Wanted, Worth
from services.matcher.solver.limited import Limit, Limits
from services.matcher.solver.movers import Movers
from services.matcher.solver.schema import (
    Hold,
    Outcome,
    Placed,
    Round,
    Section,
    SiblingsClaim,
    Ties,
    Vacancy,
    Why,
)
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.standings import LAST, Standing, Standings, audience_in, band, standing
from services.matcher.solver.waited import Waits, take_out

__all__ = ["Choice", "Facts", "Standing", "accepts_age", "audience_in", "band", "care_hours", "months", "standing"]

Row = TypeVar("Row", Placed, Vacancy, Hold)


class Facts:
    """A round and an outcome, indexed: requests, choices, sections, placements.

    `asked` is the round as it came in, where some of its requests ranked otherwise in the end.
    """

    def __init__(
        self, round: Round, outcome: Outcome, spelling: Spelling | None = None, asked: Round | None = None,
        kept: Kept | None = None,
    ) -> None:  # fmt: skip
        self.asked = asked or round
        self.round, self.outcome, self.seed = round, outcome, round.policy.seed
        self.spelling = spelling or Spelling()
        self.requests = {row.id: row for row in round.requests}
        self.sections = {row.id: row for row in round.sections}
        self.placed = {row.request: row for row in outcome.placed}
        self.by_structure: dict[Id, list[Section]] = defaultdict(list)
        for section in round.sections:
            self.by_structure[section.structure].append(section)
        self.looks_again = kept is not None and is_apart(round, outcome)
        self.kept, accepted = kept if kept is not None and self.looks_again else Kept(), Choices(round)
        self.kept.begin(round)
        self.choices = {request.id: self.kept.choices(request, accepted) for request in round.requests}
        self.too_late = take_out(self.choices, Waits(round)) if round.policy.wait_weeks is not None else {}
        self.shared = self._shared_weeks(accepted)
        self.shares = {name: list(dict.fromkeys(itertools.chain(*pairs))) for name, pairs in self.shared.items()}
        self.families = Families(round, self.choices, self.shared)
        self.movers = Movers(round, self.placed)
        self._levels: dict[tuple[Id, Id], int] = {}
        self._known_standings: dict[tuple[Id, Id], Standing] = {}
        self._each_alone = Standings(self.seed)
        self._known_preferred: dict[Id, list[Wanted]] = {}

    def _shared_weeks(self, accepted: Choices) -> dict[Id, list[tuple[Choice, Choice]]]:
        """By request, the weeks that two structures could share, where no place would wait too long for it."""
        found: dict[Id, list[tuple[Choice, Choice]]] = {request.id: [] for request in self.round.requests}
        asking = [request for request in self.round.requests if request.accepts_split]
        if not asking:
            return found
        waits = Waits(self.round)
        for request in asking:
            pairs = list(accepted.shared(request))
            late = set(map(id, waits.too_long([choice for pair in pairs for choice in pair])))
            found[request.id] = [pair for pair in pairs if late.isdisjoint(map(id, pair))]
        return found

    def told(self, outcome: Outcome) -> Facts:
        """The same round beside an outcome that says more of the same placements: what was read is not read again."""
        if outcome.placed != self.outcome.placed:
            raise ValueError("another outcome is read on its own")
        facts = copy(self)
        facts.outcome = outcome
        return facts

    @cached_property
    def books(self) -> dict[Id, Book]:
        """A book for each section that somebody wishes, is placed in, or gives up a place of."""
        new = [desk for desk in self.desks.values() if desk.books is None]
        sections = {section.id for desk in new for section in desk.sections}
        wished: dict[Id, list[Span]] = defaultdict(list)
        for request in {name: None for desk in new for name in desk.wishers}:
            for choice in (*self.choices[request], *self.too_late.get(request, ()), *self.shares[request]):
                wished[choice.section].append(choice.span)
        for hold in self.movers.had.values():
            wished[hold.section].append((hold.slots, hold.period))
        placed, holds = _by_section(self.outcome.placed), _by_section(self.movers.holds)
        vacancies = _by_section(self.round.vacancies)
        before = _by_section(self.round.holds if self.movers.had else ())
        books = {
            name: Book(self.round.instant, vacancies[name], holds[name], wished[name], placed[name], before[name])
            for name in {*wished, *placed} & sections
        }
        for desk in new:
            desk.books = {section.id: books[section.id] for section in desk.sections if section.id in books}
        known = ((desk.books or {}).items() for desk in self.desks.values())
        return dict(sorted(itertools.chain(*known)))

    @cached_property
    def desks(self) -> dict[Id, Desk]:
        """Every structure, with what is known of it from an earlier look."""
        return self.kept.desks(self.round, self.choices, self.outcome.placed)

    @cached_property
    def look(self) -> Look:
        """What of it the checks have to look at: all, or what none of them has found sound before."""
        return Look(self.desks, self.placed, self.looks_again)

    def preferred_to_check(self, unit: Id) -> list[Wanted]:
        """As `preferred`, but for what an earlier check has found sound."""
        if not self.looks_again:
            return self.preferred(unit)
        there = self.look.structures.get(unit)
        return [row for row in self.preferred(unit) if row.choices[0].structure in there] if there else []

    @property
    def claims_differ(self) -> bool:
        """True if some claims depend on the structure."""
        return any(request.points_at for request in self.requests.values())

    def level_in(self, request: Id, section: Id) -> int:
        """The audience level of a request in a section."""
        if (request, section) not in self._levels:
            self._levels[request, section] = AUDIENCES.index(audience_in(self.requests[request], section))
        return self._levels[request, section]

    def standing_at(self, request: Id, structure: Id) -> Standing:
        """What a request stands on at a structure: of siblings asked together, the first or the last, as was voted."""
        if (request, structure) not in self._known_standings:
            members = self.families.members[self.families.unit[request]]
            standings = [self._each_alone.at(self.requests[member], structure) for member in members]
            first = self.round.policy.siblings_claim is SiblingsClaim.FIRST
            self._known_standings[request, structure] = min(standings) if first else max(standings)
        return self._known_standings[request, structure]

    def standing_of(self, row: Placed) -> Standing:
        """What a placed child stands on there: of a week that two structures share, in this one."""
        return self.standing_at(row.request, row.structure)

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
        if unit not in self._known_preferred:
            here = self.worths.get(unit)
            better = [wanted for wanted in self.families.wanted(unit) if here is None or wanted.worth < here]
            self._known_preferred[unit] = better
        return self._known_preferred[unit]

    def could_take(self, wanted: Choice | Wanted, ahead_of: Standing | None = None) -> bool:
        """True if these places fit beside the others placed there; `ahead_of` keeps only those who stand before."""
        choices = (wanted,) if isinstance(wanted, Choice) else wanted.choices
        return all(self._fits(choice, ahead_of, choices) for choice in choices)

    def could_take_back(self, wanted: Wanted) -> bool:
        """True if these places fit beside those who stand before the family where each of them is.

        Children behind it who have a place from before are in its way too, unless they can go back there.
        """
        stay = self._cannot_go_back(wanted)
        return all(self._fits(choice, self._not_below(choice), wanted.choices, stay) for choice in wanted.choices)

    def _not_below(self, choice: Choice) -> Standing:
        """All who stand before this are not below the request there: where equals are served together, they too."""
        standing = self.standing_at(choice.request, choice.structure)
        together = self.round.policy.ties is Ties.TOGETHER
        return (*standing[:2], date.max, LAST) if together else standing

    def _cannot_go_back(self, wanted: Wanted) -> frozenset[Id]:
        """The children with a place from before who stay where they are, should these places be taken back.

        Whoever goes back there sends back in turn who has the place by now.
        """
        stay: set[Id] = set()
        while self.movers.had and (name := self._without_way_back(wanted, stay)) is not None:
            stay.add(name)
        return frozenset(stay)

    def _without_way_back(self, wanted: Wanted, stay: set[Id]) -> Id | None:
        """The first child sent back that finds no room there; None if all do. The lowest claims go back first."""
        back: list[Choice] = list(wanted.choices)
        there = self.movers.had.keys() & self.placed.keys() - stay
        names = sorted(there, key=lambda name: self.standing_of(self.placed[name]), reverse=True)
        while (name := next((name for name in names if self._is_touched(name, back)), None)) is not None:
            names.remove(name)
            home = self._home(name)
            if home is None:
                continue
            if not self._fits(home, self.standing_at(wanted.choices[0].request, home.structure), back, stay):
                return name
            back.append(home)
        return None

    def _is_touched(self, name: Id, taken: Sequence[Choice]) -> bool:
        """True if a child has hours of these places, or counts beside them where something else is limited."""
        row = self.placed[name]
        book = self.books[row.section]
        own = book.mask(row.slots, row.period)
        if any(choice.section == row.section and book.mask(*choice.span) & own for choice in taken):
            return True
        limited = (pair for choice in taken for pair in self.limits.used(choice))
        return any(moments & limit.users.get(name, frozenset()) for limit, moments in limited)

    def _home(self, name: Id) -> Choice | None:
        """The place that a child has from before, from the day on which it gives it up; None if it gives up nothing."""
        hold, row = self.movers.had[name], self.placed[name]
        start = max(hold.period.start, row.period.start)
        if hold.period.end is not None and hold.period.end <= start:
            return None
        section, period = self.sections[hold.section], Period(start=start, end=hold.period.end)
        return Choice(name, section.structure, section.id, HOME, 0, 0, hold.slots, period)

    @cached_property
    def _without_people(self) -> list[tuple[list[Hold], Facts]]:
        """The same outcome without the places that people keep back, then without those that they have given too."""
        own = {hold.id for hold in self.movers.had.values()}
        all_gone = [hold for hold in self.round.holds if hold.by_person and hold.id not in own]
        kept = [hold for hold in all_gone if hold.forced is None]
        left = [
            (gone, tuple(hold for hold in self.round.holds if hold not in gone)) for gone in (kept, all_gone) if gone
        ]
        return [(gone, Facts(self.round.model_copy(update={"holds": rest}), self.outcome)) for gone, rest in left]

    def person_in_the_way(self, choice: Choice) -> Hold | None:
        """What a person keeps back, or else has given, without which a child could take this beside all who are placed;
        None if that is not what is missing."""
        if not self._without_people or self.could_take(choice):
            return None
        book, freed = self.books[choice.section], (pair for pair in self._without_people if pair[1].could_take(choice))
        gone, mask = next(freed, ([], None))[0], book.mask(*choice.span)
        here = [hold for hold in gone if hold.section == choice.section and book.mask(hold.slots, hold.period) & mask]
        return max(here, key=lambda hold: (hold.forced is not None, hold.id), default=None)

    @cached_property
    def limits(self) -> Limits:
        """What limits choices beside the places."""
        wished = {name: [*own, *self.shares[name]] for name, own in self.choices.items()}
        return Limits(self.round, self.outcome.placed, wished)

    def limit_in_the_way(
        self,
        choice: Choice,
        ahead_of: Standing | None = None,
        beside: Iterable[Choice] = (),
        stay: Container[Id] = (),
    ) -> Why | None:
        """The first limit that leaves a choice no room beside those who count; None if there is none."""
        for limit, moments in self.limits.used(choice):
            users = [limit.users[other] for other in limit.users if self._counts(other, choice, limit, ahead_of, stay)]
            too = [
                taken
                for other in beside
                if other is not choice
                for same, taken in self.limits.used(other)
                if same is limit
            ]
            if any(limit.left[m] <= sum(m in taken for taken in (*users, *too)) for m in moments):
                return limit.why
        return None

    def _counts(self, other: Id, choice: Choice, limit: Limit, ahead_of: Standing | None, stay: Container[Id]) -> bool:
        """True if a child who uses a limit is in the way of a choice: all are, or those who stand before."""
        if self.families.unit[other] == self.families.unit[choice.request]:
            return False
        if ahead_of is None or other in stay or other not in self.placed:
            return True
        if limit.pooled:
            tier, points, *_ = self.standing_at(choice.request, "")
            return self.standing_at(other, "") < (tier, points, *ahead_of[2:])
        return self.standing_at(other, choice.structure) < ahead_of

    def _fits(
        self, choice: Choice, ahead_of: Standing | None, beside: Sequence[Choice], stay: Container[Id] = ()
    ) -> bool:
        mask = self.books[choice.section].mask(*choice.span)
        if self.limit_in_the_way(choice, ahead_of, beside, stay) is not None:
            return False
        return bool(mask) and not mask & self._full_beside(choice, ahead_of, beside, stay)

    def full_cells(self, choice: Choice, ahead_of: Standing | None) -> int:
        """The cells of a choice, as bits, without room beside those who stand before; None: beside all."""
        return self.books[choice.section].mask(*choice.span) & self._full_beside(choice, ahead_of)

    def _full_beside(
        self, choice: Choice, ahead_of: Standing | None, beside: Sequence[Choice] = (), stay: Container[Id] = ()
    ) -> int:
        """The cells of a section, as bits, without room for a choice; `beside` are places taken with this one, `stay`
        those who count in any case. What is the family's own is not in its way."""
        if len(beside) <= 1 and not stay and self._is_plain(choice, ahead_of):
            return self._full(choice, ahead_of)
        book, least = self.books[choice.section], self._level_of(choice)
        users = [row for row in book.placed if self._is_in_the_way(row.request, choice, ahead_of, stay)]
        too = [other for other in beside if other is not choice and other.section == choice.section]
        taken: list[Placed | Choice] = [*users, *too]
        kept = self.movers.now.get(choice.request)
        own = [kept] if kept is not None and kept.section == choice.section else []
        found = 0
        for level in (level for level in book.binding_levels if level >= least):
            there = [(row.slots, row.period) for row in taken if self._level_of(row) <= level]
            gone = [(hold.slots, hold.period) for hold in own if hold.entitled_to.level <= level]
            full = book.full_beside(level, there, gone)
            found |= full & ~book.crowded[level] if choice.pattern == HOME else full  # where it was, it may stay
        return found

    def _level_of(self, row: Choice | Placed) -> int:
        """The audience level at which a child counts: in the place that it had, the one that it was given."""
        if isinstance(row, Choice) and row.pattern == HOME:
            return self.movers.had[row.request].entitled_to.level
        return self.level_in(row.request, row.section)

    def _is_in_the_way(self, other: Id, choice: Choice, ahead_of: Standing | None, stay: Container[Id]) -> bool:
        counts = ahead_of is None or other in stay or self.standing_at(other, choice.structure) < ahead_of
        return counts and self.families.unit[other] != self.families.unit[choice.request]

    def _is_plain(self, choice: Choice, ahead_of: Standing | None) -> bool:
        """True if all who count are those who stand before: nothing of the child's own is to be left out."""
        name = choice.request
        alone = self.families.unit[name] == name and name not in self.movers.had
        mine = self.standing_at(name, choice.structure)
        return alone and (name not in self.placed or (ahead_of is not None and not mine < ahead_of))

    def _full(self, choice: Choice, ahead_of: Standing | None) -> int:
        """The cells of a section, as bits, without room for a request beside those who stand before."""
        own, found = self.level_in(choice.request, choice.section), 0
        for level, (standings, full) in self._lines(choice.section).items():
            if level >= own:
                found |= full[-1 if ahead_of is None else bisect_left(standings, ahead_of)]
        return found

    def _lines(self, section: Id) -> Lines:
        """By audience level, the children of a section in the order of their claims, and what is full before each."""
        known = self.desks[self.sections[section].structure].lines
        if section not in known:
            book, lines = self.books[section], {}
            for level in book.binding_levels:
                rows = [row for row in book.placed if self.level_in(row.request, section) <= level]
                rows.sort(key=self.standing_of)
                lines[level] = ([self.standing_of(row) for row in rows], book.full_before(level, rows))
            known[section] = lines
        return known[section]

    def overrun(self, section: Id, levels: Iterable[int], *, with_holds: bool) -> set[Id]:
        """The children of a section in cells where, up to one of these levels, there are more users than places."""
        book, found = self.books[section], set[Id]()
        for level in levels:
            rows = [row for row in book.placed if self.level_in(row.request, section) <= level]
            over = book.overrun(level, rows, with_holds=with_holds)
            found.update(row.request for row in rows if book.mask(row.slots, row.period) & over)
        return found


def _by_section(rows: Iterable[Row]) -> defaultdict[Id, list[Row]]:
    found: defaultdict[Id, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.section].append(row)
    return found


def is_choice(row: Placed, choice: Choice) -> bool:
    """True if a placement is this choice."""
    same_place = (row.structure, row.section, row.pattern) == (choice.structure, choice.section, choice.pattern)
    same_hours = (row.slots, row.period) == (choice.slots, choice.period)
    return same_place and same_hours and (row.wish_rank, row.level) == (choice.wish_rank, choice.level)
