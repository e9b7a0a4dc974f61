"""Options that use several rows, and several places in one cell."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matcher.solver.arrangement import Arrangement, Tally
from services.matcher.solver.cells import bits
from services.matcher.solver.constraints import Settings
from services.matcher.solver.keeper import Keeper
from services.matcher.solver.problem import Option, Problem, Row, RowKind, Unit, uses_of

pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 63)), max_size=5)


def _option(unit: str, *used: tuple[int, int]) -> Option:
    return Option(unit, 1, (), uses_of(used))


def _rows(*left: tuple[int, ...]) -> tuple[Row, ...]:
    return tuple(Row(RowKind.PLACES, f"S{number}", cells) for number, cells in enumerate(left))


@given(pairs)
def test_uses_count_each_child_once_in_each_of_its_cells(drawn: list[tuple[int, int]]) -> None:
    meant = Counter((row, cell) for row, mask in drawn for cell in bits(mask))
    uses = uses_of(drawn)
    assert Counter((use.row, cell) for use in uses for cell in use.cells) == meant
    assert all(tuple(bits(use.mask)) == use.cells for use in uses)
    assert all(meant[use.row, cell] >= use.nth for use in uses for cell in use.cells)


@given(pairs, st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=3, max_size=3))
def test_an_option_fits_exactly_if_each_cell_has_a_place_for_each_of_its_children(
    drawn: list[tuple[int, int]], left: list[list[int]]
) -> None:
    needed = Counter((row, cell) for row, mask in drawn for cell in bits(mask))
    tally = Tally(_rows(*map(tuple, left)))
    option = _option("U", *drawn)
    assert tally.fits(option) is all(left[row][cell] >= count for (row, cell), count in needed.items())
    tally.use(option.uses)
    assert all(tally.left[row][cell] == left[row][cell] - count for (row, cell), count in needed.items())
    tally.give_back(option.uses)
    assert tally.left == left


def test_two_children_in_one_cell_need_two_places_there() -> None:
    both = _option("U", (0, 0b11), (0, 0b10))
    assert not Tally(_rows((1, 1))).fits(both)
    assert Tally(_rows((1, 2))).fits(both)


@pytest.mark.parametrize(("places", "served"), [(2, [True, False]), (3, [True, True])])
@pytest.mark.parametrize("settings", [Settings(), Settings(chain_depth=0, quick_no=False)], ids=["quick", "solver"])
def test_two_children_of_one_option_take_two_places(places: int, served: list[bool], settings: Settings) -> None:
    both, one = _option("U", (0, 1), (0, 1)), _option("V", (0, 1))
    units = {option.unit: Unit(option.unit, (), ((option,),)) for option in (both, one)}
    keeper = Keeper(Problem(units, _rows((places,)), {}, {}, {}), settings)
    assert [keeper.keep(unit, keeper.sheet.choices[unit]) for unit in "UV"] == served


def test_a_chain_moves_others_out_of_each_row_that_an_option_uses() -> None:
    now = Arrangement(_rows((1,), (1,), (1,), (1,)))
    for name, first, second in (("A", 0, 2), ("B", 1, 3)):
        options = (_option(name, (first, 1)), _option(name, (second, 1)))
        now.put(options[0])
        now.equals[name] = options
    across = _option("U", (0, 1), (1, 1))
    assert now.insert((across,), depth=1, width=4)
    assert {name: option.uses[0].row for name, option in now.at.items()} == {"A": 2, "B": 3, "U": 0}
    assert not now.insert((_option("W", (2, 1), (3, 1)),), depth=0, width=4)


@pytest.mark.parametrize("quick_no", [True, False])
def test_who_is_in_the_way_of_two_moves_together_moves_too(quick_no: bool) -> None:
    """Each of A and B alone would find room beside C; for U to come in they both move there, so C goes elsewhere."""
    choices = {
        "A": (_option("A", (0, 1)), _option("A", (2, 1))),
        "B": (_option("B", (1, 1)), _option("B", (2, 1))),
        "C": (_option("C", (2, 1)), _option("C", (3, 1))),
        "U": (_option("U", (0, 1), (1, 1)),),
    }
    units = {name: Unit(name, (), (options,)) for name, options in choices.items()}
    keeper = Keeper(Problem(units, _rows((1,), (1,), (2,), (1,)), {}, {}, {}), Settings(0, 0, quick_no))
    assert all(keeper.keep(name, keeper.sheet.choices[name]) for name in "ABCU")
