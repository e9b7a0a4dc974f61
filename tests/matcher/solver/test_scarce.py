"""What the search looks at of a problem's hours: too little of it would overbook, too much would only be slow."""

from __future__ import annotations

from collections import Counter
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.matcher.solver.problem import Option, Problem, Row, RowKind, Unit, uses_of
from services.matcher.solver.scarce import Limit, limits

CELLS = 4
drawn_uses = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 2**CELLS - 1)), min_size=1, max_size=3)
drawn_units = st.lists(st.lists(drawn_uses, min_size=1, max_size=3), min_size=1, max_size=4)
drawn_left = st.lists(st.lists(st.integers(0, 3), min_size=CELLS, max_size=CELLS), min_size=2, max_size=2)


def _problem(units: list[list[list[tuple[int, int]]]], left: list[list[int]]) -> Problem:
    made = {}
    for number, uses in enumerate(units):
        name = f"U{number}"
        options = tuple(Option(name, level, (), uses_of(pairs)) for level, pairs in enumerate(uses, 1))
        made[name] = Unit(name, (), tuple((option,) for option in options))
    rows = tuple(Row(RowKind.PLACES, f"S{number}", tuple(cells)) for number, cells in enumerate(left))
    return Problem(made, rows, {}, {}, {})


def _limits(problem: Problem) -> list[Limit]:
    return limits(problem, [name for name, unit in problem.units.items() for _ in unit.choices])


@given(drawn_units, drawn_left)
def test_whoever_keeps_the_scarce_places_overruns_no_cell(
    units: list[list[list[tuple[int, int]]]], left: list[list[int]]
) -> None:
    problem = _problem(units, left)
    scarce = _limits(problem)
    options = list(enumerate(option for unit in problem.units.values() for option in unit.options))
    choices = [[None, *(pair for pair in options if pair[1].unit == name)] for name in problem.units]
    for chosen in product(*choices):
        taken = [pair for pair in chosen if pair is not None]
        cells = Counter((use.row, cell) for _, option in taken for use in option.uses for cell in use.cells)
        keeps = all(sum(limit.amounts.get(number, 0) for number, _ in taken) <= limit.left for limit in scarce)
        assert keeps is all(left[row][cell] >= count for (row, cell), count in cells.items())


@given(drawn_units, drawn_left)
def test_no_scarce_place_is_there_twice(units: list[list[list[tuple[int, int]]]], left: list[list[int]]) -> None:
    found = _limits(_problem(units, left))
    assert [limit.place for limit in found] == sorted(limit.place for limit in found)
    for one, other in product(found, found):
        more = all(other.amounts.get(number, 0) >= count for number, count in one.amounts.items())
        assert one is other or one.place[0] != other.place[0] or one.left < other.left or not more


def test_an_hour_that_fewer_use_is_left_to_the_hour_beside_it_unless_it_has_less_left() -> None:
    units = [[[(0, 0b11)]], [[(0, 0b11)]], [[(0, 0b01)]]]
    assert [limit.place for limit in _limits(_problem(units, [[1, 1]]))] == [(0, 0)]
    assert [limit.place for limit in _limits(_problem(units, [[2, 1]]))] == [(0, 0), (0, 1)]
    assert [limit.place for limit in _limits(_problem(units, [[3, 2]]))] == []
