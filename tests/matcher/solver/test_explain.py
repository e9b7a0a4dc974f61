"""Reasons: true against the outcome, and said in plain French."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts, band
from services.matcher.solver.phrases import family_phrases, phrases
from services.matcher.solver.schema import Mode, NotAgain, Reason, Round, Why, WishReason
from services.matcher.solver.solve import decide
from tests.matcher.solver.drawn_rounds import Size, large
from tests.matcher.solver.golden import NOON, round_of, slots

NBSP = "\u00a0"
ONE_PLACE = {
    "places": {"X": {"mon": 1, "tue": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["mon", "tue"]]},
        "C": {"points": 10, "wishes": ["X"], "days": [["tue"]]},
    },
}


def _reason(round: Round, request: str) -> Reason:
    return next(reason for reason in decide(round).reasons if reason.request == request)


def _wish(case: dict[str, Any], request: str, number: int = 0) -> WishReason:
    return _reason(round_of(case), request).wishes[number]


def test_a_full_wish_names_the_hours_that_higher_claims_fill_and_the_last_points_there() -> None:
    wish = _wish(ONE_PLACE, "B")
    assert wish.why is Why.FULL
    assert [slot.day.value for slot in wish.full_slots if not isinstance(slot.day, date)] == ["mon"]
    assert (wish.rank, wish.points, wish.last_tier, wish.last_points) == (2, 40, 2, 50)


def test_a_wish_that_is_met_gives_the_rank_there() -> None:
    wish = _wish(ONE_PLACE, "C")
    assert (wish.why, wish.rank, wish.points, wish.last_points) == (Why.OFFERED, 3, 10, 10)


def test_a_wish_behind_a_better_one_says_so() -> None:
    case = {"places": {"X": {"mon": 1}, "Y": {"mon": 1}}, "requests": {"A": _asks(["X", "Y"])}}
    assert [wish.why for wish in _reason(round_of(case), "A").wishes] == [Why.OFFERED, Why.PREFERRED_ELSEWHERE]


def _asks(wishes: list[str], **facts: Any) -> dict[str, Any]:
    return {"points": 1, "wishes": wishes, "days": [["mon"]], **facts}


def test_a_wish_without_a_section_for_the_age_says_so() -> None:
    case = {
        "sections": {"X": {"walkers": [16, 36]}},
        "vacancies": [{"structure": "X", "section": "walkers", "from": date(2026, 9, 1), "cells": {"mon": 1}}],
        "requests": {"A": _asks(["X"], born=date(2026, 6, 1))},
    }
    assert _wish(case, "A").why is Why.NO_SECTION_FOR_AGE


def test_a_wish_whose_hours_nobody_offers_says_so() -> None:
    case = {"places": {"X": {"tue": 1}}, "requests": {"A": _asks(["X"])}}
    assert _wish(case, "A") == WishReason(structure="X", why=Why.NO_PLACE_AT_THESE_TIMES)


def test_a_wish_whose_places_are_kept_for_others_says_so() -> None:
    case = {
        "instant": NOON,
        "on_call": {"X": {"cells": {"mon": 1}, "release_at": NOON.replace(hour=19)}},
        "requests": {"A": _asks(["X"])},
    }
    assert _wish(case, "A").why is Why.KEPT_FOR_ANOTHER_AUDIENCE


def test_a_wish_for_a_structure_that_takes_no_part_says_so() -> None:
    case = {"places": {"X": {"mon": 1}}, "requests": {"A": _asks(["elsewhere"])}}
    assert _wish(case, "A").why is Why.UNKNOWN_STRUCTURE


def test_hours_that_a_family_has_answered_go_to_the_next_one_and_say_so() -> None:
    round = round_of({"places": {"X": {"mon": 1}}, "requests": {"A": _asks(["X"]), "B": _asks(["X"])}})
    offered = decide(round).placed[0]
    answered = NotAgain(section=offered.section, slots=offered.slots)
    requests = tuple(
        row.model_copy(update={"not_again": (answered,) if row.id == offered.request else ()}) for row in round.requests
    )
    again = decide(round.model_copy(update={"requests": requests}))
    assert again.violations == ()
    assert [row.request for row in again.placed] == [row.id for row in round.requests if row.id != offered.request]
    reason = next(row for row in again.reasons if row.request == offered.request)
    assert [wish.why for wish in reason.wishes] == [Why.ANSWERED_BEFORE]


@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("placed", [True, False])
def test_a_family_is_spoken_to_and_the_guichet_is_told_of_it(why: Why, placed: bool) -> None:
    asked = round_of({"places": {"X": {"mon": 1}}, "requests": {"A": _asks(["X"])}}).requests[0]
    wish = WishReason(structure="X", why=why, rank=3, points=40, last_tier=2, last_points=40)
    reason = Reason(request="A", placed=placed, wishes=(wish,), sent_behind=True)
    addressed = re.compile(r"\b(vous|votre)\b", re.IGNORECASE)
    own, told = family_phrases(asked, reason, {"X": "Les Lilas"}), phrases(asked, reason, {"X": "Les Lilas"})
    assert all(addressed.search(line) for line in own), own
    assert not any(addressed.search(line) for line in told), told
    assert len(own) == len(told) == 3


def test_every_reason_of_a_drawn_round_is_true_of_its_outcome() -> None:
    for seed in range(4):
        round = canonical(large(seed, Size(requests=60, structures=5, points_at=0.2)))
        outcome = decide(round)
        facts = Facts(round, outcome)
        for reason in outcome.reasons:
            for wish in reason.wishes:
                assert_is_true(facts, reason, wish)


def assert_is_true(facts: Facts, reason: Reason, wish: WishReason) -> None:
    request, row = facts.requests[reason.request], facts.placed.get(reason.request)
    if wish.why is Why.OFFERED:
        assert row is not None
        assert row.structure == wish.structure
    if wish.why is Why.FULL:
        assert wish.full_slots
        last = (wish.last_tier, -(wish.last_points or 0))
        assert wish.last_points is None or last <= (request.tier, -band(request, wish.structure)[1])
        here = [choice for choice in facts.choices[reason.request] if choice.structure == wish.structure]
        assert not any(facts.could_take(choice) for choice in here if row is None or choice.level < row.level)
    if wish.why in (Why.NO_SECTION_FOR_AGE, Why.NO_PLACE_AT_THESE_TIMES, Why.UNKNOWN_STRUCTURE):
        assert row is None or row.structure != wish.structure
        assert wish.rank is None


def test_the_drawn_rounds_hold_every_kind_of_reason_that_they_can() -> None:
    outcomes = [decide(large(seed, Size(requests=60, structures=5, points_at=0.2))) for seed in range(4)]
    found = {wish.why for outcome in outcomes for reason in outcome.reasons for wish in reason.wishes}
    assert {Why.OFFERED, Why.FULL, Why.PREFERRED_ELSEWHERE, Why.NO_SECTION_FOR_AGE} <= found


def test_phrases_say_what_is_full_for_whom_and_with_how_many_points() -> None:
    round = round_of(ONE_PLACE)
    assert phrases(round.requests[1], _reason(round, "B"), {"X": "Les Lucioles"}) == [
        "Reste en attente d'une place.",
        f"Attend au vœu{NBSP}1, Les Lucioles (rang{NBSP}2 dans cette structure){NBSP}: "
        f"complet le lundi, de 8{NBSP}h à 18{NBSP}h. Dernier dossier admis à ces horaires{NBSP}: priorité 2, "
        f"50{NBSP}points{NBSP}; cette demande{NBSP}: 40{NBSP}points.",
    ]


def test_whoever_goes_without_so_that_more_have_a_place_reads_why_a_lower_claim_is_there() -> None:
    """The sentence gave the points of that claim and left it there, as if they had been more."""
    requests = {name: row for name, row in ONE_PLACE["requests"].items() if name != "A"}
    requests["D"] = {"points": 20, "wishes": ["X"], "days": [["mon"]]}
    voted = round_of(ONE_PLACE | {"requests": requests})
    round = voted.model_copy(update={"policy": voted.policy.model_copy(update={"mode": Mode.MOST_CHILDREN})})
    reason = _reason(round, "B")
    assert (reason.placed, reason.wishes[0].full_slots, reason.wishes[0].last_points) == (False, (), 10)
    said = phrases(round.requests[0], reason)[1]
    assert said.endswith(f"Il passe après{NBSP}: ses horaires tiennent, ou plus d'enfants ont ainsi une place.")
    assert not any("Il passe après" in line for line in phrases(round.requests[0], reason, points=False))
    behind = reason.model_copy(update={"sent_behind": True})
    assert not any("Il passe après" in line for line in phrases(round.requests[0], behind))


def test_phrases_without_points_name_no_total_and_no_rank_of_anybody() -> None:
    round = round_of(ONE_PLACE)
    said = phrases(round.requests[1], _reason(round, "B"), {"X": "Les Lucioles"}, points=False)
    assert len(said) == 2 and "complet" in said[1]
    assert not any(word in said[1] for word in ("rang", "point", "priorité", "Dernier dossier"))


def test_phrases_say_that_equal_points_are_settled_by_seniority_and_the_draw() -> None:
    requests = {name: row | {"points": 1} for name, row in ONE_PLACE["requests"].items()}
    round = round_of(ONE_PLACE | {"requests": requests})
    waiting = next(reason for reason in decide(round).reasons if not reason.placed)
    request = next(row for row in round.requests if row.id == waiting.request)
    said = phrases(request, waiting)[1]
    assert f"1{NBSP}point{NBSP};" in said
    assert "À points égaux, l'ancienneté puis le tirage départagent." in said


def test_a_family_whose_children_fit_one_by_one_only_is_told_so() -> None:
    case = {"places": {"X": {"mon": 1}}, "siblings": [["A", "B"]], "requests": {"A": _asks(["X"]), "B": _asks(["X"])}}
    round = round_of(case)
    said = phrases(round.requests[0], _reason(round, "A"))[1]
    assert (
        said == f"Attend au vœu{NBSP}1{NBSP}: une place y est possible, mais pas avec toute la fratrie, comme demandé."
    )


def test_a_child_who_gets_nothing_better_is_told_that_its_place_stays() -> None:
    case = {"places": {"X": {"mon": 1}}, "requests": {"A": _asks(["Y"], has=["X", "mon"])}}
    round = round_of(case)
    assert phrases(round.requests[0], _reason(round, "A"))[0] == "Garde sa place actuelle."


def test_phrases_group_days_and_write_single_dates() -> None:
    wednesday = slots("wed_am")[0].model_copy(update={"day": date(2026, 12, 2)})
    wish = WishReason(structure="X", why=Why.FULL, full_slots=(*slots("mon_am"), *slots("tue_am"), wednesday))
    said = phrases(round_of(ONE_PLACE).requests[0], Reason(request="A", placed=False, wishes=(wish,)))[1]
    assert f"complet le lundi, le mardi et le mercredi 2{NBSP}décembre 2026, de 8{NBSP}h à 13{NBSP}h" in said
    assert said.endswith("par des places déjà tenues.")


def test_every_phrase_has_its_non_breaking_spaces_and_ends_with_a_stop() -> None:
    request = round_of(ONE_PLACE).requests[0]
    for why in Why:
        for placed in (True, False):
            reason = Reason(request="A", placed=placed, wishes=(WishReason(structure="X", why=why),))
            for said in phrases(request, reason):
                assert not any(f" {sign}" in said for sign in ":;!?")
                assert said.endswith(".")
