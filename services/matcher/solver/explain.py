"""Why each request was, or was not, offered each of its wishes, and how to say it.

Every line is read from the outcome, so that anybody can check it there. When to modify: when a family asks something
that the reasons do not answer, or when a wording misleads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from contracts.vocabulary import Id, Slot
from services.matcher.solver.books import LEVELS, Book, Cell
from services.matcher.solver.facts import Choice, Facts, Standing, accepts_age, band, standing
from services.matcher.solver.schema import Outcome, Reason, Request, Round, Why, WishReason


def explain(round: Round, outcome: Outcome) -> tuple[Reason, ...]:
    """A reason for every request of a canonical round, sorted by request; one line for each wish, in their order."""
    reading = _Reading(Facts(round, outcome))
    return tuple(reading.reason(request) for request in round.requests)


class _Reading:
    """A decided round, with who may use each section, in the order of their claims."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.usable: dict[Id, list[Choice]] = {
            request: [choice for choice in choices if self._is_open(choice)]
            for request, choices in facts.choices.items()
        }
        self.eligible: dict[Id, dict[Id, Standing]] = defaultdict(dict)
        for request, choices in self.usable.items():
            for choice in choices:
                if request not in self.eligible[choice.section]:
                    row = facts.requests[request]
                    self.eligible[choice.section][request] = standing(row, choice.structure, facts.seed)

    def reason(self, request: Request) -> Reason:
        placed = self.facts.placed.get(request.id)
        lines = tuple(self._line(request, wish.structure, wish.rank) for wish in request.wishes)
        return Reason(request=request.id, placed=placed is not None, wishes=lines)

    def _is_open(self, choice: Choice) -> bool:
        level = self.facts.level_in(choice.request, choice.section)
        return self.facts.books[choice.section].is_offered(choice.span, level)

    def _line(self, request: Request, structure: Id, wish_rank: int) -> WishReason:
        choices = [choice for choice in self.usable[request.id] if choice.structure == structure]
        why = self._why(request, structure, wish_rank, choices)
        if not choices:
            return WishReason(structure=structure, why=why)
        sections = {choice.section for choice in choices}
        last = self._last_band(structure, sections)
        return WishReason(
            structure=structure,
            why=why,
            rank=self._rank(request.id, sections),
            points=band(request, structure)[1],
            full_slots=self._full_hours(choices) if why is Why.FULL else (),
            last_tier=last[0] if last else None,
            last_points=last[1] if last else None,
        )

    def _why(self, request: Request, structure: Id, wish_rank: int, choices: list[Choice]) -> Why:
        row = self.facts.placed.get(request.id)
        if row is not None and (row.structure, row.wish_rank) == (structure, wish_rank):
            return Why.OFFERED
        if not choices:
            return self._why_no_choice(request, structure)
        if row is not None and all(choice.level >= row.level for choice in choices):
            return Why.PREFERRED_ELSEWHERE
        return Why.FULL

    def _why_no_choice(self, request: Request, structure: Id) -> Why:
        sections = self.facts.by_structure[structure]
        if not sections:
            return Why.UNKNOWN_STRUCTURE
        if not any(accepts_age(section, request) for section in sections):
            return Why.NO_SECTION_FOR_AGE
        here = [choice for choice in self.facts.choices[request.id] if choice.structure == structure]
        offered = any(self.facts.books[choice.section].is_offered(choice.span) for choice in here)
        return Why.KEPT_FOR_ANOTHER_AUDIENCE if offered else Why.NO_PLACE_AT_THESE_TIMES

    def _rank(self, request: Id, sections: set[Id]) -> int:
        """One more than the number of requests that may use a place there and have a higher claim."""
        ahead = {
            other
            for section in sections
            for other, there in self.eligible[section].items()
            if there < self.eligible[section][request]
        }
        return len(ahead) + 1

    def _last_band(self, structure: Id, sections: set[Id]) -> tuple[int, int] | None:
        """Tier and points of the lowest claim admitted in these sections."""
        admitted = [row.request for section in sections for row in self.facts.books[section].placed]
        if not admitted:
            return None
        lowest = max(admitted, key=lambda request: self.facts.standings[request])
        return band(self.facts.requests[lowest], structure)

    def _full_hours(self, choices: list[Choice]) -> tuple[Slot, ...]:
        """The hours of these choices, whole stretches only, at which nobody of the request's audience fits any more."""
        found: dict[str, Slot] = {}
        for choice in choices:
            book, level = self.facts.books[choice.section], self.facts.level_in(choice.request, choice.section)
            for slot in choice.slots:
                if self._is_full(book, book.cells((slot,), choice.period), level, choice):
                    found[f"{slot.weekday.number} {slot.day} {slot.start} {slot.end}"] = slot
        return tuple(found[key] for key in sorted(found))

    def _is_full(self, book: Book, cells: Iterable[Cell], level: int, choice: Choice) -> bool:
        return any(not self._fits(book, cell, step, choice) for cell in cells for step in LEVELS[level:])

    def _fits(self, book: Book, cell: Cell, level: int, choice: Choice) -> bool:
        others = [other for other in book.children.get(cell, ()) if other != choice.request]
        used = sum(self.facts.level_in(other, choice.section) <= level for other in others)
        return used + book.held[level].get(cell, 0) < book.offered[level].get(cell, 0)
