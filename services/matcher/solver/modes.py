"""What each mode decides first, with each rule for ties, and what it has reached.

When to modify: when a territory may vote one more mode. The order of the goals is the mode.
"""

from __future__ import annotations

from itertools import groupby

from contracts.vocabulary import Id
from services.matcher.solver import objectives as goals
from services.matcher.solver.bands import Band, all_claims, bands, highest_claims
from services.matcher.solver.claims import Claim
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.record import EVERYBODY, Record
from services.matcher.solver.schema import Goal, Mode, Policy, Ties


def descend(record: Record, order: list[Id], policy: Policy) -> None:
    """Decides everything. `order` is the one list of `stable`, which the freer modes do not need."""
    keeper = record.keeper
    if policy.mode is Mode.STABLE:
        best_levels(record, order, policy)
    else:
        highest = highest_claims(keeper.sheet, policy)
        order = list(highest)
        place(record, policy)
        _wishes(record, highest, policy)
    if policy.ties is Ties.TOGETHER:
        goals.keep_best_levels(keeper, order)
    goals.leave_out_the_rest(keeper, order)
    for block in keeper.sheet.units():
        record.note(Goal.HOURS, EVERYBODY, goals.fill_hours(keeper, block))
    goals.keep_within_support(keeper, order)
    goals.draw_options(keeper, order)


def place(record: Record, policy: Policy) -> None:
    """The numbers of `strict` and `most_children`, of those who have no place yet, and nothing else."""
    keeper = record.keeper
    for block in keeper.sheet.units():
        if policy.mode is Mode.MOST_CHILDREN:
            record.note(Goal.TOTAL, EVERYBODY, goals.place_most(keeper, block))
        waiting = [unit for unit in block if keeper.problem.units[unit].stay is None]
        claims = all_claims(keeper.sheet, waiting, policy)
        if policy.ties is Ties.TOGETHER:
            for band in bands(claims):
                record.note(Goal.CHILDREN, band[0].band, goals.meet_most(keeper, band))
        else:
            goals.meet_claims(keeper, claims)
            goals.leave_out_the_rest(keeper, waiting)


def best_levels(record: Record, order: list[Id], policy: Policy) -> None:
    """The numbers and wishes of `stable`, down its one list."""
    keeper = record.keeper
    if policy.ties is Ties.DRAW:
        goals.keep_best_levels(keeper, order)
        return
    for block in _in_order(keeper, order):
        for key, units in groupby(block, key=lambda unit: _band_in_one_list(keeper, unit)):
            band = list(units)
            record.note(Goal.CHILDREN, key[0], goals.serve_most(keeper, band))
            record.note(Goal.WISHES, key[0], goals.grant_wishes(keeper, band))


def _wishes(record: Record, highest: dict[Id, Claim], policy: Policy) -> None:
    keeper = record.keeper
    if policy.ties is Ties.DRAW:
        goals.keep_best_levels(keeper, highest)
        return
    for block in _in_order(keeper, list(highest)):
        for key, band in groupby(block, key=lambda unit: highest[unit][:2]):
            record.note(Goal.WISHES, key, goals.grant_wishes(keeper, list(band)))


def _in_order(keeper: Keeper, order: list[Id]) -> list[list[Id]]:
    """The units that have an option, block by block, in this order."""
    place = {unit: number for number, unit in enumerate(order)}
    return [sorted(block, key=place.__getitem__) for block in keeper.sheet.units()]


def _band_in_one_list(keeper: Keeper, unit: Id) -> tuple[Band, Id | None]:
    """Equal for those who are served as one; who has points by structure stands alone in the list."""
    alone = any(request.points_at for request in keeper.problem.units[unit].requests)
    return keeper.problem.ordinary[unit][:2], unit if alone else None
