"""Proofs beside an outcome: whoever reads them adds up, and what is false shows."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.vocabulary import Audience
from services.matcher.solver.components import sealed
from services.matcher.solver.constraints import Settings
from services.matcher.solver.proof_phrases import proof_phrases
from services.matcher.solver.proving import Effort, with_proofs
from services.matcher.solver.schema import Certificate, Mode, Outcome, Price, Proof, Refusal, Round, Ties
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import best_of_all, verify
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.solver.golden import round_of

QUICK = Settings(prices=False)
TASTES = {
    "plain": Taste(),
    "indifferent": Taste(equal_ranks=0.9),
    "siblings": Taste(siblings=1.0),
    "movers": Taste(movers=0.6),
    "flexible": Taste(flexible=0.7, movers=0.3),
}
PLAIN = {
    "places": {"X": {"week": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon", "tue"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["tue", "wed"]]},
    },
}
SECOND_RHYTHM = {
    "places": {"X": {"week": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["mon"], ["tue"]]},
    },
}
EITHER = {
    "places": {"X": {"week": 1}, "Y": {"week": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X", "Y"], "days": [["mon"]]},
        "C": {"points": 30, "wishes": ["X"], "days": [["mon"]]},
    },
}


def _either() -> Round:
    """A and B like X and Y as much, so that only both structures together refuse C."""
    round = round_of(EITHER)
    alike = (tuple(wish.model_copy(update={"rank": 1}) for wish in row.wishes) for row in round.requests)
    asked = tuple(row.model_copy(update={"wishes": own}) for row, own in zip(round.requests, alike, strict=True))
    return round.model_copy(update={"requests": asked})


def _proven(round: Round) -> Outcome:
    return with_proofs(round, decide(round, QUICK))


def _in(round: Round, mode: Mode, ties: Ties = Ties.DRAW) -> Round:
    return round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})


def _certificate(outcome: Outcome) -> Certificate:
    assert outcome.certificate is not None
    return outcome.certificate


def _tampered(outcome: Outcome, **facts: Any) -> Outcome:
    return outcome.model_copy(update={"certificate": _certificate(outcome).model_copy(update=facts)})


@pytest.mark.parametrize("taste", TASTES)
@pytest.mark.parametrize("mode", [Mode.STABLE, Mode.STRICT])
def test_nearly_every_request_of_a_tiny_round_is_proven_to_have_the_best_that_the_rules_allow(
    taste: str, mode: Mode
) -> None:
    refusals = left_open = 0
    for seed in range(12):
        round = _in(tiny(seed, TASTES[taste]), mode)
        outcome = _proven(round)
        found = best_of_all(round, outcome)
        assert (seed, found.false, verify(round, outcome)) == (seed, (), ())
        refusals += len(_certificate(outcome).refusals)
        left_open += len(found.open)
    assert refusals > 10
    assert left_open <= (2 if "movers" in taste or "flexible" in taste else 0)


@pytest.mark.parametrize("taste", TASTES)
@pytest.mark.parametrize("mode", [Mode.STABLE, Mode.STRICT, Mode.MOST_CHILDREN])
def test_a_child_who_could_have_been_placed_is_never_proven_to_have_no_place(taste: str, mode: Mode) -> None:
    tried = 0
    for seed in range(100, 105):
        round = _in(tiny(seed, TASTES[taste]), Mode.STABLE)
        outcome = decide(round, QUICK)
        for left_out in outcome.placed:
            without = tuple(row for row in outcome.placed if row != left_out)
            worse = outcome.model_copy(update={"placed": without, "policy": _in(round, mode).policy})
            told = with_proofs(_in(round, mode), worse)
            assert left_out.request in best_of_all(_in(round, mode), told).open, (seed, left_out.request)
            tried += 1
    assert tried > 5


def test_a_preferred_place_that_is_free_is_never_proven_to_be_impossible() -> None:
    round = round_of(EITHER)
    outcome = decide(round, QUICK)
    second = tuple(row for row in outcome.placed if row.level == 2)
    assert [row.request for row in second] == ["B"]
    told = with_proofs(round, outcome.model_copy(update={"placed": second}))
    assert best_of_all(round, told).open == ("A", "B", "C")
    assert "B" not in best_of_all(round, with_proofs(round, outcome)).open


def test_who_may_go_elsewhere_just_as_well_is_counted_where_the_fewest_places_cost() -> None:
    round = _either()
    outcome = _proven(round)
    (refusal,) = [row for row in _certificate(outcome).refusals if row.unit == "C"]
    (number,) = refusal.proofs
    assert {price.section for price in _certificate(outcome).proofs[number].prices} == {"X-all", "Y-all"}
    assert best_of_all(round, outcome).open == ()


def test_g17_holds_for_an_honest_proof_and_fires_for_what_no_sum_shows() -> None:
    round = round_of(PLAIN)
    outcome = _proven(round)
    certificate = _certificate(outcome)
    (proof,), (refusal,) = certificate.proofs, certificate.refusals
    (price,) = proof.prices
    assert verify(round, outcome) == ()
    another_hour = price.model_copy(
        update={"hour": price.hour.replace(hour=price.hour.hour + 24 - 2 * price.hour.hour)}
    )
    assert another_hour != price
    for untrue in (
        {
            "proofs": (
                proof.model_copy(update={"prices": (price.model_copy(update={"day": price.day.replace(day=7)}),)}),
            )
        },
        {"proofs": (proof.model_copy(update={"prices": (price.model_copy(update={"section": "nowhere"}),)}),)},
        {"proofs": (proof.model_copy(update={"prices": ()}),)},
        {"refusals": (refusal.model_copy(update={"proofs": (1,)}),)},
        {"refusals": (refusal.model_copy(update={"proofs": ()}),)},
        {"refusals": (refusal.model_copy(update={"unit": "A"}),)},
        {"refusals": (refusal.model_copy(update={"unit": "nobody"}),)},
    ):
        assert {row.guarantee for row in verify(round, _tampered(outcome, **untrue))} == {"G17"}, untrue


@pytest.mark.parametrize(
    ("said", "facts"), [(Price, {"price": 0}), (Price, {"price": -1}), (Refusal, {"proofs": (-1,)})]
)
def test_a_price_below_one_and_a_proof_counted_from_the_end_are_refused_as_they_are_read(
    said: type[Price] | type[Refusal], facts: dict[str, Any]
) -> None:
    """Below nought a price would pay for those who come after; counted from the end, a proof depends on the others."""
    own = {"section": "X-all", "day": date(2026, 9, 7), "hour": time(8)} if said is Price else {"unit": "A"}
    assert said.model_validate({"proofs": (), **own})
    with pytest.raises(ValidationError):
        said.model_validate({**own, **facts})


def test_nobody_is_refused_by_places_that_are_counted_for_others() -> None:
    """No place is open to everybody; the one that is kept is open to this very child."""
    plain = round_of(SECOND_RHYTHM)
    kept = tuple(row.model_copy(update={"audience": Audience.INSERTION}) for row in plain.vacancies)
    asked = tuple(row.model_copy(update={"entitled_to": Audience.INSERTION}) for row in plain.requests)
    round = plain.model_copy(update={"vacancies": kept, "requests": asked})
    outcome = decide(round, QUICK).model_copy(update={"placed": ()})
    monday = Price(section="X-all", day=date(2026, 9, 7), hour=time(8))
    untrue = Certificate(proofs=(Proof(prices=(monday,)),), refusals=(Refusal(unit="A", structure="X", proofs=(0,)),))
    assert "G17" in {row.guarantee for row in verify(round, outcome.model_copy(update={"certificate": untrue}))}


def test_one_place_more_makes_a_proof_false() -> None:
    round = round_of(PLAIN)
    outcome = _proven(round)
    more = tuple(row.model_copy(update={"places": 2}) for row in round.vacancies)
    wider = round.model_copy(update={"vacancies": more})
    assert "G17" in {row.guarantee for row in verify(wider, outcome)}
    assert best_of_all(wider, outcome).open == ("B",)


def test_a_proof_stands_beside_the_decision_and_changes_nothing_in_it() -> None:
    round = tiny(7)
    outcome = decide(round, QUICK)
    told = with_proofs(round, outcome)
    assert told.certificate is not None
    assert sealed(told).outcome_hash == outcome.outcome_hash
    assert Outcome.model_validate_json(told.model_dump_json()) == told


def test_whoever_waits_for_a_check_is_never_said_to_have_the_best_even_where_no_section_takes_its_age() -> None:
    round = round_of(PLAIN)
    first, second = round.requests
    older = round.model_copy(update={"requests": (first.model_copy(update={"born": date(2015, 1, 1)}), second)})
    outcome = _proven(older)
    assert best_of_all(older, outcome).best == ("A", "B")
    held_back = best_of_all(older, outcome.model_copy(update={"withheld": ("A",)}))
    assert (held_back.best, held_back.open) == (("B",), ("A",))


def test_a_search_that_may_not_relax_leaves_open_what_it_cannot_show() -> None:
    round = _either()
    outcome = with_proofs(round, decide(round, QUICK), Effort(relaxations=0))
    assert best_of_all(round, outcome).open == ("C",)
    assert verify(round, outcome) == ()


def test_a_proof_says_how_many_places_there_are_and_names_nobody() -> None:
    round = round_of(PLAIN)
    assert proof_phrases(round, _proven(round), "B") == [
        "Preuve à X\u00a0: le mardi 1er\u00a0septembre 2026 à 8\u00a0h, il y a 1 place.",
        "Un enfant qui passe avant la prend.",
    ]
    assert proof_phrases(round, _proven(round), "A") == []
    second = round_of(SECOND_RHYTHM)
    assert proof_phrases(second, _proven(second), "B")[0] == (
        "Preuve à X, pour un rythme préféré\u00a0: le lundi 7\u00a0septembre 2026 à 8\u00a0h, il y a 1 place."
    )
    either = _either()
    assert proof_phrases(either, _proven(either), "C") == [
        "Preuve à X\u00a0: 2 moments sont comptés ensemble.",
        "- X-all, le lundi 7\u00a0septembre 2026 à 8\u00a0h",
        "- Y-all, le lundi 7\u00a0septembre 2026 à 8\u00a0h",
        "Ces moments comptent 2 places.",
        "Les enfants qui passent avant en prennent 2 au moins.",
        "Cette demande en prendrait 1\u00a0: 2 + 1 dépasse 2.",
    ]


def test_a_drawn_town_is_proven_whole_in_both_modes() -> None:
    for plan in (
        RoundPlan(requests=150, structures=12, flexible=0.3),
        RoundPlan(requests=150, structures=12, mode=Mode.STRICT),
    ):
        round = drawn_round(plan, 1)
        outcome = _proven(round)
        assert best_of_all(round, outcome).open == ()
        assert len(_certificate(outcome).proofs) > 30
