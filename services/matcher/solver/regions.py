"""Prices against one choice, or against more of a goal, from the linear relaxation of the sections around it, in whole
numbers.

When to modify: with a new version of OR-Tools, or to find prices that this does not find.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

import ortools.linear_solver.pywraplp as pywraplp

from contracts.vocabulary import Id
from services.matcher.solver.descent import Descent
from services.matcher.solver.limited import Spot
from services.matcher.solver.linear import DENOMINATORS, NEAR
from services.matcher.solver.priced import Cost, Key, Priced
from services.matcher.solver.ways import Aim, Place, Way

Rough = dict[Key, float]
Scarce = dict[Place | Spot, tuple[list[tuple[Way, int]], int]]
"""Who uses a place, how much, and how many there are."""


@dataclass(frozen=True)
class Region:
    """Families with a choice, and those without one beside them. `aims` are goals that they must keep, with what is
    left of each to those who have a choice."""

    open: list[tuple[Way, ...]]
    fixed: list[Way]
    aims: dict[Aim, int]
    inside: Container[Id] | None = None


def prices_against(descent: Descent, unit: Id, way: Way, most: int) -> Iterator[Cost]:
    """Whole prices that refuse a way to a family, from wider and wider surroundings, of at most so many ways."""
    sections = dict.fromkeys(way.sections)
    while True:
        live = _live(descent, (*sections, *way.spots), unit)
        region = Region(
            [ways for ways in live if len(ways) > 1], [ways[0] for ways in live if len(ways) == 1], {}, sections
        )
        if sum(map(len, region.open)) > most:
            return
        for cost in _whole(_relaxed(descent, region, {way: 1}, (way,)) or {}):
            if holds(descent, cost, unit, way):
                yield cost
                return
        wider = dict.fromkeys(section for ways in region.open for other in ways for section in other.sections)
        if wider.keys() <= sections.keys():
            break
        sections |= wider
    if unit in descent.turns.aims.competing:
        region = _competing(descent, unit, sections)
        if sum(map(len, region.open)) <= most:
            found = _whole(_relaxed(descent, region, {way: 1}, (way,)) or {})
            yield from (cost for cost in found if holds(descent, cost, unit, way))


def prices_closing(descent: Descent, aim: Aim, most: int) -> Iterator[Cost]:
    """Whole prices that show that no more of a goal can be reached."""
    region = _competing(descent, None, (), aim)
    if sum(map(len, region.open)) > most:
        return
    goal = {way: amount for ways in region.open for way in ways if (amount := way.aims.get(aim, 0))}
    rough = _relaxed(descent, region, goal, ())
    for cost in _whole({**rough, aim: 1.0}) if rough is not None else ():
        if _slack(descent, cost) < cost[aim]:
            yield cost
            return


def _live(descent: Descent, keys: Iterable[Id | Spot], unit: Id | None) -> list[tuple[Way, ...]]:
    return [descent.live[other] for other in descent.there(keys) if other != unit]


def _competing(descent: Descent, unit: Id | None, sections: Iterable[Id], goal: Aim | None = None) -> Region:
    """All who compete with a family, or for a goal, directly or through others, and the goals that they keep."""
    names: list[Id] = []
    wider = descent.there([goal] if goal else [*sections, *descent.turns.aims.competing.get(unit or "", ())])
    while len(wider) > len(names):
        names = [name for name in wider if _counts(descent, name, goal)]
        keys = dict.fromkeys(key for name in names for way in descent.live[name] for key in way.keys)
        wider = [name for name in descent.there(keys) if _counts(descent, name, goal)]
    aims = {key: descent.turns.aims.reached[key] for key in keys if isinstance(key, Aim) and descent.is_decided(key)}
    live = [descent.live[name] for name in names if name != unit]
    fixed = [ways[0] for ways in live if len(ways) == 1]
    left = {aim: reached - sum(way.aims.get(aim, 0) for way in fixed) for aim, reached in aims.items()}
    return Region([ways for ways in live if len(ways) > 1], fixed, left)


def _counts(descent: Descent, name: Id, goal: Aim | None) -> bool:
    """False for a family that may have nothing and is counted in no goal yet: it is in nobody's way."""
    ways = descent.live[name]
    if all(way.parts for way in ways):
        return True
    return any(aim == goal or descent.is_decided(aim) for way in ways for aim in way.aims)


