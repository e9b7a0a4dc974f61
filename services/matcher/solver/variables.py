"""The choices of a round: one option for each wished and eligible section and pattern whose hours are all offered.

Variables exist only here: age, dates, hours and travel are settled before anything is solved.
When to modify: when a new fact makes a choice possible or impossible.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date

from contracts.vocabulary import Audience, Id, Slot
from services.matcher.solver.care import Care, cares_by_structure, effective_audience
from services.matcher.solver.cells import Amounts, Parts, Span, Weeks
from services.matcher.solver.claims import Claim, claim_at, draw, shared_claim
from services.matcher.solver.current import Current, Kept, current_places
from services.matcher.solver.limits import ranked_in_limits, within_limits
from services.matcher.solver.problem import Option, Problem, Row, RowKind, Seat, Unit, Use
from services.matcher.solver.schema import Hold, Policy, Request, Round, Vacancy
from services.matcher.solver.siblings import joint_options, minutes_between
from services.matcher.solver.split import with_split_weeks
from services.matcher.solver.stated import Place, Stated
from services.matcher.solver.waiting import without_long_waits


def problem_of(round: Round, stated: Stated | None = None) -> Problem:
    """The problem of a canonical round. `stated` knows what was stated where nothing has changed."""
    rows: list[Row] = []
    (stated := stated or Stated()).begin(round)
    support: dict[Id, int] = {}
    options: dict[Id, list[Option]] = {request.id: [] for request in round.requests}
    by_structure, kept = without_long_waits(round, cares_by_structure(round, stated)), Kept()
    places = current_places(round, _starts(by_structure))
    offer = _Offer(round, places)
    for structure, cares in sorted(by_structure.items()):
        for option in _options_at(offer, structure, cares, rows, support, kept, stated):
            options[option.unit].append(option)
    options = within_limits(round, options, rows, kept, places)
    for request in round.requests:
        if request.current is not None:
            options[request.id] = list(map(kept.after, options[request.id]))
    for request in round.requests:
        if request.accepts_split:
            options[request.id] = with_split_weeks(request, options[request.id])
    units = {unit.id: unit for unit in _units(round, options, tuple(rows), kept, stated)}
    ordinary = {name: _ordinary(unit, round.policy, stated) for name, unit in units.items()}
    ranked = ranked_in_limits(units, ordinary, rows) | _ranked(units, ordinary, round.policy)
    return Problem(units, tuple(rows), support, ordinary, ranked)


def _options_at(
    offer: _Offer, structure: Id, cares: list[Care], rows: list[Row], support: dict[Id, int], kept: Kept, stated: Stated
) -> Iterable[Option]:  # fmt: skip
    """The options of a structure. `rows`, `support` and `kept` receive what belongs to them."""
    if offer.is_tied:
        return _Place(offer, structure, cares).options(rows, support, kept)
    first, own = len(rows), list[Row]()

    def made() -> Place:
        own.extend(rows)
        options = _Place(offer, structure, cares).options(own, support, kept)
        return Place(of, first, tuple(own[first:]), tuple(options))

    of = (tuple(cares), *offer.at({care.section.id for care in cares}))
    place = stated.place(structure, of, first, made)
    rows.extend(place.rows)
    return place.options


def _ordinary(unit: Unit, policy: Policy, stated: Stated) -> Claim:
    if len(unit.requests) > 1:
        return shared_claim(unit.requests, None, policy)
    return stated.claim(unit.requests[0], lambda: shared_claim(unit.requests, None, policy))


def _starts(cares: dict[Id, list[Care]]) -> dict[Id, set[date]]:
    found: dict[Id, set[date]] = defaultdict(set)
    for here in cares.values():
        for care in here:
            found[care.request.id].add(care.period.start)
    return found


def _units(
    round: Round, options: dict[Id, list[Option]], rows: tuple[Row, ...], kept: Kept, stated: Stated
) -> Iterator[Unit]:  # fmt: skip
    tickets, minutes = _Tickets(round.policy.seed), minutes_between(round.travel)
    requests = {request.id: request for request in round.requests}
    for siblings in round.siblings:
        members = [requests.pop(name) for name in siblings.requests]
        joint = joint_options(siblings, members, [options[member.id] for member in members], minutes, rows)
        yield Unit(siblings.id, tuple(members), tickets.by_level(joint))
    for request in requests.values():
        if request.current is not None:
            yield Unit(request.id, (request,), tickets.by_level(options[request.id]), kept.stay(request))
        else:
            yield stated.unit(request, options[request.id], tickets.alone)


class _Tickets:
    """The draw among options that are equally good to a family; it does not depend on any order of rows."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._known: dict[int, tuple[tuple[Slot, ...], str]] = {}  # slow to hash: known by id, kept here

    def alone(self, request: Request, options: list[Option]) -> Unit:
        """A child who is asked for alone and has no place."""
        return Unit(request.id, (request,), self.by_level(options))

    def by_level(self, options: list[Option]) -> tuple[tuple[Option, ...], ...]:
        """The options level by level, those of a level as they were drawn."""
        levels: dict[int, list[Option]] = {}
        for option in options:
            levels.setdefault(option.level, []).append(option)
        return tuple([tuple(self._drawn(levels[level])) for level in sorted(levels)])

    def _drawn(self, options: list[Option]) -> list[Option]:
        return sorted(options, key=self._ticket) if len(options) > 1 else options

    def _ticket(self, option: Option) -> tuple[bytes, tuple[int, ...]]:
        said = "; ".join([f"{seat.request} {seat.section} {self._hours(seat.slots)}" for seat in option.seats])
        return (draw(self._seed, said), tuple([seat.pattern for seat in option.seats]))

    def _hours(self, slots: tuple[Slot, ...]) -> str:
        if id(slots) not in self._known:
            said = ",".join(f"{slot.day} {slot.start:%H:%M}-{slot.end:%H:%M}" for slot in slots)
            self._known[id(slots)] = (slots, said)
        return self._known[id(slots)][1]


