"""Cuts where choices are had by thirds or quarters: sums of rows, each so many times, divided and rounded down.

The relaxation stands in a corner, where as many rows are full as choices are had in part. Some sum of these rows takes
exactly one of such a choice and nothing of the others, and says how much of it there is: a third. Whole children leave
no third, so what is over of the sum when it is rounded down is a cut (Gomory, 1958). Corners are looked at circle by
circle, those choices that share full rows: most have ten choices or twenty.

When to modify: when goals stay open whose circles are larger, or whose fractions are finer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from typing import TypeVar

from services.matcher.solver.cuts import Key, Sum, Values
from services.matcher.solver.linear import NEAR
from services.matcher.solver.questions import Question

LARGEST_CIRCLE = 60
"""How many choices a circle may have: the work grows with the third power of it."""

DIVISORS = range(2, 61)
MOST_AT_ONCE = 30

T = TypeVar("T")
Rows = dict[Key, dict[int, float]]


@dataclass(slots=True)
class _Made:
    """A sum of rows: what it takes of each column, and of which rows it is made, how often."""

    takes: dict[int, float]
    of: dict[Key, float]

    def subtract(self, other: _Made, pivot: int) -> None:
        """Frees the sum of a column that the other takes exactly once."""
        times = self.takes.get(pivot, 0.0)
        if times:
            _subtract(self.takes, other.takes, times)
            _subtract(self.of, other.of, times)


def corner_sums(question: Question, values: Values) -> list[Sum]:
    """Sums that the relaxation overruns once they are divided and rounded down; what it overruns most comes first."""
    found: dict[Sum, float] = {}
    for rows in _circles(_full(question, values)):
        for column, made in _alone(rows).items():
            for cut, excess in _divided(made.of, values[column]):
                found[cut] = max(excess, found.get(cut, 0.0))
    return sorted(found, key=lambda cut: (-round(found[cut], 6), len(cut.times), cut))[:MOST_AT_ONCE]


def _full(question: Question, values: Values) -> Rows:
    """The rows that are full, and the families, with what each takes of the choices that are had in part."""
    partly = {column for column, value in values.items() if value < 1 - NEAR}
    found: Rows = {}
    for row in sorted({row for column in partly for row in question.sheet.amounts[column]} & question.users.keys()):
        users = question.users[row]
        if sum(amount * values.get(column, 0.0) for column, amount in users.items()) > question.room(row) - NEAR:
            found[row, ""] = {column: float(amount) for column, amount in users.items() if column in partly}
    for unit, columns in question.choices.items():
        own = [column for column in columns if column in partly] if unit != question.newcomer else []
        if own:
            found[-1, unit] = dict.fromkeys(own, 1.0)
    return found


def _circles(rows: Rows) -> Iterator[Rows]:
    """Rows that share choices, directly or through others; not those of circles that are too large."""
    using: defaultdict[int, list[Key]] = defaultdict(list)
    for key, takes in rows.items():
        for column in takes:
            using[column].append(key)
    seen = set[int]()
    for column in sorted(using):
        circle = _circle(column, rows, using) if column not in seen else {}
        seen |= circle.keys()
        if 0 < len(circle) <= LARGEST_CIRCLE:
            yield {key: rows[key] for key in dict.fromkeys(key for near in circle for key in using[near])}


def _circle(column: int, rows: Rows, using: Mapping[int, list[Key]]) -> dict[int, None]:
    circle = {column: None}
    for near in (waiting := [column]):
        for key in using[near]:
            more = [other for other in rows[key] if other not in circle]
            circle.update(dict.fromkeys(more))
            waiting += more
    return circle


def _alone(rows: Rows) -> dict[int, _Made]:
    """For each choice the sum of rows that takes once of it and nothing of the others, where there is one."""
    found: dict[int, _Made] = {}
    for key in sorted(rows, key=lambda key: (len(rows[key]), key)):
        made = _Made(dict(rows[key]), {key: 1.0})
        for pivot, other in found.items():
            made.subtract(other, pivot)
        pivot = max(made.takes, key=lambda column: (abs(made.takes[column]), -column), default=-1)
        if pivot >= 0:
            _scale(made, pivot)
            for other in found.values():
                other.subtract(made, pivot)
            found[pivot] = made
    return {column: made for column, made in found.items() if len(made.takes) == 1}


def _scale(made: _Made, pivot: int) -> None:
    by = made.takes[pivot]
    made.takes = {column: amount / by for column, amount in made.takes.items()}
    made.of = {key: times / by for key, times in made.of.items()}


def _subtract(numbers: dict[T, float], others: Mapping[T, float], times: float) -> None:
    for key, number in others.items():
        left = numbers.get(key, 0.0) - times * number
        if abs(left) > NEAR:
            numbers[key] = left
        else:
            numbers.pop(key, None)


def _divided(of: Mapping[Key, float], value: float) -> Iterator[tuple[Sum, float]]:
    """The sum over its least divisor, as often as leaves most over when it is rounded down."""
    for divisor in DIVISORS:
        whole = {key: round(times * divisor) for key, times in of.items()}
        if all(isclose(whole[key], times * divisor, abs_tol=NEAR * divisor) for key, times in of.items()):
            often = max(range(1, divisor), key=lambda often: (round(often * value % 1, 6), -often))
            times = {key: often * number % divisor for key, number in sorted(whole.items())}
            yield Sum(divisor, tuple((key, number) for key, number in times.items() if number)), often * value % 1
            return
