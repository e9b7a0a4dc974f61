"""Prices against one choice, from the linear relaxation of the sections around it, in whole numbers.

When to modify: with a new version of OR-Tools, or to find prices that this does not find.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from datetime import date

from ortools.linear_solver import pywraplp

from contracts.vocabulary import Id
from services.matcher.solver.books import Cell, numbers
from services.matcher.solver.descent import Descent, Way
from services.matcher.solver.linear import DENOMINATORS, NEAR

Place = tuple[Id, int, Cell]
"""A section, the audience level that counts, and a cell."""
Cost = dict[Place, int]
Rough = dict[Place, float]
Scarce = dict[Place, tuple[list[int], int]]
"""Who uses a place, by the `id` of the way, once for each use; and how many there are."""


def prices_against(descent: Descent, unit: Id, way: Way, most: int) -> Iterator[Cost]:
    """Whole prices that refuse a way to a family, from wider and wider surroundings, of at most so many ways."""
    sections = dict.fromkeys(way.sections)
    while True:
        live = [descent.live[other] for other in descent.there(sections) if other != unit]
        region, fixed = [ways for ways in live if len(ways) > 1], [ways for ways in live if len(ways) == 1]
        if sum(map(len, region)) > most:
            return
        for cost in _whole(_relaxed(_scarce(descent, [*region, (way,)], fixed, sections), region, way) or {}):
            if holds(descent, cost, unit, way):
                yield cost
                return
        wider = dict.fromkeys(section for ways in region for other in ways for section in other.sections)
        if wider.keys() <= sections.keys():
            return
        sections |= wider


def holds(descent: Descent, cost: Cost, unit: Id, way: Way) -> bool:
    """True if these prices refuse the way to the family, beside all who went before."""
    by_section: defaultdict[Id, list[tuple[int, int, int]]] = defaultdict(list)
    for (section, level, cell), price in cost.items():
        by_section[section].append((level, cell, price))

    def price_of(other: Way) -> int:
        return sum(
            price
            for part in other.parts
            for level, cell, price in by_section.get(part.section, ())
            if part.level <= level and part.mask >> cell & 1 and _is_in_time(descent, part.section, part.before, cell)
        )

    slack = sum(price * descent.places(*place) for place, price in cost.items())
    for other in descent.there(by_section):
        if other != unit:
            slack -= min(map(price_of, descent.live[other]))
    return price_of(way) > slack


def _is_in_time(descent: Descent, section: Id, before: date | None, cell: Cell) -> bool:
    return before is None or descent.facts.books[section].moment(cell)[0] < before


def _relaxed(scarce: Scarce, region: list[tuple[Way, ...]], way: Way) -> Rough | None:
    """The prices of the scarce places, with as much of the way taken as can be; None if all of it can."""
    solver = pywraplp.Solver.CreateSolver("GLOP")
    new = solver.NumVar(0.0, 1.0, "")
    variables: dict[int, pywraplp.Variable] = {id(way): new}
    for ways in region:
        one = solver.RowConstraint(1.0, 1.0, "")
        for other in ways:
            variables[id(other)] = solver.NumVar(0.0, solver.infinity(), "")
            one.SetCoefficient(variables[id(other)], 1.0)
    solver.Objective().SetCoefficient(new, 1.0)
    solver.Objective().SetMaximization()
    rows = {
        place: _limit(solver, [variables[number] for number in used], left) for place, (used, left) in scarce.items()
    }
    if solver.Solve() != pywraplp.Solver.OPTIMAL or solver.Objective().Value() > 1 - NEAR:
        return None
    return {place: price for place, row in rows.items() if (price := row.dual_value()) > NEAR}


def _limit(solver: pywraplp.Solver, users: list[pywraplp.Variable], left: int) -> pywraplp.Constraint:
    row = solver.RowConstraint(-solver.infinity(), float(left), "")
    for variable in users:
        row.SetCoefficient(variable, row.GetCoefficient(variable) + 1.0)
    return row


def _scarce(
    descent: Descent, region: list[tuple[Way, ...]], fixed: Iterable[tuple[Way, ...]], sections: Iterable[Id]
) -> Scarce:
    """The places that may be too few beside those who are fixed; of places with the same users the scarcest."""
    inside = set(sections)
    users: defaultdict[Place, list[int]] = defaultdict(list)
    for other in (other for ways in region for other in ways):
        for place in _used(descent, other, inside):
            users[place].append(id(other))
    taken = Counter(place for (other,) in fixed for place in _used(descent, other, inside) if place in users)
    least: dict[tuple[int, ...], tuple[int, Place]] = {}
    for place, used in users.items():
        left = descent.places(*place) - taken[place]
        least[tuple(used)] = min((left, place), least.get(tuple(used), (left, place)))
    return {place: (list(used), left) for used, (left, place) in least.items() if len(used) > left}


def _used(descent: Descent, way: Way, inside: Container[Id]) -> Iterator[Place]:
    """The places that a way takes in these sections, at each audience level that counts."""
    for part in way.parts:
        if part.section in inside:
            levels = [level for level in descent.facts.books[part.section].binding_levels if level >= part.level]
            for cell in numbers(part.mask):
                if _is_in_time(descent, part.section, part.before, cell):
                    yield from ((part.section, level, cell) for level in levels)


def _whole(prices: Rough) -> Iterator[Cost]:
    """The prices as whole numbers over each small denominator, those that differ only."""
    seen: set[tuple[int, ...]] = set()
    for denominator in DENOMINATORS if prices else ():
        rounded = {place: round(price * denominator) for place, price in prices.items()}
        if tuple(rounded.values()) not in seen:
            seen.add(tuple(rounded.values()))
            yield {place: price for place, price in rounded.items() if price > 0}
