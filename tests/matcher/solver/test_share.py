"""The share of the places up to which the first tier goes first: counted, explained, checked, tried exhaustively."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.matcher.solver.canonical import canonical
from services.matcher.solver.components import sealed, split
from services.matcher.solver.phrases import phrases
from services.matcher.solver.schema import Mode, Outcome, Policy, Round, Ties
from services.matcher.solver.share import first_tier_places, lowered
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import share_over_all_parts, verify
from services.matcher.solver.voted import places_for_first_tier
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.oracle import Oracle

HALF: dict[str, Any] = {
    "policy": {"first_tier_percent": 50},
    "places": {"X": {"week": 2}},
    "requests": {
        "A": {"tier": 1, "points": 30, "wishes": ["X"], "days": [["mon"]]},
        "B": {"tier": 1, "points": 20, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 90, "wishes": ["X"], "days": [["mon"]]},
        "D": {"points": 80, "wishes": ["X"], "days": [["mon"]]},
    },
}
NBSP = "\u00a0"


def _broken(round: Round, outcome: Outcome) -> set[str]:
    return {violation.guarantee for violation in verify(round, sealed(outcome))}


def test_a_request_beyond_the_share_is_named_and_told_so() -> None:
    round = round_of(HALF)
    outcome = decide(round)
    assert {row.request for row in outcome.placed} == {"A", "C"}
    assert outcome.behind == ("B",)
    reasons = {row.request: row for row in outcome.reasons}
    asked = {row.id: row for row in round.requests}
    assert phrases(asked["B"], reasons["B"])[1] == (
        f"La part votée de la priorité{NBSP}1 est atteinte, la demande passe selon ses points."
    )
    assert not any("La part" in said for said in phrases(asked["D"], reasons["D"]))
    plain = phrases(asked["B"], reasons["B"], points=False)
    assert not any("La part" in said for said in plain), "only who is of the first tier is sent behind"


TWO_PARTS: dict[str, Any] = {
    "policy": {"first_tier_percent": 50},
    "places": {"X": {"week": 1}, "Y": {"week": 1}},
    "requests": {
        "A": {"tier": 1, "points": 30, "wishes": ["X"], "days": [["mon"]]},
        "B": {"tier": 1, "points": 20, "wishes": ["Y"], "days": [["mon"]]},
        "C": {"points": 90, "wishes": ["Y"], "days": [["mon"]]},
    },
}


def test_the_share_is_counted_over_all_parts_of_a_round_and_a_part_alone_cannot_see_it() -> None:
    round = canonical(round_of(TWO_PARTS))
    honest = [decide(part) for part in split(lowered(round, {"B"}))]
    assert share_over_all_parts(round, honest) == ()
    each_for_itself = [decide(part) for part in split(round)]
    assert [outcome.violations for outcome in each_for_itself] == [(), ()]
    (found,) = share_over_all_parts(round, each_for_itself)
    assert (found.guarantee, found.requests) == ("G14", ("A", "B"))
    both_behind = [decide(part) for part in split(lowered(round, {"A", "B"}))]
    assert {row.requests for row in share_over_all_parts(round, both_behind)} == {("A",), ("B",)}
    assert share_over_all_parts(round.model_copy(update={"policy": Policy()}), each_for_itself) == ()


def test_those_whom_the_first_tier_keeps_out_are_named() -> None:
    free = {**HALF, "policy": {}}
    assert decide(round_of(free)).displaced == ("C", "D")
    assert decide(round_of(HALF)).displaced == ("D",)  # C has its place, since the share is reached before B
    equal = {name: row | {"tier": 2} for name, row in HALF["requests"].items()}
    assert decide(round_of({**free, "requests": equal})).displaced == ()


def test_no_ceiling_goes_below_the_share_that_the_law_guarantees() -> None:
    with pytest.raises(ValidationError):
        Policy(first_tier_percent=4)
    assert Policy(first_tier_percent=5).first_tier_percent == 5


def test_g14_holds_for_an_honest_outcome_and_fires_when_more_than_the_share_go_first() -> None:
    round = round_of(HALF)
    outcome = decide(round)
    assert verify(round, outcome) == ()
    without = decide(round_of({**HALF, "policy": {}}))
    said = outcome.model_copy(update={"placed": without.placed, "behind": ()})
    assert "G14" in _broken(round, said)


def test_g14_fires_when_somebody_is_sent_behind_without_cause() -> None:
    round = round_of(HALF)
    outcome = decide(round)
    assert "G14" in _broken(round, outcome.model_copy(update={"behind": ("A", "B")}))
    assert "G14" in _broken(round, outcome.model_copy(update={"behind": ("B", "D")}))
    free = round_of({**HALF, "policy": {}})
    assert "G14" in _broken(free, decide(free).model_copy(update={"behind": ("B",)}))


def test_g14_fires_when_a_reason_hides_the_share_or_somebody_who_is_placed_counts_as_displaced() -> None:
    round = round_of(HALF)
    outcome = decide(round)
    silent = tuple(row.model_copy(update={"sent_behind": False}) for row in outcome.reasons)
    assert "G14" in _broken(round, outcome.model_copy(update={"reasons": silent}))
    assert "G14" in _broken(round, outcome.model_copy(update={"displaced": ("C",)}))


def test_g5_fires_when_one_who_was_sent_behind_goes_first_all_the_same() -> None:
    round = round_of(HALF)
    outcome = decide(round)
    b_for_c = tuple(row.model_copy(update={"request": "B"}) if row.request == "C" else row for row in outcome.placed)
    assert "G5" in _broken(round, outcome.model_copy(update={"placed": b_for_c}))


def _free_places(round: Round) -> int:
    """Hour by hour and day by day, what is offered less what is held; of each section its fullest hour."""
    oracle = Oracle(round)
    moments = {moment for counts in (oracle.supply[2], oracle.held[2]) for moment in counts}
    sections = {row.id for row in round.sections}
    free = {
        section: max((oracle.supply[2][m] - oracle.held[2][m] for m in moments if m[0] == section), default=0)
        for section in sections
    }
    return sum(max(0, places) for places in free.values())


def _longest_list(round: Round, most: int) -> tuple[set[str], Oracle]:
    """The longest part of the first tier's list that may go first, found by deciding each of them exhaustively."""
    whole = Oracle(round)
    first = [unit for unit in whole.units if whole.unit_claim(unit, None)[0] == 1]
    for length in range(len(first), -1, -1):
        behind = {name for unit in first[length:] for name in unit}
        requests = (row.model_copy(update={"tier": 2}) if row.id in behind else row for row in round.requests)
        oracle = Oracle(round.model_copy(update={"requests": tuple(requests)}))
        best = oracle.best()
        if sum(name in best for unit in first[:length] for name in unit) <= most:
            return behind, oracle
    raise AssertionError("the empty list always fits")