def _ranked(units: dict[Id, Unit], ordinary: dict[Id, Claim], policy: Policy) -> dict[Id, list[Id]]:
    """For each section, the units with an option there, highest claim first."""
    found: dict[Id, dict[Id, Claim]] = defaultdict(dict)
    for name, unit in units.items():
        own = ordinary[name]
        for option in unit.options:
            for seat in option.seats:
                here = found[seat.section]
                if name not in here:
                    here[name] = claim_at(seat.structure, unit.requests, own, policy)
    return {section: sorted(claims, key=claims.__getitem__) for section, claims in sorted(found.items())}


class _Offer:
    """What the sections of a round offer, by section, and what their structures have prepared."""

    def __init__(self, round: Round, places: list[Current]) -> None:
        self.instant, self.weeks = round.instant, Weeks()
        self.is_tied = bool(places or round.support)  # options then say more than what is in their structure's rows
        self.prepared = {row.structure: row.children for row in round.support}
        self.vacancies: defaultdict[Id, list[Vacancy]] = defaultdict(list)
        self.holds: defaultdict[Id, list[Hold]] = defaultdict(list)
        self.places: defaultdict[Id, list[Current]] = defaultdict(list)
        for vacancy in round.vacancies:
            if vacancy.places > 0:
                self.vacancies[vacancy.section].append(vacancy)
        for hold in round.holds:
            self.holds[hold.section].append(hold)
        for place in places:
            self.places[place.hold.section].append(place)

    def at(self, sections: Collection[Id]) -> tuple[tuple[object, ...], ...]:
        """All that these sections offer and hold now."""
        names = sorted(sections)
        open_to = tuple([row.audience_at(self.instant) for name in names for row in self.vacancies[name]])
        places = tuple([row for name in names for row in self.vacancies[name]])
        return open_to, places, tuple([row for name in names for row in self.holds[name]])

    def spans(self, section: Id) -> Iterator[Span]:
        """All that cuts the time of a section but what is asked."""
        yield from ((row.slots, row.period) for row in self.vacancies[section])
        yield from ((row.slots, row.period) for row in self.holds[section])
        for place in self.places[section]:
            yield from place.spans


Fitting = list[tuple[Care, int, int]]
"""Care, its cells, and the audience level at which the child counts there."""


