"""What is said beside a placement once everybody has a place: from on-call capacity, or to be prepared.

When to modify: when a placement needs one more mark. A mark never changes who is placed where.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.vocabulary import AUDIENCE_LEVELS, Audience, Id, Slot, VacancyKind
from services.matcher.solver.care import effective_audience
from services.matcher.solver.cells import Span, atoms, grid_of
from services.matcher.solver.claims import Claim, shared_claim
from services.matcher.solver.problem import Option, Seat
from services.matcher.solver.schema import Hold, Placed, Request, Round, Vacancy


def marked(round: Round, options: dict[Id, Option]) -> tuple[Placed, ...]:
    """The placements, sorted by request, with their marks."""
    requests = {request.id: request for request in round.requests}
    seats = [seat for option in options.values() for seat in option.seats]
    times = Counter(seat.request for seat in seats)
    on_call = _on_call(round, requests, seats)
    prepared = _within_support(round, requests, seats)
    limited = {row.structure for row in round.support}
    after = _after(round, requests, seats)
    return tuple(
        Placed(
            request=seat.request,
            structure=seat.structure,
            section=seat.section,
            pattern=seat.pattern,
            slots=seat.slots,
            period=seat.period,
            wish_rank=seat.wish_rank,
            level=seat.level,
            on_call=(seat.request, seat.section) in on_call,
            to_prepare=requests[seat.request].needs_support
            and seat.structure in limited
            and (seat.request, seat.structure) not in prepared,
            partial=requests[seat.request].accepts_partial and times[seat.request] == 1 and _is_part(requests, seat),
            split=times[seat.request] > 1,
            replaces=requests[seat.request].current,
            after=after.get((seat.request, seat.section), ()),
        )
        for seat in sorted(seats, key=lambda seat: (seat.request, seat.section))
    )


def _is_part(requests: dict[Id, Request], seat: Seat) -> bool:
    return _days(seat.slots) < _days(requests[seat.request].patterns[seat.pattern].slots)


def _days(slots: tuple[Slot, ...]) -> int:
    return len({slot.day for slot in slots})


def _on_call(round: Round, requests: dict[Id, Request], seats: list[Seat]) -> set[tuple[Id, Id]]:
    """Down the claims, by section, those entitled whose hours all lie in on-call places still kept and not yet used."""
    amounts: dict[Id, list[tuple[Span, int]]] = defaultdict(list)
    for row in round.vacancies:
        if row.kind is VacancyKind.ON_CALL and row.audience_at(round.instant) is not Audience.EVERYBODY:
            amounts[row.section].append(((row.slots, row.period), row.places))
    for hold in round.holds:
        if hold.entitled_to is Audience.URGENT_INSERTION and hold.section in amounts:
            amounts[hold.section].append(((hold.slots, hold.period), -hold.units))
    found: set[tuple[Id, Id]] = set()
    for section, here in amounts.items():
        there = {seat.request: seat for seat in seats if seat.section == section}
        entitled = [
            requests[id] for id in there if effective_audience(requests[id], section) is Audience.URGENT_INSERTION
        ]
        found |= {(id, section) for id in _first_come(_walk(round, entitled, there), here, 0)}
    return found


def _after(round: Round, requests: dict[Id, Request], seats: list[Seat]) -> dict[tuple[Id, Id], tuple[Id, ...]]:
    """For each child and section, those whose move frees hours that it needs: as long as they stay, it does not fit.

    Hours that a child has there already are its own: it needs nobody to leave them, and nobody gets them by its move.
    """
    moved = {current: seat.request for seat in seats if (current := requests[seat.request].current) is not None}
    found: dict[tuple[Id, Id], set[Id]] = defaultdict(set)
    for section in sorted({hold.section for hold in round.holds if hold.id in moved}):
        here = _Here.read(round, requests, section, seats)
        for level in AUDIENCE_LEVELS.values():
            for name, movers in here.follows(level, moved):
                found[name, section] |= movers
    return {where: tuple(sorted(names)) for where, names in found.items()}


@dataclass(frozen=True)
class _Here:
    """The rows of one section, each with its cells, how many places or children it is, and its audience level."""

    places: list[tuple[int, int, int]]
    holds: dict[Id, tuple[int, int, int]]
    seats: dict[Id, tuple[int, int]]

    @classmethod
    def read(cls, round: Round, requests: dict[Id, Request], section: Id, seats: list[Seat]) -> _Here:
        holds = [hold for hold in round.holds if hold.section == section]
        here = [seat for seat in seats if seat.section == section]
        offered = [row for row in round.vacancies if row.section == section]
        grid = grid_of([*map(_span, offered), *map(_span, holds), *map(_span, here)])
        audience = {seat.request: effective_audience(requests[seat.request], section) for seat in here}
        return cls(
            [(grid.mask(*_span(row)), row.places, row.audience_at(round.instant).level) for row in offered],
            {row.id: (grid.mask(*_span(row)), row.units, row.entitled_to.level) for row in holds},
            {row.request: (grid.mask(*_span(row)), audience[row.request].level) for row in here},
        )

    def follows(self, level: int, moved: dict[Id, Id]) -> Iterator[tuple[Id, set[Id]]]:
        """Of the children who may use no more than this level, those who need others to leave, and whom."""
        held = {name: (mask, units) for name, (mask, units, own) in self.holds.items() if own <= level}
        has = {moved[name]: mask for name, (mask, _) in held.items() if name in moved}
        after = {name: mask for name, (mask, own) in self.seats.items() if own <= level}
        new = {name: mask & ~has.get(name, 0) for name, mask in after.items()}
        places = [(mask, places) for mask, places, own in self.places if own <= level]
        taken = [*((mask, -units) for mask, units in held.values()), *((mask, -1) for mask in new.values())]
        short = _short([*places, *taken])
        for name, mask in new.items():
            yield name, {mover for mover, own in has.items() if mask & short & own & ~after.get(mover, 0)} - {name}


def _span(row: Vacancy | Hold | Seat) -> Span:
    return (row.slots, row.period)


def _short(amounts: list[tuple[int, int]]) -> int:
    """The cells in which these amounts sum up to less than nothing."""
    parts = atoms(mask for mask, _ in amounts)
    return sum(part for part in parts if sum(amount for mask, amount in amounts if mask & part) < 0)


def _within_support(round: Round, requests: dict[Id, Request], seats: list[Seat]) -> set[tuple[Id, Id]]:
    """Down the claims, by structure, those whose adapted care stays within what it has prepared for at once."""
    found: set[tuple[Id, Id]] = set()
    for row in round.support:
        there = {seat.request: seat for seat in seats if seat.structure == row.structure}
        needing = [requests[id] for id in there if requests[id].needs_support]
        walk = _walk(round, needing, there)
        found |= {(id, row.structure) for id in _first_come(walk, [], row.children)}
    return found


def _walk(round: Round, requests: Iterable[Request], seats: dict[Id, Seat]) -> list[tuple[Id, Span]]:
    """The children in the order of their claims where they are; siblings asked together share one."""
    known = {request.id: request for request in round.requests}
    families = {name: [known[other] for other in row.requests] for row in round.siblings for name in row.requests}

    def order(request: Request) -> tuple[Claim, Id]:
        family = families.get(request.id, [request])
        return shared_claim(family, seats[request.id].structure, round.policy), request.id

    return [
        (request.id, (seats[request.id].slots, seats[request.id].period)) for request in sorted(requests, key=order)
    ]


def _first_come(walk: list[tuple[Id, Span]], amounts: list[tuple[Span, int]], everywhere: int) -> set[Id]:
    """Those who, in this order, find one unit left in each of their cells."""
    grid = grid_of([*(span for _, span in walk), *(span for span, _ in amounts)])
    supply = [(grid.mask(*span), amount) for span, amount in amounts]
    wanted = [(id, grid.mask(*span)) for id, span in walk]
    parts = atoms([*(mask for mask, _ in supply), *(mask for _, mask in wanted)])
    left = {part: everywhere + sum(amount for mask, amount in supply if mask & part) for part in parts}
    found: set[Id] = set()
    for id, mask in wanted:
        mine = [part for part in parts if part & mask]
        if all(left[part] > 0 for part in mine):
            found.add(id)
            for part in mine:
                left[part] -= 1
    return found
