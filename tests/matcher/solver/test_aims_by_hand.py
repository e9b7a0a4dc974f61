"""The goals decided for several families at once: who competes, what counts for each, what an outcome reached."""

from __future__ import annotations

from typing import Any

import pytest

from services.matcher.solver.aims import Aims, Counted
from services.matcher.solver.schema import Goal, Placed, Round
from services.matcher.solver.ways import Aim, Way, Ways
from tests.matcher.solver.by_hand import asks, at, facts_of
from tests.matcher.solver.golden import round_of

THREE: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}, "Z": {"mon_am": 1}},
    "requests": {"A": asks("XZ", "mon_am"), "B": asks("X", "mon_am"), "C": asks("Y", "mon_am")},
}
TWINS: dict[str, Any] = {
    "places": {"X": {"mon_am": 2}, "Y": {"mon_am": 2}},
    "siblings": [["S", "T"]],
    "requests": {name: asks("XY", "mon_am") for name in "ST"} | {"B": asks("X", "mon_am")},
}
MOVER: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}, "Z": {"mon_am": 1}},
    "requests": {"M": asks("YZ", "mon_am", has=["X", "mon_am"]), "A": asks("X", "mon_am")},
}


def aims_of(case: dict[str, Any] | Round, *placed: Placed, **facts: Any) -> tuple[Aims, Ways]:
    ways = Ways(facts_of(case, *placed, **facts))
    return Aims(ways, list(ways.facts.families.members)), ways


def groups(case: dict[str, Any] | Round, *placed: Placed) -> set[frozenset[str]]:
    part_of = aims_of(case, *placed)[0].part_of
    return {frozenset(unit for unit, one in part_of.items() if one == name) for name in part_of.values()}


def apart(*names: str) -> set[frozenset[str]]:
    return {frozenset(name) for name in names}


def test_families_compete_for_what_is_too_little_for_all_of_them() -> None:
    assert groups(THREE) == apart("AB", "C")
    assert groups(THREE | {"places": THREE["places"] | {"X": {"mon_am": 2}}}) == apart("A", "B", "C")
    chain = THREE["requests"] | {"C": asks("YZ", "mon_am"), "D": asks("Y", "mon_am")}
    assert groups(THREE | {"requests": chain}) == apart("ABCD")
    closed = THREE | {"places": THREE["places"] | {"X": {"mon_am": 0}}}
    assert groups(closed) == apart("A", "B", "C"), "nobody could have it"


def test_families_compete_for_a_week_of_starts_though_they_ask_for_other_days() -> None:
    requests = {"A": asks("X", "mon_am"), "B": asks("X", "tue_am"), "C": asks("Y", "mon_am")}
    case = {"places": {"X": {"mon_am": 1, "tue_am": 1}, "Y": {"mon_am": 1}}, "requests": requests}
    assert groups(case) == apart("A", "B", "C")
    assert groups(case | {"starts_per_week": {"X": 1}}) == apart("AB", "C")


def test_siblings_compete_for_as_many_places_as_they_are() -> None:
    def parts(places: int) -> set[frozenset[str]]:
        return groups(TWINS | {"places": {"X": {"mon_am": places}, "Y": {"mon_am": 2}}})

    assert (parts(2), parts(3)) == ({frozenset({"S-T", "B"})}, {frozenset({"S-T"}), frozenset({"B"})})


def test_a_child_who_may_stay_competes_for_the_place_that_it_has() -> None:
    assert groups(MOVER) == apart("AM")
    assert groups(MOVER | {"places": MOVER["places"] | {"X": {"mon_am": 2}}}) == apart("A", "M")


def total(among: str) -> Aim:
    return Aim(Goal.TOTAL, None, None, among)


def test_all_children_who_had_no_place_are_counted_part_by_part() -> None:
    aims, ways = aims_of(THREE, at("B", "X", "mon_am"), at("C", "Y", "mon_am"))
    aims.count_all()
    assert aims.reached == {total("A"): 1, total("C"): 1}
    assert dict(aims.competing) == {"A": [total("A")], "B": [total("A")], "C": [total("C")]}
    assert [way.aims for unit in "ABC" for way in ways.of(unit)] == [{total("A"): 1}] * 3 + [{total("C"): 1}]
    assert ways.without("A").aims == {}


def test_siblings_count_child_by_child_and_a_child_who_has_a_place_does_not() -> None:
    aims, ways = aims_of(TWINS, at("S", "X", "mon_am"), at("T", "X", "mon_am"))
    aims.count_all()
    assert aims.reached == {total("B"): 2}
    assert {way.aims[total("B")] for way in ways.of("S-T")} == {2}
    alone, _ = aims_of(MOVER, at("M", "Y", "mon_am", replaces="M-has"))
    alone.count_all()
    assert (alone.reached, dict(alone.competing)) == ({total("A"): 0}, {"A": [total("A")]})


