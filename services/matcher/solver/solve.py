"""A round decided: solved part by part, explained, checked, and withheld where a check found fault.

Pure and in one process: the same round gives the same outcome, whatever the order of its rows.
When to modify: when a round goes through one more step.
"""

from __future__ import annotations

from typing import Any

from contracts.vocabulary import Id
from services.matcher.solver.acceptance import Table
from services.matcher.solver.canonical import RoundRefused, canonical
from services.matcher.solver.claims import one_list
from services.matcher.solver.components import components, merge, sealed, split
from services.matcher.solver.constraints import Settings
from services.matcher.solver.explain import explain
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.marks import marked
from services.matcher.solver.modes import descend
from services.matcher.solver.other_modes import prices
from services.matcher.solver.problem import Option, Problem
from services.matcher.solver.record import Record
from services.matcher.solver.schema import Mode, Outcome, Policy, Reason, Round, Why, WishReason
from services.matcher.solver.totals import added_levels
from services.matcher.solver.variables import problem_of
from services.matcher.solver.verify import verify

__all__ = ["RoundRefused", "Settings", "components", "decide", "merge", "solve", "solve_part"]

DEFAULT = Settings()


def solve(round: Round, settings: Settings = DEFAULT) -> Outcome:
    """The outcome of a round, with its reasons and without any check. Raises `RoundRefused`."""
    facts = canonical(round)
    return merge(facts, [solve_part(part, settings) for part in split(facts)])


def decide(round: Round, settings: Settings = DEFAULT) -> Outcome:
    """The outcome of a round, checked: a part in which a guarantee is broken is withheld, the others stand.

    `violations` say what was found and `withheld` whose answer was held back. Raises `RoundRefused`.
    """
    facts = canonical(round)
    return merge(facts, [check(part, solve_part(part, settings)) for part in split(facts)])


def check(part: Round, outcome: Outcome) -> Outcome:
    """The outcome of one component as it stands, or withheld whole if `verify` finds fault."""
    violations = verify(part, outcome)
    if not violations:
        return outcome
    return sealed(
        outcome.model_copy(
            update={
                "placed": (),
                "reasons": tuple(_withheld(reason) for reason in outcome.reasons),
                "violations": violations,
                "withheld": tuple(request.id for request in part.requests),
            }
        )
    )


def _withheld(reason: Reason) -> Reason:
    wishes = tuple(WishReason(structure=wish.structure, why=Why.WITHHELD) for wish in reason.wishes)
    return Reason(request=reason.request, placed=False, wishes=wishes)


def solve_part(part: Round, settings: Settings = DEFAULT) -> Outcome:
    """The outcome of a canonical round taken in one piece."""
    problem = problem_of(part)
    options, found = _options(problem, part.policy, settings)
    placed = marked(part, options)
    if settings.prices:
        found["prices"] = tuple(prices(problem, part.policy, settings))
    outcome = merge(part, []).model_copy(update={"placed": placed, **found})
    return sealed(outcome.model_copy(update={"reasons": explain(part, outcome)}))


def _options(problem: Problem, policy: Policy, settings: Settings) -> tuple[dict[Id, Option], dict[str, Any]]:
    """The options taken, and what the outcome says about how they were found."""
    order = one_list(problem.ordinary, list(problem.ranked.values()))
    if order is None and policy.mode is Mode.STABLE:
        table = Table(problem, settings)
        return table.settle(), {"envies": table.envies()}
    keeper = Keeper(problem, settings)
    record = Record(keeper)
    descend(record, order or [], policy)
    served = {unit: option for unit, column in keeper.now.at.items() if (option := keeper.sheet.options[column])}
    unproven = {request.id for unit in keeper.unproven for request in problem.units[unit].requests}
    return served, {"unproven": tuple(sorted(unproven)), "levels": added_levels(record.levels(policy))}
