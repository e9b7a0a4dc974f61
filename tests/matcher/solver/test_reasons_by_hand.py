"""Reasons line by line, worked out by hand on rounds of two or three children: all are invented."""

from __future__ import annotations

from datetime import date
from typing import Any

from contracts.vocabulary import Audience
from services.matcher.solver.schema import Pattern, Reason, Round, Why, Wish, WishReason
from services.matcher.solver.solve import decide
from tests.matcher.solver.golden import NOON, round_of, slots


def asks(points: Any, wishes: list[str], *days: list[str], **facts: Any) -> dict[str, Any]:
    return {"points": points, "wishes": wishes, "days": list(days or (["mon"],)), **facts}


def reasons(round: Round) -> dict[str, Reason]:
    outcome = decide(round)
    assert outcome.violations == ()
    return {row.request: row for row in outcome.reasons}


def lines(case: dict[str, Any], request: str) -> tuple[WishReason, ...]:
    return reasons(round_of(case))[request].wishes


def why(rows: tuple[WishReason, ...]) -> list[Why]:
    return [row.why for row in rows]


def test_of_two_who_may_use_an_on_call_place_the_second_reads_that_it_is_full() -> None:
    case = {
        "instant": NOON,
        "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON.replace(hour=19)}},
        "requests": {
            name: asks(points, ["X"], ["wed_am"], urgent_insertion=True) for name, points in (("U", 20), ("V", 10))
        },
    }
    (line,) = lines(case, "V")
    assert (line.why, line.rank, line.last_points) == (Why.FULL, 2, 20)


def test_who_makes_room_for_two_in_a_freer_mode_is_not_told_of_a_limit_that_they_use() -> None:
    """Nobody stands before it, so no hour is full for it, and no start is taken from it."""
    case = {
        "policy": {"mode": "most_children"},
        "places": {"X": {"mon": 1, "tue": 1}},
        "starts_per_week": {"X": 2},
        "requests": {
            "A": asks(50, ["X"], ["mon", "tue"]),
            "B": asks(40, ["X"], ["mon"]),
            "C": asks(30, ["X"], ["tue"]),
        },
    }
    (line,) = lines(case, "A")
    assert (line.why, line.full_slots, line.rank) == (Why.FULL, (), 1)


def test_a_wish_met_by_its_second_days_says_nothing_of_the_first() -> None:
    case = {
        "places": {"X": {"mon": 1, "tue": 1}},
        "requests": {"Z": asks(90, ["X"]), "A": asks(10, ["X"], ["mon"], ["tue"])},
    }
    (line,) = lines(case, "A")
    assert (line.why, line.full_slots, line.last_points) == (Why.OFFERED, (), 10)


def test_each_wish_tells_the_points_that_count_at_its_structure() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {"A": asks({"X": 80, "Y": 60}, ["Y", "X"]), "B": asks(70, ["X", "Y"])},
    }
    assert [line.points for line in lines(case, "A")] == [60, 80]


def test_the_rank_is_by_claim_and_not_by_name() -> None:
    case = {
        "places": {"X": {"mon": 1}},
        "requests": {name: asks(points, ["X"]) for name, points in (("A", 70), ("Y", 80), ("Z", 90))},
    }
    found = reasons(round_of(case))
    assert {name: found[name].wishes[0].rank for name in "AYZ"} == {"A": 3, "Y": 2, "Z": 1}


def test_the_last_one_admitted_is_looked_for_in_the_hours_that_are_full() -> None:
    case = {
        "places": {"X": {"mon": 1, "tue": 1}},
        "requests": {"A": asks(40, ["X"]), "P": asks(50, ["X"], ["tue"]), "Q": asks(90, ["X"])},
    }
    (line,) = lines(case, "A")
    assert (line.why, line.last_points) == (Why.FULL, 90)


def test_a_wish_as_good_as_the_one_obtained_is_not_said_to_be_refused() -> None:
    round = round_of({"places": {"X": {"mon": 1}, "Y": {"mon": 1}}, "requests": {"A": asks(1, ["X", "Y"])}})
    equal = tuple(Wish(structure=name, rank=1) for name in ("X", "Y"))
    (request,) = round.requests
    found = reasons(round.model_copy(update={"requests": (request.model_copy(update={"wishes": equal}),)}))
    assert sorted(why(found["A"].wishes)) == sorted([Why.OFFERED, Why.PREFERRED_ELSEWHERE])


def test_siblings_who_have_a_place_together_read_what_they_lacked_above_and_had_better_below() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 2}, "Z": {"mon": 2}},
        "siblings": [["S", "T"]],
        "requests": {name: asks(60, ["X", "Y", "Z"]) for name in ("S", "T")},
    }
    assert why(lines(case, "S")) == [Why.SIBLINGS_APART, Why.OFFERED, Why.PREFERRED_ELSEWHERE]


def test_a_child_whose_family_has_what_it_asks_first_is_not_refused_its_own_first_wish() -> None:
    case = {
        "places": {"X": {"mon": 2}, "Y": {"mon": 1}},
        "siblings": [{"requests": ["S", "T"], "combinations": [{"S": "X", "T": "Y"}, {"S": "X", "T": "X"}]}],
        "requests": {name: asks(60, ["X", "Y"]) for name in ("S", "T")},
    }
    assert why(lines(case, "T")) == [Why.PREFERRED_ELSEWHERE, Why.OFFERED]


def test_full_days_of_two_weeks_are_each_named_once_in_their_order() -> None:
    round = round_of(
        {"places": {"X": {"wed_am": 1}}, "requests": {name: asks(n, ["X"]) for n, name in enumerate("AB")}}
    )
    days = [slots("wed_am")[0].model_copy(update={"day": date(2026, 12, day)}) for day in (9, 2)]
    pattern = (Pattern(slots=tuple(days), rank=1),)
    asked = tuple(row.model_copy(update={"patterns": pattern}) for row in round.requests)
    (line,) = reasons(round.model_copy(update={"requests": asked}))["A"].wishes
    assert (line.why, [slot.day for slot in line.full_slots]) == (Why.FULL, [date(2026, 12, 2), date(2026, 12, 9)])


def test_the_last_one_admitted_is_never_the_childs_own_brother() -> None:
    """S sits on a reserved place: the ordinary one, which T could have had, is taken by Z."""
    case = {
        "places": {"X": {"mon": 1}},
        "vacancies": [{"structure": "X", "from": date(2026, 9, 1), "cells": {"mon_am": 1, "mon_pm": 1}}],
        "siblings": [{"requests": ["S", "T"], "combinations": [{"S": "X", "T": "X"}, {"S": "X"}]}],
        "requests": {"S": asks(60, ["X"], audience="insertion"), "T": asks(60, ["X"]), "Z": asks(95, ["X"])},
    }
    round = round_of(case)
    kept = tuple(
        row.model_copy(update={"audience": Audience.INSERTION} if row.id.endswith("free-mon") else {})
        for row in round.vacancies
    )
    found = reasons(round.model_copy(update={"vacancies": kept}))
    (line,) = found["T"].wishes
    assert (found["S"].placed, line.why, line.last_points) == (True, Why.FULL, 95)
