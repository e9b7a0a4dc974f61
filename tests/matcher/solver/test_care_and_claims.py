"""Hours of care, claims and marks: the small facts on which a round rests, worked out twice."""

from __future__ import annotations

from datetime import date, time

from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import WEEKDAYS, Period, Slot
from services.matcher.rules.eligibility import months_completed
from services.matcher.solver.care import hours_of_care
from services.matcher.solver.claims import claim, draw, one_list
from services.matcher.solver.facts import care_hours, months, standing
from services.matcher.solver.schema import Hold, Pattern, Request, StructurePoints
from services.matcher.solver.solve import decide
from tests.matcher.solver.golden import round_of, slots

quarters = st.lists(st.integers(0, 95), min_size=2, max_size=2, unique=True).map(sorted)
some_slots = st.builds(
    lambda day, pair: Slot(day=day, start=_clock(pair[0]), end=_clock(pair[1])), st.sampled_from(WEEKDAYS[:2]), quarters
)
dates = st.dates(date(2022, 1, 1), date(2027, 12, 31))


def _clock(quarter: int) -> time:
    return time(quarter // 4, quarter % 4 * 15)


def _request(**facts: object) -> Request:
    plain: dict[str, object] = {
        "id": "A",
        "born": date(2025, 1, 1),
        "wishes": (),
        "patterns": (),
        "period": Period(start=date(2026, 9, 1)),
    }
    return Request.model_validate(plain | facts)


@given(st.lists(some_slots, min_size=1, max_size=4), st.sampled_from([0, 15, 60, 120]))
def test_the_solver_and_the_checker_widen_hours_alike(drawn: list[Slot], travel: int) -> None:
    request = _request(patterns=(Pattern(slots=tuple(drawn), rank=1),), travel_minutes=travel)
    assert hours_of_care(tuple(drawn), travel) == care_hours(request, 0)


def test_travel_is_added_on_both_sides_and_hours_that_touch_are_joined() -> None:
    hours = hours_of_care(slots("mon"), 30)
    assert hours == (Slot(day="mon", start=time(7, 30), end=time(18, 30)),)


def test_travel_never_leaves_the_day() -> None:
    late = (Slot(day="mon", start=time(0, 30), end=time(23, 30)),)
    assert hours_of_care(late, 60) == (Slot(day="mon", start=time(0), end=time(23, 59)),)


@given(dates, dates)
def test_the_solver_and_the_checker_count_months_alike(born: date, on: date) -> None:
    assert months_completed(born, on) == (months(born, on) if on >= born else None)


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 2), st.sampled_from([None, date(2026, 9, 1)])), max_size=6))
def test_the_solver_and_the_checker_order_claims_alike(drawn: list[tuple[int, int, date | None]]) -> None:
    requests = [
        _request(id=f"R{number}", tier=tier, points=points, since=since)
        for number, (tier, points, since) in enumerate(drawn)
    ]
    by_claim = sorted(requests, key=lambda request: claim(request, None, "seed"))
    assert by_claim == sorted(requests, key=lambda request: standing(request, "X", "seed"))


def test_a_claim_goes_by_tier_then_points_then_seniority_then_the_draw() -> None:
    first = _request(id="first", tier=1, points=0)
    rich = _request(id="rich", points=9)
    early = _request(id="early", points=5, since=date(2026, 1, 1))
    late = _request(id="late", points=5, since=date(2026, 2, 1))
    undated = [_request(id=name, points=5) for name in ("u", "v")]
    undated.sort(key=lambda request: draw("seed", request.id))
    ranked = [first, rich, early, late, *undated]
    backwards = ranked[::-1]
    assert sorted(backwards, key=lambda request: claim(request, None, "seed")) == ranked


def test_points_at_a_structure_count_there_and_nowhere_else() -> None:
    brother = _request(points=10, points_at=(StructurePoints(structure="X", points=90),))
    assert [claim(brother, to, "s")[1] for to in ("X", "Y", None)] == [-90, -10, -10]


def test_sections_that_agree_make_one_list_and_sections_that_do_not_make_none() -> None:
    ordinary = {name: claim(_request(id=name), None, "s") for name in "ABC"}
    assert one_list(ordinary, [["C", "A"], ["A", "B"]]) == ["C", "A", "B"]
    assert one_list(ordinary, [["A", "B"], ["B", "A"]]) is None
    assert one_list(ordinary, [["A", "B"], ["C"], ["B", "A"]]) is None
    assert one_list(ordinary, [["A", "B"], ["B", "C"], ["C", "A"]]) is None


def test_hours_held_by_an_urgent_child_use_up_the_on_call_place_first() -> None:
    case = {
        "instant": round_of({"requests": {}}).instant.replace(tzinfo=None),
        "places": {"X": {"wed_am": 1}},
        "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": date_and_time()}},
        "requests": {"U": {"points": 20, "wishes": ["X"], "days": [["wed_am"]], "urgent_insertion": True}},
    }
    round = round_of(case)
    hold = Hold.model_validate(
        {
            "id": "h",
            "section": "X-all",
            "slots": slots("wed_am"),
            "period": Period(start=date(2026, 9, 1)),
            "entitled_to": "urgent_insertion",
        }
    )
    assert [row.on_call for row in decide(round).placed] == [True]
    assert [row.on_call for row in decide(round.model_copy(update={"holds": (hold,)})).placed] == [False]


def date_and_time() -> object:
    return round_of({"requests": {}}).instant.replace(hour=19, tzinfo=None)


def test_an_agreement_that_does_not_fit_leaves_the_on_call_place_to_others() -> None:
    case = {
        "instant": round_of({"requests": {}}).instant.replace(tzinfo=None),
        "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": date_and_time()}},
        "requests": {"U": {"points": 20, "wishes": ["X"], "days": [["wed_am"]], "urgent_insertion": True}},
    }
    round = round_of(case)
    unfit = round.requests[0].model_copy(update={"on_call_sections": ()})
    assert [row.request for row in decide(round).placed] == ["U"]
    assert decide(round.model_copy(update={"requests": (unfit,)})).placed == ()
