"""The published forms of the problem are read as their authors mean them, on small instances of our own."""

from __future__ import annotations

import pytest

from services.matcher.solver.solve import decide
from tests.benchmarks.literature import Instance, blocking_pairs, read, round_of, tiers

GLASGOW_TIES = """0
3
2
1 (1 2)
2 1 2
3 1
1 1 2 (1 3)
2: 1: 1 2
"""
GLASGOW_COUPLES = """1
1
2
1 1 2
2 3 1 2 2 1 1 -1
1 1 2 1
2 2 3 1
"""
BIRO = (
    "4\n2\n1\n3\n1\n2\nfalse\n5\n5\n\n0\t0\t1\t\n1\t1\t0\t\n2\t0\t1\t\n3\t1\t\n\n0\t2\t2\t0\t1\t\n1\t1\t3\t1\t0\t2\t\n"
)
SUITE = """# residents
r 0 0 1
r 1 0
c 0 2 3 0 1 1 0
p 0 1 1 0 2 3
p 1 2 0 2 3
"""


def test_brackets_in_a_list_hold_equals() -> None:
    assert tiers("3 (1 2) 5") == [["3"], ["1", "2"], ["5"]]


def test_a_glasgow_file_with_ties_is_read_with_and_without_colons() -> None:
    found = read(GLASGOW_TIES)
    assert found.residents == {"1": [["1", "2"]], "2": [["1"], ["2"]], "3": [["1"]]}
    assert found.hospitals == {"1": (1, [["2"], ["1", "3"]]), "2": (1, [["1"], ["2"]])}


def test_a_couple_ranks_pairs_and_may_leave_one_without_a_place() -> None:
    found = read(GLASGOW_COUPLES)
    assert found.couples == [("2", "3", [("1", "2"), ("2", "1"), ("1", "-1")])]
    assert found.residents["3"] == [["2"], ["1"]]


def test_the_other_two_forms_are_told_apart_and_read() -> None:
    assert read(BIRO).couples == [("0", "1", [("0", "1"), ("1", "0")])]
    assert read(BIRO).hospitals["1"] == (1, [["3"], ["1"], ["0"], ["2"]])
    assert read(SUITE).couples == [("2", "3", [("0", "1"), ("1", "0")])]
    assert list(read(SUITE).residents) == ["0", "1", "2", "3"]


def test_a_text_in_no_known_form_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        read("one\ntwo\nthree\n")


def places(instance: Instance) -> dict[str, str]:
    return {row.request: row.structure for row in decide(round_of(instance)).placed}


def test_equal_choices_stay_open_so_that_the_next_resident_is_served() -> None:
    assert places(read(GLASGOW_TIES)) == {"R1": "H2", "R2": "H1"}


def test_a_couple_takes_its_first_pair_where_both_lists_want_it() -> None:
    assert places(read(GLASGOW_COUPLES)) == {"R2": "H1", "R3": "H2", "R1": "H2"}


@pytest.mark.parametrize("text", [GLASGOW_TIES, SUITE])
def test_no_single_resident_and_hospital_would_rather_have_each_other(text: str) -> None:
    instance = read(text)
    assert list(blocking_pairs(instance, decide(round_of(instance)))) == []


def test_a_blocking_pair_is_found_where_there_is_one() -> None:
    instance = read(GLASGOW_TIES)
    nobody = decide(round_of(instance)).model_copy(update={"placed": ()})
    assert ("2", "1") in list(blocking_pairs(instance, nobody))
