"""Whose turn it is when, in each mode and with each rule for ties, on two or three families: all are invented."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.matcher.solver.facts import Standing
from services.matcher.solver.schema import Goal, Mode, Placed, Round, Ties
from services.matcher.solver.turns import Reach, Step, Turns, one_list
from services.matcher.solver.ways import Aim, Way, Ways
from tests.matcher.solver.by_hand import asks, at, facts_of
from tests.matcher.solver.golden import round_of

CASE: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=40), "B": asks("X", "mon_am", points=50)},
}
A_AT_Y = at("A", "Y", "mon_am", wish_rank=2, level=2)
B_AT_X = at("B", "X", "mon_am")
BOTH = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "A": asks("YX", "mon_am", points={"X": 80, "Y": 60}),
        "B": asks("YX", "mon_am", points=70),
    },
}
MOVER: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "M": asks("Y", "mon_am", points=90, has=["X", "mon_am"]),
        "A": asks("X", "mon_am", points=40),
    },
}


def turns_of(
    case: dict[str, Any] | Round, *placed: Placed, mode: Mode = Mode.STABLE, ties: Ties = Ties.DRAW, **facts: Any
) -> Turns:
    drawn = case if isinstance(case, Round) else round_of(case)
    voted = drawn.policy.model_copy(update={"mode": mode, "ties": ties})
    return Turns(Ways(facts_of(drawn.model_copy(update={"policy": voted}), *placed, **facts)))


def told(turns: Turns) -> list[Any]:
    """Each turn: a goal, or a family with the places of what it would rather have and of what is left to it."""
    ways = turns.ways
    return [
        row.aim
        if isinstance(row, Reach)
        else (row.unit, named(ways, row.unit, row.preferred), named(ways, row.unit, row.kept))
        for row in turns
    ]


def named(ways: Ways, unit: str, found: tuple[Way, ...]) -> list[int | None]:
    """The places of these ways among all of a family; None for nothing of what it asks."""
    own = ways.of(unit)
    return [None if way is ways.without(unit) else own.index(way) for way in found]


def children(points: int, among: str, tier: int = 2) -> Aim:
    return Aim(Goal.CHILDREN, tier, points, among)


def wishes(points: int, among: str, tier: int = 2) -> Aim:
    return Aim(Goal.WISHES, tier, points, among)


def test_in_the_one_list_each_takes_its_turn_by_its_claim() -> None:
    assert told(turns_of(CASE, B_AT_X, A_AT_Y)) == [("B", [], [0]), ("A", [0], [1])]
    assert told(turns_of(CASE, B_AT_X)) == [("B", [], [0]), ("A", [0, 1], [])]
    turns = turns_of(CASE, B_AT_X)
    assert next(iter(turns)) == Step("B", (), turns.ways.of("B"))
    assert (turns.contradict, turns.by_structure, turns.ordinary.keys()) == (False, set(), {"A", "B"})
    assert list(turns.entering()) == []


def test_whose_answer_is_held_back_takes_no_part() -> None:
    turns = turns_of(CASE, B_AT_X, withheld=("A",))
    assert (told(turns), turns.ordinary.keys()) == ([("B", [], [0])], {"B"})
    twins = CASE | {"siblings": [["A", "B"]]}
    assert told(turns_of(twins, withheld=("A",))) == []


def test_a_child_who_has_a_place_takes_part_from_the_start_and_keeps_it() -> None:
    turns = turns_of(MOVER)
    ways = turns.ways
    assert list(turns.entering()) == [("M", (*ways.of("M"), ways.without("M")))]
    assert told(turns) == [("M", [0], [None]), ("A", [0], [])]


def test_where_claims_of_the_structures_agree_they_make_the_one_list() -> None:
    """At Y, where both ask, A has more than B: its other points count nowhere else."""
    case = CASE | {
        "requests": {"A": asks("Y", "mon_am", points={"X": 10, "Y": 90}), "B": asks("XY", "mon_am", points=50)}
    }
    assert [row[0] for row in told(turns_of(case))] == ["A", "B"]
    apart = CASE | {
        "requests": {"A": asks("Y", "mon_am", points={"X": 10, "Y": 90}), "B": asks("X", "mon_am", points=50)}
    }
    turns = turns_of(apart)
    assert ([row[0] for row in told(turns)], turns.by_structure) == (["B", "A"], {"A"})


CONTRADICTORY: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "A": asks("YX", "mon_am", points={"X": 90, "Y": 10}),
        "B": asks("XY", "mon_am", points={"X": 10, "Y": 90}),
        "M": asks("X", "mon_am", points=5, has=["Y", "tue_am"]),
    },
}


def test_where_the_lists_contradict_each_other_each_is_looked_at_alone() -> None:
    second = {"wish_rank": 2, "level": 2}
    turns = turns_of(CONTRADICTORY, at("A", "X", "mon_am", **second), at("B", "Y", "mon_am", **second))
    assert turns.contradict
    assert told(turns) == [("A", [0], [1]), ("B", [0], [1]), ("M", [0], [None])]
    assert list(turns.entering()) == []
    assert not turns_of(CONTRADICTORY, mode=Mode.STRICT).contradict


def same_place(**facts: Any) -> dict[str, Any]:
    """A has more points than B at Y, where both ask, and less elsewhere."""
    requests = {"A": asks("Y", "mon_am", points={"X": 10, "Y": 90}), "B": asks("Y", "mon_am", points=50)}
    return {"places": {"X": {"mon_am": 1}, "Y": {"mon_am": 2}}, "requests": requests} | facts


def test_what_is_guaranteed_over_several_structures_is_a_list_of_ordinary_claims() -> None:
    assert not turns_of(same_place()).contradict
    assert turns_of(same_place(quotas={"Q": {"structures": ["X", "Y"], "places": 20}})).contradict


def test_what_is_guaranteed_by_two_managers_is_two_lists() -> None:
    """By their ordinary claims A comes before B; at V, where both ask, after it; no other list has both."""
    case = {
        "places": {name: {"mon_am": 2} for name in "VXW"},
        "quotas": {f"Q{name}": {"structures": [name], "places": 20} for name in "XW"},
        "requests": {
            "A": asks("VX", "mon_am", points=50),
            "B": asks("VW", "mon_am", points={"V": 90, "W": 10}),
        },
    }
    turns = turns_of(case)
    assert ([row[0] for row in told(turns)], turns.contradict) == (["B", "A"], False)


def test_the_starts_of_one_section_are_ranked_by_the_claims_there() -> None:
    turns = turns_of(same_place(starts_per_week={"Y": 1}))
    assert not turns.contradict
    assert [row[0] for row in told(turns)] == ["A", "B"]


@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.MOST_CHILDREN])
def test_in_the_freer_modes_the_number_comes_before_the_wishes(mode: Mode) -> None:
    turns = turns_of(CASE, B_AT_X, A_AT_Y, mode=mode)
    total = [Aim(Goal.TOTAL, None, None, "A")] if mode is Mode.MOST_CHILDREN else []
    assert told(turns) == [
        *total,
        ("B", [], [0]),
        ("A", [], [0, 1]),
        ("B", [], [0]),
        ("A", [0], [1]),
    ]
    ways = turns.ways
    entering = [(unit, (ways.without(unit), *ways.of(unit))) for unit in "AB"] if total else []
    assert list(turns.entering()) == entering
    unplaced = told(turns_of(CASE, B_AT_X, mode=mode))[len(total) :]
    assert unplaced[1] == ("A", [0, 1], [])
    assert unplaced[3] == ("A", [0, 1], [None] if total else [])


def test_a_claim_is_met_where_it_is_held_or_at_what_is_as_good() -> None:
    """At X A has more points than B, at Y, which it likes better, less."""
    second = at("A", "X", "mon_am", wish_rank=2, level=2)
    turns = turns_of(BOTH, second, at("B", "Y", "mon_am"), mode=Mode.STRICT)
    assert told(turns) == [
        ("A", [], [0, 1]),
        ("B", [], [0, 1]),
        ("A", [0], []),
        ("A", [0], [1]),
        ("B", [], [0]),
    ]
    alike = BOTH | {"requests": BOTH["requests"] | {"A": asks("YX", "mon_am", points={"X": 80, "Y": 80})}}
    assert [row[:2] for row in told(turns_of(alike, mode=Mode.STRICT))][:2] == [("A", [0, 1]), ("B", [0, 1])]
    closed = BOTH | {"places": {"Y": {"mon_am": 1}}, "sections": {"X": {"all": [0, 71]}}}
    assert [row[:2] for row in told(turns_of(closed, mode=Mode.STRICT))][:2] == [("B", [0, 1]), ("A", [0])]


def test_a_claim_is_met_by_the_worst_of_what_it_gives_and_all_that_is_better() -> None:
    part = asks("X", points={"X": 80, "Y": 60}, accepts_partial=True) | {"days": [["mon", "tue"], ["wed"]]}
    case = {"places": {"X": {"mon": 1, "tue": 1, "wed": 1}}, "requests": {"A": part}}
    turns = turns_of(case, mode=Mode.STRICT)
    assert told(turns)[0] == ("A", [0, 1, 2, 3], [])
    assert [way.wanted and way.wanted.worth for way in turns.ways.of("A")][-1] == (2, 0), "behind it come the parts"
    points = {"X": 80, "Y": 70, "Z": 60}
    siblings = {
        "places": {name: {"mon_am": 1} for name in "XYZ"},
        "siblings": [{"requests": ["S", "T"]}],
        "requests": {"S": asks("XY", "mon_am", points=points), "T": asks("Z", "mon_am", points=points)},
    }
    assert [row[1] for row in told(turns_of(siblings, mode=Mode.STRICT))][:3] == [[0], [0, 1], [0, 1]]


def test_who_could_be_served_nowhere_comes_last() -> None:
    closed = {"places": {"X": {"mon_am": 0}, "Y": {"mon_am": 0}}}
    requests = {
        "A": asks("X", "mon_am", points={"X": 70, "Y": 70}),
        "B": asks("X", "mon_am", points={"X": 90, "Y": 90}),
        "C": asks("X", "mon_am", points=10),
    }
    assert [row[0] for row in told(turns_of(closed | {"requests": requests}, mode=Mode.STRICT))] == ["C", "C", "B", "A"]


def test_a_child_who_has_a_place_has_no_claim_to_count_and_its_turn_at_last() -> None:
    moved = at("M", "Y", "mon_am", replaces="M-has")
    assert told(turns_of(MOVER, moved, mode=Mode.STRICT)) == [("A", [0], []), ("M", [], [0]), ("A", [0], [])]


EQUALS: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "A": asks("XY", "mon_am", points=50),
        "B": asks("X", "mon_am", points=50),
        "C": asks("Y", "mon_am", points=40),
    },
}


def test_equals_are_counted_band_by_band_before_any_of_them_has_its_turn() -> None:
    turns = turns_of(EQUALS, B_AT_X, A_AT_Y, ties=Ties.TOGETHER)
    goals = [children(50, "A"), wishes(50, "A"), children(40, "C"), wishes(40, "C")]
    assert told(turns)[:4] == goals
    assert [row[0] for row in told(turns)[4:]][2:] == ["C"]
    assert {row[0] for row in told(turns)[4:6]} == {"A", "B"}
    assert turns.aims.reached == dict(zip(goals, (2, -1, 0, 0), strict=True))
    ways = turns.ways
    assert list(turns.entering()) == [(unit, (ways.without(unit), *ways.of(unit))) for unit in "ABC"]


@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.MOST_CHILDREN])
def test_in_the_freer_modes_the_numbers_of_all_bands_come_before_the_wishes(mode: Mode) -> None:
    turns = turns_of(EQUALS, B_AT_X, A_AT_Y, mode=mode, ties=Ties.TOGETHER)
    total = [Aim(Goal.TOTAL, None, None, "A")] if mode is Mode.MOST_CHILDREN else []
    goals = [*total, children(50, "A"), children(40, "C"), wishes(50, "A"), wishes(40, "C")]
    assert told(turns)[: len(goals)] == goals
    assert [turns.aims.reached[goal] for goal in goals] == [2] * len(total) + [2, 0, -1, 0]
    steps = told(turns)[len(goals) :]
    assert sorted(row[0] for row in steps) == ["A", "B", "C"], "nobody is looked at for its number alone"
    assert steps[2] == ("C", [0], [None])


def test_siblings_count_once_among_equals_of_the_one_list_and_each_child_in_the_freer_modes() -> None:
    twins = {
        "places": {"X": {"mon_am": 2}},
        "siblings": [["S", "T"]],
        "requests": {name: asks("X", "mon_am", points=50) for name in "ST"},
    }
    placed = (at("S", "X", "mon_am"), at("T", "X", "mon_am"))
    for mode, count in ((Mode.STABLE, 1), (Mode.STRICT, 2)):
        assert turns_of(twins, *placed, mode=mode, ties=Ties.TOGETHER).aims.reached[children(50, "S-T")] == count


def test_who_has_a_place_counts_in_the_wishes_of_its_band_alone() -> None:
    for mode in (Mode.STABLE, Mode.STRICT):
        turns = turns_of(MOVER, mode=mode, ties=Ties.TOGETHER)
        goals = [children(40, "A"), wishes(90, "M"), wishes(40, "A")]
        stable = [wishes(90, "M"), children(40, "A"), wishes(40, "A")]
        assert list(turns.aims.reached) == (stable if mode is Mode.STABLE else goals)
        ways = turns.ways
        entering = {"M": (*ways.of("M"), ways.without("M")), "A": (ways.without("A"), *ways.of("A"))}
        assert dict(turns.entering()) == entering


def test_of_equals_of_whom_some_stand_apart_nothing_is_shown_in_the_one_list() -> None:
    alike = BOTH | {"requests": BOTH["requests"] | {"A": asks("YX", "mon_am", points={"X": 80, "Y": 80})}}
    apart = turns_of(alike, ties=Ties.TOGETHER)
    assert (told(apart), apart.aims.reached, apart.contradict) == ([], {}, False)
    free = turns_of(BOTH, at("A", "Y", "mon_am"), mode=Mode.STRICT, ties=Ties.TOGETHER)
    assert told(free)[:5] == [children(80, "A"), children(70, "B"), children(60, "A"), wishes(80, "A"), wishes(70, "B")]
    assert [free.aims.reached[aim] for aim in told(free)[:3]] == [1, 0, 1]
    assert [row[0] for row in told(free)[5:]] == ["A", "B"]


def stands(*names: str) -> dict[str, Standing]:
    return {name: (2, 0, date.max, str(number)) for number, name in enumerate(names)}


def test_one_list_keeps_the_order_of_each_and_ordinary_claims_where_they_leave_it_open() -> None:
    ordinary = stands("A", "B", "C", "D", "E")
    assert one_list(ordinary, []) == ["A", "B", "C", "D", "E"]
    assert one_list(stands("E", "D", "C"), []) == ["E", "D", "C"]
    assert one_list(ordinary, [["C", "A"], ["A", "B"]]) == ["C", "A", "B", "D", "E"]
    assert one_list(ordinary, [["D", "C", "A"], ["E"]]) == ["B", "D", "C", "A", "E"]
    assert one_list(ordinary, [["E", "A"], ["E", "B"], ["C", "D"]]) == ["C", "D", "E", "A", "B"]
    assert one_list(ordinary, [["A", "B"], ["B", "C"], ["C", "A"]]) is None
