"""Tiny rounds against exhaustive search: the one arrangement that the specification means, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.vocabulary import Slot
from services.matcher.solver import keeper
from services.matcher.solver.canonical import canonical
from services.matcher.solver.claims import one_list
from services.matcher.solver.constraints import Settings
from services.matcher.solver.questions import Question
from services.matcher.solver.schema import Outcome, Round, Ties, Why
from services.matcher.solver.solve import decide
from services.matcher.solver.variables import problem_of
from tests.matcher.solver.drawn_rounds import Taste, tiny, who_accept_shared_weeks
from tests.matcher.solver.oracle import Arrangement, Oracle, Seat

HUNDREDS = range(0, 600, 100)


def first_in_the_gate(*hundreds: Any) -> list[Any]:
    """The first hundred is tried by every run of the tests, the others by `make torture`."""
    return [hundreds[0], *(pytest.param(hundred, marks=pytest.mark.torture) for hundred in hundreds[1:])]


INDIFFERENT = Taste(equal_ranks=0.9)
ASK_THE_SOLVER = Settings(chain_depth=0, quick_no=False)
SIBLINGS = Taste(siblings=1.0)
FLEXIBLE = Taste(flexible=0.7, dated=0.7)
FLEXIBLE_MOVERS = Taste(flexible=0.7, movers=0.4, dated=0.7)
MOVERS = Taste(movers=0.5, holds=0.1)
MOVERS_BY_STRUCTURE = Taste(movers=0.5, holds=0.1, points_at=0.6)
SIBLINGS_BY_STRUCTURE = Taste(siblings=1.0, points_at=0.6)
BY_STRUCTURE = Taste(points_at=0.6, equal_ranks=0.2)


def _found(outcome: Outcome) -> dict[str, tuple[str, int]]:
    return {row.request: (row.section, row.pattern) for row in outcome.placed}


def _meant(arrangement: Arrangement) -> dict[str, tuple[str, int]]:
    return {request: (seat.section, seat.pattern) for request, seat in arrangement.items()}


@pytest.mark.parametrize("first", [*HUNDREDS[:2], *first_in_the_gate(*HUNDREDS[2:])])
def test_a_tiny_round_has_the_outcome_that_exhaustive_search_finds(first: int) -> None:
    for seed in range(first, first + 100):
        round = tiny(seed)
        oracle, outcome = Oracle(round), decide(round)
        best = oracle.best()
        assert (seed, _found(outcome), outcome.violations) == (seed, _meant(best), ())
        beyond = oracle.beyond_support(best, oracle.order)
        assert (seed, {row.request for row in outcome.placed if row.to_prepare}) == (seed, beyond)


@pytest.mark.parametrize("first", range(1000, 1200, 100))
def test_equal_wishes_settled_by_the_solver_alone_have_the_outcome_of_exhaustive_search(first: int) -> None:
    for seed in range(first, first + 100):
        round = tiny(seed, INDIFFERENT)
        assert (seed, _found(decide(round, ASK_THE_SOLVER))) == (seed, _meant(Oracle(round).best()))


def test_the_rounds_of_the_oracle_hold_what_they_are_meant_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []
    answer = keeper.answer
    monkeypatch.setattr(
        keeper, "answer", lambda question, settings: asked.append(question) or answer(question, settings)
    )
    rounds = [tiny(seed, INDIFFERENT) for seed in range(1000, 1100)]
    outcomes = [decide(round, ASK_THE_SOLVER) for round in rounds]
    assert len(asked) > 50
    assert sum(row.on_call for outcome in outcomes for row in outcome.placed) > 5
    assert sum(row.to_prepare for outcome in outcomes for row in outcome.placed) > 5
    assert sum(len(round.holds) for round in rounds) > 20
    assert sum(len(outcome.placed) for outcome in outcomes) > 150


def test_where_claims_depend_on_the_structure_a_stable_outcome_is_found_if_there_is_one() -> None:
    contradictory = 0
    for seed in range(3000, 3300):
        round = tiny(seed, BY_STRUCTURE)
        outcome, oracle = decide(round), Oracle(round)
        assert (seed, outcome.violations) == (seed, ())
        stable = oracle.is_stable(_seats(oracle, outcome))
        assert (seed, stable) == (seed, not outcome.envies)
        assert stable or not any(oracle.is_stable(other) for other in oracle.arrangements()), seed
        contradictory += _has_no_single_list(round)
    assert contradictory > 15


class ByBand(Oracle):
    """The same where equals are served together: nobody takes a place back from its own band."""

    def _is_ahead(self, other: tuple[str, ...], seat: Seat, unit: tuple[str, ...]) -> bool:
        return self.unit_claim(other, seat.structure)[:2] <= self.unit_claim(unit, seat.structure)[:2]  # type: ignore[operator]


def test_where_lists_contradict_each_other_and_equals_are_served_together_nobody_envies_a_lower_band() -> None:
    contradictory = 0
    for seed in range(3000, 3100):
        drawn = tiny(seed, BY_STRUCTURE)
        round = drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"ties": Ties.TOGETHER})})
        if not _has_no_single_list(round):
            continue
        outcome, oracle = decide(round, Settings(prices=False)), ByBand(round)
        stable = oracle.is_stable(_seats(oracle, outcome))
        assert (seed, outcome.violations, outcome.envies, stable) == (seed, (), (), True)
        contradictory += 1
    assert contradictory > 5


def _seats(oracle: Oracle, outcome: Outcome) -> Arrangement:
    return {
        row.request: next(
            seat for seat in oracle.seats[row.request] if (seat.section, seat.pattern) == (row.section, row.pattern)
        )
        for row in outcome.placed
    }


def _has_no_single_list(round: Round) -> bool:
    problem = problem_of(canonical(round))
    return one_list(problem.ordinary, list(problem.ranked.values())) is None


@pytest.mark.parametrize("first", first_in_the_gate(5000, 5100, 5200))
def test_a_tiny_round_with_siblings_has_the_outcome_that_exhaustive_search_finds(first: int) -> None:
    together = apart = 0
    for seed in range(first, first + 100):
        round = tiny(seed, SIBLINGS)
        oracle, outcome = Oracle(round), decide(round)
        best = oracle.best()
        assert (seed, _found(outcome), outcome.violations) == (seed, _meant(best), ())
        beyond = oracle.beyond_support(best, oracle.order)
        assert (seed, {row.request for row in outcome.placed if row.to_prepare}) == (seed, beyond)
        together += sum(name in _found(outcome) for name in round.siblings[0].requests) > 1
        apart += any(wish.why is Why.SIBLINGS_APART for reason in outcome.reasons for wish in reason.wishes)
    assert together > 10
    assert apart > 10


def test_with_siblings_and_points_by_structure_the_cases_without_a_stable_outcome_are_listed() -> None:
    for seed in range(6000, 6150):
        round = tiny(seed, SIBLINGS_BY_STRUCTURE)
        outcome, oracle = decide(round), Oracle(round)
        assert (seed, outcome.violations) == (seed, ())
        stable = oracle.is_stable(_seats(oracle, outcome))
        assert (seed, stable) == (seed, not outcome.envies)
        assert stable or not any(oracle.is_stable(other) for other in oracle.arrangements()), seed


@pytest.mark.parametrize("first", first_in_the_gate(7000, 7100, 7200))
def test_a_tiny_round_with_children_who_have_a_place_has_the_outcome_of_exhaustive_search(first: int) -> None:
    moved = freed = 0
    for seed in range(first, first + 100):
        round = tiny(seed, MOVERS)
        outcome = decide(round)
        assert (seed, _found(outcome), outcome.violations) == (seed, _meant(Oracle(round).best()), ())
        moved += sum(row.replaces is not None for row in outcome.placed)
        freed += sum(bool(row.after) for row in outcome.placed)
    assert moved > 20
    assert freed > 3


def test_where_claims_depend_on_the_structure_nobody_loses_a_place_and_every_check_holds() -> None:
    moved = contradictory = 0
    for seed in range(8000, 8150):
        round = tiny(seed, MOVERS_BY_STRUCTURE)
        outcome = decide(round)
        assert (seed, outcome.violations) == (seed, ())
        moved += sum(row.replaces is not None for row in outcome.placed)
        contradictory += _has_no_single_list(round)
    assert moved > 20
    assert contradictory > 5


@pytest.mark.parametrize(
    ("first", "taste"),
    [(9000, FLEXIBLE), pytest.param(9100, FLEXIBLE, marks=pytest.mark.torture), (9200, FLEXIBLE_MOVERS)],
)
def test_a_tiny_round_with_parts_and_later_starts_has_the_outcome_of_exhaustive_search(
    first: int, taste: Taste
) -> None:
    parts = late = 0
    for seed in range(first, first + 35):
        round = tiny(seed, taste)
        requests, outcome, best = {row.id: row for row in round.requests}, decide(round), Oracle(round).best()
        found = {row.request: (row.section, row.pattern, row.period.start, _on(row.slots)) for row in outcome.placed}
        meant = {name: (seat.section, seat.pattern, seat.start, _on(seat.slots)) for name, seat in best.items()}
        assert (seed, found, outcome.violations) == (seed, meant, ())
        parts += sum(row.partial for row in outcome.placed)
        late += sum(row.period.start > requests[row.request].period.start for row in outcome.placed)
    assert parts > 1
    assert late > 0


@pytest.mark.parametrize(("first", "taste"), [(9500, Taste(dated=0.0)), (9600, FLEXIBLE)])
def test_a_tiny_round_with_shared_weeks_has_the_outcome_of_exhaustive_search(first: int, taste: Taste) -> None:
    shared = 0
    for seed in range(first, first + 25):
        round = who_accept_shared_weeks(tiny(seed, taste))
        outcome, best = decide(round), Oracle(round).best()
        found = {
            (row.request, row.section, row.pattern, row.period.start, *sorted(_on(row.slots))) for row in outcome.placed
        }
        meant = {
            (name, half.section, half.pattern, half.start, *sorted(_on(half.slots)))
            for name, seat in best.items()
            for half in seat.each
        }
        assert (seed, found, outcome.violations) == (seed, meant, ())
        shared += sum(row.split for row in outcome.placed)
    assert shared > 1


def _on(slots: tuple[Slot, ...]) -> set[str]:
    return {str(slot.day) for slot in slots}
