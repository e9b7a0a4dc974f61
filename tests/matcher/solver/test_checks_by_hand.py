"""What each check of a round says: whom it names and where, and what it lets through. All are invented."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period, VacancyKind
from services.matcher.solver.canonical import canonical
from services.matcher.solver.components import sealed, split
from services.matcher.solver.proving import with_proofs
from services.matcher.solver.schema import Goal, Hold, Mode, Outcome, Placed, Round
from services.matcher.solver.share import lowered
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import best_of_all, share_over_all_parts, verify
from tests.matcher.solver.golden import NOON, round_of, slots

ALWAYS = Period(start=date(2026, 9, 1))
Found = list[tuple[tuple[str, ...], tuple[str, ...]]]


def asks(points: int, wishes: list[str], *days: str, **facts: Any) -> dict[str, Any]:
    return {"points": points, "wishes": wishes, "days": [list(days)], **facts}


def honest(round: Round) -> Outcome:
    """What the solver decides, with nothing withheld by the checks that are tried here."""
    outcome = decide(round)
    assert (outcome.violations, outcome.withheld) == ((), ())
    return outcome


def broken(round: Round, outcome: Outcome, guarantee: str) -> Found:
    """Requests and sections of each violation of one guarantee, once the outcome's own hash is right."""
    found = verify(round, sealed(outcome))
    return [(row.requests, row.sections) for row in found if row.guarantee == guarantee]


def said(outcome: Outcome, *placed: Placed, **others: Any) -> Outcome:
    rows = tuple(sorted(placed, key=lambda row: row.request))
    return outcome.model_copy(update={"placed": rows, **others})


def changed(row: Placed, **facts: Any) -> Placed:
    return row.model_copy(update=facts)


def kept(round: Round, **audiences: Audience) -> Round:
    """The places of some half-days kept for an audience."""
    rows = tuple(
        row.model_copy(update={"audience": audiences.get(row.id.rpartition("-")[2], row.audience)})
        for row in round.vacancies
    )
    return round.model_copy(update={"vacancies": rows})


def hold(section: str, *hours: str, **facts: Any) -> Hold:
    return Hold(
        id=f"held-{section}", section=section, slots=tuple(s for h in hours for s in slots(h)), period=ALWAYS, **facts
    )


TWO: dict[str, Any] = {
    "places": {"X": {"mon": 1}, "Y": {"tue": 1}},
    "requests": {"A": asks(50, ["X"], "mon"), "B": asks(40, ["Y"], "tue")},
}


def test_a_child_on_hours_that_are_held_is_one_too_many_and_takes_what_is_held() -> None:
    round = round_of(TWO)
    outcome = honest(round)
    held = round.model_copy(update={"holds": (hold("Y-all", "tue"),)})
    for guarantee in ("G1", "G12"):
        assert broken(held, outcome, guarantee) == [(("B",), ("Y-all",))]
    elsewhere = round.model_copy(update={"holds": (hold("X-all", "tue"), hold("Y-all", "tue"))})
    assert broken(elsewhere, outcome, "G12") == [(("B",), ("Y-all",))]


def test_each_section_where_something_held_is_taken_is_named() -> None:
    round = round_of(TWO)
    outcome = honest(round)
    held = round.model_copy(update={"holds": (hold("X-all", "mon"), hold("Y-all", "tue"))})
    assert broken(held, outcome, "G12") == [(("A",), ("X-all",)), (("B",), ("Y-all",))]


def test_a_child_too_many_beside_a_hold_that_would_be_too_many_without_it_takes_nothing_held() -> None:
    round = round_of(TWO)
    outcome = honest(round)
    a = outcome.placed[0]
    both = said(outcome, a, changed(a, request="B"))
    held = round.model_copy(update={"holds": (hold("X-all", "tue"),)})
    assert broken(held, both, "G12") == []
    assert broken(held, both, "G1") == [(("A", "B"), ("X-all",))]


RESERVED: dict[str, Any] = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1}},
    "requests": {"A": asks(50, ["X"], "mon"), "I": asks(40, ["X"], "tue", audience="insertion")},
}


def test_a_child_on_a_reserved_place_is_no_child_too_many() -> None:
    round = round_of(RESERVED)
    outcome = honest(round)
    now = kept(round, mon=Audience.INSERTION)
    assert broken(now, outcome, "G1") == []
    assert broken(now, outcome, "G4") == [(("A",), ("X-all",))]


def test_between_two_reserved_publics_the_narrower_place_is_kept_too() -> None:
    round = round_of(RESERVED)
    outcome = honest(round)
    now = kept(round, tue=Audience.URGENT_INSERTION, wed=Audience.INSERTION)
    assert (broken(now, outcome, "G1"), broken(now, outcome, "G4")) == ([], [(("I",), ("X-all",))])


