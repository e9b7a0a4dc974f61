"""Who is decided together with whom, rule by rule, as the check reads it. All are invented."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.decided_with import decided_with, wrongly_held_back
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Outcome, Reason, Why, WishReason
from services.matcher.solver.solve import decide
from tests.matcher.solver.golden import round_of

WEEK = [["week"]]
TWO_PLACES: dict[str, Any] = {"places": {"X": {"week": 1}, "Y": {"week": 1}}}


def asks(*wishes: str, **facts: Any) -> dict[str, Any]:
    return {"points": 10, "wishes": list(wishes), "days": WEEK, **facts}


def groups(case: dict[str, Any]) -> set[frozenset[str]]:
    found = decided_with(canonical(round_of(case)))
    assert all(name in names for name, names in found.items())
    return set(found.values())


def apart(*names: str) -> set[frozenset[str]]:
    return {frozenset(name) for name in names}


def test_those_who_wish_one_section_are_decided_together_and_no_others() -> None:
    requests = {"a": asks("X"), "b": asks("Y"), "c": asks("X"), "d": asks("Y")}
    assert groups({**TWO_PLACES, "requests": requests}) == {frozenset("ac"), frozenset("bd")}


def test_who_wishes_both_ties_the_others_together_however_many_there_were() -> None:
    requests = {"a": asks("X"), "b": asks("Y"), "c": asks("Y"), "d": asks("Y"), "z": asks("X", "Y")}
    assert groups({**TWO_PLACES, "requests": requests}) == {frozenset("abcdz")}


def test_siblings_are_decided_together() -> None:
    case = {**TWO_PLACES, "requests": {"a": asks("X"), "b": asks("Y")}}
    assert groups(case) == apart("a", "b")
    assert groups({**case, "siblings": [["a", "b"]]}) == {frozenset("ab")}


def test_the_sections_of_a_structure_that_prepares_adapted_care_are_one() -> None:
    sections = {"X": {"small": [0, 12], "big": [13, 40]}, "Y": {"all": [0, 71]}}
    vacancies = [
        {"structure": "X", "section": name, "cells": {"week": 1}, "from": date(2026, 9, 1)} for name in ("small", "big")
    ]
    young = asks("X", born=date(2026, 3, 1))
    case = {"sections": sections, "vacancies": vacancies, "requests": {"a": young, "b": asks("X"), "c": asks("Y")}}
    assert groups(case) == apart("a", "b", "c")
    assert groups({**case, "support": {"X": 1}}) == {frozenset("ab"), frozenset("c")}
    assert groups({**case, "support": {"Y": 1}}) == apart("a", "b", "c")


def test_the_structures_of_a_quota_that_still_binds_are_one_and_no_others() -> None:
    places = {name: {"week": 1} for name in "XYZ"}
    case = {"places": places, "requests": {"a": asks("X"), "b": asks("Y"), "c": asks("Z")}}
    quota = {"structures": ["X", "Y"], "places": 30}
    assert groups({**case, "quotas": {"M": quota}}) == {frozenset("ab"), frozenset("c")}
    assert groups({**case, "quotas": {"M": {**quota, "counted": 30}}}) == apart("a", "b", "c")


def test_who_has_a_place_is_decided_with_those_who_wish_it() -> None:
    case = {**TWO_PLACES, "requests": {"a": asks("X", has=["Y", "week"]), "b": asks("Y"), "c": asks("X")}}
    assert groups(case) == {frozenset("abc")}


@pytest.mark.parametrize(
    ("facts", "together"),
    [
        ({}, True),
        ({"born": date(2024, 9, 1)}, True),  # 24 months on the first day: the last that the section takes
        ({"born": date(2024, 8, 1)}, False),
        ({"born": date(2026, 7, 1)}, True),  # 2 months: the first
        ({"born": date(2026, 7, 2)}, False),
        ({"born": date(2026, 7, 2), "tolerance_days": 1}, True),
        ({"born": date(2024, 8, 1), "tolerance_days": 60}, False),
        ({"from": date(2026, 10, 1)}, False),  # the place is over by then
        ({"from": date(2026, 9, 30)}, True),
        ({"from": date(2026, 8, 1), "until": date(2026, 9, 1)}, False),
        ({"from": date(2026, 8, 1), "until": date(2026, 9, 2)}, True),
        ({"from": date(2026, 8, 1), "until": None}, True),
    ],
)
def test_a_request_reaches_a_section_of_its_age_that_has_places_in_its_time(
    facts: dict[str, Any], together: bool
) -> None:
    place = {"structure": "X", "cells": {"week": 1}, "from": date(2026, 9, 1), "until": date(2026, 10, 1)}
    requests = {"a": asks("X", **facts), "b": asks("X")}
    case = {"sections": {"X": {"all": [2, 24]}}, "vacancies": [place], "requests": requests}
    assert groups(case) == ({frozenset("ab")} if together else apart("a", "b"))


@pytest.mark.parametrize(("tolerance", "together"), [(0, False), (1, True)])
def test_a_child_that_is_to_be_born_reaches_a_section_once_it_may_be_born(tolerance: int, together: bool) -> None:
    unborn = asks("X", born=date(2026, 9, 2), tolerance_days=tolerance)
    newborn = asks("X", born=date(2026, 9, 1))
    case = {"sections": {"X": {"all": [0, 0]}}, "places": {"X": {"week": 1}}, "requests": {"a": unborn, "b": newborn}}
    assert groups(case) == ({frozenset("ab")} if together else apart("a", "b"))


def test_a_section_without_a_place_ties_nobody() -> None:
    assert groups({"places": {"X": {"week": 0}}, "requests": {"a": asks("X"), "b": asks("X")}}) == apart("a", "b")


def held_back(outcome: Outcome, *names: str) -> Outcome:
    """With the answers of these kept back, and nothing more said of them."""
    told = [row for row in outcome.reasons if row.request not in names]
    silent = [
        Reason(
            request=row.request, placed=False, sent_behind=row.sent_behind,
            wishes=tuple(WishReason(structure=wish.structure, why=Why.WITHHELD) for wish in row.wishes),
        )
        for row in outcome.reasons if row.request in names
    ]  # fmt: skip
    return outcome.model_copy(
        update={
            "withheld": tuple(sorted(names)),
            "placed": tuple(row for row in outcome.placed if row.request not in names),
            "reasons": tuple(sorted((*told, *silent), key=lambda row: row.request)),
        }
    )


def test_what_is_held_back_without_a_violation_or_not_held_back_beside_one_is_named() -> None:
    round = canonical(round_of({**TWO_PLACES, "requests": {"a": asks("X"), "b": asks("X"), "c": asks("Y")}}))
    outcome = decide(round)
    violation = {"guarantee": "G1", "sentence": "s", "requests": ("a",), "sections": ()}
    broken = type(outcome).model_validate(outcome.model_dump() | {"violations": [violation]})
    unknown = type(outcome).model_validate(outcome.model_dump() | {"violations": [violation | {"requests": ("x",)}]})

    def wrong(told: Outcome) -> set[str]:
        return wrongly_held_back(Facts(round, told))

    assert wrong(outcome) == set()
    assert wrong(held_back(outcome, "c")) == {"c"}
    assert wrong(broken) == {"a", "b"}
    assert wrong(held_back(broken, "a", "b")) == set()
    assert wrong(held_back(broken, "a")) == {"b"}
    assert wrong(held_back(broken, "a", "b", "c")) == {"c"}
    assert wrong(unknown) == set(), "who is not of the round ties nobody"
    spoken = held_back(broken, "a", "b").model_copy(update={"reasons": outcome.reasons})
    assert wrong(spoken) == {"a", "b"}, "more is said of them than that they are held back"
    placed = held_back(broken, "a", "b").model_copy(update={"placed": outcome.placed})
    assert wrong(placed) == {row.request for row in outcome.placed if row.request in ("a", "b")}


def test_who_ranked_behind_the_share_is_told_so_though_its_answer_is_held_back() -> None:
    drawn = canonical(round_of({**TWO_PLACES, "requests": {"a": asks("X")}}))
    behind = tuple(row.model_copy(update={"sent_behind": True}) for row in drawn.requests)
    round = drawn.model_copy(update={"requests": behind})
    outcome = decide(drawn)
    told = tuple(row.model_copy(update={"sent_behind": True}) for row in outcome.reasons)
    violation = {"guarantee": "G1", "sentence": "s", "requests": ("a",), "sections": ()}
    broken = type(outcome).model_validate(outcome.model_dump() | {"violations": [violation], "reasons": told})
    assert wrongly_held_back(Facts(round, held_back(broken, "a"))) == set()
