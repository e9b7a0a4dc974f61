"""The choices of a round: one option for each wished and eligible section and pattern whose hours are all offered.

Variables exist only here: age, dates, hours and travel are settled before anything is solved.
When to modify: when a new fact makes a choice possible or impossible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from contracts.vocabulary import Audience, Id
from services.matcher.solver.care import Care, cares_by_structure, effective_audience
from services.matcher.solver.cells import Amounts, Grid, Parts
from services.matcher.solver.claims import Claim, draw, shared_claim
from services.matcher.solver.current import Current, Kept, current_places
from services.matcher.solver.limits import ranked_in_limits, within_limits
from services.matcher.solver.problem import Option, Problem, Row, RowKind, Seat, Unit, Use, uses_of
from services.matcher.solver.schema import Hold, Policy, Round, Vacancy
from services.matcher.solver.siblings import joint_options, minutes_between
from services.matcher.solver.split import with_split_weeks
from services.matcher.solver.waiting import without_long_waits


def problem_of(round: Round) -> Problem:
    """The problem of a canonical round."""
    rows: list[Row] = []
    support: dict[Id, int] = {}
    options: dict[Id, list[Option]] = {request.id: [] for request in round.requests}
    by_structure, kept = without_long_waits(round, cares_by_structure(round)), Kept()
    places = current_places(round, _starts(by_structure))
    rows_of = _BySection(round)
    for structure, cares in sorted(by_structure.items()):
        place = _Place(round, structure, cares, places, rows_of)
        for option in place.options(rows, support, kept):
            options[option.unit].append(option)
    for request in round.requests:
        if request.current is not None:
            options[request.id] = list(map(kept.after, options[request.id]))
    options = within_limits(round, options, rows)
    options = {row.id: with_split_weeks(row, options[row.id]) for row in round.requests}
    units = {unit.id: unit for unit in _units(round, options, tuple(rows), kept)}
    ordinary = {name: shared_claim(unit.requests, None, round.policy) for name, unit in units.items()}
    ranked = ranked_in_limits(units, ordinary, rows) | _ranked(units, ordinary, round.policy)
    return Problem(units, tuple(rows), support, ordinary, ranked)


def _starts(cares: dict[Id, list[Care]]) -> dict[Id, set[date]]:
    found: dict[Id, set[date]] = defaultdict(set)
    for here in cares.values():
        for care in here:
            found[care.request.id].add(care.period.start)
    return found


def _units(round: Round, options: dict[Id, list[Option]], rows: tuple[Row, ...], kept: Kept) -> Iterator[Unit]:
    seed, minutes = round.policy.seed, minutes_between(round.travel)
    requests = {request.id: request for request in round.requests}
    for siblings in round.siblings:
        members = [requests.pop(name) for name in siblings.requests]
        joint = joint_options(siblings, members, [options[member.id] for member in members], minutes, rows)
        yield Unit(siblings.id, tuple(members), _by_level(joint, seed))
    for name, request in requests.items():
        yield Unit(name, (request,), _by_level(options[name], seed), kept.stay(request))


def _by_level(options: list[Option], seed: str) -> tuple[tuple[Option, ...], ...]:
    levels: dict[int, list[Option]] = defaultdict(list)
    for option in options:
        levels[option.level].append(option)
    return tuple(tuple(_drawn(levels[level], seed)) for level in sorted(levels))


def _drawn(options: list[Option], seed: str) -> list[Option]:
    return sorted(options, key=lambda option: ticket(option, seed)) if len(options) > 1 else options


def ticket(option: Option, seed: str) -> tuple[bytes, tuple[int, ...]]:
    """The draw among options that are equally good to a family; it does not depend on any order of rows."""
    said = "; ".join(_said(seat) for seat in option.seats)
    return (draw(seed, said), tuple(seat.pattern for seat in option.seats))


def _said(seat: Seat) -> str:
    hours = ",".join(f"{slot.day} {slot.start:%H:%M}-{slot.end:%H:%M}" for slot in seat.slots)
    return f"{seat.request} {seat.section} {hours}"


def _ranked(units: dict[Id, Unit], ordinary: dict[Id, Claim], policy: Policy) -> dict[Id, list[Id]]:
    """For each section, the units with an option there, highest claim first."""
    found: dict[Id, dict[Id, Claim]] = defaultdict(dict)
    for name, unit in units.items():
        differ = any(request.points_at for request in unit.requests)
        for option in unit.options:
            for seat in option.seats:
                if name not in found[seat.section]:
                    here = shared_claim(unit.requests, seat.structure, policy) if differ else ordinary[name]
                    found[seat.section][name] = here
    return {section: sorted(claims, key=claims.__getitem__) for section, claims in sorted(found.items())}


class _BySection:
    """The vacancies and the holds of each section."""

    def __init__(self, round: Round) -> None:
        self.vacancies: dict[Id, list[Vacancy]] = defaultdict(list)
        self.holds: dict[Id, list[Hold]] = defaultdict(list)
        for vacancy in round.vacancies:
            self.vacancies[vacancy.section].append(vacancy)
        for hold in round.holds:
            self.holds[hold.section].append(hold)


class _Place:
    """One structure of the round: its grid, what its sections offer, and the options of those who wish it."""

    def __init__(self, round: Round, structure: Id, cares: list[Care], places: list[Current], rows: _BySection) -> None:
        ids = {care.section.id for care in cares}
        self.structure, self.cares, self.instant = structure, cares, round.instant
        self._known_left: dict[tuple[tuple[tuple[int, int], ...], tuple[int, ...]], Amounts] = {}
        self.vacancies = [row for name in sorted(ids) for row in rows.vacancies[name] if row.places > 0]
        self.places = [row for row in places if row.hold.section in ids]
        self.holds = [row for name in sorted(ids) for row in rows.holds[name]]
        self.prepared = next((row.children for row in round.support if row.structure == structure), None)
        free = [(row.slots, row.period) for row in self.vacancies]
        held = [(row.slots, row.period) for row in self.holds]
        kept = [span for row in self.places for span in row.spans]
        self.grid = Grid([*free, *held, *kept, *(care.span for care in cares)])

    def options(self, rows: list[Row], support: dict[Id, int], kept: Kept) -> Iterator[Option]:
        """The options that fit what is free.

        `rows` and `support` receive the rows that they use, `kept` what children use of the places that they have.
        """
        offered = {section: self._offered(section) for section in {care.section.id for care in self.cares}}
        masks = [(care, self.grid.mask(*care.span)) for care in self.cares]
        possible = [(care, mask) for care, mask in masks if mask and not mask & ~offered[care.section.id]]
        left = {section: self._left(section) for section in sorted({care.section.id for care, _ in possible})}
        taken = {section: _taken(here) for section, here in left.items()}
        fitting = [(care, mask) for care, mask in possible if not mask & taken[care.section.id][_level(care)]]
        own = {self.grid.mask(*span) for row in self.places for span in row.spans}
        parts = Parts(sorted({mask for _, mask in fitting} | own))
        found: list[Option] = []
        for section, here in left.items():
            numbers = self._add_rows(section, parts, [_at_least(amounts, parts) for amounts in here], rows, kept)
            found += self._options_in(section, fitting, parts, numbers)
        self._add_support(found, len(parts.masks), rows, support)
        yield from found

    def _offered(self, section: Id) -> int:
        union = 0
        for row in self.vacancies:
            union |= self.grid.mask(row.slots, row.period) if row.section == section else 0
        return union

    def _add_rows(
        self, section: Id, parts: Parts, left: list[tuple[int, ...]], rows: list[Row], kept: Kept
    ) -> dict[Audience, tuple[int, ...]]:
        """Adds the rows of a section; returns the numbers of those that each audience uses."""
        binding: list[tuple[int, int]] = []
        for level, here in enumerate(left):
            wider = left[level + 1] if level + 1 < len(left) else None
            if wider is None or any(a < b for a, b in zip(here, wider, strict=True)):
                rows.append(Row(RowKind.PLACES if wider is None else RowKind.KEPT, section, here))
                binding.append((level, len(rows) - 1))
        numbers = {audience: tuple(row for level, row in binding if level >= audience.level) for audience in Audience}
        for place in (row for row in self.places if row.hold.section == section):
            frees = {row: ~_full(rows[row]) for row in numbers[place.hold.entitled_to]}
            kept.note(place, frees, lambda span: parts.within(self.grid.mask(*span)))
        return numbers

    def _left(self, section: Id) -> list[Amounts]:
        """By audience, what each cell leaves to children of at most this audience, once those who may move have gone.

        Where more is held than there are places a move frees nothing: what is short stays short.
        """
        found = []
        for audience in Audience:
            amounts = (*self._open_places(section, audience), *self._held_units(section, audience))
            places = [row.hold for row in self.places if row.hold.section == section]
            own = tuple(
                self.grid.mask(row.slots, row.period) for row in places if row.entitled_to.level <= audience.level
            )
            if (amounts, own) not in self._known_left:  # most audiences find the same places
                self._known_left[amounts, own] = _summed(amounts, own)
            found.append(self._known_left[amounts, own])
        return found

    def _open_places(self, section: Id, audience: Audience) -> Iterator[tuple[int, int]]:
        for row in self.vacancies:
            if row.section == section and row.audience_at(self.instant).level <= audience.level:
                yield self.grid.mask(row.slots, row.period), row.places

    def _held_units(self, section: Id, audience: Audience) -> Iterator[tuple[int, int]]:
        for row in self.holds:
            if row.section == section and row.entitled_to.level <= audience.level:
                yield self.grid.mask(row.slots, row.period), -row.units

    def _options_in(
        self, section: Id, fitting: list[tuple[Care, int]], parts: Parts, numbers: dict[Audience, tuple[int, ...]]
    ) -> Iterator[Option]:
        uses: dict[tuple[int, tuple[int, ...]], tuple[Use, ...]] = {}
        for care, mask in fitting:
            if care.section.id == section:
                used, own = numbers[effective_audience(care.request, section)], parts.within(mask)
                if (own, used) not in uses:
                    uses[own, used] = uses_of((row, own) for row in used)
                yield _option(care, own, uses[own, used])

    def _add_support(self, options: list[Option], width: int, rows: list[Row], support: dict[Id, int]) -> None:
        if self.prepared is not None and options:
            rows.append(Row(RowKind.SUPPORT, self.structure, (self.prepared,) * width))
            support[self.structure] = len(rows) - 1


def _option(care: Care, mask: int, uses: tuple[Use, ...]) -> Option:
    section = care.section
    seat = Seat(
        request=care.request.id,
        structure=section.structure,
        section=section.id,
        wish_rank=care.wish_rank,
        pattern=care.pattern,
        level=care.level,
        slots=care.slots,
        period=care.period,
        mask=mask,
    )
    return Option(care.request.id, care.level, (seat,), uses)


def _taken(left: list[Amounts]) -> list[int]:
    """By audience, the cells without room for a child, who counts at the level of its own and at all wider ones."""
    found, taken = [0] * len(left), 0
    for level in reversed(range(len(left))):
        found[level] = taken = taken | left[level].none_left
    return found


def _level(care: Care) -> int:
    return effective_audience(care.request, care.section.id).level


def _summed(amounts: tuple[tuple[int, int], ...], own: tuple[int, ...]) -> Amounts:
    """Places less what is held, and what those who may move give back where nothing is short."""
    found = Amounts(sum(abs(amount) for _, amount in amounts) + len(own))
    for mask, amount in amounts:
        found.add(mask, amount)
    short = found.below
    for mask in own:
        found.add(mask & ~short, 1)
    return found


def _at_least(amounts: Amounts, parts: Parts) -> tuple[int, ...]:
    """For each part, what the fullest of its cells leaves."""
    return tuple(map(amounts.least, parts.masks))


def _full(row: Row) -> int:
    return sum(1 << part for part, left in enumerate(row.left) if left <= 0)
