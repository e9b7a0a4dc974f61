"""Proofs in each mode, with each rule for ties, points by structure and limits: true ones hold, no other does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.constraints import Settings
from services.matcher.solver.descent import Descent
from services.matcher.solver.facts import Facts
from services.matcher.solver.proof_phrases import proof_phrases
from services.matcher.solver.proving import Effort, with_proofs
from services.matcher.solver.schema import Bound, Certificate, Goal, GoalPrice, Mode, Outcome, Proof, Round, Ties
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import best_of_all, verify
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.test_limits import GUARANTEED, SPREAD

QUICK = Settings(prices=False)
TASTES = {
    "plain": Taste(),
    "by structure": Taste(points_at=0.6),
    "siblings": Taste(siblings=1.0, points_at=0.3),
    "movers": Taste(movers=0.4, flexible=0.3),
}
UNLIKE = (512, 518, 524)
"""Tiny rounds that the modes decide otherwise, for one taste or another."""
EACH = [(mode, ties) for mode in Mode for ties in Ties]
NBSP = "\u00a0"
EQUALS: dict[str, Any] = {
    "places": {"X": {"mon": 1}, "Y": {"tue": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon", "tue"], ["mon"]]},
        "B": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 50, "wishes": ["Y"], "days": [["tue"]]},
    },
}
CONTRADICTORY: dict[str, Any] = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": {"X": 90, "Y": 10}, "wishes": ["Y", "X"], "days": [["mon"]]},
        "B": {"points": {"X": 10, "Y": 90}, "wishes": ["X", "Y"], "days": [["mon"]]},
        "C": {"points": 5, "wishes": ["X", "Y"], "days": [["mon"]]},
    },
}


def _in(round: Round, mode: Mode, ties: Ties) -> Round:
    return round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})


def _proven(round: Round) -> Outcome:
    return with_proofs(round, decide(round, QUICK))


def _certificate(outcome: Outcome) -> Certificate:
    assert outcome.certificate is not None
    return outcome.certificate


def _tampered(outcome: Outcome, **facts: Any) -> Outcome:
    return outcome.model_copy(update={"certificate": _certificate(outcome).model_copy(update=facts)})


def _fired(round: Round, outcome: Outcome) -> set[str]:
    return {row.guarantee for row in verify(round, outcome)}


def _levels(outcome: Outcome) -> dict[str, int]:
    return {row.request: row.level for row in outcome.placed}


@pytest.mark.parametrize(("mode", "ties"), EACH)
@pytest.mark.parametrize("taste", TASTES)
def test_nearly_every_refusal_of_a_tiny_round_has_its_proof_in_each_mode(taste: str, mode: Mode, ties: Ties) -> None:
    refused = left_open = 0
    for seed in range(300, 306):
        round = _in(tiny(seed, TASTES[taste]), mode, ties)
        outcome = _proven(round)
        found = best_of_all(round, outcome)
        assert (seed, found.false, verify(round, outcome)) == (seed, (), ())
        refused += len(_certificate(outcome).refusals)
        left_open += len(found.open)
    apart = mode is Mode.STABLE and ties is Ties.TOGETHER and TASTES[taste].points_at > 0
    assert (refused > 5 and left_open <= 1) or apart


@pytest.mark.parametrize(
    ("seed", "taste", "mode", "ties", "relaxations", "written"),
    [
        (143, "movers", Mode.MOST_CHILDREN, Ties.TOGETHER, 1, (2, 1, 1)),
        (143, "movers", Mode.MOST_CHILDREN, Ties.TOGETHER, 2, (3, 2, 1)),
        (2, "siblings", Mode.STRICT, Ties.DRAW, 0, (2, 3, 0)),
        (2, "plain", Mode.STRICT, Ties.DRAW, 0, (5, 3, 0)),
        (10, "by structure", Mode.MOST_CHILDREN, Ties.DRAW, 0, (3, 1, 0)),
    ],
)
def test_so_much_is_written_of_a_tiny_round_with_so_few_relaxations(
    seed: int, taste: str, mode: Mode, ties: Ties, relaxations: int, written: tuple[int, int, int]
) -> None:
    """Proofs, refusals and bounds, all true. Rounds in which a child has a place already, or is looked at twice."""
    round = _in(tiny(seed, TASTES[taste]), mode, ties)
    outcome = with_proofs(round, decide(round, QUICK), Effort(relaxations=relaxations))
    told = _certificate(outcome)
    assert (len(told.proofs), len(told.refusals), len(told.bounds)) == written
    assert best_of_all(round, outcome).false == ()


@pytest.mark.parametrize("taste", TASTES)
def test_what_another_mode_decides_is_never_proven_to_be_the_best_of_this_one(taste: str) -> None:
    tried = 0
    for seed in UNLIKE:
        rounds = {each: _in(tiny(seed, TASTES[taste]), *each) for each in EACH}
        decided = {each: decide(round, QUICK) for each, round in rounds.items()}
        for each, outcome in decided.items():
            if Descent(Facts(canonical(rounds[each]), outcome)).turns.contradict:
                continue
            for other in decided.values():
                if _levels(other) != _levels(outcome):
                    told = with_proofs(rounds[each], outcome.model_copy(update={"placed": other.placed}))
                    assert best_of_all(rounds[each], told).open != (), (seed, each)
                    tried += 1
    assert tried > 0


@pytest.mark.parametrize(("mode", "ties"), EACH)
def test_a_child_left_out_of_a_free_place_is_never_proven_to_have_the_best_in_any_mode(mode: Mode, ties: Ties) -> None:
    for seed in range(520, 522):
        for taste in TASTES.values():
            round = _in(tiny(seed, taste), mode, ties)
            outcome = decide(round, QUICK)
            for left_out in outcome.placed[:2]:
                rest = tuple(row for row in outcome.placed if row.request != left_out.request)
                told = with_proofs(round, outcome.model_copy(update={"placed": rest}))
                assert left_out.request in best_of_all(round, told).open, (seed, left_out.request)


def test_equals_served_together_are_refused_by_what_all_of_them_reach() -> None:
    round = _in(round_of(EQUALS), Mode.STABLE, Ties.TOGETHER)
    outcome = _proven(round)
    assert {row.request for row in outcome.placed} == {"B", "C"}
    assert [row.goal for row in _certificate(outcome).bounds] == [Goal.CHILDREN]
    assert best_of_all(round, outcome).open == ()
    assert verify(round, outcome) == ()


def test_a_bound_on_a_goal_that_the_mode_does_not_have_or_that_no_sum_shows_is_found_false() -> None:
    round = _in(round_of(EQUALS), Mode.MOST_CHILDREN, Ties.DRAW)
    outcome = _proven(round)
    assert _certificate(outcome).bounds != ()
    bound = _certificate(outcome).bounds[0]
    free = Proof(goals=(GoalPrice(**bound.model_dump(exclude={"proof"})),))
    unknown = Proof(goals=(GoalPrice(goal=Goal.TOTAL, among="nobody"),))
    number = len(_certificate(outcome).proofs)
    for untrue in (
        {"proofs": (*_certificate(outcome).proofs, free), "bounds": (bound.model_copy(update={"proof": number}),)},
        {"bounds": (bound.model_copy(update={"proof": number}),)},
        {"bounds": (bound.model_copy(update={"goal": Goal.HOURS}),)},
        {"bounds": (bound.model_copy(update={"among": "C"}),)},
        {"proofs": (*_certificate(outcome).proofs, unknown)},
    ):
        assert "G17" in _fired(round, _tampered(outcome, **untrue)), untrue


def test_a_level_without_its_bound_leaves_all_who_compete_for_it_open() -> None:
    round = _in(round_of(EQUALS), Mode.MOST_CHILDREN, Ties.DRAW)
    outcome = _proven(round)
    assert best_of_all(round, _tampered(outcome, bounds=())).open == ("A", "B")


def test_no_goal_that_comes_later_refuses_anything_before_its_turn() -> None:
    """Who would give up its place for more children is no refusal where the higher band comes first."""
    two = {name: {"points": points, "wishes": ["X"], "days": [["mon"]]} for name, points in (("A", 50), ("B", 40))}
    round = _in(round_of({"places": {"X": {"mon": 1}}, "requests": two}), Mode.STRICT, Ties.TOGETHER)
    outcome = decide(round, QUICK)
    (row,) = outcome.placed
    wrong = outcome.model_copy(update={"placed": (row.model_copy(update={"request": "B"}),)})
    lower = GoalPrice(goal=Goal.CHILDREN, tier=2, points=40, among="B")
    higher = GoalPrice(goal=Goal.CHILDREN, tier=2, points=50, among="A")
    monday = with_proofs(round, outcome).certificate
    assert monday is not None
    proof = monday.proofs[0].model_copy(update={"goals": (higher, lower)})
    bound = Bound(goal=Goal.CHILDREN, tier=2, points=50, among="A", proof=0)
    told = wrong.model_copy(update={"certificate": Certificate(proofs=(proof,), bounds=(bound,))})
    assert "A" in best_of_all(round, told).open
    assert "G17" in _fired(round, told)


def test_a_refusal_by_a_guaranteed_place_is_shown_by_what_is_left_to_the_others() -> None:
    round = round_of(GUARANTEED)
    outcome = _proven(round)
    (proof,) = [_certificate(outcome).proofs[n] for row in _certificate(outcome).refusals for n in row.proofs]
    assert [row.quota for row in proof.limits] == ["M"]
    assert best_of_all(round, outcome).open == ()
    monday = f"le lundi 7{NBSP}septembre 2026 à 8{NBSP}h"
    assert proof_phrases(round, outcome, "C") == [
        f"Preuve à Y{NBSP}: {monday}, l'insertion laisse 1 place aux autres.",
        "Un enfant qui passe avant la prend.",
    ]
    released = round.model_copy(update={"quotas": ()})
    assert "G17" in _fired(released, outcome)


def test_a_refusal_by_a_full_week_of_starts_is_shown_by_who_begins_in_it() -> None:
    round = round_of(SPREAD)
    outcome = _proven(round)
    assert best_of_all(round, outcome).open == ()
    told = proof_phrases(round, outcome, "C")
    week = f"la semaine du lundi 31{NBSP}août 2026"
    assert told == [
        f"Preuve à X{NBSP}: {week}, 1 enfant au plus y commence.",
        "Un enfant qui passe avant commence cette semaine-là.",
    ]
    proofs = tuple(
        row.model_copy(
            update={"limits": tuple(one.model_copy(update={"day": one.day + timedelta(days=70)}) for one in row.limits)}
        )
        for row in _certificate(outcome).proofs
    )
    assert "G17" in _fired(round, _tampered(outcome, proofs=proofs))


def test_where_the_lists_contradict_each_other_an_hour_full_of_those_before_there_is_the_proof() -> None:
    round = round_of(CONTRADICTORY)
    outcome = _proven(round)
    assert {row.request for row in outcome.placed} == {"A", "B"}
    assert best_of_all(round, outcome).open == ()
    assert {(row.unit, row.structure) for row in _certificate(outcome).refusals} >= {("C", "X"), ("C", "Y")}
    lower = tuple(row.model_copy(update={"points": 99}) if row.id == "C" else row for row in round.requests)
    assert "G17" in _fired(round.model_copy(update={"requests": lower}), outcome)


def test_a_day_on_which_nothing_comes_free_for_a_child_changes_no_level_of_its_wishes() -> None:
    """What was decided part by part is checked as a whole: a section of another age opens on a day of its own."""
    for seed in (302, 317):
        round = tiny(seed, Taste(flexible=0.7, movers=0.3))
        assert verify(round, decide(round, QUICK)) == ()


def test_a_child_who_reaches_the_age_within_its_tolerance_is_served_later() -> None:
    round = round_of(
        {
            "places": {"X": {"week": 1}},
            "requests": {"A": {"points": 50, "wishes": ["X"], "days": [["mon"]], "tolerance_days": 40}},
        }
    )
    (asked,), (section,) = round.requests, round.sections
    start = asked.period.start
    young = asked.model_copy(update={"born": date(start.year, start.month, start.day) - timedelta(days=60)})
    later = tuple(
        row.model_copy(update={"period": row.period.model_copy(update={"start": start + timedelta(days=35)})})
        for row in round.vacancies
    )
    grown = section.model_copy(update={"age_from_months": 3})
    other = round.model_copy(update={"requests": (young,), "sections": (grown,), "vacancies": later})
    outcome = decide(other, QUICK)
    assert [row.period.start for row in outcome.placed] == [start + timedelta(days=35)]
    assert verify(other, outcome) == ()
