"""Down the list with prices in hand: what those who go before leave, and whom a proof refuses.

Written without the solver. A proof is a sum in whole numbers: whoever went before pays, at the least, for the cheapest
of the choices left to it; what is left of the priced places is the proof's slack, and a choice that costs more is
impossible. A choice that a proof rules out for somebody who went before is left out from there on.

When to modify: when a mode has another order of goals. A sum that is not exact proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from contracts.vocabulary import Id
from services.matcher.solver.books import AUDIENCES, Cell, numbers
from services.matcher.solver.facts import Facts
from services.matcher.solver.families import Wanted
from services.matcher.solver.schema import Mode, Proof, Ties

Entry = tuple[int, int, int, date]
"""A proof's number, the audience level that pays, the price, the day."""


@dataclass(frozen=True)
class Part:
    """Cells of one section that a child would use; `before` a day only, for a place that it gives up on that day."""

    section: Id
    mask: int
    level: int
    before: date | None = None


@dataclass(eq=False)
class Way:
    """One way to serve a family, or to leave a child in the place that it has. `prices` by the number of the proof."""

    wanted: Wanted | None
    parts: tuple[Part, ...]
    prices: dict[int, int] = field(default_factory=dict)

    @property
    def sections(self) -> Iterable[Id]:
        return dict.fromkeys(part.section for part in self.parts)


@dataclass(frozen=True)
class Step:
    """A family whose turn it is: what it would rather have, and what is left to it once it had its turn."""

    unit: Id
    preferred: tuple[Way, ...]
    kept: tuple[Way, ...]


