"""Each guarantee in a pair: an honest outcome keeps it, and a tampered one makes its check fire."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period
from services.matcher.solver.components import sealed
from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Envy, Hold, Mode, Outcome, Placed, Round, Ties, Why
from services.matcher.solver.solve import solve
from services.matcher.solver.verify import CHECKS, GUARANTEES, verify
from tests.matcher.solver.drawn_rounds import Size, large
from tests.matcher.solver.golden import NOON, round_of, slots

Case = dict[str, Any]
ONE_EACH: Case = {
    "places": {"X": {"week": 1}, "Y": {"week": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon", "tue"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["tue", "wed"]]},
        "C": {"points": 30, "wishes": ["Y"], "days": [["wed"]]},
    },
}
ON_CALL: Case = {
    "instant": NOON,
    "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON.replace(hour=19)}},
    "requests": {
        "D": {"points": 99, "wishes": ["X"], "days": [["wed_am"]]},
        "U": {"points": 10, "wishes": ["X"], "days": [["wed_am"]], "urgent_insertion": True},
    },
}
ADAPTED: Case = {
    "places": {"X": {"week": 2}},
    "support": {"X": 1},
    "requests": {
        "E": {"points": 80, "wishes": ["X"], "days": [["mon", "tue"]], "needs_support": True},
        "F": {"points": 70, "wishes": ["X"], "days": [["tue", "wed"]], "needs_support": True},
    },
}
BROTHER: Case = {
    "places": {"X": {"week": 1}, "Y": {"week": 1}},
    "requests": {
        "A": {"points": {"X": 80, "Y": 60}, "wishes": ["Y", "X"], "days": [["mon"]]},
        "B": {"points": 70, "wishes": ["X", "Y"], "days": [["mon"]]},
    },
}


def _broken(round: Round, outcome: Outcome) -> set[str]:
    return {violation.guarantee for violation in verify(round, outcome)}


def _with(outcome: Outcome, *placed: Placed, **others: Any) -> Outcome:
    rows = tuple(sorted(placed, key=lambda row: row.request))
    return sealed(outcome.model_copy(update={"placed": rows, **others}))


def _changed(row: Placed, **facts: Any) -> Placed:
    return row.model_copy(update=facts)


def _by_name(outcome: Outcome) -> dict[str, Placed]:
    return {row.request: row for row in outcome.placed}


@pytest.mark.parametrize("case", [ONE_EACH, ON_CALL, ADAPTED, BROTHER])
def test_an_honest_outcome_keeps_every_guarantee(case: dict[str, Any]) -> None:
    round = round_of(case)
    outcome = solve(round)
    assert outcome.placed
    assert verify(round, outcome) == ()


def test_g1_fires_when_two_children_have_one_place() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    on_x = _changed(rows["A"], request="B", slots=slots("tue"), structure="X")
    assert "G1" not in _broken(round, outcome)
    assert "G1" in _broken(round, _with(outcome, *outcome.placed, on_x))


def test_g2_fires_when_a_child_has_two_proposals() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    twice = _changed(rows["A"], structure="Y", section="Y-all", wish_rank=2, level=2)
    assert "G2" not in _broken(round, outcome)
    assert "G2" in _broken(round, _with(outcome, *outcome.placed, twice))


def test_g2_fires_when_a_proposal_covers_a_part_of_the_pattern() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    monday = _changed(rows["A"], slots=rows["A"].slots[:1])
    assert "G2" in _broken(round, _with(outcome, monday, rows["C"]))


def test_g2_fires_when_a_pattern_does_not_exist() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert "G2" in _broken(round, _with(outcome, _changed(rows["A"], pattern=7), rows["C"]))


@pytest.mark.parametrize(
    "facts",
    [
        {"structure": "X", "section": "X-all"},
        {"wish_rank": 3},
        {"level": 9},
        {"period": Period(start=date(2026, 10, 1))},
        {"section": "nowhere"},
        {"request": "nobody"},
    ],
)
def test_g3_fires_when_a_placement_is_no_choice_of_its_request(facts: dict[str, Any]) -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert "G3" not in _broken(round, outcome)
    assert "G3" in _broken(round, _with(outcome, rows["A"], _changed(rows["C"], **facts)))


def test_g3_fires_when_the_age_is_outside_the_section() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    older = tuple(section.model_copy(update={"age_from_months": 40}) for section in round.sections)
    assert "G3" in _broken(round.model_copy(update={"sections": older}), outcome)


def test_g3_fires_when_hours_are_not_offered_on_all_days() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    short = tuple(row.model_copy(update={"period": Period(start=date(2026, 11, 1))}) for row in round.vacancies)
    assert "G3" in _broken(round.model_copy(update={"vacancies": short}), outcome)


def test_g4_fires_when_an_ordinary_request_has_an_on_call_place_before_its_release() -> None:
    round = round_of(ON_CALL)
    outcome = solve(round)
    rows = _by_name(outcome)
    stolen = _changed(rows["U"], request="D", on_call=False)
    assert "G4" not in _broken(round, outcome)
    assert "G4" in _broken(round, _with(outcome, stolen))
    after = round.model_copy(update={"instant": round.vacancies[0].release_at})
    assert "G4" not in _broken(after, _with(outcome, stolen))


def test_g4_fires_when_an_ordinary_placement_is_said_to_be_on_call() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    assert "G4" in _broken(round, _with(outcome, *(_changed(row, on_call=True) for row in outcome.placed)))


def test_g5_fires_when_a_lower_claim_holds_what_a_higher_one_prefers() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    rows = _by_name(outcome)
    second_wish = _changed(rows["A"], structure="Y", section="Y-all", wish_rank=2, level=2)
    on_x = _changed(rows["A"], request="B", slots=(*slots("tue"), *slots("wed")))
    assert "G5" not in _broken(round, outcome)
    assert "G5" in _broken(round, _with(outcome, second_wish, on_x))


def test_g5_fires_for_a_listed_case_where_claims_are_the_same_everywhere() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    listed = (Envy(request="A", section="X-all", pattern=0),)
    assert "G5" in _broken(round, _with(outcome, *outcome.placed[1:], envies=listed))


def test_g5_lets_a_listed_case_through_where_claims_depend_on_the_structure() -> None:
    higher = {"points": {"X": 80, "Y": 75}, "wishes": ["Y", "X"], "days": [["mon"]]}
    round = round_of(BROTHER | {"requests": BROTHER["requests"] | {"A": higher}})
    outcome = solve(round)
    rows = _by_name(outcome)
    moved = _changed(rows["A"], structure="X", section="X-all", wish_rank=2, level=2)
    instead = _changed(rows["B"], structure="Y", section="Y-all", wish_rank=2, level=2)
    assert "G5" not in _broken(round, outcome)
    assert "G5" in _broken(round, _with(outcome, moved, instead))
    listed = (Envy(request="A", section="Y-all", pattern=0),)
    assert "G5" not in _broken(round, _with(outcome, moved, instead, envies=listed))


def test_g6_fires_when_a_place_that_fits_stays_free() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    assert "G6" not in _broken(round, outcome)
    assert "G6" in _broken(round, _with(outcome, outcome.placed[0]))


def test_g6_says_nothing_of_a_request_that_is_withheld() -> None:
    round = round_of(ONE_EACH)
    outcome = _with(solve(round), withheld=("A", "B", "C"))
    assert not {"G5", "G6"} & _broken(round, outcome)


def test_g7_fires_when_the_wrong_child_is_marked_to_prepare() -> None:
    round = round_of(ADAPTED)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert [row.to_prepare for row in outcome.placed] == [False, True]
    swapped = _with(outcome, _changed(rows["E"], to_prepare=True), _changed(rows["F"], to_prepare=False))
    assert "G7" not in _broken(round, outcome)
    assert "G7" in _broken(round, swapped)


def test_g7_fires_when_a_child_beyond_what_is_prepared_is_refused() -> None:
    round = round_of(ADAPTED)
    outcome = solve(round)
    assert "G7" in _broken(round, _with(outcome, outcome.placed[0]))


def test_g8_fires_when_the_outcome_is_not_what_its_hash_says() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    assert "G8" not in _broken(round, outcome)
    assert "G8" in _broken(round, outcome.model_copy(update={"outcome_hash": "0" * 64}))
    assert "G8" in _broken(round, _with(outcome, *outcome.placed, input_hash="0" * 64))
    assert "G8" in _broken(round, _with(outcome, *outcome.placed, engine="another"))
    backwards = sealed(outcome.model_copy(update={"placed": outcome.placed[::-1]}))
    assert "G8" in _broken(round, backwards)


TOGETHER = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 2}},
    "siblings": [["S", "T"]],
    "requests": {name: {"points": 60, "wishes": ["X", "Y"], "days": [["mon"]]} for name in ("S", "T")},
}


def test_g9_fires_when_siblings_asked_together_are_placed_apart() -> None:
    round = round_of(TOGETHER)
    outcome = solve(round)
    rows = _by_name(outcome)
    apart = _changed(rows["S"], structure="X", section="X-all", wish_rank=1, level=1)
    assert "G9" not in _broken(round, outcome)
    assert "G9" in _broken(round, _with(outcome, apart, rows["T"]))
    assert "G9" in _broken(round, _with(outcome, rows["T"]))


def test_g9_fires_when_siblings_without_a_place_are_not_told_why() -> None:
    nothing = round_of(TOGETHER | {"places": {"X": {"mon": 1}}})
    outcome = solve(nothing)
    assert (outcome.placed, _broken(nothing, outcome)) == ((), set())
    assert all(reason.wishes[0].why is Why.SIBLINGS_APART for reason in outcome.reasons)
    assert "G9" in _broken(nothing, _with(outcome, reasons=outcome.reasons[1:]))
    without = (outcome.reasons[0].model_copy(update={"wishes": ()}), *outcome.reasons[1:])
    assert "G9" in _broken(nothing, _with(outcome, reasons=without))


def test_g11_fires_when_a_reason_is_missing_or_untrue() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    first, *others = outcome.reasons
    untrue = first.model_copy(update={"placed": False})
    elsewhere = first.model_copy(update={"wishes": first.wishes[::-1]})
    assert "G11" not in _broken(round, outcome)
    for reasons in (tuple(others), (untrue, *others), (elsewhere, *others), (*outcome.reasons, first)):
        assert "G11" in _broken(round, _with(outcome, *outcome.placed, reasons=reasons))


def test_g12_fires_when_a_child_is_placed_on_hours_that_are_held() -> None:
    round = round_of(ONE_EACH)
    outcome = solve(round)
    hold = Hold(id="placed-before", section="X-all", slots=slots("tue"), period=Period(start=date(2026, 9, 1)))
    held = round.model_copy(update={"holds": (hold,)})
    assert "G12" not in _broken(held, solve(held))
    assert "G12" in _broken(held, outcome)


PART = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon", "tue"]], "accepts_partial": True, "tolerance_days": 7},
        "B": {"points": 90, "wishes": ["X"], "days": [["mon"]]},
    },
}


def test_g2_fires_for_a_part_of_the_days_or_a_later_start_that_the_family_does_not_accept() -> None:
    round = round_of(PART)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert (rows["A"].partial, [str(slot.day) for slot in rows["A"].slots]) == (True, ["tue"])
    assert _broken(round, outcome) == set()
    assert "G2" in _broken(round, _with(outcome, _changed(rows["A"], partial=False), rows["B"]))
    late = Period(start=date(2026, 9, 9), end=rows["A"].period.end)
    assert "G2" in _broken(round, _with(outcome, _changed(rows["A"], period=late), rows["B"]))
    for refused in ({"accepts_partial": False}, {"min_days": 2}):
        strict = round.model_copy(update={"requests": tuple(row.model_copy(update=refused) for row in round.requests)})
        assert "G2" in _broken(strict, outcome)


SWAP = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": 90, "wishes": ["X"], "days": [["mon"]]},
        "M": {"points": 10, "wishes": ["Y"], "days": [["mon"]], "has": ["X", "mon"]},
    },
}


def test_g12_fires_when_a_place_is_taken_from_a_child_who_gets_no_other() -> None:
    round = round_of(SWAP)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert (rows["A"].after, rows["M"].replaces) == (("M",), "M-has")
    assert _broken(round, outcome) == set()
    assert "G12" in _broken(round, _with(outcome, rows["A"]))


def test_g12_fires_when_a_placement_gives_up_another_place_than_the_childs_own() -> None:
    round = round_of(SWAP)
    outcome = solve(round)
    rows = _by_name(outcome)
    assert "G12" in _broken(round, _with(outcome, rows["A"], _changed(rows["M"], replaces=None)))
    assert "G12" in _broken(round, _with(outcome, _changed(rows["A"], replaces="M-has"), rows["M"]))


def test_g5_does_not_fire_for_a_place_whose_holder_could_not_go_back() -> None:
    case = SWAP | {"requests": SWAP["requests"] | {"C": {"points": 50, "wishes": ["Y"], "days": [["mon"]]}}}
    round = round_of(case)
    outcome = solve(round)
    assert {row.request: row.structure for row in outcome.placed} == {"A": "X", "M": "Y"}
    assert _broken(round, outcome) == set()
    lower = {"A": {"points": 20, "wishes": ["X"], "days": [["mon"]]}}
    turned = round_of(case | {"requests": case["requests"] | lower})
    assert "G5" in _broken(turned, _with(outcome, *outcome.placed, input_hash=solve(turned).input_hash))


def test_a_hold_of_the_urgent_leaves_ordinary_places_to_others_only_as_far_as_they_go() -> None:
    case = ON_CALL | {"places": {"X": {"wed_am": 1}}}
    round = round_of(case)
    hold = Hold(
        id="urgent",
        section="X-all",
        slots=slots("wed_am"),
        period=Period(start=date(2026, 9, 1)),
        entitled_to=Audience.URGENT_INSERTION,
    )
    held = round.model_copy(update={"holds": (hold,)})
    assert [row.request for row in solve(held).placed] == ["D"]
    assert verify(held, solve(held)) == ()


def test_every_guarantee_that_is_checked_has_a_sentence_and_a_check_that_names_it() -> None:
    named = {(check.__doc__ or "").split(":")[0] for check in CHECKS}
    assert named == set(GUARANTEES)
    assert all(sentence.endswith(".") for sentence in GUARANTEES.values())


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("ties", Ties)
def test_each_level_is_proven_or_shows_its_gap(mode: Mode, ties: Ties) -> None:
    """G10: a level that says more than the outcome holds, a bound that is passed and a hidden doubt all show."""
    round = round_of(ONE_EACH)
    round = round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})
    outcome = solve(round)
    assert outcome.levels
    assert all(level.value == level.bound for level in outcome.levels)
    assert "G10" not in _broken(round, outcome)
    first, *rest = outcome.levels
    told = first.model_copy(update={"value": first.value + 1, "bound": first.bound + 1})
    passed = first.model_copy(update={"bound": first.value - 1})
    for levels in ((told, *rest), (passed, *rest), tuple(rest)):
        assert "G10" in _broken(round, sealed(outcome.model_copy(update={"levels": levels})))
    assert "G10" in _broken(round, sealed(outcome.model_copy(update={"unproven": ("A",)})))


def test_a_freer_mode_promises_the_numbers_of_its_bands_and_not_the_wishes_of_the_first() -> None:
    """G5: in `strict` A leaves X to B and goes to its second wish; in `stable` that would be an envy."""
    case: Case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    stable = round_of(case)
    strict = stable.model_copy(update={"policy": stable.policy.model_copy(update={"mode": Mode.STRICT})})
    outcome = solve(strict)
    assert {row.request: row.structure for row in outcome.placed} == {"A": "Y", "B": "X"}
    assert verify(strict, outcome) == ()
    assert "G5" in _broken(stable, sealed(outcome.model_copy(update={"policy": stable.policy})))
    alone = _with(outcome, outcome.placed[0])
    assert "G10" in _broken(strict, alone)


def test_the_price_of_a_mode_is_what_the_other_modes_place() -> None:
    for seed in range(2):
        round = large(seed, Size(requests=60, structures=4, equal_ranks=0.2, points_at=0.1))
        for ties in Ties:
            policy = round.policy.model_copy(update={"ties": ties})
            outcomes = {
                mode: solve(round.model_copy(update={"policy": policy.model_copy(update={"mode": mode})}))
                for mode in Mode
            }
            for mode, outcome in outcomes.items():
                assert [price.mode for price in outcome.prices] == [other for other in Mode if other is not mode]
                for price in outcome.prices:
                    placed = len(outcomes[price.mode].placed)
                    assert (seed, mode, sum(row.children for row in price.tiers)) == (seed, mode, placed)


def test_the_price_is_left_out_where_nobody_waits_for_it() -> None:
    round = round_of(ONE_EACH)
    without = solve(round, Settings(prices=False))
    assert without.prices == ()
    assert without.placed == solve(round).placed
