"""Why each wish was or was not offered, read off outcomes written by hand, beside what persons hold: all invented."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from contracts.vocabulary import Audience, Slot
from services.matcher.solver.explain import read, reasons
from services.matcher.solver.schema import Hold, NotAgain, Pattern, Placed, Reason, Round, Why, WishReason
from services.matcher.solver.spelling import Spelling
from tests.matcher.solver.by_hand import asks, at, facts_of, held, hours
from tests.matcher.solver.golden import round_of

ONE: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A = at("A", "X", "mon_am")
KEPT = held("kept", "X", "mon_am", by_person=True, reason="travaux")
GIVEN = held("given", "X", "mon_am", by_person=True, reason="en commission", forced="Z")


def told(case: dict[str, Any] | Round, *placed: Placed, **facts: Any) -> dict[str, Reason]:
    found = reasons(facts_of(case, *placed, **facts))
    assert [row.request for row in found] == sorted(row.request for row in found)
    return {row.request: row for row in found}


def line(case: dict[str, Any] | Round, request: str, *placed: Placed, **facts: Any) -> WishReason:
    """What a request reads of its first wish."""
    return told(case, *placed, **facts)[request].wishes[0]


def changed(case: dict[str, Any] | Round, name: str, **facts: Any) -> Round:
    round = case if isinstance(case, Round) else round_of(case)
    rows = tuple(row.model_copy(update=facts if row.id == name else {}) for row in round.requests)
    return round.model_copy(update={"requests": rows})


def test_an_outcome_is_read_once_for_reasons_and_checks() -> None:
    facts, spelling = facts_of(ONE, A), Spelling()
    again = read(facts.round, facts.outcome, spelling)
    assert (again.round, again.outcome) == (facts.round, facts.outcome)
    assert again.spelling is spelling
    assert reasons(again) == reasons(facts)


def test_each_wish_says_what_was_offered_what_is_behind_it_and_who_was_admitted() -> None:
    found = told(ONE, A)
    admitted = {"last_tier": 2, "last_points": 50}
    assert found["A"] == Reason(
        request="A",
        placed=True,
        wishes=(
            WishReason(structure="X", why=Why.OFFERED, rank=1, points=50, **admitted),
            WishReason(structure="Y", why=Why.PREFERRED_ELSEWHERE, rank=1, points=50),
        ),
    )
    full = WishReason(structure="X", why=Why.FULL, rank=2, points=40, full_slots=hours("mon_am"), **admitted)
    assert found["B"] == Reason(request="B", placed=False, wishes=(full,))
    behind = changed(ONE, "B", sent_behind=True)
    assert (told(behind, A)["B"].sent_behind, told(behind, A)["A"].sent_behind) == (True, False)


def test_a_better_wish_than_the_one_obtained_says_what_it_lacked() -> None:
    higher = ONE | {"requests": ONE["requests"] | {"B": asks("X", "mon_am", points=60)}}
    second = at("A", "Y", "mon_am", wish_rank=2, level=2)
    found = told(higher, at("B", "X", "mon_am"), second)
    assert [(row.why, row.rank) for row in found["A"].wishes] == [(Why.FULL, 2), (Why.OFFERED, 1)]


@pytest.mark.parametrize(
    ("hold", "why", "because"), [(KEPT, Why.HELD_BY_PERSON, "travaux"), (GIVEN, Why.GIVEN_BY_PERSON, "")]
)
def test_what_a_person_decided_is_said_and_the_reason_of_what_is_kept(hold: Hold, why: Why, because: str) -> None:
    found = line(ONE, "B", holds=(hold,))
    assert (found.why, found.held_because, found.full_slots, found.rank) == (why, because, (), 2)
    assert line(ONE, "A", at("A", "Y", "mon_am", wish_rank=2, level=2), holds=(hold,)).why is why
    placement = hold.model_copy(update={"by_person": False, "forced": None})
    taken = line(ONE, "B", holds=(placement,))
    assert (taken.why, taken.held_because, taken.full_slots) == (Why.FULL, "", hours("mon_am"))


def test_what_is_kept_is_said_before_what_was_given() -> None:
    """Two rhythms would suit: a person keeps the one, and gave the other."""
    for kept, given in (("mon_am", "tue_am"), ("tue_am", "mon_am")):
        case = {
            "places": {"X": {"mon_am": 1, "tue_am": 1}},
            "requests": {"B": asks("X") | {"days": [["mon_am"], ["tue_am"]]}},
        }
        holds = (
            KEPT.model_copy(update={"slots": hours(kept)}),
            GIVEN.model_copy(update={"slots": hours(given)}),
        )
        found = line(case, "B", holds=holds)
        assert (found.why, found.held_because) == (Why.HELD_BY_PERSON, "travaux")


def test_where_the_place_would_be_anothers_nobody_blames_the_person() -> None:
    assert line(ONE, "B", A, holds=(KEPT,)).why is Why.FULL
    offered = line(ONE, "A", A, holds=(KEPT,))
    assert (offered.why, offered.held_because) == (Why.OFFERED, "")


def test_siblings_read_that_hours_are_full_though_a_person_keeps_them() -> None:
    case = {
        "places": {"X": {"mon_am": 2}},
        "siblings": [["S", "T"]],
        "requests": {name: asks("X", "mon_am") for name in "ST"},
    }
    both = KEPT.model_copy(update={"units": 2})
    found = line(case, "S", holds=(both,))
    assert (found.why, found.held_because) == (Why.FULL, "")
    assert line(case, "S", holds=(KEPT,)).why is Why.SIBLINGS_APART


def test_a_wish_that_could_not_be_met_says_what_is_missing() -> None:
    sections = {"sections": {"X": {"all": [0, 71]}, "Y": {"all": [40, 71]}, "Z": {"all": [0, 71]}}}
    case = {
        "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}, "Z": {"tue_am": 1}},
        "requests": {"A": asks("WYZ", "mon_am")},
    }
    rows = told(case | sections)["A"].wishes
    unknown, too_old, closed = (Why.UNKNOWN_STRUCTURE, Why.NO_SECTION_FOR_AGE, Why.NO_PLACE_AT_THESE_TIMES)
    assert rows == tuple(
        WishReason(structure=name, why=why) for name, why in zip("WYZ", (unknown, too_old, closed), strict=True)
    )


def test_a_place_of_another_public_or_answered_before_is_said_so() -> None:
    drawn = round_of(ONE)
    kept = tuple(row.model_copy(update={"audience": Audience.INSERTION}) for row in drawn.vacancies)
    assert line(drawn.model_copy(update={"vacancies": kept}), "B").why is Why.KEPT_FOR_ANOTHER_AUDIENCE
    again = NotAgain(section="X-all", slots=hours("mon_am"))
    assert line(changed(ONE, "B", not_again=(again,)), "B").why is Why.ANSWERED_BEFORE
    elsewhere = NotAgain(section="Y-all", slots=hours("mon_am"))
    assert line(changed(ONE, "B", not_again=(elsewhere,)), "B").why is Why.FULL
    other = changed(ONE | {"places": {"X": {"tue_am": 1}}}, "B", not_again=(again.model_copy(update={"slots": ()}),))
    assert line(other, "B").why is Why.NO_PLACE_AT_THESE_TIMES


def test_a_start_for_which_a_place_would_wait_too_long_is_said_so() -> None:
    december = {"from": date(2026, 12, 1)}
    requests = {"A": asks("XY", "mon_am", **december), "B": asks("Y", "mon_am")}
    case = ONE | {"policy": {"wait_weeks": 0}, "requests": requests}
    assert [row.why for row in told(case)["A"].wishes] == [Why.WAITS_TOO_LONG] * 2
    closed = case | {"places": {"X": {"mon_am": 1}, "Y": {"tue_am": 1}}}
    found = [row.why for row in told(closed)["A"].wishes]
    assert found == [Why.WAITS_TOO_LONG, Why.NO_PLACE_AT_THESE_TIMES]
    assert line(case, "B", at("B", "Y", "mon_am")).why is Why.OFFERED


def test_what_is_limited_beside_the_places_is_said_so() -> None:
    quota = ONE | {"quotas": {"Q": {"structures": ["X"], "places": 20}}}
    assert line(quota, "B").why is Why.KEPT_FOR_INSERTION
    spread = ONE | {"places": {"X": {"mon_am": 2}}, "starts_per_week": {"X": 1}}
    assert line(spread, "B", A).why is Why.TOO_MANY_STARTS
    assert line(spread, "A", at("B", "X", "mon_am")).why is Why.TOO_MANY_STARTS, "beside all who are placed"


def test_the_last_one_admitted_is_the_lowest_of_those_before_in_full_hours() -> None:
    case = {
        "places": {"X": {"mon_am": 2, "tue_am": 1}},
        "requests": {
            "A": asks("X", "mon_am", points=10),
            "P": asks("X", "mon_am", points=90, tier=1),
            "Q": asks("X", "mon_am", points=70),
            "R": asks("X", "tue_am", points=60),
            "S": asks("X", "mon_am", points=80),
        },
    }
    first, second, other = at("P", "X", "mon_am"), at("Q", "X", "mon_am"), at("R", "X", "tue_am")
    found = line(case, "A", first, second, other)
    assert (found.why, found.rank, found.last_tier, found.last_points) == (Why.FULL, 5, 2, 70)
    ahead = line(case, "S", first, second, other)
    assert (ahead.rank, ahead.full_slots, ahead.last_points) == (2, (), 60), "nobody before it fills an hour"


def test_the_rank_is_counted_by_the_claims_at_that_structure() -> None:
    points = {"A": {"X": 30, "Y": 90}, "B": 50}
    case = ONE | {"requests": {name: asks("XY", "mon_am", points=own) for name, own in points.items()}}
    assert [(row.rank, row.points) for row in told(case)["A"].wishes] == [(2, 30), (1, 90)]


def test_full_days_are_told_in_the_order_of_the_week_each_once() -> None:
    days = {"places": {"X": {"tue": 1, "mon": 1}}, "requests": {"A": asks("X", "tue", "mon"), "B": asks("X", "mon")}}
    wide = days | {"requests": days["requests"] | {"B": asks("X", "tue", "mon", points=90)}}
    assert line(wide, "A", at("B", "X", "mon", "tue")).full_slots == hours("mon", "tue")
    higher = days | {"requests": days["requests"] | {"B": asks("X", "mon", points=90)}}
    assert line(higher, "A", at("B", "X", "mon")).full_slots == hours("mon")
    two = higher | {"requests": higher["requests"] | {"A": asks("X") | {"days": [["mon", "tue"], ["mon"]]}}}
    assert line(two, "A", at("B", "X", "mon")).full_slots == hours("mon")
    morning = {
        "places": {"X": {"mon": 1}},
        "requests": {"A": asks("X", "mon_pm", "mon_am"), "B": asks("X", "mon", points=9)},
    }
    parts = tuple(Slot(day="mon", start=slot.start, end=slot.end) for slot in (*hours("mon_pm"), *hours("mon_am")))
    dated = tuple(
        slot.model_copy(update={"day": day}) for day in (date(2026, 9, 14), date(2026, 9, 7)) for slot in parts
    )
    apart = tuple(row.model_copy(update={"end": row.end.replace(hour=row.end.hour - 1)}) for row in dated)
    asked = changed(morning, "A", patterns=(Pattern(slots=apart, rank=1),), points=1)
    found = line(asked, "A", at("B", "X", "mon")).full_slots
    assert [(slot.day, slot.start.hour) for slot in found] == [
        (date(2026, 9, 7), 8), (date(2026, 9, 7), 13), (date(2026, 9, 14), 8), (date(2026, 9, 14), 13),
    ]  # fmt: skip
