"""What a family could say instead of the truth, and whether it would have been better off.

Pure: a round in, what each try gave out. "Better" is by the family's true wishes; a place that it never wanted is no
place. The draw is known to whoever tries here, which no family knows: the figures are the most that could be gained.
When to modify: when a request gains something that a family may say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from contracts.vocabulary import Id
from services.matcher.solver.canonical import canonical
from services.matcher.solver.schema import Outcome, Pattern, Placed, Request, Round, Wish
from services.matcher.solver.solve import solve_part

Ranked = TypeVar("Ranked", Wish, Pattern)


class Kind(StrEnum):
    """What was said otherwise."""

    HIDE = "hide"
    REORDER = "reorder"
    ADD = "add"


@dataclass(frozen=True)
class Try:
    """One thing to say instead: the request as it would be."""

    kind: Kind
    request: Request


@dataclass(frozen=True)
class Tried:
    """What one family's tries gave: how many, and of which kinds those were that made it better or worse off."""

    request: Id
    tries: int
    better: tuple[Kind, ...]
    worse: tuple[Kind, ...]


def tries(request: Request, others: Sequence[Id]) -> Iterator[Try]:
    """Everything tried for one family; `others` are structures that it might add without wanting them."""
    for wishes in _without_one(request.wishes):
        yield Try(Kind.HIDE, request.model_copy(update={"wishes": wishes}))
    for patterns in _without_one(request.patterns):
        yield Try(Kind.HIDE, request.model_copy(update={"patterns": patterns}))
    for wishes in _reordered(request.wishes):
        yield Try(Kind.REORDER, request.model_copy(update={"wishes": wishes}))
    for patterns in _reordered(request.patterns):
        yield Try(Kind.REORDER, request.model_copy(update={"patterns": patterns}))
    wished = {wish.structure for wish in request.wishes}
    for other in others:
        if other not in wished:
            for rank in (0, 1 + max(wish.rank for wish in request.wishes)):
                added = tuple(_ranked([*request.wishes, Wish(structure=other, rank=rank)]))
                yield Try(Kind.ADD, request.model_copy(update={"wishes": added}))


def _without_one(rows: tuple[Ranked, ...]) -> Iterator[tuple[Ranked, ...]]:
    if len(rows) > 1:
        yield from (rows[:n] + rows[n + 1 :] for n in range(len(rows)))


def _reordered(rows: tuple[Ranked, ...]) -> Iterator[tuple[Ranked, ...]]:
    """Each said to be the best, and all said to be equal or, where some are, all different."""
    if len(rows) > 1:
        for best in rows:
            yield tuple(row.model_copy(update={"rank": 1 if row is best else row.rank + 1}) for row in rows)
        several = len({row.rank for row in rows}) == len(rows)
        yield tuple(row.model_copy(update={"rank": 1 if several else number}) for number, row in enumerate(rows, 1))


def _ranked(wishes: list[Wish]) -> Iterator[Wish]:
    """The same wishes with ranks from 1."""
    ranks = sorted({wish.rank for wish in wishes})
    return (wish.model_copy(update={"rank": 1 + ranks.index(wish.rank)}) for wish in wishes)


NOWHERE = 10**6
"""Worse than any place that a family asked for."""


def worth(truth: Request, row: Placed | None, said: Request) -> int:
    """How good a place is to a family by its true wishes, 0 the best; NOWHERE without a place that it wants."""
    if row is None:
        return NOWHERE
    wish = next((wish.rank for wish in truth.wishes if wish.structure == row.structure), None)
    slots = said.patterns[row.pattern].slots
    week = next((pattern.rank for pattern in truth.patterns if pattern.slots == slots), None)
    if wish is None or week is None:
        return NOWHERE
    weeks = sorted({pattern.rank for pattern in truth.patterns})
    wishes = sorted({wish.rank for wish in truth.wishes})
    return wishes.index(wish) * len(weeks) + weeks.index(week)


def tried(part: Round, outcome: Outcome, truth: Request, others: Sequence[Id]) -> Tried:
    """Every try of one family in its connected part of the round, the others saying what they said."""
    before = worth(truth, _placed(outcome, truth.id), truth)
    better: list[Kind] = []
    worse: list[Kind] = []
    count = 0
    for said in tries(truth, others):
        after = worth(truth, _placed(solve_part(_instead(part, said.request)), truth.id), said.request)
        count += 1
        better += [said.kind] * (after < before)
        worse += [said.kind] * (after > before)
    return Tried(truth.id, count, tuple(sorted(set(better))), tuple(sorted(set(worse))))


def _instead(part: Round, said: Request) -> Round:
    requests = tuple(said if row.id == said.id else row for row in part.requests)
    return canonical(part.model_copy(update={"requests": requests}))


def _placed(outcome: Outcome, request: Id) -> Placed | None:
    return next((row for row in outcome.placed if row.request == request), None)