class Descent:
    """What is left to each family that went before, and the slack of each proof beside them."""

    def __init__(self, facts: Facts, proofs: Iterable[Proof] = ()) -> None:
        self.facts = facts
        self.live: dict[Id, tuple[Way, ...]] = {}
        self.proofs: list[Proof] = []
        self.slack: list[int] = []
        self._least: list[dict[Id, int]] = []
        self._priced: defaultdict[Id, defaultdict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        self._union: defaultdict[Id, int] = defaultdict(int)
        self._there: defaultdict[Id, dict[Id, None]] = defaultdict(dict)
        self._made: defaultdict[Id, list[Way]] = defaultdict(list)
        self._ways: dict[Id, tuple[Way, ...]] = {}
        self._stays: dict[Id, Way] = {}
        for proof in proofs:
            self.add(proof)

    def add(self, proof: Proof) -> int:
        """Adds a proof; returns its number. Raises KeyError for a section that nobody wishes, ValueError for a moment
        at which nothing happens there."""
        number = len(self.proofs)
        cells = [(price, self.facts.books[price.section].cell_at(price.day, price.hour)) for price in proof.prices]
        for price, cell in cells:
            entry = (number, AUDIENCES.index(price.audience), price.price, price.day)
            self._priced[price.section][cell].append(entry)
            self._union[price.section] |= 1 << cell
        self.proofs.append(proof)
        self.slack.append(
            sum(row.price * self.places(row.section, AUDIENCES.index(row.audience), cell) for row, cell in cells)
        )
        self._least.append({})
        for way in dict.fromkeys(way for price in proof.prices for way in self._made[price.section]):
            self._price(way, number)
        for unit in self._touched(number):
            self._update(number, unit)
        return number

    def places(self, section: Id, level: int, cell: Cell) -> int:
        """The places in a cell that children of at most this audience may use, with those that children may leave.

        Where more was held before than there are places, whoever is there may stay.
        """
        book, had = self.facts.books[section], self.facts.movers.had.values()
        given = sum(mask >> cell & 1 for mask in self.left_by_movers(section, level))
        own = (hold for hold in had if hold.section == section and hold.entitled_to.level <= level)
        theirs = sum(book.mask(hold.slots, hold.period) >> cell & 1 for hold in own)
        return max(book.free[level].at(cell) + given, theirs, 0)

    def left_by_movers(self, section: Id, level: int) -> list[int]:
        """The cells, as bits, of each place in a section that counts as held and that a child may leave."""
        now = (hold for hold in self.facts.movers.now.values() if hold is not None and hold.section == section)
        book = self.facts.books[section]
        return [book.mask(hold.slots, hold.period) for hold in now if hold.entitled_to.level <= level]

    def refuses(self, number: int, unit: Id, way: Way) -> bool:
        """True if the proof shows that the family cannot be served like this beside those who went before."""
        return way.prices.get(number, 0) - self._least[number].get(unit, 0) > self.slack[number]

    def balance(self, number: int, unit: Id) -> tuple[int, int]:
        """The places of a proof, at its prices, and what the others who went before take of them at the least."""
        before = sum(least for other, least in self._least[number].items() if other != unit)
        return self.slack[number] + sum(self._least[number].values()), before

    def rules_out(self, unit: Id, way: Way, numbers: Iterable[int]) -> bool:
        """True if one of these proofs refuses it, or if it was refused before."""
        gone = unit in self.live and way not in self.live[unit]
        return gone or any(self.refuses(number, unit, way) for number in numbers)

    def settle(self, unit: Id, ways: tuple[Way, ...]) -> list[Id]:
        """Leaves these ways to a family, and draws what follows; returns the families that have fewer ways now."""
        left = tuple(way for way in ways if way in self.live.get(unit, ways) and not self._is_refused(unit, way))
        return [unit, *self.propagate(self._note(unit, left or ways))]

    def _is_refused(self, unit: Id, way: Way) -> bool:
        return any(self.refuses(number, unit, way) for number in way.prices)

    def propagate(self, numbers: Iterable[int]) -> list[Id]:
        """Leaves out what these proofs rule out for those who went before, and what this rules out in turn."""
        changed, waiting = [], list(numbers)
        while waiting:
            number = waiting.pop()
            for other in self._touched(number):
                ways = self.live[other]
                fewer = tuple(way for way in ways if not self.refuses(number, other, way))
                if 0 < len(fewer) < len(ways):
                    changed.append(other)
                    waiting += self._note(other, fewer)
        return changed

    def _touched(self, number: int) -> list[Id]:
        return self.there(price.section for price in self.proofs[number].prices)

    def there(self, sections: Iterable[Id]) -> list[Id]:
        """The families that went before and may be in one of these sections."""
        return list(dict.fromkeys(unit for section in dict.fromkeys(sections) for unit in self._there[section]))

    def _note(self, unit: Id, ways: tuple[Way, ...]) -> list[int]:
        before = self.live.get(unit, ())
        self.live[unit] = ways
        for way in ways:
            for section in way.sections:
                self._there[section][unit] = None
        numbers = dict.fromkeys(number for way in (*before, *ways) for number in way.prices)
        return [number for number in numbers if self._update(number, unit)]

    def _update(self, number: int, unit: Id) -> bool:
        least = min(way.prices.get(number, 0) for way in self.live[unit])
        before = self._least[number].get(unit, 0)
        self._least[number][unit] = least
        self.slack[number] -= least - before
        return least != before

    def steps(self) -> Iterator[Step]:
        """The families in their order, each with what it would rather have; whoever runs them settles each."""
        policy = self.facts.round.policy
        if policy.ties is Ties.TOGETHER:
            return
        order = self._order()
        for unit in order:
            if unit in self.facts.movers.had:
                self.settle(unit, (*self.ways(unit), self._stay(unit)))
        if policy.mode is Mode.STABLE:
            yield from (self._step(unit) for unit in order)
            return
        yield from (self._served(unit) for unit in order if unit not in self.facts.movers.had)
        yield from (self._step(unit) for unit in order if unit in self.live)

    def _order(self) -> list[Id]:
        """The families by their one claim; where somebody's points depend on the structure, it takes no part."""
        facts, withheld = self.facts, set(self.facts.outcome.withheld)
        alone = {
            unit: facts.standing_at(members[0], "")
            for unit, members in facts.families.members.items()
            if not any(facts.requests[name].points_at for name in members) and withheld.isdisjoint(members)
        }
        return sorted(alone, key=alone.__getitem__)

    def _step(self, unit: Id) -> Step:
        worth = self.facts.worths.get(unit)
        if worth is None:
            stays = unit in self.facts.movers.had
            return Step(unit, self.ways(unit), (self._stay(unit),) if stays else ())
        ways = self.ways(unit)
        better = tuple(way for way in ways if way.wanted and way.wanted.worth < worth)
        return Step(unit, better, tuple(way for way in ways if way.wanted and way.wanted.worth == worth))

    def _served(self, unit: Id) -> Step:
        """A family looked at for the number of its children alone."""
        seats = sum(name in self.facts.placed for name in self.facts.families.members[unit])
        sized = [(len({choice.request for choice in way.wanted.choices}), way) for way in self.ways(unit) if way.wanted]
        more = tuple(way for size, way in sized if size > seats)
        return Step(unit, more, tuple(way for size, way in sized if seats and size >= seats))

    def ways(self, unit: Id) -> tuple[Way, ...]:
        """All that would suit a family at hours that exist; a child who moves keeps its place until then."""
        if unit not in self._ways:
            found = (self._way(wanted) for wanted in self.facts.families.wanted(unit))
            self._ways[unit] = tuple(way for way in found if all(part.mask for part in way.parts))
        return self._ways[unit]

    def _way(self, wanted: Wanted) -> Way:
        parts = []
        for choice in wanted.choices:
            level = self.facts.level_in(choice.request, choice.section)
            parts.append(Part(choice.section, self.facts.books[choice.section].mask(*choice.span), level))
            home = self._home(choice.request, choice.period.start)
            parts += [home] if home is not None and home.mask else []
        return self._priced_way(Way(wanted, tuple(parts)))

    def _stay(self, unit: Id) -> Way:
        if unit not in self._stays:
            home = self._home(unit, None)
            self._stays[unit] = self._priced_way(Way(None, (home,) if home is not None else ()))
        return self._stays[unit]

    def _home(self, request: Id, until: date | None) -> Part | None:
        hold = self.facts.movers.had.get(request)
        if hold is None:
            return None
        mask = self.facts.books[hold.section].mask(hold.slots, hold.period)
        return Part(hold.section, mask, hold.entitled_to.level, until)

    def _priced_way(self, way: Way) -> Way:
        for section in way.sections:
            self._made[section].append(way)
        for number in {entry[0] for part in way.parts for entry in self._entries(part)}:
            self._price(way, number)
        return way

    def _price(self, way: Way, number: int) -> None:
        price = sum(entry[2] for part in way.parts for entry in self._entries(part) if entry[0] == number)
        if price:
            way.prices[number] = price

    def _entries(self, part: Part) -> Iterator[Entry]:
        """The prices that a child would pay for a part."""
        common = part.mask & self._union[part.section]
        for cell in numbers(common):
            for entry in self._priced[part.section][cell]:
                if part.level <= entry[1] and (part.before is None or entry[3] < part.before):
                    yield entry
