"""What `decide` does when something is wrong: a part is withheld, a limit is told, a round is refused."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from contracts.vocabulary import Period
from services.matcher.solver import constraints, keeper, solve
from services.matcher.solver.canonical import RoundRefused
from services.matcher.solver.constraints import CONSTRAINTS, Model, Settings, Unknown
from services.matcher.solver.schema import (
    Assigned,
    Combination,
    Hold,
    Outcome,
    Policy,
    Round,
    Siblings,
    Why,
    Wish,
)
from services.matcher.solver.solve import MANY_REQUESTS, components, decide
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.golden import NOON, round_of, slots

TWO_PARTS = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 30, "wishes": ["Y"], "days": [["mon"]]},
    },
}
KEPT = {
    "instant": NOON,
    "places": {"X": {"wed_am": 1}},
    "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON.replace(hour=19)}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["wed_am"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["wed_am"]]},
    },
}
EITHER = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 30, "wishes": ["Y"], "days": [["mon"]]},
    },
}
ADAPTED = {
    "places": {"X": {"mon": 2}, "Y": {"mon": 2}},
    "support": {"X": 1, "Y": 1},
    "requests": {
        name: {"points": points, "wishes": ["X", "Y"], "days": [["mon"]], "needs_support": True}
        for name, points in (("A", 50), ("B", 40))
    },
}


def _without(left_out: Callable[[Model], None]) -> Settings:
    kept = tuple(add for add in CONSTRAINTS if add is not left_out)
    assert len(kept) == len(CONSTRAINTS) - 1
    return Settings(chain_depth=0, quick_no=False, constraints=kept)


def _indifferent(round: Round) -> Round:
    """The same round in which every family finds its wishes equally good."""
    requests = tuple(
        row.model_copy(update={"wishes": tuple(Wish(structure=wish.structure, rank=1) for wish in row.wishes)})
        for row in round.requests
    )
    return round.model_copy(update={"requests": requests})


def _placed(outcome: Outcome) -> dict[str, str]:
    return {row.request: row.structure for row in outcome.placed}


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain list is gone down without a model: a test of the model asks for it all the same."""
    monkeypatch.setattr(solve, "is_plain", lambda *_: False)


@pytest.mark.usefixtures("modelled")
@pytest.mark.parametrize(
    ("left_out", "case", "guarantee"),
    [
        (constraints.add_no_cell_overbooked, TWO_PARTS, "G1"),
        (constraints.add_kept_places_for_their_public, KEPT, "G4"),
    ],
)
def test_a_constraint_left_out_of_the_model_shows(
    left_out: Callable[[Model], None], case: dict[str, Any], guarantee: str
) -> None:
    round = _indifferent(round_of(case))
    assert decide(round, Settings(chain_depth=0, quick_no=False)).violations == ()
    assert guarantee in {violation.guarantee for violation in decide(round, _without(left_out)).violations}


def test_the_constraint_of_one_proposal_for_each_left_out_of_the_model_shows() -> None:
    round = _indifferent(round_of(EITHER))
    assert set(_placed(decide(round, Settings(chain_depth=0, quick_no=False)))) == {"A", "B"}
    assert set(_placed(decide(round, _without(constraints.add_one_proposal_for_each)))) != {"A", "B"}


def test_the_support_constraint_left_out_of_the_model_shows() -> None:
    round = _indifferent(round_of(ADAPTED))
    together = [
        seed for seed in range(20) if _to_prepare(round, seed, _without(constraints.add_within_prepared_support))
    ]
    assert together
    assert not any(_to_prepare(round, seed, Settings(chain_depth=0, quick_no=False)) for seed in together)


def _to_prepare(round: Round, seed: int, settings: Settings) -> bool:
    drawn = round.model_copy(update={"policy": Policy(seed=str(seed))})
    return any(row.to_prepare for row in decide(drawn, settings).placed)


@pytest.mark.usefixtures("modelled")
def test_only_the_part_that_a_violation_touches_is_withheld() -> None:
    round = round_of(TWO_PARTS)
    outcome = decide(round, _without(constraints.add_no_cell_overbooked))
    assert _placed(outcome) == {"C": "Y"}
    assert outcome.withheld == ("A", "B")
    assert {wish.why for reason in outcome.reasons[:2] for wish in reason.wishes} == {Why.WITHHELD}
    assert {request for violation in outcome.violations for request in violation.requests} == {"A", "B"}


def test_an_equal_wish_stays_open_so_that_the_next_on_the_list_is_served() -> None:
    outcome = decide(_indifferent(round_of(EITHER)))
    assert _placed(outcome) == {"A": "Y", "B": "X"}


