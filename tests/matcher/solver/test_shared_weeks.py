"""A week shared by two structures: the last resort of a family that accepts it, and two rows that go together."""

from __future__ import annotations

from collections.abc import Sequence
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
from tests.matcher.solver.mode_oracle import ModeOracle
from tests.matcher.solver.oracle import Arrangement, Oracle
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


def test_neither_siblings_nor_movers_share_a_week() -> None:
    for taste in (Taste(siblings=1.0), Taste(movers=0.9)):
        for seed in range(10):
            round = who_accept_shared_weeks(tiny(seed, taste))
            together = {name for row in round.siblings for name in row.requests}
            apart = {row.id for row in round.requests if row.current} | together
            assert not any(row.split and row.request in apart for row in decide(round, QUICK).placed)


def _whose_points_differ(mode: Mode, at_y: int, ties: Ties = Ties.DRAW) -> Round:
    """A would share its week between X, where it has 50 points, and Y, where B has 30 and asks both days."""
    round = _asked(
        TWO_HALVES
        | {
            "requests": {
                "A": {"points": {"X": 50, "Y": at_y}, "wishes": ["X", "Y"], "days": [["mon", "tue", "wed"]]},
                "B": {"points": 30, "wishes": ["Y"], "days": [["tue", "wed"]]},
                "C": {"points": 20, "wishes": ["X"], "days": [["mon"]]},
            }
        }
    )
    return round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("ties", Ties)
def test_points_of_one_structure_take_no_place_in_the_other(mode: Mode, ties: Ties) -> None:
    fewer = decide(_whose_points_differ(mode, 10, ties), QUICK)
    assert ({row.request for row in fewer.placed}, fewer.violations, fewer.envies) == ({"B", "C"}, (), ())


@pytest.mark.parametrize("mode", [Mode.STABLE, Mode.STRICT])
def test_a_week_is_shared_where_the_points_of_each_structure_reach_for_its_half(mode: Mode) -> None:
    round = _whose_points_differ(mode, 40)
    outcome = decide(round)
    assert (_rows(outcome), outcome.violations) == ({"X-all": ["mon"], "Y-all": ["tue", "wed"]}, ())
    lines = {row.request: row.wishes[0] for row in outcome.reasons}
    assert [(lines[name].last_points, lines[name].rank) for name in "BC"] == [(40, 2), (50, 2)]
    assert best_of_all(round, with_proofs(round, outcome)).false == ()


def test_g5_looks_at_each_half_by_the_points_of_its_own_structure() -> None:
    """Nobody envies what a half took by its own points; what it took by those of the other half is found."""
    shared = decide(_whose_points_differ(Mode.STABLE, 40))
    round = _whose_points_differ(Mode.STABLE, 10)
    found = [row for row in verify(round, _with(shared, *shared.placed)) if row.guarantee == "G5"]
    assert [(row.requests, row.sections) for row in found] == [(("B",), ("Y-all",))]


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


WITH_POINTS_OF_THEIR_OWN = Taste(points_at=0.7, equal_ranks=0.3, holds=0.1, dated=0.0, on_call=0.2, support=0.3)


def _is_as_meant(round: Round, outcome: Outcome) -> bool:
    """In `stable` lists that contradict each other have no one best arrangement: there one is stable if any is."""
    if round.policy.mode is not Mode.STABLE:
        return _placed_in(outcome) == _meant_in(ModeOracle(round).best())
    oracle = Oracle(round)
    names = {row.request for row in outcome.placed}
    taken = {name: next(s for s in oracle.seats[name] if _meant_in({name: s}) <= _placed_in(outcome)) for name in names}
    stable = oracle.is_stable(taken)
    return stable is not bool(outcome.envies) and (stable or not any(map(oracle.is_stable, oracle.arrangements())))


def _placed_in(outcome: Outcome) -> set[tuple[str, ...]]:
    return {
        (row.request, row.section, str(row.pattern), *sorted(str(slot.day) for slot in row.slots))
        for row in outcome.placed
    }


def _meant_in(arrangement: Arrangement) -> set[tuple[str, ...]]:
    return {
        (name, half.section, str(half.pattern), *sorted(str(slot.day) for slot in half.slots))
        for name, seat in arrangement.items()
        for half in seat.each
    }


@pytest.mark.parametrize(
    "seeds", [(80_111, 80_155, 80_160), pytest.param(range(80_100, 80_220), marks=pytest.mark.torture)]
)
@pytest.mark.parametrize(("mode", "ties"), [(mode, ties) for mode in Mode for ties in Ties])
def test_shared_weeks_whose_points_depend_on_the_structure_are_those_of_exhaustive_search(
    seeds: Sequence[int], mode: Mode, ties: Ties
) -> None:
    shared = 0
    for seed in seeds:
        drawn = who_accept_shared_weeks(tiny(seed, WITH_POINTS_OF_THEIR_OWN))
        round = drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"mode": mode, "ties": ties})})
        outcome = with_proofs(round, decide(round, QUICK))
        assert (seed, outcome.violations, best_of_all(round, outcome).false) == (seed, (), ())
        assert (mode, ties) == (Mode.STABLE, Ties.TOGETHER) or _is_as_meant(round, outcome), seed
        own = {row.id for row in round.requests if row.points_at}
        shared += sum(row.split and row.request in own for row in outcome.placed)
    assert shared > 0


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
