"""What would have been enough, and whom a forced place touches: each answer is decided again, and is the smallest."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.schema import Outcome, Request, Round
from services.matcher.solver.solve import decide
from services.matcher.solver.what_if import Effect, Enough, Kind, differences, enough, forced
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.solver.golden import round_of

WEEK = ["mon", "tue", "wed"]
PLAIN = Taste(equal_ranks=0.0, on_call=0.0, support=0.0)


def _decided(case: dict[str, Any]) -> tuple[Round, Outcome]:
    round = canonical(round_of(case))
    return round, decide(round)


def _found(case: dict[str, Any], request: str) -> dict[Kind, Enough]:
    return {row.kind: row for row in enough(*_decided(case), request, decide)}


TWO_FULL_DAYS = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1, "fri": 1}, "Y": dict.fromkeys(WEEK, 1)},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [WEEK]},
    },
}


def test_one_day_less_is_enough_and_names_the_day() -> None:
    change = _found(TWO_FULL_DAYS, "B")[Kind.FEWER_DAYS]
    assert {slot.day for slot in change.lost} == {"mon"}
    assert {slot.day for slot in change.placed.slots} == {"tue", "wed"}


def test_another_day_is_enough_and_keeps_the_number_of_days() -> None:
    change = _found(TWO_FULL_DAYS, "B")[Kind.OTHER_DAY]
    assert {slot.day for slot in change.placed.slots} == {"tue", "wed", "fri"}


def test_another_structure_is_enough() -> None:
    assert _found(TWO_FULL_DAYS, "B")[Kind.OTHER_STRUCTURE].placed.structure == "Y"


def test_a_later_start_is_enough_and_is_the_earliest() -> None:
    starts = (date(2026, 9, 1), date(2027, 1, 4), date(2027, 3, 1))
    case = {
        "vacancies": [{"structure": "X", "cells": {"mon": 1}, "from": start} for start in starts],
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    found = _found(case, "B")
    assert found[Kind.LATER_START].placed.period.start == date(2027, 1, 4)
    assert found.keys() == {Kind.LATER_START}


def test_a_child_with_a_place_needs_no_change_and_an_unknown_one_is_an_error() -> None:
    round, outcome = _decided(TWO_FULL_DAYS)
    assert enough(round, outcome, "A", decide) == ()
    with pytest.raises(KeyError):
        enough(round, outcome, "nobody", decide)


@pytest.mark.parametrize("seed", range(40))
def test_no_change_by_fewer_days_is_enough_when_a_larger_one_is_named(seed: int) -> None:
    """By trying all of them: the number of days given up is the smallest, and none is named where none would do."""
    round = canonical(tiny(seed, PLAIN))
    outcome = decide(round)
    placed = {row.request for row in outcome.placed}
    for request in round.requests:
        if request.id not in placed:
            named = {row.kind: row for row in enough(round, outcome, request.id, decide)}.get(Kind.FEWER_DAYS)
            assert (len({slot.day for slot in named.lost}) if named else None) == _fewest_days(round, request)


def _fewest_days(round: Round, request: Request) -> int | None:
    """How many days of one of its patterns the request must give up, by trying; None if that never helps."""
    days = [sorted({slot.day for slot in pattern.slots}, key=str) for pattern in request.patterns]
    for fewer in range(1, max(map(len, days))):
        for pattern, own in zip(request.patterns, days, strict=True):
            for lost in combinations(own, fewer) if fewer < len(own) else ():
                kept = tuple(slot for slot in pattern.slots if slot.day not in lost)
                asked = request.model_copy(update={"patterns": (pattern.model_copy(update={"slots": kept}),)})
                others = tuple(row for row in round.requests if row.id != request.id)
                again = decide(round.model_copy(update={"requests": (*others, asked)}))
                if request.id in {row.request for row in again.placed}:
                    return fewer
    return None


def test_forcing_a_child_in_names_whom_it_touches() -> None:
    round, outcome = _decided(TWO_FULL_DAYS)
    result = forced(round, outcome, "B", "X-all", 0, decide)
    assert [(row.request, row.effect) for row in result.touched] == [("A", Effect.LOSES)]
    assert not result.beyond_capacity


def test_forcing_a_child_in_where_nothing_is_free_says_so() -> None:
    case = {"places": {"X": {"mon": 1}}, "requests": {"B": {"points": 1, "wishes": ["X"], "days": [WEEK]}}}
    result = forced(*_decided(case), "B", "X-all", 0, decide)
    assert result.beyond_capacity
    assert result.touched == ()


def test_forcing_a_child_in_may_free_what_others_prefer() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X", "Y"], "days": [["mon"]]},
            "C": {"points": 30, "wishes": ["Y"], "days": [["mon"]]},
        },
    }
    touched = {row.request: row.effect for row in forced(*_decided(case), "C", "Y-all", 0, decide).touched}
    assert touched == {"B": Effect.LOSES}
    touched = {row.request: row.effect for row in forced(*_decided(case), "A", "Y-all", 0, decide).touched}
    assert touched == {"B": Effect.BETTER}


def test_outcomes_that_are_the_same_differ_in_nothing() -> None:
    _, outcome = _decided(TWO_FULL_DAYS)
    assert differences(outcome, outcome) == ()
