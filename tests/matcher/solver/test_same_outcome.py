"""The outcome depends on what a round says: not on the order of its rows, its parts or the way of the search."""

from __future__ import annotations

from random import Random

import pytest

from services.matcher.solver.canonical import canonical, outcome_hash, round_hash
from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Outcome, Round, Travel
from services.matcher.solver.solve import components, decide, merge, solve, solve_part
from tests.matcher.solver.drawn_rounds import Size, Taste, large, tiny
from tests.matcher.solver.test_oracle import first_in_the_gate

MIXED = Size(requests=32, structures=4, equal_ranks=0.3)
BY_STRUCTURE = Size(requests=32, structures=4, equal_ranks=0.2, points_at=0.4)
SPARSE = Size(requests=40, structures=30)


def _shuffled(round: Round, seed: int) -> Round:
    draw = Random(seed)
    rows = {
        name: tuple(draw.sample(getattr(round, name), len(getattr(round, name))))
        for name in ("sections", "vacancies", "requests", "holds", "support", "siblings", "travel")
    }
    return round.model_copy(update=rows)


@pytest.mark.parametrize("first", first_in_the_gate(*range(0, 100, 20)))
def test_the_order_of_the_rows_never_changes_the_outcome_hash(first: int) -> None:
    for seed in range(first, first + 20):
        round = large(seed, MIXED if seed % 2 else BY_STRUCTURE)
        other = _shuffled(round, seed)
        assert other != round
        assert (seed, decide(other).outcome_hash) == (seed, decide(round).outcome_hash)


def test_the_order_of_siblings_and_of_what_they_ask_never_changes_the_outcome_hash() -> None:
    for seed in range(40):
        round = tiny(seed, Taste(siblings=1.0))
        asked = round.siblings[0]
        ways = tuple(way.model_copy(update={"seats": way.seats[::-1]}) for way in asked.combinations[::-1])
        other = asked.model_copy(
            update={"requests": asked.requests[::-1], "together": asked.together[::-1], "combinations": ways}
        )
        turned = tuple(Travel(one=row.other, other=row.one, minutes=row.minutes) for row in round.travel)
        again = _shuffled(round, seed).model_copy(update={"siblings": (other,), "travel": turned})
        assert (seed, decide(again).outcome_hash) == (seed, decide(round).outcome_hash)


def test_another_seed_of_the_draw_changes_the_outcome_hash() -> None:
    round = large(1, MIXED)
    redrawn = round.model_copy(update={"policy": round.policy.model_copy(update={"seed": "another"})})
    assert decide(redrawn).outcome_hash != decide(round).outcome_hash


def test_components_solved_one_by_one_make_the_outcome_of_the_whole() -> None:
    for seed in range(5):
        round = large(seed, SPARSE)
        parts = components(round)
        assert len(parts) > 1
        assert merge(canonical(round), [decide(part) for part in parts]) == decide(round)


def test_a_round_cut_into_parts_has_the_placements_and_reasons_of_the_round_in_one_piece() -> None:
    for seed in range(5):
        round = large(seed, SPARSE)
        whole, parts = solve_part(canonical(round)), solve(round)
        assert (parts.placed, parts.reasons) == (whole.placed, whole.reasons)


def test_no_two_components_share_a_request_a_vacancy_or_a_hold() -> None:
    round = large(3, SPARSE)
    parts = components(round)
    for name in ("requests", "vacancies", "holds"):
        rows = [row.id for part in parts for row in getattr(part, name)]
        assert len(rows) == len(set(rows))
    assert sorted(row.id for part in parts for row in part.requests) == sorted(row.id for row in round.requests)


def test_quick_answers_are_those_of_the_solver() -> None:
    slow = Settings(chain_depth=0, quick_no=False)
    for seed in range(4):
        round = large(seed, Size(requests=40, structures=4, equal_ranks=0.9))
        assert (seed, _what(decide(round))) == (seed, _what(decide(round, slow)))


def _what(outcome: Outcome) -> tuple[object, ...]:
    return (outcome.placed, outcome.reasons, outcome.violations, outcome.unproven)


def test_a_hash_changes_with_any_fact_and_only_with_facts() -> None:
    round = large(7, MIXED)
    first = round.requests[0]
    changed = round.model_copy(update={"requests": (first.model_copy(update={"points": 1}), *round.requests[1:])})
    assert round_hash(_shuffled(round, 1)) == round_hash(round) != round_hash(changed)


def test_an_outcome_read_back_from_its_json_has_the_hash_that_it_states() -> None:
    outcome = decide(large(8, MIXED))
    again = Outcome.model_validate_json(outcome.model_dump_json())
    assert again == outcome
    assert outcome_hash(again) == outcome.outcome_hash


def test_a_round_read_back_from_its_json_has_the_same_outcome() -> None:
    round = large(8, MIXED)
    assert decide(Round.model_validate_json(round.model_dump_json())) == decide(round)
