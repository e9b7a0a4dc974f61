"""Down the list with prices in hand: what those who go before leave, and whom a proof refuses.

Written without the solver. A proof is a sum in whole numbers: whoever went before pays, at the least, for the cheapest
of the choices left to it; what is left of the priced places is the proof's slack, and a choice that costs more is
impossible. A choice that a proof rules out for somebody who went before is left out from there on. Who competes for a
goal is paid back for what it counts, and what the goal has reached is taken off the places.

When to modify: when a mode keeps something else. A sum that is not exact proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.facts import Facts
from services.matcher.solver.limited import Spot
from services.matcher.solver.priced import Cost, Priced, cost_of
from services.matcher.solver.schema import Proof
from services.matcher.solver.turns import Reach, Step, Turns
from services.matcher.solver.ways import Aim, Way, Ways

On = Id | Spot | Aim


class Descent:
    """What is left to each family that takes part, and the slack of each proof beside them."""

    def __init__(self, facts: Facts, proofs: Iterable[Proof] = ()) -> None:
        self.facts, self.ways = facts, Ways(facts)
        self.turns = Turns(self.ways)
        self.live: dict[Id, tuple[Way, ...]] = {}
        self.priced: list[Priced] = []
        self.slack: list[int] = []
        self._least: list[dict[Id, int]] = []
        self._waiting: list[set[Aim]] = []
        self._decided: set[Aim] = set()
        self._on: defaultdict[On, list[int]] = defaultdict(list)
        self._there: defaultdict[On, dict[Id, None]] = defaultdict(dict)
        self._made: defaultdict[On, dict[Way, None]] = defaultdict(dict)
        self._known: set[Way] = set()
        self._ruled_out_by: dict[Way, int] = {}
        for proof in proofs:
            self.add(cost_of(proof, facts))

    def add(self, cost: Cost) -> int:
        """Adds a proof; returns its number. Raises KeyError for a goal that the mode does not have."""
        number, priced = len(self.priced), Priced(cost, self.ways)
        kept = sum(price * self.turns.aims.reached[aim] for aim, price in priced.aims.items())
        self.priced.append(priced)
        self.slack.append(priced.places - kept)
        self._least.append({})
        self._waiting.append(priced.aims.keys() - self._decided)
        for key in priced.keys:
            self._on[key].append(number)
        for way in dict.fromkeys(way for key in priced.keys for way in self._made[key]):
            self._price(way, number)
        for unit in self.there(priced.keys):
            self._update(number, unit)
        return number

    def refuses(self, number: int, unit: Id, way: Way) -> bool:
        """True if the proof shows that the family cannot be served like this beside those who take part."""
        if self.turns.contradict:
            return self._is_full_of_others(number, way)
        if self._waiting[number]:
            return False
        return self.price(way, number) - self._least[number].get(unit, 0) > self.slack[number]

    def _is_full_of_others(self, number: int, way: Way) -> bool:
        """True if one of the priced hours is full of children who stand before the family there."""
        for choice in way.wanted.choices if way.wanted else ():
            cells = sum(1 << entry[1] for entry in self.priced[number].cells.get(choice.section, ()))
            standing = self.facts.standing_at(choice.request, choice.structure)
            if cells & self.facts.full_cells(choice, standing):
                return True
        return False

    def closes(self, number: int, aim: Aim) -> bool:
        """True if the proof shows that no more of a goal can be reached, those before it kept."""
        price = self.priced[number].aims.get(aim, 0)
        return self._waiting[number] == {aim} and price > self.slack[number]

    def is_closed(self, aim: Aim) -> bool:
        """True if all who compete have the best for the goal, so that it needs no proof."""
        most = sum(max(way.aims.get(aim, 0) for way in self.live[unit]) for unit in self._there[aim])
        return most <= self.turns.aims.reached[aim]

    def is_decided(self, aim: Aim) -> bool:
        """True once it was the goal's turn."""
        return aim in self._decided

    def decide(self, aim: Aim) -> list[Id]:
        """The goal is kept from here on; returns the families that have fewer ways now."""
        self._decided.add(aim)
        ready = [number for number in self._on[aim] if aim in self._waiting[number]]
        for number in ready:
            self._waiting[number].discard(aim)
        return self.propagate(ready)

    def balance(self, number: int, unit: Id) -> tuple[int, int]:
        """What a proof leaves at its prices, and what the others who take part take of it at the least."""
        before = sum(least for other, least in self._least[number].items() if other != unit)
        return self.slack[number] + sum(self._least[number].values()), before

    def rules_out(self, unit: Id, way: Way, numbers: Iterable[int]) -> bool:
        """True if one of these proofs refuses it, or if it was refused before."""
        gone = unit in self.live and way not in self.live[unit]
        return gone or any(self.refuses(number, unit, way) for number in numbers)

    def refusing(self, unit: Id, way: Way) -> int | None:
        """A proof, of those that are there, by which a way is refused; None if there is none."""
        self._know(way)
        if way in self._ruled_out_by:
            return self._ruled_out_by[way]
        if self.turns.contradict:
            numbers: Iterable[int] = dict.fromkeys(number for key in way.keys for number in self._on[key])
        else:
            numbers = way.prices
        return next((number for number in numbers if self.refuses(number, unit, way)), None)

    def price(self, way: Way, number: int) -> int:
        """What a way costs by a proof."""
        self._know(way)
        return way.prices.get(number, 0)

    def settle(self, unit: Id, ways: tuple[Way, ...]) -> list[Id]:
        """Leaves these ways to a family, and draws what follows; returns the families that have fewer ways now."""
        left = tuple(way for way in ways if way in self.live.get(unit, ways) and not self._is_refused(unit, way))
        return [unit, *self.propagate(self._note(unit, left or ways))]

    def _is_refused(self, unit: Id, way: Way) -> bool:
        self._know(way)
        return any(self.refuses(number, unit, way) for number in way.prices)

    def propagate(self, numbers: Iterable[int]) -> list[Id]:
        """Leaves out what these proofs rule out for those who take part, and what this rules out in turn."""
        changed, waiting = [], list(numbers)
        while waiting:
            number = waiting.pop()
            for other in self.there(self.priced[number].keys):
                ways = self.live[other]
                fewer = tuple(way for way in ways if not self.refuses(number, other, way))
                if 0 < len(fewer) < len(ways):
                    self._ruled_out_by |= {way: number for way in ways if way not in fewer}
                    changed.append(other)
                    waiting += self._note(other, fewer)
        return changed

    def there(self, keys: Iterable[On]) -> list[Id]:
        """The families that take part and may use one of these sections, limits or goals."""
        return list(dict.fromkeys(unit for key in dict.fromkeys(keys) for unit in self._there[key]))

    def _note(self, unit: Id, ways: tuple[Way, ...]) -> list[int]:
        before = self.live.get(unit, ())
        self.live[unit] = ways
        for way in ways:
            self._know(way)
            for key in way.keys:
                self._there[key][unit] = None
        numbers = dict.fromkeys(number for way in (*before, *ways) for number in way.prices)
        return [number for number in numbers if self._update(number, unit)]

    def _update(self, number: int, unit: Id) -> bool:
        least = min(self.price(way, number) for way in self.live[unit])
        before = self._least[number].get(unit, 0)
        self._least[number][unit] = least
        self.slack[number] -= least - before
        return least != before

    def steps(self) -> Iterator[Step | Reach]:
        """The families and goals in their order; whoever runs them settles each family and decides each goal."""
        for unit, ways in self.turns.entering():
            self.settle(unit, ways)
        yield from self.turns

    def _know(self, way: Way) -> None:
        """Prices a way by the proofs that are there, once."""
        if way in self._known:
            return
        self._known.add(way)
        for key in way.keys:
            self._made[key][way] = None
        for number in dict.fromkeys(number for key in way.keys for number in self._on[key]):
            self._price(way, number)

    def _price(self, way: Way, number: int) -> None:
        price = self.priced[number].price_of(way)
        if price:
            way.prices[number] = price
