"""Claims that differ from one structure to another: families ask in the order of their wishes, sections keep the best.

Deferred acceptance (Gale and Shapley), each section going down its own claims; whoever may profit from a place that
comes free asks again, since weeks that overlap in part can reopen a place to a child who was refused. With such weeks
no stable outcome need exist: an option that has displaced others often enough takes only free places from then on, and
the cases left are listed.

When to modify: to settle more of these cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Arrangement
from services.matcher.solver.bands import Band
from services.matcher.solver.cells import bits
from services.matcher.solver.claims import claim_at
from services.matcher.solver.constraints import Settings
from services.matcher.solver.problem import Option, Problem, RowKind, Use
from services.matcher.solver.schema import Envy, Policy, Ties
from services.matcher.solver.single_places import accepted

REOPENED = (RowKind.PLACES, RowKind.LIMIT)
Name = tuple[tuple[Id, Id, int], ...]
"""What tells an option from another: request, section and pattern of each of its seats."""


def by_asking(problem: Problem, policy: Policy, settings: Settings) -> tuple[dict[Id, Option], tuple[Envy, ...]]:
    """The option of each unit that is served once nobody can ask for better, and the cases that were not settled.

    Where each choice is one place of one kind, one round of asking settles them all.
    """
    if (found := accepted(problem)) is not None:
        return found, ()
    table = Table(problem, settings)
    found = table.settle()
    if policy.ties is Ties.TOGETHER:
        table.rank = ranks_by_band(problem, policy)
    return found, table.envies()


def ranks_by_band(problem: Problem, policy: Policy) -> dict[Id, dict[Id, int]]:
    """By section, the rank of each unit there, the same for all of one band: equals envy each other nothing."""
    seats = (seat for unit in problem.units.values() for option in unit.options for seat in option.seats)
    structures = {seat.section: seat.structure for seat in seats}
    found: dict[Id, dict[Id, int]] = {}
    for place, units in problem.ranked.items():
        bands: dict[Band, int] = {}
        for unit in units:
            requests, ordinary = problem.units[unit].requests, problem.ordinary[unit]
            claim = claim_at(structures[place], requests, ordinary, policy)
            found.setdefault(place, {})[unit] = bands.setdefault(claim[:2], len(bands))
    return found


class Table:
    """Who is where, and whose chances must be looked at again."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.now = Arrangement(problem.rows)
        self._turn = {unit: turn for turn, unit in enumerate(sorted(problem.units, key=problem.ordinary.__getitem__))}
        self.rank = {section: {row: rank for rank, row in enumerate(rows)} for section, rows in problem.ranked.items()}
        self._waiting: list[tuple[int, Id]] = []
        self._queued: set[Id] = set()
        self._displacements: Counter[Name] = Counter()

    def settle(self) -> dict[Id, Option]:
        """The option of each unit that is served, by displacements and moves until nobody asks again."""
        for unit in self.problem.units:
            self._stay(unit)
            self.now.equals[unit] = self._equals_now(unit)
        for unit in self.problem.units:
            self._ask_again(unit)
        while self._waiting:
            _, unit = heappop(self._waiting)
            self._queued.discard(unit)
            self._improve(unit)
        return self.now.at

    def envies(self) -> tuple[Envy, ...]:
        """The cases that no displacement settled."""
        return tuple(
            Envy(request=seat.request, section=seat.section, pattern=seat.pattern)
            for unit in sorted(self.problem.units)
            for options in self._better_levels(unit)
            for option in options
            if self._in_the_way(option) is not None
            for seat in option.seats
        )

    def _ask_again(self, unit: Id) -> None:
        if unit not in self._queued:
            self._queued.add(unit)
            heappush(self._waiting, (self._turn[unit], unit))

    def _better_levels(self, unit: Id) -> Iterator[tuple[Option, ...]]:
        here = self.now.at.get(unit)
        for options in self.problem.units[unit].levels:
            if here is not None and options[0].level >= here.level:
                return
            yield options

    def _improve(self, unit: Id) -> None:
        for options in self._better_levels(unit):
            if any(self._claim(option, options) for option in options) or self._move_others(options):
                return

    def _claim(self, option: Option, equals: tuple[Option, ...]) -> bool:
        """Takes the option if those in its way have lower claims there; they keep what still fits."""
        lower, name = self._in_the_way(option), _name(option)
        if lower is None or (lower and self._displacements[name] >= self.settings.displacements):
            return False
        self._displacements[name] += bool(lower)
        own = [self.now.take(option.unit)] if option.unit in self.now.at else []
        removed = [self.now.take(other) for other in lower]
        self.now.put(option)
        gone = [other for other in removed if not self._is_put_back(other)]
        if not all(self._stay(other.unit) for other in gone):
            self.now.take(option.unit)
            self.now.rearrange([*own, *removed])
            return False
        self.now.equals |= {option.unit: equals} | {other.unit: self._equals_now(other.unit) for other in gone}
        for other in gone:
            self._ask_again(other.unit)
        self._reopen([*own, *gone])
        return True

    def _is_put_back(self, option: Option) -> bool:
        fits = self.now.tally.fits(option)
        if fits:
            self.now.put(option)
        return fits

    def _stay(self, unit: Id) -> bool:
        """Puts a child who has a place back in it; False if it does not fit. True for who has none."""
        stay = self.problem.units[unit].stay
        if stay is None:
            return True
        return self._is_put_back(stay)

    def _equals_now(self, unit: Id) -> tuple[Option, ...]:
        here = self.now.at.get(unit)
        return (here,) if here is not None else ()

    def _move_others(self, options: tuple[Option, ...]) -> bool:
        """Takes one of the options by moving others to options that are as good to them."""
        before = self.now.at.get(options[0].unit)
        if before is not None:
            self.now.take(before.unit)
        if not self.now.insert(options, self.settings.chain_depth, self.settings.chain_width):
            if before is not None:
                self.now.put(before)
            return False
        self.now.equals[options[0].unit] = options
        self._reopen([*self.now.left_behind(), *([before] if before else [])])
        return True

    def _in_the_way(self, option: Option) -> list[Id] | None:
        """Those with lower claims whose hours would have to be taken back, highest first; None if not enough."""
        lower: dict[Id, int] = {}
        for use in option.uses:
            short = self.now.tally.short(use)
            if short and not self._adds_lower(use, short, option.unit, lower):
                return None
        lower.pop(option.unit, None)
        return sorted(lower, key=lambda unit: (lower[unit], unit))

    def _adds_lower(self, use: Use, short: int, unit: Id, lower: dict[Id, int]) -> bool:
        """Adds those with lower claims in the cells that are too full for this use; False if they are too few."""
        rank = self.rank.get(self.problem.rows[use.row].place, {})
        freed: Counter[int] = Counter()
        for other, mask in self.now.using[use.row].items():
            if mask & short and (other == unit or self._is_lower(other, unit, rank)):
                lower[other] = rank.get(other, 0)
                freed.update(cell for own in self.now.at[other].uses if own.row == use.row for cell in own.cells)
        left = self.now.tally.left[use.row]
        return all(left[cell] + freed[cell] >= use.nth for cell in bits(short))

    def _is_lower(self, other: Id, unit: Id, rank: dict[Id, int]) -> bool:
        """True if a place may be taken back from `other`; the one that a child has had from before may not."""
        return bool(self.now.at[other].seats) and other in rank and rank[other] > rank[unit]

    def _reopen(self, options: list[Option]) -> None:
        """Those who would prefer hours that have just come free ask again."""
        rows = self.problem.rows
        for use in (use for option in options for use in option.uses if rows[use.row].kind in REOPENED):
            for unit in self.problem.ranked.get(rows[use.row].place, ()):
                if unit not in self._queued and self._would_prefer(unit, use):
                    self._ask_again(unit)

    def _would_prefer(self, unit: Id, freed: Use) -> bool:
        here = self.now.at.get(unit)
        return any(
            use.row == freed.row and use.mask & freed.mask
            for option in self.problem.units[unit].options
            if here is None or option.level < here.level
            for use in option.uses
        )


def _name(option: Option) -> Name:
    return tuple((seat.request, seat.section, seat.pattern) for seat in option.seats)
