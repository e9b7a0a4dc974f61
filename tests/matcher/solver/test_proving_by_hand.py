"""Which proofs are written beside an outcome written by hand: one full hour, a limit, or prices of several hours."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from contracts.vocabulary import Audience
from services.matcher.solver.canonical import RoundRefused
from services.matcher.solver.proving import Effort, with_proofs
from services.matcher.solver.schema import (
    Bound,
    Certificate,
    Goal,
    LimitPrice,
    Mode,
    Placed,
    Price,
    Proof,
    Refusal,
    Round,
    Ties,
    Wish,
)
from services.matcher.solver.verify import best_of_all
from tests.matcher.solver.by_hand import asks, at, facts_of, outcome_of
from tests.matcher.solver.golden import START, round_of

MONDAY = date(2026, 9, 7)
PAIR: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("X", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A = at("A", "X", "mon_am")
URGENT = Audience.URGENT_INSERTION


def certificate(
    case: dict[str, Any] | Round, *placed: Placed, effort: Effort | None = None, **said: Any
) -> Certificate:
    facts = facts_of(case, *placed, **said)
    told = with_proofs(facts.round, facts.outcome, effort or Effort())
    assert told.model_copy(update={"certificate": None}) == facts.outcome
    assert told.certificate is not None
    assert best_of_all(facts.round, told).false == ()
    return told.certificate


def hour(structure: str, day: date = MONDAY) -> Price:
    return Price(section=f"{structure}-all", day=day, hour=time(8), audience=URGENT)


def test_a_full_hour_refuses_all_who_come_after_and_is_written_once() -> None:
    three = PAIR | {"requests": PAIR["requests"] | {"C": asks("YX", "mon_am", points=30), "D": asks("YX", "mon_am")}}
    found = certificate(three, A, at("C", "Y", "mon_am"))
    proofs = (Proof(prices=(hour("X"),)), Proof(prices=(hour("Y"),)))
    refusals = [("B", "X", 0), ("D", "X", 0), ("D", "Y", 1)]
    assert found == Certificate(
        proofs=proofs, refusals=tuple(Refusal(unit=unit, structure=to, proofs=(n,)) for unit, to, n in refusals)
    )
    assert certificate(PAIR, A, effort=Effort(relaxations=0)).proofs == proofs[:1], "no relaxation is needed for it"


def test_what_is_free_is_not_refused_even_in_part() -> None:
    free = PAIR | {"places": {"X": {"mon_am": 2}}}
    assert certificate(free, A) == Certificate()
    either = PAIR | {
        "places": {"X": {"mon_am": 1, "tue_am": 1}},
        "requests": PAIR["requests"] | {"B": asks("X") | {"points": 40, "days": [["mon_am"], ["tue_am"]]}},
    }
    assert certificate(either, A).refusals == ()


def test_a_full_week_of_starts_refuses_where_hours_are_free() -> None:
    spread = PAIR | {"places": {"X": {"mon_am": 2}}, "starts_per_week": {"X": 1}}
    found = certificate(spread, A, effort=Effort(relaxations=0))
    assert found.proofs == (Proof(limits=(LimitPrice(section="X-all", day=date(2026, 8, 31)),)),)
    assert found.refusals == (Refusal(unit="B", structure="X", proofs=(0,)),)


def alike() -> Round:
    """A and B like X and Y as much: only both structures together refuse C."""
    requests = {"A": asks("XY", "mon_am", points=50), "B": asks("XY", "mon_am", points=40), "C": asks("X", "mon_am")}
    drawn = round_of(PAIR | {"requests": requests})
    both = (Wish(structure="X", rank=1), Wish(structure="Y", rank=1))
    rows = tuple(row.model_copy(update={"wishes": both} if row.id != "C" else {}) for row in drawn.requests)
    return drawn.model_copy(update={"requests": rows})


def test_two_hours_together_refuse_what_neither_does_alone() -> None:
    placed = (A, at("B", "Y", "mon_am"))
    found = certificate(alike(), *placed)
    assert found.proofs == (Proof(prices=(hour("X"), hour("Y"))),)
    assert found.refusals == (Refusal(unit="C", structure="X", proofs=(0,)),)
    assert certificate(alike(), *placed, effort=Effort(relaxations=1)) == found
    for effort in (Effort(relaxations=0), Effort(ways=1)):
        assert certificate(alike(), *placed, effort=effort) == Certificate(), effort


def test_only_so_many_relaxations_are_tried() -> None:
    first = alike()
    second = round_of(
        {
            "places": {"V": {"mon_am": 1}, "W": {"mon_am": 1}},
            "requests": {"D": asks("VW", "mon_am"), "E": asks("VW", "mon_am"), "F": asks("V", "mon_am", points=5)},
        }
    )
    both = (Wish(structure="V", rank=1), Wish(structure="W", rank=1))
    rows = tuple(row.model_copy(update={"wishes": both} if row.id != "F" else {}) for row in second.requests)
    round = first.model_copy(
        update={
            "sections": (*first.sections, *second.sections),
            "vacancies": (*first.vacancies, *second.vacancies),
            "requests": (*first.requests, *rows),
        }
    )
    placed = (A, at("B", "Y", "mon_am"), at("D", "V", "mon_am"), at("E", "W", "mon_am"))
    found = [certificate(round, *placed, effort=Effort(relaxations=number)).refusals for number in range(3)]
    assert [len(refusals) for refusals in found] == [0, 1, 2]


def test_an_hour_that_fills_up_leaves_those_before_what_is_as_good() -> None:
    """A likes X and Y as much; B, who comes after it, has X alone: then A takes Y, and C is refused there."""
    requests = {
        "A": asks("XY", "mon_am", points=50),
        "B": asks("X", "mon_am", points=40),
        "C": asks("Y", "mon_am", points=30),
    }
    drawn = round_of(PAIR | {"requests": requests})
    both = (Wish(structure="X", rank=1), Wish(structure="Y", rank=1))
    rows = tuple(row.model_copy(update={"wishes": both} if row.id == "A" else {}) for row in drawn.requests)
    round = drawn.model_copy(update={"requests": rows})
    found = certificate(round, at("A", "Y", "mon_am"), at("B", "X", "mon_am"), effort=Effort(relaxations=0))
    assert found.proofs == (Proof(prices=(hour("X"),)), Proof(prices=(hour("Y"),)))
    assert found.refusals == (Refusal(unit="C", structure="Y", proofs=(1,)),)


def test_who_was_sent_behind_is_refused_as_one_of_the_others() -> None:
    case = {
        "policy": {"first_tier_percent": 50},
        "places": {"X": {"mon_am": 1}},
        "requests": {"B": asks("X", "mon_am", points=20, tier=1), "C": asks("X", "mon_am", points=90)},
    }
    found = certificate(case, at("C", "X", "mon_am"), behind=("B",))
    assert found.refusals == (Refusal(unit="B", structure="X", proofs=(0,)),)


MORNINGS = {name: {"mon_am": 1} for name in "XYZ"}


def served(case: dict[str, Any], *alike: str) -> Round:
    """The round of a case in which these families like all that they wish as much."""
    drawn = round_of(case)
    equal = {row.id: tuple(wish.model_copy(update={"rank": 1}) for wish in row.wishes) for row in drawn.requests}
    rows = (row.model_copy(update={"wishes": equal[row.id]}) if row.id in alike else row for row in drawn.requests)
    return drawn.model_copy(update={"requests": tuple(rows)})


def refused(found: Certificate) -> list[tuple[str, str | None, tuple[int, ...]]]:
    return [(row.unit, row.structure, row.proofs) for row in found.refusals]


def test_a_proof_that_leaves_somebody_before_one_choice_fills_that_one_at_once() -> None:
    """A and B need X and Y, so D is in Z for sure: whoever asks for Z then is refused without another relaxation."""
    asked = {name: asks(wishes, "mon_am", points=points) for name, wishes, points in (
        ("A", "XY", 90), ("B", "XY", 80), ("D", "XZ", 70), ("C", "X", 60), ("E", "Z", 50),
    )}  # fmt: skip
    round = served({"places": MORNINGS, "requests": asked}, "A", "B", "D")
    placed = (A, at("B", "Y", "mon_am"), at("D", "Z", "mon_am"))
    found = certificate(round, *placed, effort=Effort(relaxations=1))
    assert found.proofs == (Proof(prices=(hour("X"), hour("Y"))), Proof(prices=(hour("Z"),)))
    assert refused(found) == [("C", "X", (0,)), ("E", "Z", (1,))]


def test_each_of_several_who_are_left_one_choice_fills_that_one() -> None:
    """C takes X, so A is in Y and B in Z: both are followed, in whatever order."""
    asked = {name: asks(wishes, "mon_am", points=points) for name, wishes, points in (
        ("A", "XY", 90), ("B", "XZ", 80), ("C", "X", 70), ("D", "Y", 60), ("E", "Z", 50),
    )}  # fmt: skip
    round = served({"places": MORNINGS, "requests": asked}, "A", "B")
    placed = (at("A", "Y", "mon_am"), at("B", "Z", "mon_am"), at("C", "X", "mon_am"))
    found = certificate(round, *placed, effort=Effort(relaxations=0))
    assert refused(found) == [("D", "Y", (1,)), ("E", "Z", (2,))]


def test_an_hour_with_two_places_is_full_of_two_children() -> None:
    case = {"places": {"X": {"mon_am": 2}}, "requests": {
        name: asks("X", "mon_am", points=points) for name, points in (("A", 90), ("B", 80), ("C", 70))
    }}  # fmt: skip
    found = certificate(case, A, at("B", "X", "mon_am"), effort=Effort(relaxations=0))
    assert refused(found) == [("C", "X", (0,))]


def test_who_may_be_elsewhere_is_refused_by_the_hours_of_others_though_it_has_another_choice() -> None:
    case = {"policy": {"mode": Mode.MOST_CHILDREN}, "places": MORNINGS, "requests": {
        name: asks(wishes, "mon_am", points=points) for name, wishes, points in (
            ("A", "XYZ", 90), ("B", "XY", 80), ("C", "XY", 70),
        )
    }}  # fmt: skip
    placed = (at("A", "Z", "mon_am", wish_rank=3, level=3), at("B", "X", "mon_am"), at("C", "Y", "mon_am"))
    found = certificate(served(case, "B", "C"), *placed, effort=Effort(relaxations=1))
    assert refused(found) == [("A", "X", (0,)), ("A", "Y", (0,))]


def test_the_bound_of_a_goal_refuses_once_the_goal_is_kept_and_nothing_more_is_to_be_found() -> None:
    equals = {name: asks("X", "mon_am", points=points) for name, points in (("A", 50), ("B", 50), ("C", 40))}
    case = PAIR | {"policy": {"ties": Ties.TOGETHER}, "requests": equals}
    found = certificate(case, A)
    assert found.bounds == (Bound(goal=Goal.CHILDREN, tier=2, points=50, among="A", proof=0),)
    assert (len(found.proofs), refused(found)) == (1, [("C", "X", (0,))])
    assert len(certificate(case, A, effort=Effort(relaxations=0)).proofs) == 1, "then the full hour is written"


def test_the_start_of_a_child_itself_does_not_fill_its_week_against_it() -> None:
    """Each of its choices begins in that week: it takes one start, whichever it has."""
    case = {
        "policy": {"mode": Mode.MOST_CHILDREN},
        "places": {"X": {"mon_am": 1, "tue_am": 1}},
        "starts_per_week": {"X": 1},
        "requests": {"A": asks("X") | {"days": [["mon_am"], ["tue_am"]]}},
    }
    assert certificate(case, at("A", "X", "tue_am", pattern=1, level=2)) == Certificate()


def test_what_a_family_is_refused_as_a_whole_comes_before_what_it_is_refused_by_structure() -> None:
    days = {"mon": 1, "tue": 1}
    asked = {"B": asks("X", *days, points=90), "C": asks("Y", *days, points=80), "A": asks("XY", *days)}
    week = round_of({"places": {"X": days, "Y": days}, "requests": asked})
    rows = tuple(row.model_copy(update={"accepts_split": row.id == "A"}) for row in week.requests)
    found = certificate(week.model_copy(update={"requests": rows}), at("B", "X", *days), at("C", "Y", *days))
    assert refused(found) == [("A", None, (0, 1)), ("A", "X", (0,)), ("A", "Y", (1,))]


def test_siblings_are_refused_as_a_whole() -> None:
    twins = PAIR | {
        "siblings": [["S", "T"]],
        "requests": {"A": PAIR["requests"]["A"]} | {name: asks("X", "mon_am") for name in "ST"},
    }
    assert certificate(twins, A).refusals == (Refusal(unit="S-T", structure=None, proofs=(0,)),)


def test_where_the_lists_contradict_each_other_the_hour_of_those_before_is_written() -> None:
    days = {"mon_am": 1, "tue_am": 1, "wed_am": 1}
    case = {
        "places": {"X": days, "Y": days},
        "requests": {
            "A": asks("YX", "tue_am", "wed_am", points={"X": 90, "Y": 10}),
            "B": asks("XY", "tue_am", "wed_am", points={"X": 10, "Y": 90}),
        },
    }
    second = {"wish_rank": 2, "level": 2}
    rows = (at("A", "X", "tue_am", "wed_am", **second), at("B", "Y", "tue_am", "wed_am", **second))
    found = certificate(case, *rows)
    assert found.proofs == (Proof(prices=(hour("Y", START),)), Proof(prices=(hour("X", START),)))
    refusals = (Refusal(unit="A", structure="Y", proofs=(0,)), Refusal(unit="B", structure="X", proofs=(1,)))
    assert found.refusals == refusals
    assert certificate(case).refusals == ()
    lower = at("B", "X", "tue_am", "wed_am")
    found = certificate(case, lower)
    assert (found.proofs, found.refusals) == ((), ()), "who stands behind it is not in its way"


def test_the_number_of_children_is_closed_by_a_bound_unless_everybody_is_served() -> None:
    def freest(**requests: Any) -> dict[str, Any]:
        return PAIR | {"policy": {"mode": Mode.MOST_CHILDREN}, "requests": PAIR["requests"] | requests}

    found = certificate(freest(), A)
    assert found.bounds == (Bound(goal=Goal.TOTAL, among="A", proof=0),)
    assert [(row.goal, row.among) for row in found.proofs[0].goals] == [(Goal.TOTAL, "A")]
    assert Refusal(unit="B", structure="X", proofs=found.refusals[0].proofs) in found.refusals
    assert certificate(freest(B=asks("Y", "mon_am")), A, at("B", "Y", "mon_am")).bounds == ()
    unproven = certificate(freest(), A, effort=Effort(relaxations=0))
    assert unproven.bounds == ()


def test_what_no_round_may_say_is_refused_as_it_is_read() -> None:
    round = round_of(PAIR)
    twice = round.model_copy(update={"sections": (*round.sections, *round.sections)})
    with pytest.raises(RoundRefused):
        with_proofs(twice, outcome_of(round))
