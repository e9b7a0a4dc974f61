"""What each mode decides first, with each rule for ties, and what it has reached.

When to modify: when a territory may vote one more mode. The order of the goals is the mode.
"""

from __future__ import annotations

from itertools import groupby

from contracts.vocabulary import Id
from services.matcher.solver import objectives as goals
from services.matcher.solver.bands import all_claims, bands, highest_claims
from services.matcher.solver.claims import Claim
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.schema import Mode, Policy, Ties


def descend(keeper: Keeper, order: list[Id], policy: Policy) -> None:
    """Decides everything. `order` is the one list of `stable`, which the freer modes do not need."""
    if policy.mode is Mode.STABLE:
        _stable(keeper, order, policy)
    else:
        highest = highest_claims(keeper.sheet, policy)
        order = list(highest)
        place(keeper, policy)
        _wishes(keeper, highest, policy)
    if policy.ties is Ties.TOGETHER:
        goals.keep_best_levels(keeper, order)
        goals.leave_out_the_rest(keeper, order)
    for block in keeper.sheet.units():
        goals.fill_hours(keeper, block)
    goals.keep_within_support(keeper, order)
    goals.draw_options(keeper, order)


def place(keeper: Keeper, policy: Policy) -> None:
    """The numbers of `strict` and `most_children`, and nothing else."""
    sheet = keeper.sheet
    for block in sheet.units():
        if policy.mode is Mode.MOST_CHILDREN:
            goals.place_most(keeper, block)
        claims = all_claims(sheet, block, policy)
        if policy.ties is Ties.TOGETHER:
            for band in bands(claims):
                goals.meet_most(keeper, band)
        else:
            goals.meet_claims(keeper, claims)
            goals.leave_out_the_rest(keeper, block)


def _stable(keeper: Keeper, order: list[Id], policy: Policy) -> None:
    if policy.ties is Ties.DRAW:
        goals.keep_best_levels(keeper, order)
        goals.leave_out_the_rest(keeper, order)
        return
    for block in _in_order(keeper, order):
        for _, units in groupby(block, key=lambda unit: _band_in_one_list(keeper, unit)):
            band = list(units)
            goals.serve_most(keeper, band)
            goals.grant_wishes(keeper, band)


def _wishes(keeper: Keeper, highest: dict[Id, Claim], policy: Policy) -> None:
    if policy.ties is Ties.DRAW:
        goals.keep_best_levels(keeper, highest)
        return
    for block in _in_order(keeper, list(highest)):
        for _, band in groupby(block, key=lambda unit: highest[unit][:2]):
            goals.grant_wishes(keeper, list(band))


def _in_order(keeper: Keeper, order: list[Id]) -> list[list[Id]]:
    """The units that have an option, block by block, in this order."""
    place = {unit: number for number, unit in enumerate(order)}
    return [sorted(block, key=place.__getitem__) for block in keeper.sheet.units()]


def _band_in_one_list(keeper: Keeper, unit: Id) -> tuple[object, ...]:
    """Equal for those who are served as one; who has points by structure stands alone in the list."""
    alone = any(request.points_at for request in keeper.problem.units[unit].requests)
    return (*keeper.problem.ordinary[unit][:2], unit if alone else None)