@pytest.mark.parametrize("taste", [Taste(), Taste(equal_ranks=0.9, holds=0.8), Taste(siblings=1.0)])
def test_the_share_sends_behind_whom_exhaustive_search_does(taste: Taste) -> None:
    sent = 0
    for seed in range(40_000, 40_025):
        drawn = tiny(seed, taste)
        tiers = (row.model_copy(update={"tier": 1 + (n % 3 == 2)}) for n, row in enumerate(drawn.requests))
        policy = drawn.policy.model_copy(update={"first_tier_percent": 20})
        round = drawn.model_copy(update={"requests": tuple(tiers), "policy": policy})
        most = -(-_free_places(round) // 5)
        assert (seed, most, most) == (seed, first_tier_places(canonical(round)), places_for_first_tier(round))
        behind, oracle = _longest_list(round, most)
        outcome, best = decide(round), oracle.best()
        assert (seed, outcome.violations, verify(round, outcome)) == (seed, (), ())
        assert (seed, set(outcome.behind)) == (seed, behind)
        assert (seed, {row.request for row in outcome.placed}) == (seed, set(best))
        sent += bool(behind)
    assert sent > 5


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("ties", Ties)
def test_the_share_holds_in_every_mode(mode: Mode, ties: Ties) -> None:
    sent = 0
    for seed in range(41_000, 41_012):
        drawn = tiny(seed, Taste(equal_ranks=0.6, points_at=0.3))
        policy = drawn.policy.model_copy(update={"first_tier_percent": 15, "mode": mode, "ties": ties})
        requests = tuple(row.model_copy(update={"tier": 1 + (n % 3 == 2)}) for n, row in enumerate(drawn.requests))
        round = drawn.model_copy(update={"requests": requests, "policy": policy})
        outcome = decide(round)
        assert (seed, verify(round, outcome)) == (seed, ())
        sent += bool(outcome.behind)
    assert sent > 2