def test_who_holds_the_ordinary_place_leaves_only_the_reserved_one() -> None:
    case = RESERVED | {"vacancies": [{"structure": "X", "from": date(2026, 9, 1), "cells": {"mon_am": 1, "mon_pm": 1}}]}
    round = kept(round_of(case), mon=Audience.INSERTION)
    outcome = honest(round)
    assert (broken(round, outcome, "G1"), broken(round, outcome, "G4")) == ([], [])
    held = round.model_copy(update={"holds": (hold("X-all", "mon"),)})
    assert (broken(held, outcome, "G1"), broken(held, outcome, "G4")) == ([], [(("A",), ("X-all",))])


URGENT: dict[str, Any] = {
    "instant": NOON,
    "places": {"X": {"wed_am": 1}},
    "on_call": {"X": {"cells": {"wed_am": 1}, "release_at": NOON + timedelta(hours=7)}},
    "requests": {name: asks(n, ["X"], "wed_am", urgent_insertion=True) for n, name in enumerate("UV")},
}


def test_no_more_children_are_said_to_be_on_call_than_there_are_such_places() -> None:
    round = round_of(URGENT)
    outcome = honest(round)
    assert sorted(row.on_call for row in outcome.placed) == [False, True]
    both = said(outcome, *(changed(row, on_call=True) for row in outcome.placed))
    assert broken(round, outcome, "G4") == []
    assert broken(round, both, "G4") == [(("U",), ("X-all",)), (("V",), ("X-all",))]


def test_neither_a_reserved_place_nor_a_released_one_is_on_call() -> None:
    round = round_of(URGENT)
    outcome = honest(round)
    (on_call,) = [row for row in outcome.placed if row.on_call]
    alone = said(outcome, on_call)
    assert broken(round, alone, "G4") == []
    regular = tuple(row.model_copy(update={"kind": VacancyKind.REGULAR}) for row in round.vacancies)
    assert broken(round.model_copy(update={"vacancies": regular}), alone, "G4") == [((on_call.request,), ("X-all",))]
    later = round.model_copy(update={"instant": round.instant + timedelta(hours=7)})
    assert broken(later, alone, "G4") == [((on_call.request,), ("X-all",))]


@pytest.mark.parametrize("pattern", [-1, 1])
def test_a_pattern_that_is_not_asked_is_no_pattern(pattern: int) -> None:
    round = round_of(TWO)
    outcome = honest(round)
    a, b = outcome.placed
    assert broken(round, said(outcome, changed(a, pattern=pattern), b), "G2") == [(("A",), ("X-all",))]


def test_a_free_place_is_found_behind_a_child_who_would_rather_be_elsewhere() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1, "tue": 1}},
        "requests": {"A": asks(40, ["X", "Y"], "mon"), "B": asks(90, ["X"], "mon"), "C": asks(10, ["Y"], "tue")},
    }
    round = round_of(case)
    outcome = honest(round)
    a, b, _ = outcome.placed
    assert (a.structure, broken(round, said(outcome, a, b), "G6")) == ("Y", [(("C",), ("Y-all",))])


def test_each_request_without_a_true_reason_is_named() -> None:
    round = round_of(TWO)
    outcome = honest(round)
    assert broken(round, outcome.model_copy(update={"reasons": ()}), "G11") == [(("A",), ()), (("B",), ())]


def test_wishes_may_stay_above_their_bound_and_numbers_below_it() -> None:
    """Where equals are served together: where ties are drawn, the bound is known from who has no proof."""
    round = round_of(TWO | {"policy": {"ties": "together"}})
    outcome = honest(round)

    def bound_at(bound: int) -> Outcome:
        """A has no proof: what it might reach of its wishes is told."""
        open_ = (row.model_copy(update={"open": ("A",)}) if row.points == 50 else row for row in outcome.levels)
        wishes = (row.goal is Goal.WISHES and row.points == 50 for row in outcome.levels)
        told = (row.model_copy(update={"bound": bound}) if its else row for row, its in zip(open_, wishes, strict=True))
        return outcome.model_copy(update={"levels": tuple(told), "unproven": ("A",)})

    assert broken(round, bound_at(-1), "G10") == []
    assert broken(round, bound_at(1), "G10") == [(("A", "B"), ())]


def test_levels_are_not_counted_where_a_part_of_the_outcome_is_withheld() -> None:
    round = round_of(TWO)
    outcome = honest(round)
    a, _ = outcome.placed
    assert broken(round, said(outcome, a), "G10") == [(("A", "B"), ())]
    assert broken(round, said(outcome, a, withheld=("B",)), "G10") == []


HALF: dict[str, Any] = {
    "policy": {"first_tier_percent": 50},
    "places": {"X": {"week": 2}},
    "requests": {
        "A": asks(30, ["X"], "mon", tier=1),
        "B": asks(20, ["X"], "mon", tier=1),
        "C": asks(90, ["X"], "mon"),
        "D": asks(80, ["X"], "mon"),
    },
}