def holds(descent: Descent, cost: Cost, unit: Id, way: Way) -> bool:
    """True if these prices refuse the way to the family, beside all who take part."""
    return Priced(cost, descent.ways).price_of(way) > _slack(descent, cost, unit)


def _slack(descent: Descent, cost: Cost, beside: Id | None = None) -> int:
    priced = Priced(cost, descent.ways)
    slack = priced.places - sum(price * descent.turns.aims.reached[aim] for aim, price in priced.aims.items())
    others = (other for other in descent.there(priced.keys) if other != beside)
    return slack - sum(min(map(priced.price_of, descent.live[other])) for other in others)


def _relaxed(descent: Descent, region: Region, goal: dict[Way, int], new: tuple[Way, ...]) -> Rough | None:
    """The prices of what is scarce, with as much of the goal as can be; None if that proves nothing.

    `new` may be had in part: all of it is too much to prove anything.
    """
    solver = pywraplp.Solver.CreateSolver("GLOP")
    variables = {way: solver.NumVar(0.0, 1.0, "") for way in new}
    for ways in region.open:
        one = solver.RowConstraint(1.0, 1.0, "")
        for other in ways:
            variables[other] = solver.NumVar(0.0, solver.infinity(), "")
            one.SetCoefficient(variables[other], 1.0)
    for way, amount in goal.items():
        solver.Objective().SetCoefficient(variables[way], float(amount))
    solver.Objective().SetMaximization()
    rows: dict[Key, pywraplp.Constraint] = {
        key: _limit(solver, [(variables[way], count) for way, count in used], left)
        for key, (used, left) in _scarce(descent, region, new).items()
    }
    for aim, least in region.aims.items():
        counted = [(variables[way], -amount) for way in variables if (amount := way.aims.get(aim, 0))]
        rows[aim] = _limit(solver, counted, -least)
    if solver.Solve() != pywraplp.Solver.OPTIMAL or (new and solver.Objective().Value() > 1 - NEAR):
        return None
    return {key: price for key, row in rows.items() if (price := row.dual_value()) > NEAR}


def _limit(
    solver: pywraplp.Solver, users: list[tuple[pywraplp.Variable, int]], left: int
) -> pywraplp.Constraint:  # fmt: skip
    row = solver.RowConstraint(-solver.infinity(), float(left), "")
    for variable, count in users:
        row.SetCoefficient(variable, float(count))
    return row


def _scarce(descent: Descent, region: Region, new: tuple[Way, ...]) -> Scarce:
    """The places that may be too few beside those who are fixed; of places with the same users the scarcest."""
    users: defaultdict[Place | Spot, list[tuple[Way, int]]] = defaultdict(list)
    for way in (*new, *(way for ways in region.open for way in ways)):
        for key, count in _used(descent, way, region).items():
            users[key].append((way, count))
    taken: Counter[Place | Spot] = Counter()
    for way in region.fixed:
        taken.update({key: count for key, count in _used(descent, way, region).items() if key in users})
    least: dict[tuple[tuple[int, int], ...], tuple[int, Place | Spot]] = {}
    for key, used in users.items():
        left, same = descent.ways.left(key) - taken[key], tuple((id(way), count) for way, count in used)
        if same not in least or left < least[same][0]:
            least[same] = (left, key)
    found = {key: (users[key], left) for left, key in least.values()}
    return {key: (used, left) for key, (used, left) in found.items() if sum(count for _, count in used) > left}


def _used(descent: Descent, way: Way, region: Region) -> dict[Place | Spot, int]:
    """What a way takes of what the region looks at."""
    used, inside = descent.ways.used(way), region.inside
    if inside is None:
        return used
    return {key: count for key, count in used.items() if isinstance(key, Spot) or key.section in inside}


def _whole(prices: Rough) -> Iterator[Cost]:
    """The prices as whole numbers over each small denominator, those that differ only."""
    seen: set[tuple[int, ...]] = set()
    for denominator in DENOMINATORS if prices else ():
        rounded = {key: round(price * denominator) for key, price in prices.items()}
        if tuple(rounded.values()) not in seen:
            seen.add(tuple(rounded.values()))
            yield {key: price for key, price in rounded.items() if price > 0}