@pytest.mark.parametrize(("children", "reached"), [(True, 2), (False, 1)])
def test_of_a_band_each_child_counts_or_the_family_once(children: bool, reached: int) -> None:
    aims, ways = aims_of(TWINS, at("S", "X", "mon_am"), at("T", "X", "mon_am"))
    aims.count(2, 10, [Counted("S-T", ways.of("S-T"), children)])
    (aim,) = aims.reached
    assert (aim, aims.reached[aim]) == (Aim(Goal.CHILDREN, 2, 10, "S-T"), reached)
    assert [way.aims[aim] for way in ways.of("S-T")] == [reached] * len(ways.of("S-T"))


def test_of_a_band_only_the_ways_that_meet_the_claim_count_and_nobody_who_has_a_place() -> None:
    second = at("A", "Z", "mon_am", wish_rank=2, level=2)
    aims, ways = aims_of(THREE, second, at("B", "X", "mon_am"))
    band = [Counted("B", ways.of("B"), True), Counted("A", ways.of("A")[:1], True)]
    aims.count(1, 30, band)
    aim = Aim(Goal.CHILDREN, 1, 30, "A")
    assert aims.reached == {aim: 1}
    assert [way.aims for way in ways.of("A")] == [{aim: 1}, {}]
    moved, ways = aims_of(MOVER, at("M", "Y", "mon_am", replaces="M-has"))
    moved.count(2, 10, [Counted(unit, (*ways.of(unit), ways.without(unit)), True) for unit in "AM"])
    assert (moved.reached, ways.without("A").aims) == ({Aim(Goal.CHILDREN, 2, 10, "A"): 0}, {})


def test_what_is_none_of_its_ways_reaches_nothing_of_a_goal() -> None:
    aims, _ = aims_of(THREE, at("C", "Y", "mon_am", level=5))
    aims.count_all()
    assert aims.reached == {total("A"): 0, total("C"): 0}


def wishes(among: str) -> Aim:
    return Aim(Goal.WISHES, 2, 10, among)


def counted(ways: tuple[Way, ...], aim: Aim) -> list[int | None]:
    return [way.aims.get(aim) for way in ways]


def test_each_step_below_the_first_wish_counts_against_a_band() -> None:
    asking = THREE["requests"] | {"A": asks("YXZ", "mon_am")}
    closed = THREE["places"] | {"X": {"mon_am": 0}}
    case = THREE | {"requests": asking, "places": closed}
    aims, ways = aims_of(case, at("A", "Z", "mon_am", wish_rank=3, level=3))
    aims.grant(2, 10, ["C", "A"])
    assert aims.reached == {wishes("A"): -2}
    assert counted(ways.of("A"), wishes("A")) == [0, None, -2], "who could not go there has no step"
    assert counted(ways.of("C"), wishes("A")) == [0]
    assert counted((ways.without("A"), *ways.of("B")), wishes("A")) == [None, None]


def test_the_steps_of_siblings_are_from_arrangement_to_arrangement() -> None:
    combinations = [{"S": "X", "T": "X"}, {"S": "Z", "T": "Z"}, {"S": "Y", "T": "Y"}]
    case = TWINS | {"siblings": [{"requests": ["S", "T"], "combinations": combinations}]}
    second = {"wish_rank": 2, "level": 2}
    aims, ways = aims_of(case, at("S", "Y", "mon_am", **second), at("T", "Y", "mon_am", **second))
    aims.grant(2, 10, ["S-T"])
    assert aims.reached == {wishes("S-T"): -1}
    assert sorted(way.aims[wishes("S-T")] for way in ways.of("S-T")) == [-1, 0]


def test_a_child_who_stays_is_below_its_last_wish() -> None:
    for placed, reached in (((), -2), ((at("M", "Z", "mon_am", wish_rank=2, level=2, replaces="M-has"),), -1)):
        aims, ways = aims_of(MOVER, *placed)
        aims.grant(2, 10, ["M"])
        assert aims.reached == {wishes("M"): reached}
        assert counted((*ways.of("M"), ways.without("M")), wishes("M")) == [0, -1, -2]
    nowhere = round_of({"places": MOVER["places"], "requests": {"M": asks("", "mon_am", has=["X", "mon_am"])}})
    aims, ways = aims_of(nowhere)
    aims.grant(2, 10, ["M"])
    assert counted((ways.without("M"),), wishes("M")) == [0]
