"""Places guaranteed to families in insertion, starts spread over the weeks: explained, checked, tried exhaustively."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from contracts.vocabulary import Period
from services.matcher.solver.components import sealed
from services.matcher.solver.constraints import Settings
from services.matcher.solver.phrases import phrases
from services.matcher.solver.schema import Hold, Outcome, Quota, Round, Rounding, Why
from services.matcher.solver.solve import RoundRefused, decide
from services.matcher.solver.verify import verify
from tests.matcher.solver.drawn_rounds import INSTANT, Taste, tiny
from tests.matcher.solver.golden import round_of, slots
from tests.matcher.solver.oracle import Oracle

GUARANTEED: dict[str, Any] = {
    "quotas": {"M": {"structures": ["X", "Y"], "places": 15}},
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "B": {"points": 90, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 80, "wishes": ["Y"], "days": [["mon"]]},
    },
}
SPREAD: dict[str, Any] = {
    "starts_per_week": {"X": 1},
    "places": {"X": {"week": 3}},
    "requests": {
        "A": {"points": 90, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 80, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 10, "wishes": ["X"], "days": [["mon"]], "tolerance_days": 7},
    },
}
NBSP = "\u00a0"
WAYS = (Settings(prices=False), Settings(chain_depth=0, prices=False), Settings(chain_depth=0, quick_no=False))


def _broken(round: Round, outcome: Outcome) -> set[str]:
    return {violation.guarantee for violation in verify(round, sealed(outcome))}


def _said(round: Round, outcome: Outcome, request: str) -> list[str]:
    asked = next(row for row in round.requests if row.id == request)
    return phrases(asked, next(row for row in outcome.reasons if row.request == request))


def test_who_waits_for_a_guaranteed_place_is_told_so() -> None:
    round = round_of(GUARANTEED)
    outcome = decide(round)
    assert {row.request for row in outcome.placed} == {"B"}
    told = f"Attend au vœu{NBSP}1{NBSP}: les dernières places y sont gardées pour des familles en insertion."
    assert _said(round, outcome, "C")[1] == told


def test_who_cannot_begin_in_a_full_week_is_told_so_and_who_may_wait_begins_on_a_monday() -> None:
    round = round_of(SPREAD)
    outcome = decide(round)
    assert {row.request: row.period.start for row in outcome.placed} == {
        "A": date(2026, 9, 1), "B": date(2026, 9, 7),
    }  # fmt: skip
    told = f"Attend au vœu{NBSP}1{NBSP}: trop d'enfants y commencent déjà la même semaine."
    assert _said(round, outcome, "C")[1] == told


def test_g4_holds_for_an_honest_outcome_and_fires_when_a_guaranteed_place_goes_to_another() -> None:
    round, free = round_of(GUARANTEED), round_of({**GUARANTEED, "quotas": {}})
    honest, outcome = decide(round), decide(free)
    assert verify(round, honest) == ()
    assert {row.request for row in outcome.placed} == {"B", "C"}
    said = honest.model_copy(update={"placed": outcome.placed, "reasons": outcome.reasons})
    assert "G4" in _broken(round, said)


def test_g6_fires_when_a_place_stays_free_that_nothing_keeps() -> None:
    free = round_of({**GUARANTEED, "quotas": {}})
    outcome = decide(free)
    kept = outcome.model_copy(update={"placed": outcome.placed[:1]})
    assert "G6" in _broken(free, kept)


def test_g15_holds_for_an_honest_outcome_and_fires_when_two_begin_in_one_week() -> None:
    round = round_of(SPREAD)
    outcome = decide(round)
    assert verify(round, outcome) == ()
    early = {"period": Period(start=date(2026, 9, 2), end=date(2027, 9, 1))}
    moved = tuple(row.model_copy(update=early) if row.request == "B" else row for row in outcome.placed)
    assert "G15" in _broken(round, outcome.model_copy(update={"placed": moved}))


@pytest.mark.parametrize(("rounding", "placed"), [(Rounding.UP, 1), (Rounding.DOWN, 2)])
def test_a_share_that_is_no_whole_number_is_rounded_as_was_voted(rounding: Rounding, placed: int) -> None:
    quotas = {"M": GUARANTEED["quotas"]["M"] | {"rounding": rounding}}
    assert len(decide(round_of({**GUARANTEED, "quotas": quotas})).placed) == placed


WAITING: dict[str, Any] = {
    "policy": {"wait_weeks": 8},
    "places": {"X": {"mon": 1}},
    "requests": {"A": {"points": 90, "wishes": ["X"], "days": [["mon"]], "from": date(2026, 12, 7)}},
}


def test_g16_holds_for_an_honest_outcome_and_fires_when_a_place_waits_too_long() -> None:
    round = round_of(WAITING)
    outcome = decide(round)
    assert (outcome.placed, verify(round, outcome)) == ((), ())
    told = f"Attend au vœu{NBSP}1{NBSP}: une place y est libre, mais ne peut attendre aussi longtemps."
    assert _said(round, outcome, "A")[1] == told
    waits = decide(round_of({**WAITING, "policy": {}}))
    assert [row.request for row in waits.placed] == ["A"]
    said = outcome.model_copy(update={"placed": waits.placed, "reasons": waits.reasons})
    assert _broken(round, said) == {"G16", "G10"}


def test_a_tiny_round_in_which_no_place_waits_has_the_outcome_that_exhaustive_search_finds() -> None:
    waited = 0
    for seed in range(52_000, 52_060):
        drawn = tiny(seed, Taste(dated=0.8, flexible=0.4))
        policy = drawn.policy.model_copy(update={"wait_weeks": 0})
        round = drawn.model_copy(update={"policy": policy})
        outcome, best = decide(round, WAYS[seed % len(WAYS)]), Oracle(round).best()
        placed = {row.request: (row.section, row.pattern, row.period.start) for row in outcome.placed}
        meant = {name: (seat.section, seat.pattern, seat.start) for name, seat in best.items()}
        assert (seed, placed, outcome.violations) == (seed, meant, ())
        waited += any(wish.why is Why.WAITS_TOO_LONG for reason in outcome.reasons for wish in reason.wishes)
    assert waited > 3


def held_by_a_person(**facts: Any) -> Round:
    """One place at X that a person keeps back, one at Y; B would have the first and C has the second."""
    requests = {name: {"points": 9, "wishes": [to], "days": [["mon"]]} for name, to in (("B", "X"), ("C", "Y"))}
    round = round_of({"places": {"X": {"mon": 1}, "Y": {"mon": 1}}, "requests": requests})
    hold = {"id": "kept", "section": "X-all", "slots": slots("mon"), "period": Period(start=date(2026, 9, 1))}
    return round.model_copy(update={"holds": (Hold.model_validate(hold | {"reason": "Recrutement"} | facts),)})


def test_who_could_have_a_place_that_a_person_keeps_back_is_told_so() -> None:
    round = held_by_a_person(by_person=True)
    outcome = decide(round)
    assert ([row.request for row in outcome.placed], outcome.violations) == (["C"], ())
    told = f"Attend au vœu{NBSP}1{NBSP}: une place y est libre, et le guichet la retient. Motif{NBSP}: Recrutement."
    assert _said(round, outcome, "B")[1] == told
    taken = decide(held_by_a_person())  # by a child, not by a person
    assert next(row for row in taken.reasons if row.request == "B").wishes[0].why is Why.FULL


def test_g6_fires_when_a_place_that_a_person_keeps_back_is_not_told() -> None:
    round, silent = held_by_a_person(by_person=True), decide(held_by_a_person())
    outcome = decide(round)
    assert verify(round, outcome) == ()
    assert _broken(round, outcome.model_copy(update={"reasons": silent.reasons})) == {"G6"}


def test_a_person_who_keeps_a_place_back_says_why() -> None:
    with pytest.raises(RoundRefused, match="dit pourquoi"):
        decide(held_by_a_person(by_person=True, reason=" "))


def limited(seed: int, taste: Taste) -> Round:
    """A drawn tiny round with guaranteed places over some structures, and sections where few may begin in a week."""
    draw, drawn = Random(seed), tiny(seed, taste)
    structures = sorted({row.structure for row in drawn.sections})
    quotas = tuple(
        Quota(
            id=f"Q{number}",
            structures=tuple(draw.sample(structures, draw.randint(1, len(structures)))),
            places=draw.choice((5, 20, 30)),
            percent=draw.choice((5, 20)),
            rounding=draw.choice(tuple(Rounding)),
            counted=draw.choice((0, 0, 1)),
            release_at=draw.choice((None, INSTANT, INSTANT + timedelta(days=2))),
        )
        for number in range(draw.choice((0, 1, 1, 2)))
    )
    sections = tuple(row.model_copy(update={"starts_per_week": draw.choice((None, 1, 1))}) for row in drawn.sections)
    return drawn.model_copy(update={"quotas": quotas, "sections": sections})


@pytest.mark.parametrize(
    ("first", "taste"),
    [
        (50_000, Taste()),
        (50_100, Taste(equal_ranks=0.9)),
        (50_200, Taste(siblings=1.0)),
        (50_300, Taste(flexible=0.7)),
    ],
)
def test_a_tiny_round_with_limits_has_the_outcome_that_exhaustive_search_finds(first: int, taste: Taste) -> None:
    found = dict.fromkeys((Why.KEPT_FOR_INSERTION, Why.TOO_MANY_STARTS), 0)
    for seed in range(first, first + 25):
        round = limited(seed, taste)
        outcome, best = decide(round, WAYS[seed % len(WAYS)]), Oracle(round).best()
        placed = {row.request: (row.section, row.pattern, row.period.start) for row in outcome.placed}
        meant = {name: (seat.section, seat.pattern, seat.start) for name, seat in best.items()}
        assert (seed, placed, outcome.violations) == (seed, meant, ())
        for wish in (wish for reason in outcome.reasons for wish in reason.wishes if wish.why in found):
            found[wish.why] += 1
    assert min(found.values()) > 0, found


def test_the_order_of_quotas_and_of_their_structures_never_changes_the_outcome_hash() -> None:
    tried = 0
    for seed in range(53_000, 53_020):
        round = limited(seed, Taste())
        turned = tuple(row.model_copy(update={"structures": row.structures[::-1]}) for row in reversed(round.quotas))
        other = round.model_copy(update={"quotas": turned, "sections": round.sections[::-1]})
        assert (seed, decide(other, WAYS[0]).outcome_hash) == (seed, decide(round, WAYS[0]).outcome_hash)
        tried += turned != round.quotas
    assert tried > 5


def test_where_lists_contradict_each_other_every_check_holds_with_limits() -> None:
    for seed in range(51_000, 51_040):
        outcome = decide(limited(seed, Taste(points_at=0.6, movers=0.2)), WAYS[0])
        assert (seed, outcome.violations) == (seed, ())


def test_without_its_constraint_the_model_gives_a_guaranteed_place_away() -> None:
    """The limit is in the model, and not only in what is tried before it."""
    without = tuple(add for add in Settings().constraints if add.__name__ != "add_within_voted_limits")
    assert len(without) == len(Settings().constraints) - 1
    broken = set()
    for seed in range(50_100, 50_130):
        round = limited(seed, Taste(equal_ranks=0.9))
        loose = Settings(chain_depth=0, quick_no=False, prices=False, constraints=without)
        broken |= {violation.guarantee for violation in decide(round, loose).violations}
    assert broken & {"G4", "G15"}


def test_who_stands_behind_a_child_that_a_person_placed_reads_that_it_was_a_decision() -> None:
    round = held_by_a_person(by_person=True, forced="A")
    outcome = decide(round)
    assert outcome.violations == ()
    told = "la commission y place un autre enfant, par une décision motivée."
    assert _said(round, outcome, "B")[1].endswith(told)
    silent = outcome.model_copy(
        update={
            "reasons": tuple(
                row.model_copy(
                    update={"wishes": tuple(wish.model_copy(update={"why": Why.FULL}) for wish in row.wishes)}
                )
                for row in outcome.reasons
            )
        }
    )
    assert "G6" in {row.guarantee for row in verify(round, silent)}