class _Place:
    """One structure of the round: its grid, what its sections offer, and the options of those who wish it."""

    def __init__(self, offer: _Offer, structure: Id, cares: list[Care]) -> None:
        self.structure, self.offer = structure, offer
        self.cares: defaultdict[Id, list[Care]] = defaultdict(list)
        for care in cares:
            self.cares[care.section.id].append(care)
        self.sections = sorted(self.cares)
        spans = [span for section in self.sections for span in offer.spans(section)]
        self.grid = offer.weeks.grid([*spans, *[(care.slots, care.period) for care in cares]])

    def options(self, rows: list[Row], support: dict[Id, int], kept: Kept) -> list[Option]:
        """The options that fit what is free.

        `rows` and `support` receive the rows that they use, `kept` what children use of the places that they have.
        """
        fitting, left = self._fitting()
        masks = {mask for here in fitting.values() for _, mask, _ in here}
        places = (place for section in self.sections for place in self.offer.places[section])
        parts = Parts(sorted(masks.union(self.grid.mask(*span) for place in places for span in place.spans)))
        found: list[Option] = []
        for section, here in fitting.items():
            numbers = self._add_rows(section, parts, left[section], rows, kept)
            found += _options_in(here, parts, numbers)
        self._add_support(found, len(parts.masks), rows, support)
        return found

    def _fitting(self) -> tuple[dict[Id, Fitting], dict[Id, list[Amounts]]]:
        """By section that offers all the hours of some care, what there is room for; and what it leaves."""
        fitting: dict[Id, Fitting] = {}
        left: dict[Id, list[Amounts]] = {}
        mask_of = self.grid.mask
        for section in self.sections:
            offered = self._offered(section)
            masks = [(care, mask_of(care.slots, care.period)) for care in self.cares[section]]
            possible = [(care, mask) for care, mask in masks if mask and not mask & ~offered]
            if possible:
                left[section] = self._left(section)
                taken = _taken(left[section])
                told = ((care, mask, effective_audience(care.request, section).level) for care, mask in possible)
                fitting[section] = [row for row in told if not row[1] & taken[row[2]]]
        return fitting, left

    def _offered(self, section: Id) -> int:
        union = 0
        for row in self.offer.vacancies[section]:
            union |= self.grid.mask(row.slots, row.period)
        return union

    def _add_rows(
        self, section: Id, parts: Parts, left: list[Amounts], rows: list[Row], kept: Kept
    ) -> list[tuple[int, ...]]:
        """Adds the rows of a section; returns the numbers of those that each audience uses, by its level.

        For each part, a row has what the fullest of its cells leaves.
        """
        known = {id(amounts): amounts.least(parts.masks) for amounts in left}
        numbers = [known[id(amounts)] for amounts in left]
        used: list[tuple[int, ...]] = []
        for level, here in enumerate(numbers):
            wider = numbers[level + 1] if level + 1 < len(numbers) else None
            if wider is None or (here is not wider and any(map(operator.lt, here, wider))):
                rows.append(Row(RowKind.PLACES if wider is None else RowKind.KEPT, section, here))
                used = [*[(*before, len(rows) - 1) for before in used], *[(len(rows) - 1,)] * (level + 1 - len(used))]
        for place in self.offer.places[section]:
            frees = {row: ~_full(rows[row]) for row in used[place.hold.entitled_to.level]}
            kept.note(place, frees, lambda span: parts.within(self.grid.mask(*span)))
        return used

    def _left(self, section: Id) -> list[Amounts]:
        """By audience, what each cell leaves to children of at most this audience, once those who may move have gone.

        Where more is held than there are places a move frees nothing: what is short stays short.
        """
        amounts = [*self._open_places(section), *self._held_units(section)]
        places = [row.hold for row in self.offer.places[section]]
        own = [(row.entitled_to.level, self.grid.mask(row.slots, row.period)) for row in places]
        found: list[Amounts] = []
        known: dict[tuple[int, int], Amounts] = {}  # most audiences find the same places
        for audience in range(len(Audience)):
            here = [row for row in amounts if row[0] <= audience]
            gone = [mask for level, mask in own if level <= audience]
            key = (len(here), len(gone))
            if key not in known:
                known[key] = _summed([(mask, amount) for _, mask, amount in here], gone)
            found.append(known[key])
        return found

    def _open_places(self, section: Id) -> Iterator[tuple[int, int, int]]:
        """The audience level of each vacancy, its cells, and how many places there are."""
        for row in self.offer.vacancies[section]:
            yield row.audience_at(self.offer.instant).level, self.grid.mask(row.slots, row.period), row.places

    def _held_units(self, section: Id) -> Iterator[tuple[int, int, int]]:
        for row in self.offer.holds[section]:
            yield row.entitled_to.level, self.grid.mask(row.slots, row.period), -row.units

    def _add_support(self, options: list[Option], width: int, rows: list[Row], support: dict[Id, int]) -> None:
        prepared = self.offer.prepared.get(self.structure)
        if prepared is not None and options:
            rows.append(Row(RowKind.SUPPORT, self.structure, (prepared,) * width))
            support[self.structure] = len(rows) - 1


def _options_in(fitting: Fitting, parts: Parts, numbers: list[tuple[int, ...]]) -> Iterator[Option]:
    """The options of one section. `numbers` are the rows that each audience uses, by its level."""
    known: dict[tuple[int, int], tuple[int, tuple[Use, ...]]] = {}
    for care, mask, level in fitting:
        found = known.get((mask, level))
        if found is None:
            own, cells = parts.within(mask), parts.numbers(mask)
            found = known[mask, level] = (own, tuple([Use(row, 1, own, cells) for row in numbers[level]]))
        yield _option(care, *found)


def _option(care: Care, mask: int, uses: tuple[Use, ...]) -> Option:
    request, section, wish_rank, pattern, level, slots, period = care
    seat = Seat(request.id, section.structure, section.id, wish_rank, pattern, level, slots, period, mask)
    return Option(request.id, level, (seat,), uses)


def _taken(left: list[Amounts]) -> list[int]:
    """By audience, the cells without room for a child, who counts at the level of its own and at all wider ones."""
    found, taken = [0] * len(left), 0
    for level in reversed(range(len(left))):
        found[level] = taken = taken | left[level].none_left
    return found


def _summed(amounts: list[tuple[int, int]], own: list[int]) -> Amounts:
    """Places less what is held, and what those who may move give back where nothing is short."""
    found = Amounts(sum(abs(amount) for _, amount in amounts) + len(own))
    for mask, amount in amounts:
        found.add(mask, amount)
    short = found.below
    for mask in own:
        found.add(mask & ~short, 1)
    return found


def _full(row: Row) -> int:
    return sum(1 << part for part, left in enumerate(row.left) if left <= 0)
