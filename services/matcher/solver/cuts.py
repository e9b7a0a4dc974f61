"""Cuts: rows that follow from others because nobody can have half of a choice.

Three children of whom no two fit together may each be had by half in the relaxation: one and a half children where
there is room for one. Half of the sum of their three rows, rounded down, says one. Such a row holds for every
arrangement, for ever, and is an addition like any other (zero-half cuts: Caprara and Fischetti, 1996).

Which rows to add up is an odd walk: a row that two choices use by half leads from one to the other, and a walk that
comes back over rows that leave an odd number is a cut. Thirds and quarters are for `corners.py`. When to modify: when
goals stay open whose relaxation has halves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from itertools import combinations
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.linear import NEAR
from services.matcher.solver.questions import Question

Key = tuple[int, Id]
"""A row, or for a family that has exactly one of its choices, -1 and its name."""

Values = Mapping[int, float]
"""How much of each column the relaxation takes, where it takes any."""

NOBODY = -1
"""Stands beside the one choice of a row that is had by half."""

LEAST = 1e-3
"""How far the relaxation must be beyond a cut."""

MOST_IN_A_ROW = 8
MOST_AT_ONCE = 200


class Sum(NamedTuple):
    """Rows, each so many times, to be added up, divided and rounded down."""

    divisor: int
    times: tuple[tuple[Key, int], ...]


class Line(NamedTuple):
    """A row as the relaxation leaves it: the columns taken in part that take an odd number of it, whether what is left
    to them is odd, and how far it is from full."""

    key: Key
    columns: list[int]
    is_odd: bool
    slack: float


Step = tuple[float, Key]
Node = tuple[int, bool]
"""A column, and whether the rests of the rows on the way to it sum to an odd number."""

Graph = dict[int, dict[Node, Step]]


def odd_walks(question: Question, values: Values) -> list[Sum]:
    """Rows whose half sum, rounded down, the relaxation overruns; those that it overruns most first."""
    found: dict[tuple[Key, ...], float] = {}
    graph = _graph(_lines(question, values), values)
    for column in sorted(graph):
        length, keys = _shortest(graph, column)
        if keys:
            found[keys] = min(length, found.get(keys, length))
    first = sorted(found, key=lambda keys: (found[keys], len(keys), keys))[:MOST_AT_ONCE]
    return [Sum(2, tuple((key, 1) for key in keys)) for keys in first]


def _lines(question: Question, values: Values) -> list[Line]:
    """The rows that are as good as full, and the families, among which choices are shared out in part."""
    partly = {column for column, value in values.items() if value < 1 - NEAR}
    rows = dict.fromkeys(row for column in partly for row in question.sheet.amounts[column])
    found = [_line(question, row, values) for row in rows if row in question.users]
    for unit, columns in question.choices.items():
        own = [column for column in columns if column in partly] if unit != question.newcomer else []
        if own:
            found.append(Line((-1, unit), own, True, 0.0))
    return [line for line in found if line.slack < 1 - LEAST]


def _line(question: Question, row: int, values: Values) -> Line:
    left = question.room(row)
    users = [(column, amount) for column, amount in question.users[row].items() if column in values]
    odd = [column for column, amount in users if amount & 1]
    partly = [column for column in odd if values[column] < 1 - NEAR]
    slack = left - sum(amount * values[column] for column, amount in users)
    return Line((row, ""), partly, bool((left + len(odd) - len(partly)) & 1), max(slack, 0.0))


def _graph(lines: Iterable[Line], values: Values) -> Graph:
    """From each column the others to which a row leads, and what that costs: its slack, and who else has half of it."""
    graph: Graph = defaultdict(dict)
    for line in lines:
        most = sorted(line.columns, key=lambda column: (-values[column], column))[:MOST_IN_A_ROW]
        others = line.slack + sum(values[column] for column in line.columns)
        for here, there in [*combinations(most, 2), *((column, NOBODY) for column in most)]:
            cost = max(others - values[here] - values.get(there, 0.0), 0.0)
            if cost < 1 - LEAST:
                _link(graph, here, (there, line.is_odd), (cost, line.key))
                _link(graph, there, (here, line.is_odd), (cost, line.key))
    return graph


def _link(graph: Graph, column: int, node: Node, step: Step) -> None:
    if node not in graph[column] or step < graph[column][node]:
        graph[column][node] = step


def _shortest(graph: Graph, start: int) -> tuple[float, tuple[Key, ...]]:
    """The cheapest way from a column back to it over an odd sum, as the rows passed an odd number of times."""
    costs: dict[Node, float] = {(start, False): 0.0}
    before: dict[Node, tuple[Node, Key]] = {}
    waiting = [(0.0, start, False)]
    while waiting:
        cost, column, is_odd = heappop(waiting)
        if (column, is_odd) == (start, True):
            return cost, _passed(before, (start, True), (start, False))
        for (other, flips), (more, key) in graph[column].items() if cost <= costs[column, is_odd] else ():
            node, total = (other, is_odd ^ flips), cost + more
            if total < 1 - LEAST and total < costs.get(node, 1.0):
                costs[node], before[node] = total, ((column, is_odd), key)
                heappush(waiting, (total, *node))
    return 1.0, ()


def _passed(before: Mapping[Node, tuple[Node, Key]], node: Node, start: Node) -> tuple[Key, ...]:
    passed: Counter[Key] = Counter()
    while node != start:
        node, key = before[node]
        passed[key] += 1
    return tuple(sorted(key for key, times in passed.items() if times & 1))
