"""What an outcome reached, counted again from its placements: `verify` compares it with the levels that it states.

Written without the solver. When to modify: when a mode has one more goal.
"""

from __future__ import annotations

from collections import Counter

from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Goal, Mode, Placed

Counts = dict[tuple[Goal, int | None, int | None], int]
"""Goal, tier and points of a level, and its value; levels at 0 are left out."""


def counts_of(facts: Facts) -> Counts:
    """The levels of the placements, where points do not depend on the structure."""
    found: Counter[tuple[Goal, int | None, int | None]] = Counter()
    for row in facts.outcome.placed:
        tier, points, *_ = facts.standing_at(row.request, row.structure)
        waited = facts.requests[row.request].current is None
        found[Goal.HOURS, None, None] += _minutes(row)
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


def _minutes(row: Placed) -> int:
    return sum((slot.end.hour - slot.start.hour) * 60 + slot.end.minute - slot.start.minute for slot in row.slots)
