"""Levels and prices of several parts, added up.

When to modify: with `Level` and `PriceOfMode`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from services.matcher.solver.schema import Goal, Level, Mode, PriceOfMode, TierCount

GOALS, MODES = list(Goal), list(Mode)


def added_levels(levels: Iterable[Level]) -> tuple[Level, ...]:
    """One level for each goal and band, in the order of the goals, the highest band first."""
    found: dict[tuple[int, int, int], Level] = {}
    for level in levels:
        key = (GOALS.index(level.goal), level.tier or 0, -(level.points or 0))
        found[key] = _both(found[key], level) if key in found else level
    return tuple(found[key] for key in sorted(found))


def _both(one: Level, other: Level) -> Level:
    return one.model_copy(
        update={
            "value": one.value + other.value,
            "bound": one.bound + other.bound,
            "open": tuple(sorted({*one.open, *other.open})),
        }
    )


def added_prices(prices: Iterable[PriceOfMode]) -> tuple[PriceOfMode, ...]:
    """One price for each mode, in the order of the modes."""
    tiers: dict[Mode, Counter[int]] = {}
    proven: dict[Mode, bool] = {}
    for price in prices:
        tiers.setdefault(price.mode, Counter()).update({row.tier: row.children for row in price.tiers})
        proven[price.mode] = proven.get(price.mode, True) and price.proven
    return tuple(
        PriceOfMode(mode=mode, tiers=tier_counts(tiers[mode]), proven=proven[mode])
        for mode in sorted(tiers, key=MODES.index)
    )


def tier_counts(children: Counter[int]) -> tuple[TierCount, ...]:
    return tuple(TierCount(tier=tier, children=children[tier]) for tier in sorted(children))
