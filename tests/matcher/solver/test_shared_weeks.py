"""A week shared by two structures: the last resort of a family that accepts it, and two rows that go together."""

from __future__ import annotations

from typing import Any

import pytest

from services.matcher.solver.components import sealed
from services.matcher.solver.constraints import Settings
from services.matcher.solver.phrases import phrases
from services.matcher.solver.proving import with_proofs
from services.matcher.solver.schema import Mode, Outcome, Placed, Round, Ties
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import best_of_all, verify
from tests.matcher.solver.drawn_rounds import Taste, tiny, who_accept_shared_weeks
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.oracle import Oracle
from tests.matcher.solver.test_limits import limited

QUICK = Settings(prices=False)
TWO_HALVES: dict[str, Any] = {
    "places": {"X": {"mon": 1, "tue": 1}, "Y": {"tue": 1, "wed": 1}},
    "requests": {"A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon", "tue", "wed"]]}},
}


def _asked(case: dict[str, Any], **facts: Any) -> Round:
    round = round_of(case)
    asked = tuple(row.model_copy(update={"accepts_split": True, **facts}) for row in round.requests)
    return round.model_copy(update={"requests": asked})


def _rows(outcome: Outcome) -> dict[str, list[str]]:
    return {row.section: [str(slot.day) for slot in row.slots] for row in outcome.placed}


def _with(outcome: Outcome, *rows: Placed) -> Outcome:
    return sealed(outcome.model_copy(update={"placed": rows}))


def test_two_structures_share_a_week_that_neither_could_give_whole() -> None:
    outcome = decide(_asked(TWO_HALVES))
    days = _rows(outcome)
    assert days.keys() == {"X-all", "Y-all"}
    assert sorted(day for own in days.values() for day in own) == ["mon", "tue", "wed"]
    assert {row.split for row in outcome.placed} == {True}
    assert (
        phrases(_asked(TWO_HALVES).requests[0], outcome.reasons[0])[1]
        == "La semaine est partagée entre deux structures."
    )


def test_nobody_shares_a_week_who_did_not_accept_it() -> None:
    assert decide(round_of(TWO_HALVES)).placed == ()


def test_a_week_is_shared_only_behind_all_that_one_structure_gives() -> None:
    whole = {**TWO_HALVES, "places": {**TWO_HALVES["places"], "Z": {"week": 1}}}
    whole["requests"] = {"A": {"points": 50, "wishes": ["X", "Y", "Z"], "days": [["mon", "tue", "wed"]]}}
    assert _rows(decide(_asked(whole))).keys() == {"Z-all"}
    partly = decide(_asked(TWO_HALVES, accepts_partial=True, min_days=2))
    assert [(len(row.slots), row.partial, row.split) for row in partly.placed] == [(2, True, False)]


def test_neither_siblings_nor_movers_nor_own_lists_share_a_week() -> None:
    for taste in (Taste(siblings=1.0), Taste(movers=0.9), Taste(points_at=1.0)):
        for seed in range(10):
            round = who_accept_shared_weeks(tiny(seed, taste))
            together = {name for row in round.siblings for name in row.requests}
            apart = {row.id for row in round.requests if row.current or row.points_at} | together
            assert not any(row.split and row.request in apart for row in decide(round, QUICK).placed)


def test_g2_holds_for_an_honest_shared_week_and_fires_for_any_other() -> None:
    round = _asked(TWO_HALVES)
    outcome = decide(round)
    one, other = outcome.placed
    assert verify(round, outcome) == ()
    more = one.model_copy(update={"slots": (*one.slots, *other.slots)})
    late = other.model_copy(
        update={"period": other.period.model_copy(update={"start": other.period.start.replace(day=8)})}
    )
    for rows in (
        (one,),
        (one, one),
        (one, other, other),
        (more, other),
        (one, late),
        (one, other.model_copy(update={"structure": "X"})),
        (one, other.model_copy(update={"split": False})),
        (one, other.model_copy(update={"partial": True})),
    ):
        assert "G2" in {row.guarantee for row in verify(round, _with(outcome, *rows))}, rows


def test_g3_fires_for_a_shared_week_that_the_family_did_not_accept() -> None:
    outcome = decide(_asked(TWO_HALVES))
    round = round_of(TWO_HALVES)
    assert "G3" in {row.guarantee for row in verify(round, outcome)}


def test_g6_fires_where_two_structures_could_share_the_week_of_a_child_without_a_place() -> None:
    round = _asked(TWO_HALVES)
    assert "G6" in {row.guarantee for row in verify(round, _with(decide(round)))}


def test_a_tiny_round_with_limits_and_shared_weeks_has_the_outcome_of_exhaustive_search() -> None:
    tried = 0
    for seed in range(60_000, 60_120):
        round = who_accept_shared_weeks(limited(seed, Taste(dated=0.0, holds=0.1)))
        outcome = decide(round, QUICK)
        if not any(row.split for row in outcome.placed):
            continue
        found = {(row.request, row.section, row.pattern, row.slots[0].day) for row in outcome.placed}
        halves = [(name, half) for name, seat in Oracle(round).best().items() for half in seat.each]
        meant = {(name, half.section, half.pattern, min(half.slots, key=_day).day) for name, half in halves}
        assert (seed, found, outcome.violations) == (seed, meant, ())
        tried += 1
    assert tried > 3


def _day(slot: Any) -> tuple[int, str]:
    return (slot.weekday.number, str(slot.day))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("ties", Ties)
def test_every_check_holds_in_every_mode_and_no_written_proof_is_false(mode: Mode, ties: Ties) -> None:
    shared = 0
    for seed in range(8):
        drawn = who_accept_shared_weeks(tiny(seed, Taste(dated=0.0, holds=0.1)))
        round = drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"mode": mode, "ties": ties})})
        outcome = with_proofs(round, decide(round, QUICK))
        assert (seed, outcome.violations, best_of_all(round, outcome).false) == (seed, (), ())
        shared += sum(row.split for row in outcome.placed)
    assert shared > 0
