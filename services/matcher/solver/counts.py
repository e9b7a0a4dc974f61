"""What an outcome reached, counted again from its placements: `verify` compares it with the levels that it states.

Written without the solver. When to modify: when a mode has one more goal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from contracts.vocabulary import Id
from services.matcher.solver.facts import Choice, Facts
from services.matcher.solver.schema import Goal, Level, Mode, Placed, Ties
from services.matcher.solver.ways import Ways

Key = tuple[Goal, int | None, int | None]
"""Goal, tier and points of a level."""
Counts = dict[Key, int]
"""The value of each level; levels at 0 are left out."""
GOALS = list(Goal)
OF_BANDS = (Goal.CHILDREN, Goal.WISHES)


def counts_of(facts: Facts) -> Counts:
    """The levels of the placements, where points do not depend on the structure."""
    found: Counter[tuple[Goal, int | None, int | None]] = Counter()
    for row in facts.outcome.placed:
        tier, points, *_ = facts.standing_at(row.request, row.structure)
        waited = facts.requests[row.request].current is None
        found[Goal.HOURS, None, None] += minutes(row)
        if row != facts.placed[row.request]:
            continue  # the other half of a week that two structures share
        found[Goal.CHILDREN, tier, -points] += waited
        found[Goal.WISHES, tier, -points] += row.level - 1
        found[Goal.TOTAL, None, None] += waited and facts.round.policy.mode is Mode.MOST_CHILDREN
    return {key: value for key, value in found.items() if value and may_be_counted(facts, key[0])}


def may_be_counted(facts: Facts, goal: Goal) -> bool:
    """False for wishes where there are siblings, or children who may stay where they are: no row says all of it."""
    plain = not facts.round.siblings and all(row.current is None for row in facts.round.requests)
    return goal is not Goal.WISHES or plain


def minutes(row: Placed | Choice) -> int:
    """The minutes of care of a week, or of single days."""
    return sum((slot.end.hour - slot.start.hour) * 60 + slot.end.minute - slot.start.minute for slot in row.slots)


def levels_are_told_once(levels: Iterable[Level]) -> bool:
    """True if no goal is told twice of the same band, and all are in their order."""
    places = [(GOALS.index(row.goal), row.tier or 0, -(row.points or 0)) for row in levels]
    return places == sorted(set(places))


def levels_are_whole(facts: Facts) -> bool:
    """True if every goal of the mode has its level, at 0 too, of each band in which a family could be served at all.

    Where points do not depend on the structure. Where children may give up a place, only who is placed surely counts.
    """
    told = {(row.goal, row.tier, row.points) for row in facts.outcome.levels}
    ways, units = Ways(facts), facts.families.members
    needed = facts.worths if facts.movers.had else [unit for unit in units if ways.possible(unit)]
    return set(_keys(facts, needed)) <= told <= set(_keys(facts, units if facts.movers.had else needed))


def _keys(facts: Facts, units: Iterable[Id]) -> Iterator[Key]:
    if facts.round.requests:
        yield Goal.HOURS, None, None
    if facts.round.requests and facts.round.policy.mode is Mode.MOST_CHILDREN:
        yield Goal.TOTAL, None, None
    for unit in units:
        tier, points, *_ = facts.standing_at(facts.families.members[unit][0], "")
        yield from ((goal, tier, -points) for goal in OF_BANDS)


def gaps_are_true(facts: Facts) -> bool:
    """True if each level names those of its band who have no proof, and its bound is what they might add.

    Where points do not depend on the structure. The bound is looked at where ties are drawn, so that each family is
    decided alone, and where there are neither siblings nor children who have a place.
    """
    alone = facts.round.policy.ties is Ties.DRAW and not facts.round.siblings and not facts.movers.had
    return all(
        _names_its_open(facts, row) and (not alone or _is_bound_true(facts, row)) for row in facts.outcome.levels
    )


def _names_its_open(facts: Facts, level: Level) -> bool:
    known = (name for name in facts.outcome.unproven if name in facts.requests)
    here = (name for name in known if facts.standing_at(name, "")[:2] == (level.tier, -(level.points or 0)))
    return level.open == (tuple(sorted(here)) if level.goal in OF_BANDS else ())


def _is_bound_true(facts: Facts, level: Level) -> bool:
    if level.goal not in OF_BANDS:
        return True
    rows = [facts.placed.get(name) for name in level.open]
    might_add = (
        sum(row is None for row in rows) if level.goal is Goal.CHILDREN else -sum(row.level - 1 for row in rows if row)
    )
    return level.bound == level.value + might_add
