"""A round decided: solved part by part, explained, checked, and withheld where a check found fault.

Pure and in one process: the same round gives the same outcome, whatever the order of its rows.
When to modify: when a round goes through one more step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from contracts.vocabulary import Id
from services.matcher.solver.acceptance import by_asking
from services.matcher.solver.before import Before
from services.matcher.solver.canonical import RoundRefused, canonical
from services.matcher.solver.claims import one_list
from services.matcher.solver.collector import standing_still
from services.matcher.solver.components import components, merge, sealed, split
from services.matcher.solver.constraints import Settings
from services.matcher.solver.explain import Facts, read, reasons
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.marks import marked
from services.matcher.solver.modes import descend
from services.matcher.solver.one_by_one import is_plain, reached, taken
from services.matcher.solver.other_modes import displaced, prices
from services.matcher.solver.problem import Option, Problem
from services.matcher.solver.record import Record
from services.matcher.solver.schema import Mode, Outcome, Policy, Reason, Round, Violation, Why, WishReason
from services.matcher.solver.share import settled
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.totals import added_levels
from services.matcher.solver.variables import problem_of
from services.matcher.solver.verify import verify, violations

__all__ = ["Before", "RoundRefused", "Settings", "components", "decide", "merge", "solve", "solve_part"]

DEFAULT = Settings()
MANY_REQUESTS = 200
"""Of fewer, the collector costs less than what it takes to stop it."""


def solve(round: Round, settings: Settings = DEFAULT) -> Outcome:
    """The outcome of a round, with its reasons and without any check. Raises `RoundRefused`."""
    return _settled(round, settings, _solve_part)


def decide(round: Round, settings: Settings = DEFAULT, before: Before | None = None) -> Outcome:
    """The outcome of a round, checked: a part in which a guarantee is broken is withheld, the others stand.

    `violations` say what was found and `withheld` whose answer was held back. Raises `RoundRefused`. `before` is what
    was found in rounds of the same territory, whose rows it knows: the outcome is the same with it and without.
    """
    return _settled(round, settings, _decide_part, before)


def _decide_part(part: Round, settings: Settings, before: Before) -> Outcome:
    found = _found(part, settings, before)
    facts = _explained(read(part, found, before.spelling, before.kept))
    broken = violations(facts)
    if broken and facts.looks_again:  # the fault may lie in what is remembered: all of it is read anew
        before.forget()
        facts = _explained(read(part, found, before.spelling))
        broken = violations(facts)
    if not broken:
        facts.look.note_sound()
    return _checked(facts.outcome, broken, before.spelling)


def _explained(facts: Facts) -> Facts:
    outcome = facts.outcome.model_copy(update={"reasons": reasons(facts)})
    return facts.told(sealed(outcome, facts.spelling))


def _settled(
    round: Round, settings: Settings, solve: Callable[[Round, Settings, Before], Outcome], before: Before | None = None
) -> Outcome:  # fmt: skip
    """The whole of a round from its parts, once it is known up to whom the first tier goes first."""
    with standing_still() if len(round.requests) >= MANY_REQUESTS else nullcontext():
        before = before or Before()
        facts, spelling = canonical(round, before.once), before.spelling
        to_decide, behind = settled(facts, lambda alone: served(alone, settings))
        if to_decide is not facts:  # of its requests nobody knows when they are gone
            before = Before()
        parts = split(to_decide, before.reached.along(to_decide))
        merged = merge(facts, [solve(part, settings, before) for part in parts], spelling)
        return sealed(merged.model_copy(update={"behind": behind}), spelling) if behind else merged


def served(round: Round, settings: Settings = DEFAULT) -> set[Id]:
    """The requests of a canonical round that it places."""
    taken = (_options(problem_of(part), part.policy, settings)[0].values() for part in split(round))
    return {seat.request for options in taken for option in options for seat in option.seats}


def check(part: Round, outcome: Outcome) -> Outcome:
    """The outcome of one component as it stands, or withheld whole if `verify` finds fault."""
    return _checked(outcome, verify(part, outcome), Spelling())


def _checked(outcome: Outcome, found: tuple[Violation, ...], spelling: Spelling) -> Outcome:
    if not found:
        return outcome
    withheld = {
        "placed": (),
        "reasons": tuple(_withheld(reason) for reason in outcome.reasons),
        "violations": found,
        "withheld": tuple(reason.request for reason in outcome.reasons),
    }
    return sealed(outcome.model_copy(update=withheld), spelling)


def _withheld(reason: Reason) -> Reason:
    wishes = tuple(WishReason(structure=wish.structure, why=Why.WITHHELD) for wish in reason.wishes)
    return Reason(request=reason.request, placed=False, wishes=wishes, sent_behind=reason.sent_behind)


def solve_part(part: Round, settings: Settings = DEFAULT) -> Outcome:
    """The outcome of a canonical round taken in one piece, with its reasons and without any check."""
    return _solve_part(part, settings, Before())


def _solve_part(part: Round, settings: Settings, before: Before) -> Outcome:
    found = _found(part, settings, before)
    return _explained(read(part, found, before.spelling)).outcome


def _found(part: Round, settings: Settings, before: Before) -> Outcome:
    """What was decided, before it is explained: an outcome without reasons and without its own hash."""
    problem = problem_of(part, before.stated)
    options, found = _options(problem, part.policy, settings)
    placed = marked(part, options)
    if settings.prices:
        found["prices"] = tuple(prices(problem, part.policy, settings))
        found["displaced"] = displaced(part, {row.request for row in placed}, settings)
    rows = {"round": part.id, "policy": part.policy, "placed": placed, "reasons": (), **found}
    return Outcome(input_hash=before.spelling.round_hash(part), outcome_hash="", **rows)


def _options(problem: Problem, policy: Policy, settings: Settings) -> tuple[dict[Id, Option], dict[str, Any]]:
    """The options taken, and what the outcome says about how they were found."""
    if is_plain(problem, policy):
        plain = taken(problem)
        return plain, {"levels": added_levels(reached(problem, plain))}
    stable = policy.mode is Mode.STABLE
    order = one_list(problem.ordinary, list(problem.ranked.values())) if stable else []
    if order is None:
        accepted, envies = by_asking(problem, policy, settings)
        return accepted, {"envies": envies}
    keeper = Keeper(problem, settings)
    record = Record(keeper)
    descend(record, order, policy)
    served = {unit: option for unit, column in keeper.now.at.items() if (option := keeper.sheet.options[column])}
    unproven = {request.id for unit in keeper.unproven for request in problem.units[unit].requests}
    return served, {"unproven": tuple(sorted(unproven)), "levels": added_levels(record.levels(policy))}
