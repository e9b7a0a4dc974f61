"""Whom a forced place touches, and where two decisions differ: the round is decided again."""

from __future__ import annotations

from typing import Any

from services.matcher.solver.canonical import canonical
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.solve import decide
from services.matcher.solver.what_if import Effect, differences, forced
from tests.matcher.solver.golden import round_of

WEEK = ["mon", "tue", "wed"]


def _decided(case: dict[str, Any]) -> tuple[Round, Outcome]:
    round = canonical(round_of(case))
    return round, decide(round)


TWO_FULL_DAYS = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1, "fri": 1}, "Y": dict.fromkeys(WEEK, 1)},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [WEEK]},
    },
}


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