def test_only_an_ordinary_request_without_a_place_can_be_displaced_by_the_first_tier() -> None:
    round = round_of(HALF)
    outcome = honest(round)
    assert (outcome.behind, outcome.displaced) == (("B",), ("D",))
    assert broken(round, outcome, "G14") == []
    assert broken(round, outcome.model_copy(update={"displaced": ("B",)}), "G14") == [(("B",), ())]
    one = round_of(HALF | {"policy": {}, "places": {"X": {"week": 1}}})
    assert broken(one, honest(one).model_copy(update={"displaced": ("B",)}), "G14") == [(("B",), ())]


def test_whether_the_share_had_room_is_judged_in_stable_rounds_that_are_told_whole() -> None:
    round = round_of(HALF)
    outcome = honest(round)
    c = outcome.placed[1]
    without_a = said(outcome, c)
    assert broken(round, without_a, "G14") == [(("B",), ())]
    assert broken(round, said(outcome, c, withheld=("A",)), "G14") == []
    freer = round.policy.model_copy(update={"mode": Mode.STRICT})
    strict = round.model_copy(update={"policy": freer})
    assert broken(strict, without_a.model_copy(update={"policy": freer}), "G14") == []


PARTS: dict[str, Any] = {
    "policy": {"first_tier_percent": 50},
    "places": {"X": {"week": 1}, "Y": {"week": 1}},
    "requests": {
        "A": asks(30, ["X"], "mon", tier=1),
        "B": asks(20, ["Y"], "mon", tier=1),
        "C": asks(90, ["Y"], "mon"),
    },
}


def over_parts(round: Round, outcomes: list[Outcome]) -> list[tuple[str, ...]]:
    return [row.requests for row in share_over_all_parts(round, outcomes)]


def test_over_all_parts_too_many_sent_behind_are_named_where_every_part_is_told() -> None:
    round = canonical(round_of(PARTS))
    behind = [decide(part) for part in split(lowered(round, {"A", "B"}))]
    assert over_parts(round, behind) == [("A",), ("B",)]
    assert over_parts(round, behind[:1]) == []
    withheld = [behind[0].model_copy(update={"withheld": ("A",)}), *behind[1:]]
    assert over_parts(round, withheld) == []
    strict = round.model_copy(update={"policy": round.policy.model_copy(update={"mode": Mode.STRICT})})
    assert over_parts(strict, behind) == []


def test_over_all_parts_nothing_is_said_without_a_vote_or_without_a_part() -> None:
    round = canonical(round_of(PARTS))
    alone = [decide(part) for part in split(round)]
    assert over_parts(round, alone) == [("A", "B")]
    assert over_parts(round, []) == []
    assert over_parts(canonical(round_of(PARTS | {"policy": {}})), alone) == []


def test_the_best_of_all_is_read_under_the_ranks_that_counted() -> None:
    """B ranks behind C and D: that it has no place is as it must be, and nothing is false."""
    round = round_of(HALF)
    found = best_of_all(round, honest(round))
    assert found.false == ()


def test_how_good_the_wishes_are_is_counted_nowhere_where_a_child_may_stay() -> None:
    """M asks for better than it has and stays: no row of the outcome says how far that is from its first wish."""
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {
            "A": asks(90, ["X", "Y"], "mon"),
            "C": asks(95, ["X"], "mon"),
            "M": asks(10, ["Z", "X"], "mon", has=["Y", "tue"]),
        },
    }
    round = round_of(case)
    outcome = honest(round)
    assert any(level.goal is Goal.WISHES and level.value > 0 for level in outcome.levels)
    assert broken(round, outcome, "G10") == []


def test_a_proof_that_shows_nothing_names_the_family_that_it_speaks_of() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"tue": 1}},
        "siblings": [["S", "T"]],
        "requests": {
            "A": asks(90, ["X"], "mon"), "S": asks(50, ["X"], "mon"), "T": asks(50, ["X"], "mon"),
            "U": asks(80, ["Y"], "tue"), "V": asks(10, ["Y"], "tue"),
        },
    }  # fmt: skip
    round = round_of(case)
    outcome = with_proofs(round, honest(round))
    certificate = outcome.certificate
    assert certificate is not None
    assert {row.unit for row in certificate.refusals} == {"S-T", "V"}
    assert broken(round, outcome, "G17") == []
    empty = tuple(row.model_copy(update={"prices": ()}) for row in certificate.proofs)
    untrue = outcome.model_copy(update={"certificate": certificate.model_copy(update={"proofs": empty})})
    assert sorted(broken(round, untrue, "G17")) == [(("S", "T"), ()), (("V",), ())]
    strange = tuple(row.model_copy(update={"unit": "nobody"}) for row in certificate.refusals[:1])
    unknown = outcome.model_copy(update={"certificate": certificate.model_copy(update={"refusals": strange})})
    assert broken(round, unknown, "G17") == [(("nobody",), ())]
