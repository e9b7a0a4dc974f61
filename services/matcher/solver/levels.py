"""One goal for several units at once: a row of what it counts, taken as little of as possible, then kept there.

Numbers of children are counted below 0, so that every goal is to take as little as possible. A level is proven by
prices in whole numbers or by CP-SAT; else its bound is shown beside its value.

When to modify: to close levels faster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from contracts.vocabulary import Id
from services.matcher.solver.board import Columns
from services.matcher.solver.constraints import LIGHT_EFFORT, best, least
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.linear import DENOMINATORS, NEAR, Relaxed, relax
from services.matcher.solver.prices import Proof, proof_of, rough_slack
from services.matcher.solver.problem import RowKind
from services.matcher.solver.questions import Question
from services.matcher.solver.scarce import Amounts

MOST_CUTS = 20
"""How often the relaxation of a goal is stated again with more rows."""

FINE = (12, 10_000)
"""Denominators for the prices of a whole town, which are fractions of every kind."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What is taken of a goal's row, and the least that could be; equal where the level is proven."""

    value: int
    bound: int

    @property
    def gap(self) -> int:
        return self.value - self.bound


def enter(keeper: Keeper, units: Iterable[Id]) -> None:
    """Lets units take part that may end with nothing; those who take part already stay as they are."""
    for unit in units:
        if unit not in keeper.now.live:
            keeper.now.put(keeper.sheet.nothing[unit])
            keeper.settle(unit, (*keeper.possible(keeper.sheet.choices[unit]), keeper.sheet.nothing[unit]))


def pursue(keeper: Keeper, amounts: Amounts) -> Reached:
    """Takes as little as possible of `amounts` (by column) together, and keeps it so."""
    sheet = keeper.sheet
    units = list(dict.fromkeys(sheet.unit_of[column] for column in amounts))
    taken = sum(amounts.get(keeper.now.at[unit], 0) for unit in units)
    row = sheet.add_row(RowKind.GOAL, taken, amounts)
    keeper.include(row, units, taken)
    for unit in units if keeper.settings.chain_depth else ():
        _improve(keeper, row, unit)
    bound = _close(keeper, row)
    keeper.add_proof(proof_of({row: 1}, sheet, keeper.kept_in([row])))
    return Reached(sheet.caps[row], bound)


def _improve(keeper: Keeper, row: int, unit: Id) -> None:
    """Moves the unit to a column that takes less of the row, if a short chain of moves allows it."""
    now, better = keeper.now, _better(keeper, row, unit)
    if not better:
        return
    now.add_to_row(row, -1)
    before = now.take(unit)
    if now.insert(better, keeper.settings.chain_depth, keeper.settings.chain_width):
        now.add_to_row(row, -now.room(row))
    else:
        now.put(before)
        now.add_to_row(row, 1)


def _close(keeper: Keeper, row: int) -> int:
    """Lowers the row to what can be reached, and returns its bound."""
    for unit in list(keeper.undecided[row]) if keeper.settings.quick_no else ():
        keeper.rule_out(unit, _better(keeper, row, unit), row)
    if not any(_better(keeper, row, unit) for unit in keeper.undecided[row]):
        return keeper.sheet.caps[row]
    question = _question(keeper, row)
    if not keeper.may_ask():
        return _outside(keeper, row, question) + least(question)
    relaxed = _relaxed(keeper, row, question) if keeper.settings.quick_no else None
    bound = _prove(keeper, row, relaxed) if relaxed else None
    if bound != keeper.sheet.caps[row]:
        bound = _search(keeper, row, _question(keeper, row), bound)
        if relaxed and keeper.settings.cuts and bound == keeper.sheet.caps[row]:
            _prove(keeper, row, relaxed)
    return bound


def _question(keeper: Keeper, row: int) -> Question:
    """How little can be taken of the row by all who have a choice and share places with those who count in it?"""
    blocks = {keeper.sheet.block_of[unit] for unit in keeper.undecided[row]}
    live = keeper.now.live.items()
    region = {unit: columns for unit, columns in live if len(columns) > 1 and keeper.sheet.block_of[unit] in blocks}
    goal = {
        column: amount
        for columns in region.values()
        for column in columns
        if (amount := keeper.sheet.amounts[column].get(row, 0))
    }
    return replace(keeper.question(region), goal=goal, goal_row=row)


def _relaxed(keeper: Keeper, row: int, question: Question) -> Relaxed | None:
    """The relaxation with the rows that it overruns, until there are none or it shows that what is had is the least."""
    relaxed = relax(question)
    for _ in range(MOST_CUTS if keeper.settings.cuts else 0):
        if relaxed is None or relaxed.columns or _is_closed(keeper, row, question, relaxed):
            break
        if not keeper.cut(question, relaxed.values):
            break
        question = _question(keeper, row)
        relaxed = relax(question)
    if relaxed and relaxed.columns and _outside(keeper, row, question) + relaxed.value < keeper.sheet.caps[row] - NEAR:
        _move(keeper, row, relaxed.columns)
    return relaxed


def _is_closed(keeper: Keeper, row: int, question: Question, relaxed: Relaxed) -> bool:
    return _outside(keeper, row, question) + relaxed.value > keeper.sheet.caps[row] - 1 + NEAR


def _better(keeper: Keeper, row: int, unit: Id) -> Columns:
    """The columns of a unit that would take less of the row than the one that it has."""
    amounts, now = keeper.sheet.amounts, keeper.now
    here = amounts[now.at[unit]].get(row, 0)
    return tuple([column for column in now.live[unit] if amounts[column].get(row, 0) < here])


def _move(keeper: Keeper, row: int, columns: dict[Id, int]) -> None:
    keeper.now.rearrange(columns.values())
    keeper.now.add_to_row(row, -keeper.now.room(row))


def _prove(keeper: Keeper, row: int, relaxed: Relaxed) -> int | None:
    """The best bound that these prices prove; the proof is kept, and rules out what is dearer than its slack."""
    rough = {**relaxed.prices, row: 1.0}
    is_far = rough_slack(rough, keeper.sheet, keeper.kept_in(rough)) >= 1
    found: dict[int, Proof] = {}
    few = FINE if keeper.settings.cuts else DENOMINATORS[:1]
    for denominator, prices in relaxed.whole_prices(few if is_far else (*DENOMINATORS, *few)):
        priced = {**prices, row: denominator}
        proof = proof_of(priced, keeper.sheet, keeper.kept_in(priced))
        bound = keeper.sheet.caps[row] - proof.slack // denominator
        found[bound] = proof
        if bound == keeper.sheet.caps[row]:
            break
    if found and (keeper.settings.cuts or max(found) == keeper.sheet.caps[row]):
        keeper.add_proof(found[max(found)])
    return max(found, default=None)


def _search(keeper: Keeper, row: int, question: Question, bound: int | None) -> int:
    """Asks CP-SAT for the least, from what is at hand; returns the better bound."""
    outside = _outside(keeper, row, question)
    hint = {unit: keeper.now.at[unit] for unit in question.choices}
    effort = max(LIGHT_EFFORT, min(keeper.settings.effort, keeper.goals_effort))
    columns, lowest, spent = best(replace(question, hint=hint), replace(keeper.settings, effort=effort))
    keeper.goals_effort -= spent
    if columns:
        _move(keeper, row, columns)
    return max(lowest + outside, lowest + outside if bound is None else bound)


def _outside(keeper: Keeper, row: int, question: Question) -> int:
    """What is taken of the row by those whom the question is not about."""
    return keeper.sheet.caps[row] - sum(question.goal.get(keeper.now.at[unit], 0) for unit in question.choices)
