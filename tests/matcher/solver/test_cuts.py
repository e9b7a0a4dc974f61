"""Rows that follow from others: each must hold for every arrangement, or a child would lose a place to arithmetic."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.matcher.solver import corners, halves, levels
from services.matcher.solver.constraints import LIGHT_EFFORT, Settings
from services.matcher.solver.corners import corner_sums
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.levels import Reached, enter, pursue
from services.matcher.solver.linear import relax
from services.matcher.solver.problem import Option, Problem, Row, RowKind, Unit, uses_of
from services.matcher.solver.questions import Question

CELLS = 4
Uses = list[list[int]]
"""The cells of each choice of each unit, as bits."""

TRIANGLE = [[0b011], [0b110], [0b101]]
"""Three children, three days, one place: any two of them meet."""

TETRAHEDRON = [[0b0111], [0b1011], [0b1101], [0b1110]]
"""Four children, four days, two places: each three of them meet, so that each may be had by two thirds."""

PAIRS = [cells for cells in range(2**CELLS) if cells.bit_count() == 2]

drawn = st.lists(st.lists(st.integers(1, 2**CELLS - 1), min_size=1, max_size=2), min_size=3, max_size=5)


def _keeper(units: Uses, left: tuple[int, ...], settings: Settings | None = None) -> Keeper:
    made = {}
    for number, choices in enumerate(units):
        name = f"U{number}"
        options = tuple(Option(name, level, (), uses_of([(0, cells)])) for level, cells in enumerate(choices, 1))
        made[name] = Unit(name, (), tuple((option,) for option in options))
    return Keeper(Problem(made, (Row(RowKind.PLACES, "S0", left),), {}, {}, {}), settings or Settings())


def _as_many_as_can_be(keeper: Keeper) -> Question:
    """How many can have something, all at once?"""
    served = {column: -1 for columns in keeper.sheet.choices.values() for column in columns}
    return replace(keeper.question(dict(keeper.now.live)), goal=served)


def _cut(keeper: Keeper) -> float:
    """The relaxation once it overruns no row that can be made."""
    enter(keeper, keeper.problem.units)
    for _ in range(levels.MOST_CUTS):
        question = _as_many_as_can_be(keeper)
        relaxed = relax(question)
        assert relaxed is not None
        if relaxed.columns or not keeper.cut(question, relaxed.values):
            break
    return relaxed.value


def test_three_children_of_whom_no_two_fit_together_are_not_served_by_halves() -> None:
    keeper = _keeper(TRIANGLE, (1, 1, 1, 0))
    enter(keeper, keeper.problem.units)
    relaxed = relax(_as_many_as_can_be(keeper))
    assert relaxed is not None and relaxed.value == pytest.approx(-1.5)
    assert _cut(keeper) == pytest.approx(-1)
    assert RowKind.HALF in keeper.sheet.kinds


def test_four_children_of_whom_no_three_fit_together_are_not_served_by_thirds() -> None:
    keeper = _keeper(TETRAHEDRON, (2, 2, 2, 2))
    enter(keeper, keeper.problem.units)
    question = _as_many_as_can_be(keeper)
    relaxed = relax(question)
    assert relaxed is not None and relaxed.value == pytest.approx(-8 / 3)
    assert {cut.divisor for cut in corner_sums(question, relaxed.values)} == {3}
    assert _cut(keeper) == pytest.approx(-2)


def test_walks_alone_leave_thirds_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "corner_sums", lambda *_: [])
    assert _cut(_keeper(TETRAHEDRON, (2, 2, 2, 2))) == pytest.approx(-8 / 3)


def test_a_circle_of_too_many_choices_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corners, "LARGEST_CIRCLE", 7)
    assert _cut(_keeper(TETRAHEDRON, (2, 2, 2, 2))) == pytest.approx(-8 / 3)


def test_a_choice_had_whole_loses_nothing_when_a_sum_is_divided() -> None:
    keeper = _keeper([*TETRAHEDRON, [0b0001]], (3, 2, 2, 2))
    assert _cut(keeper) == pytest.approx(-3)


def _made(keeper: Keeper) -> list[int]:
    return [row for row, kind in enumerate(keeper.sheet.kinds) if kind is RowKind.HALF]


def _forbidden(keeper: Keeper) -> int:
    """How many of all the arrangements for which there are places some made row forbids."""
    sheet, made = keeper.sheet, _made(keeper)
    places = [row for row, kind in enumerate(sheet.kinds) if kind is RowKind.PLACES]
    forbidden = 0
    for chosen in product(*((*sheet.choices[name], sheet.nothing[name]) for name in sheet.choices)):
        taken: Counter[int] = Counter()
        for column in chosen:
            taken.update(sheet.amounts[column])
        if all(taken[row] <= sheet.caps[row] for row in places):
            forbidden += any(taken[row] > sheet.caps[row] for row in made)
    return forbidden


@example(TETRAHEDRON, [2, 2, 2, 2])
@example([*TETRAHEDRON, [0b0001]], [3, 2, 2, 2])
@given(drawn, st.lists(st.integers(0, 2), min_size=CELLS, max_size=CELLS))
def test_each_arrangement_that_fits_fits_in_all_that_follows(units: Uses, left: list[int]) -> None:
    keeper = _keeper(units, tuple(left))
    _cut(keeper)
    assert _forbidden(keeper) == 0


def _crossing(seed: int) -> Keeper:
    """Choices of exactly two of a few cells, for one or two places each: most of what is made is made of such."""
    draw = Random(seed)
    units = [draw.sample(PAIRS, draw.choice((1, 1, 2))) for _ in range(draw.randint(4, 6))]
    keeper = _keeper(units, tuple(draw.choice((1, 1, 2)) for _ in range(CELLS)))
    _cut(keeper)
    return keeper


def test_rows_made_where_choices_cross_forbid_nothing_that_fits() -> None:
    keepers = [_crossing(seed) for seed in range(300)]
    assert [seed for seed, keeper in enumerate(keepers) if _forbidden(keeper)] == []
    assert sum(len(_made(keeper)) for keeper in keepers) > 200
    cut = [keeper for keeper in keepers if _made(keeper)]
    for keeper in cut:
        for row in _made(keeper):
            keeper.sheet.caps[row] -= 1
    assert all(map(_forbidden, cut)), "with one less they are seen to forbid what fits"


def test_what_is_made_counts_whoever_takes_part_later() -> None:
    keeper = _keeper([*TRIANGLE, [0b111]], (1, 1, 1, 0))
    enter(keeper, ["U0", "U1", "U2"])
    question = replace(keeper.question(dict(keeper.now.live)), goal={0: -1, 2: -1, 4: -1})
    relaxed = relax(question)
    assert relaxed is not None and keeper.cut(question, relaxed.values)
    row = keeper.sheet.kinds.index(RowKind.HALF)
    late = keeper.sheet.choices["U3"][0]
    assert (keeper.sheet.caps[row], keeper.sheet.amounts[late][row]) == (1, 1)


def test_goals_beyond_their_effort_are_looked_at_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    efforts = []

    def noted(question: Question, settings: Settings) -> tuple[None, int, float]:
        efforts.append(settings.effort)
        return None, -3, 40.0

    monkeypatch.setattr(levels, "best", noted)
    monkeypatch.setattr(levels, "_relaxed", lambda *_: None)
    keeper = _keeper(TRIANGLE, (1, 1, 1, 0), Settings(quick_no=False, chain_depth=0, effort=30.0, goals_effort=50.0))
    enter(keeper, keeper.problem.units)
    goal = {column: -1 for columns in keeper.sheet.choices.values() for column in columns}
    assert [pursue(keeper, goal) for _ in range(3)] == [Reached(0, -3)] * 3
    assert efforts == [30.0, 10.0, LIGHT_EFFORT]
