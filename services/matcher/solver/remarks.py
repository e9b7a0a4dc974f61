"""What is said beside the places given, read again: from on-call capacity, waiting for another child's move, which of
several equal patterns.

Written without the solver, which marks them in its own way (`marks.py`). When to modify: with `schema.Placed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from contracts.vocabulary import Audience, Id, VacancyKind
from services.matcher.solver.books import LEVELS, Book, Cell, Left
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Placed


def wrongly_on_call(facts: Facts, section: Id, book: Book) -> Iterator[Id]:
    """Children whose place is said to be on call and is not, or the other way round."""
    on_call = set(_on_call(facts, section, book))
    yield from (row.request for row in book.placed if row.on_call is not (row.request in on_call))


def _on_call(facts: Facts, section: Id, book: Book) -> Iterator[Id]:
    """Down the claims, those entitled whose hours all lie in on-call places still kept and not yet used."""
    left = _on_call_places(facts, section, book)
    entitled = [
        row for row in book.placed if left and facts.level_in(row.request, section) == Audience.URGENT_INSERTION.level
    ]
    for row in sorted(entitled, key=lambda row: (facts.standing_at(row.request, row.structure), row.request)):
        cells = book.cells(row.slots, row.period)
        if all(left[cell] > 0 for cell in cells):
            left.subtract(cells)
            yield row.request


def _on_call_places(facts: Facts, section: Id, book: Book) -> Counter[Cell]:
    """Those that are kept, by cell, less what urgent requests hold there."""
    left: Counter[Cell] = Counter()
    for row in book.vacancies:
        if row.kind is VacancyKind.ON_CALL and row.audience_at(book.instant) is not Audience.EVERYBODY:
            left.update(dict.fromkeys(book.cells(row.slots, row.period), row.places))
    for hold in facts.round.holds if left else ():
        if hold.section == section and hold.entitled_to is Audience.URGENT_INSERTION:
            left.subtract(dict.fromkeys(book.cells(hold.slots, hold.period), hold.units))
    return left


def wrongly_waiting(facts: Facts) -> Iterator[Id]:
    """Children whose place is said to wait for another set of moves than it does."""
    for section, book in facts.books.items():
        after: dict[Id, set[Id]] = {row.request: set() for row in book.placed}
        for level in LEVELS if _moving(facts, section) else ():
            for name, movers in _waits(facts, section, book, level):
                after[name] |= movers
        yield from (row.request for row in book.placed if row.after != tuple(sorted(after[row.request])))


def _moving(facts: Facts, section: Id) -> list[Id]:
    """The children who give up a place in a section."""
    return [name for name, hold in facts.movers.had.items() if hold.section == section and name in facts.placed]


def _waits(facts: Facts, section: Id, book: Book, level: int) -> Iterator[tuple[Id, set[Id]]]:
    """Of the children of at most this audience level, whose moves each needs: did they stay, it would not fit."""
    had = {name: facts.movers.had[name] for name in _moving(facts, section)}
    has = {name: book.mask(row.slots, row.period) for name, row in had.items() if row.entitled_to.level <= level}
    rows = [row for row in book.placed if facts.level_in(row.request, section) <= level]
    now = {row.request: book.mask(row.slots, row.period) for row in rows}
    new = {name: mask & ~has.get(name, 0) for name, mask in now.items()}
    short = _left_if_all_stay(facts, section, book, level, list(new.values())).short
    for name, mask in new.items():
        yield name, {other for other, own in has.items() if mask & short & own & ~now.get(other, 0)} - {name}


def _left_if_all_stay(facts: Facts, section: Id, book: Book, level: int, taken: list[int]) -> Left:
    """What is left in each cell beside these, up to an audience level, while nobody has given up a place."""
    holds = [row for row in facts.round.holds if row.section == section and row.entitled_to.level <= level]
    vacancies = [row for row in book.vacancies if row.audience_at(book.instant).level <= level]
    left = Left(sum(row.places for row in vacancies) + sum(row.units for row in holds) + len(taken))
    for row in vacancies:
        left.give(book.mask(row.slots, row.period), row.places)
    for hold in holds:
        left.take(book.mask(hold.slots, hold.period), hold.units)
    for mask in taken:
        left.take(mask, 1)
    return left


def worse_named(facts: Facts) -> Iterator[Placed]:
    """Places whose very hours are those of a pattern that the family likes better, or of an equal one before it.

    Not of siblings, whose arrangement counts as a whole.
    """
    for row in facts.outcome.placed:
        alone = facts.families.unit[row.request] == row.request and not row.split
        same = (
            choice
            for choice in facts.choices[row.request]
            if (choice.section, choice.slots, choice.period) == (row.section, row.slots, row.period)
        )
        if alone and any((choice.level, choice.pattern) < (row.level, row.pattern) for choice in same):
            yield row
