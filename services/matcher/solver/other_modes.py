"""The price of a mode: how many children each other mode would have placed, and of which tiers; and of the priority.

When to modify: when the minutes of a committee must compare more than numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from contracts.vocabulary import Id
from services.matcher.solver.acceptance import by_asking
from services.matcher.solver.canonical import canonical
from services.matcher.solver.claims import one_list
from services.matcher.solver.components import split
from services.matcher.solver.constraints import Settings
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.modes import best_levels, place
from services.matcher.solver.objectives import place_most
from services.matcher.solver.problem import Option, Problem
from services.matcher.solver.record import EVERYBODY, Record
from services.matcher.solver.schema import (
    FIRST_TIER,
    ORDINARY_TIER,
    Goal,
    Mode,
    Outcome,
    Policy,
    PriceOfMode,
    Request,
    Round,
)
from services.matcher.solver.share import lowered
from services.matcher.solver.totals import tier_counts
from services.matcher.solver.variables import problem_of


def prices(problem: Problem, policy: Policy, settings: Settings) -> Iterator[PriceOfMode]:
    """One for each other mode, with the same rule for ties and a limit on the questions asked.

    Of `most_children` only the total is sought: its tiers are those of one arrangement that reaches it.
    """
    short = replace(settings, questions=settings.price_questions, effort=settings.price_effort, cuts=False)
    for mode in Mode:
        if mode is not policy.mode:
            options, proven = _placed(problem, policy.model_copy(update={"mode": mode}), short)
            yield PriceOfMode(mode=mode, tiers=tier_counts(by_tier(problem, options)), proven=proven)


def displaced(part: Round, placed: set[Id], settings: Settings) -> tuple[Id, ...]:
    """Requests without a place, none of them of the first tier, that would have one if it did not go first."""
    ordinary = {row.id for row in part.requests if row.tier > FIRST_TIER and not row.sent_behind}
    if not any(row.tier == FIRST_TIER for row in part.requests) or not ordinary - placed:
        return ()
    flat = part.model_copy(update={"requests": tuple(map(_without_priority, part.requests))})
    short = replace(settings, questions=settings.price_questions, effort=settings.price_effort, cuts=False)
    options, _ = _placed(problem_of(flat), part.policy, short)
    instead = {seat.request for option in options for seat in option.seats}
    return tuple(sorted(instead & ordinary - placed))


def all_displaced(round: Round, outcome: Outcome, settings: Settings | None = None) -> tuple[Id, ...]:
    """The same over all parts of a round that was decided. Raises `RoundRefused`."""
    placed = {row.request for row in outcome.placed}
    parts = split(lowered(canonical(round), outcome.behind))
    return tuple(sorted(name for part in parts for name in displaced(part, placed, settings or Settings())))


def _without_priority(request: Request) -> Request:
    return request.model_copy(update={"tier": ORDINARY_TIER}) if request.tier == FIRST_TIER else request


def _placed(problem: Problem, policy: Policy, settings: Settings) -> tuple[list[Option], bool]:
    stable = policy.mode is Mode.STABLE
    order = one_list(problem.ordinary, list(problem.ranked.values())) if stable else []
    if order is None:
        return list(by_asking(problem, policy, settings)[0].values()), False
    keeper = Keeper(problem, settings)
    record = Record(keeper)
    if stable:
        best_levels(record, order, policy)
    elif policy.mode is Mode.MOST_CHILDREN:
        for block in keeper.sheet.units():
            record.note(Goal.TOTAL, EVERYBODY, place_most(keeper, block))
    else:
        place(record, policy)
    return [option for column in keeper.now.at.values() if (option := keeper.sheet.options[column])], record.complete


def by_tier(problem: Problem, options: Iterable[Option]) -> Counter[int]:
    """How many children of each tier who had no place these options place."""
    waiting = [unit for unit in problem.units.values() if unit.stay is None]
    tier = {request.id: request.tier for unit in waiting for request in unit.requests}
    served = (name for option in options for name in {seat.request for seat in option.seats})
    return Counter(tier[name] for name in served if name in tier)
