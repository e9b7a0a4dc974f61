"""Why each request was, or was not, offered each of its wishes (`phrases` says it in words).

Every line is read from the outcome, so that anybody can check it there. When to modify: when a family asks something
that the reasons do not answer.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import itemgetter

from contracts.vocabulary import Id, Slot
from services.matcher.solver.desks import Kept, Open
from services.matcher.solver.facts import Choice, Standing, accepts_age
from services.matcher.solver.facts import Facts as Facts
from services.matcher.solver.schema import Hold, Outcome, Placed, Reason, Request, Round, Why, WishReason
from services.matcher.solver.spelling import Spelling


def read(round: Round, outcome: Outcome, spelling: Spelling, kept: Kept | None = None) -> Facts:
    """What `reasons` and the checks of `verify` read: once for both, though neither trusts the solver's own reading.
    `kept` knows what was found where nothing has changed."""
    return Facts(round, outcome, spelling, kept=kept)


def reasons(facts: Facts) -> tuple[Reason, ...]:
    """A reason for every request of a canonical round, sorted by request; one line for each wish, in their order."""
    reading = _Reading(facts)
    return tuple(reading.reason(request) for request in facts.round.requests)


class _Reading:
    """A decided round, with who may use each section, in the order of their claims."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._by_structure: dict[Id, dict[Id, list[Choice]]] = {}
        self._standings: dict[Id, list[tuple[Standing, Placed]]] = {}
        self._offered: dict[Id, set[tuple[Id, int]]] = defaultdict(set)
        for row in facts.outcome.placed:
            self._offered[row.request].add((row.structure, row.wish_rank))

    def reason(self, request: Request) -> Reason:
        row = self.facts.placed.get(request.id)

        def lines() -> tuple[WishReason, ...]:
            return tuple([self._told(request, wish.structure, wish.rank, row) for wish in request.wishes])

        desks = [self.facts.desks[wish.structure] for wish in request.wishes]
        return self.facts.kept.reason(request, row is not None, desks, lines)

    def _told(self, request: Request, structure: Id, wish_rank: int, row: Placed | None) -> WishReason:
        """One line, the same as long as nothing has changed at the structure and the request has what it had."""
        told = self.facts.desks[structure].told
        offered = (structure, wish_rank) in self._offered[request.id]
        asked = (request.id, wish_rank, row.level if row else None, offered)
        if asked not in told:
            told[asked] = self._line(request, structure, wish_rank)
        return told[asked]

    def _open(self, structure: Id) -> Open:
        """Who may use a structure."""
        desk = self.facts.desks[structure]
        if desk.open is None:
            desk.open = Open()
            for request in desk.wishers:
                here = self._choices_at(request).get(structure, ())
                desk.open.usable[request] = usable = [choice for choice in here if self._is_open(choice)]
                for choice in (*usable, *self._shares_at(request, structure)):
                    desk.open.eligible[choice.section][request] = self.facts.standing_at(request, structure)
        return desk.open

    def _choices_at(self, request: Id) -> dict[Id, list[Choice]]:
        """The choices of a request by structure."""
        if request not in self._by_structure:
            found: dict[Id, list[Choice]] = {}
            for choice in self.facts.choices[request]:
                found.setdefault(choice.structure, []).append(choice)
            self._by_structure[request] = found
        return self._by_structure[request]

    def _shares_at(self, request: Id, structure: Id) -> Iterator[Choice]:
        """The days that a request would take there of a week that another structure shares."""
        open_weeks = (pair for pair in self.facts.shared[request] if all(map(self._is_open, pair)))
        return (choice for pair in open_weeks for choice in pair if choice.structure == structure)

    def _standing(self, choice: Choice) -> Standing:
        return self._open(choice.structure).eligible[choice.section][choice.request]

    def _is_open(self, choice: Choice) -> bool:
        level = self.facts.level_in(choice.request, choice.section)
        return self.facts.books[choice.section].is_offered(choice.span, level)

    def _line(self, request: Request, structure: Id, wish_rank: int) -> WishReason:
        choices = self._open(structure).usable[request.id]
        why = self._why(request, structure, wish_rank, choices)
        if not choices:
            return WishReason(structure=structure, why=why)
        held = self._person(choices) if why is Why.HELD_BY_PERSON else None
        full = self._full(choices) if why is Why.FULL else []
        last = self._last_before(full) if full else self._last_admitted(choices)
        return WishReason(
            structure=structure,
            why=why,
            rank=self._rank(request.id, structure, {choice.section for choice in choices}),
            points=-self.facts.standing_at(request.id, structure)[1],
            full_slots=tuple(self._full_slots(full)) if len(full) == 1 else _in_order(self._full_slots(full)),
            last_tier=last[0] if last else None,
            last_points=last[1] if last else None,
            held_because=held.reason if held else "",
        )

    def _why(self, request: Request, structure: Id, wish_rank: int, choices: list[Choice]) -> Why:
        row = self.facts.placed.get(request.id)
        if (structure, wish_rank) in self._offered[request.id]:
            return Why.OFFERED
        if not choices:
            return self._why_no_choice(request, structure)
        if row is not None and not self._are_better(row, choices):
            return Why.PREFERRED_ELSEWHERE
        together = self.facts.families.together(self.facts.families.unit[request.id])
        held = self._person(choices) if together is None else None
        if held is not None:
            return Why.HELD_BY_PERSON if held.forced is None else Why.GIVEN_BY_PERSON
        if self._full(choices):
            return Why.FULL
        limited = (*map(self._limited, choices), *map(self._limited_by_all, choices))
        return next(filter(None, limited), Why.FULL if together is None else Why.SIBLINGS_APART)

    def _person(self, choices: list[Choice]) -> Hold | None:
        """What a person decided that keeps all of these from the child, which it could take otherwise."""
        found = filter(None, map(self.facts.person_in_the_way, choices))
        return min(found, key=lambda hold: hold.forced is not None, default=None)

    def _limited(self, choice: Choice) -> Why | None:
        return self.facts.limit_in_the_way(choice, self._standing(choice))

    def _limited_by_all(self, choice: Choice) -> Why | None:
        """The same beside all who are placed, where hours are free: one who has no way back may stand behind it."""
        return None if self.facts.full_cells(choice, None) else self.facts.limit_in_the_way(choice)

    def _are_better(self, row: Placed, choices: list[Choice]) -> bool:
        """True if one of these choices, with what a family's other children would have then, is worth more to it."""
        unit = self.facts.families.unit[row.request]
        if self.facts.families.together(unit) is None:
            return any(choice.level < row.level for choice in choices)
        return any(choice in choices for wanted in self.facts.preferred(unit) for choice in wanted.choices)

    def _why_no_choice(self, request: Request, structure: Id) -> Why:
        sections = self.facts.by_structure[structure]
        if not sections:
            return Why.UNKNOWN_STRUCTURE
        if not any(accepts_age(section, request) for section in sections):
            return Why.NO_SECTION_FOR_AGE
        here = [choice for choice in self.facts.choices[request.id] if choice.structure == structure]
        if not here and {row.section for row in request.not_again} & {section.id for section in sections}:
            return Why.ANSWERED_BEFORE
        if any(choice.structure == structure for choice in self.facts.too_late.get(request.id, ())):
            return Why.WAITS_TOO_LONG
        offered = any(self.facts.books[choice.section].is_offered(choice.span) for choice in here)
        return Why.KEPT_FOR_ANOTHER_AUDIENCE if offered else Why.NO_PLACE_AT_THESE_TIMES

    def _rank(self, request: Id, structure: Id, sections: set[Id]) -> int:
        """One more than the number of requests that may use a place there and have a higher claim."""
        ahead = [self._ahead(request, structure, section) for section in sections]
        return 1 + (len(ahead[0]) if len(ahead) == 1 else len(set(itertools.chain(*ahead))))

    def _ahead(self, request: Id, structure: Id, section: Id) -> list[Id]:
        ranked, standing = self._ranked(structure, section), self._open(structure).eligible[section]
        return ranked[: bisect_left(ranked, standing[request], key=standing.__getitem__)]

    def _ranked(self, structure: Id, section: Id) -> list[Id]:
        here = self._open(structure)
        if section not in here.ranked:
            here.ranked[section] = sorted(here.eligible[section], key=here.eligible[section].__getitem__)
        return here.ranked[section]

    def _full(self, choices: list[Choice]) -> list[tuple[Choice, int]]:
        """The choices in whose hours those who stand before the request, and what is held, leave no room, with these
        cells as bits."""
        found = [(choice, self.facts.full_cells(choice, self._standing(choice))) for choice in choices]
        return [(choice, cells) for choice, cells in found if cells]

    def _full_slots(self, full: list[tuple[Choice, int]]) -> Iterator[Slot]:
        for choice, cells in full:
            book = self.facts.books[choice.section]
            yield from (slot for slot in choice.slots if book.slot_mask(slot, choice.period) & cells)

    def _last_before(self, full: list[tuple[Choice, int]]) -> tuple[int, int] | None:
        """Tier and points of the last of the children who stand before the request in cells that are full for it."""
        found: list[Standing] = []
        for choice, cells in full:
            book, there = self.facts.books[choice.section], self._there(choice.section)
            place = bisect_left(there, self._standing(choice), key=itemgetter(0))
            taken = (here for here, row in reversed(there[:place]) if book.mask(row.slots, row.period) & cells)
            found += itertools.islice(taken, 1)
        return _band(found)

    def _last_admitted(self, choices: list[Choice]) -> tuple[int, int] | None:
        """The same of all who are placed in the sections of these choices."""
        return _band([there[-1][0] for choice in choices if (there := self._there(choice.section))])

    def _there(self, section: Id) -> list[tuple[Standing, Placed]]:
        """The children placed in a section, in the order of their claims there."""
        if section not in self._standings:
            rows = [(self.facts.standing_of(row), row) for row in self.facts.books[section].placed]
            self._standings[section] = sorted(rows, key=itemgetter(0))
        return self._standings[section]


def _band(found: list[Standing]) -> tuple[int, int] | None:
    """Tier and points of the lowest of these; None if there is nobody."""
    if not found:
        return None
    tier, minus_points, _, _ = max(found)
    return (tier, -minus_points)


def _in_order(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """The slots of several choices in the order of the week, each once, as those of one are."""
    found = {(slot.weekday.number, str(slot.day), slot.start, slot.end): slot for slot in slots}
    return tuple(found[key] for key in sorted(found))
