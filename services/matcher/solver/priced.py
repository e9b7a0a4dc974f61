"""Prices ready to be added up: what a way of serving a family costs, and what there is at these prices.

Written without the solver. A sum that is not exact proves nothing. When to modify: with `certificate.py`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from contracts.vocabulary import Id
from services.matcher.solver.books import AUDIENCES, Cell
from services.matcher.solver.facts import Facts
from services.matcher.solver.limited import Spot
from services.matcher.solver.schema import GoalPrice, Price, Proof
from services.matcher.solver.ways import Aim, Part, Place, Way, Ways

Key = Place | Spot | Aim
Cost = dict[Key, int]
"""Prices of places, of other limits, and what is paid back for goals."""
Entry = tuple[int, Cell, date, int]
"""The audience level that pays, the cell, its day, the price."""


class Priced:
    """One proof. `places` is what there is at its prices, before anybody is paid back."""

    def __init__(self, cost: Cost, ways: Ways) -> None:
        self.aims: dict[Aim, int] = {key: price for key, price in cost.items() if isinstance(key, Aim)}
        self.spots: dict[Spot, int] = {key: price for key, price in cost.items() if isinstance(key, Spot)}
        self.cells: defaultdict[Id, list[Entry]] = defaultdict(list)
        self.places = sum(price * ways.left(key) for key, price in cost.items() if not isinstance(key, Aim))
        for key, price in cost.items():
            if isinstance(key, Place):
                day, _ = ways.facts.books[key.section].moment(key.cell)
                self.cells[key.section].append((key.level, key.cell, day, price))

    @property
    def keys(self) -> list[Id | Spot | Aim]:
        """What a way must have to cost anything."""
        return [*self.cells, *self.spots, *self.aims]

    def price_of(self, way: Way) -> int:
        """What a way costs, less what it is paid back."""
        cost = sum(self._of_part(part) for part in way.parts if part.section in self.cells)
        if self.spots:
            cost += sum(self.spots.get(spot, 0) for spot in way.spots)
        return cost - sum(price * way.aims.get(aim, 0) for aim, price in self.aims.items())

    def _of_part(self, part: Part) -> int:
        return sum(
            price
            for level, cell, day, price in self.cells[part.section]
            if part.level <= level and part.mask >> cell & 1 and (part.before is None or day < part.before)
        )


def cost_of(proof: Proof, facts: Facts) -> Cost:
    """What a written proof prices. Raises KeyError for what is not there, ValueError for a moment of nothing."""
    found: defaultdict[Key, int] = defaultdict(int)
    for row in proof.prices:
        cell = facts.books[row.section].cell_at(row.day, row.hour)
        found[Place(row.section, AUDIENCES.index(row.audience), cell)] += row.price
    for limit in proof.limits:
        found[facts.limits.spot_of(limit)] += limit.price
    for goal in proof.goals:
        found[Aim(goal.goal, goal.tier, goal.points, goal.among)] += goal.price
    return dict(found)


def proof_of(cost: Cost, facts: Facts) -> Proof:
    """The same prices, as they are written."""
    places = sorted((key, price) for key, price in cost.items() if isinstance(key, Place))
    rows = []
    for (section, level, cell), price in places:
        day, hour = facts.books[section].moment(cell)
        rows.append(Price(section=section, day=day, hour=hour, audience=AUDIENCES[level], price=price))
    limits = [facts.limits.priced(key, price) for key, price in cost.items() if isinstance(key, Spot)]
    goals = [GoalPrice(**key._asdict(), price=price) for key, price in cost.items() if isinstance(key, Aim)]
    return Proof(
        prices=tuple(rows),
        limits=tuple(sorted(limits, key=lambda row: (row.quota or "", row.section or "", row.day, str(row.hour)))),
        goals=tuple(sorted(goals, key=lambda row: (row.goal, row.tier or 0, -(row.points or 0), row.among))),
    )