def test_a_question_without_an_answer_keeps_the_earlier_one_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> None:
        raise Unknown

    monkeypatch.setattr(keeper, "answer", give_up)
    round = _indifferent(round_of(EITHER))
    outcome = decide(round, Settings(chain_depth=0, quick_no=False))
    assert outcome.unproven
    assert set(outcome.unproven) <= {"A", "B", "C"}
    assert "A" in _placed(outcome)


def test_a_seed_that_is_not_the_one_promised_is_refused() -> None:
    promised = hashlib.sha256(b"golden").hexdigest()
    kept = Policy(seed="golden", seed_commitment=promised)
    assert decide(round_of(TWO_PARTS).model_copy(update={"policy": kept})).placed
    with pytest.raises(RoundRefused, match="graine"):
        decide(round_of(TWO_PARTS).model_copy(update={"policy": kept.model_copy(update={"seed": "other"})}))


def test_a_round_that_names_a_request_twice_is_refused() -> None:
    round = round_of(TWO_PARTS)
    with pytest.raises(RoundRefused, match="deux fois"):
        decide(round.model_copy(update={"requests": (*round.requests, round.requests[0])}))


def test_a_hold_on_an_unknown_section_is_refused() -> None:
    hold = Hold(id="h", section="nowhere", slots=slots("mon"), period=Period(start=date(2026, 9, 1)))
    with pytest.raises(RoundRefused, match="inconnue"):
        decide(round_of(TWO_PARTS).model_copy(update={"holds": (hold,)}))


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(RoundRefused, match="fuseau"):
        decide(round_of(TWO_PARTS).model_copy(update={"instant": NOON}))


def test_a_round_without_requests_has_an_empty_outcome() -> None:
    outcome = decide(round_of(TWO_PARTS).model_copy(update={"requests": ()}))
    assert (outcome.placed, outcome.reasons, outcome.violations) == ((), (), ())


ABROAD = Combination(seats=(Assigned(request="C", structure="X"),), rank=1)
FAMILY = Siblings(id="family", requests=("A", "B"))


@pytest.mark.parametrize(
    ("siblings", "said"),
    [
        ((FAMILY.model_copy(update={"requests": ("A", "nobody")}),), "inconnue"),
        ((FAMILY.model_copy(update={"combinations": (ABROAD,)}),), "inconnue"),
        ((FAMILY, FAMILY.model_copy(update={"id": "other"})), "deux fois"),
        ((FAMILY.model_copy(update={"id": "C"}),), "deux fois"),
    ],
)
def test_siblings_that_contradict_the_round_are_refused(siblings: tuple[Siblings, ...], said: str) -> None:
    with pytest.raises(RoundRefused, match=said):
        decide(round_of(TWO_PARTS).model_copy(update={"siblings": siblings}))


def test_a_current_place_that_is_not_in_the_round_is_refused() -> None:
    round = round_of(TWO_PARTS)
    first = round.requests[0].model_copy(update={"current": "nothing"})
    with pytest.raises(RoundRefused, match="place inconnue"):
        decide(round.model_copy(update={"requests": (first, *round.requests[1:])}))


def test_a_current_place_ties_its_holder_to_those_who_wish_it() -> None:
    mover = {"C": {"points": 30, "wishes": ["Y"], "days": [["mon"]], "has": ["X", "mon"]}}
    round = round_of(TWO_PARTS | {"requests": TWO_PARTS["requests"] | mover})
    assert len(components(round)) == 1
    assert _placed(decide(round)) == {"A": "X", "C": "Y"}


def test_siblings_of_two_parts_make_them_one() -> None:
    round = round_of(TWO_PARTS)
    tied = round.model_copy(update={"siblings": (Siblings(id="family", requests=("A", "C")),)})
    assert [len(components(row)) for row in (round, tied)] == [2, 1]
    assert _placed(decide(tied)) == {"A": "X", "C": "Y"}


@pytest.mark.parametrize("running", [True, False])
def test_the_collector_is_left_as_it_was_found_and_stands_still_meanwhile(
    running: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def split(round: Round, *_: object) -> tuple[Round, ...]:
        seen.append(gc.isenabled())
        return components(round)

    monkeypatch.setattr(solve, "split", split)
    round = drawn_round(RoundPlan(requests=MANY_REQUESTS, structures=20), 1)
    try:
        if not running:
            gc.disable()
        solve.solve(round, Settings(prices=False))
        assert (seen, gc.isenabled()) == ([False], running)
    finally:
        gc.enable()
