"""What the checks of reasons, and of the share of the first tier, say of a few rows written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.schema import Mode, Placed, Reason, Round, Violation, Why, WishReason
from services.matcher.solver.verify import (
    check_every_request_has_its_reason,
    check_first_tier_within_its_share,
    share_over_all_parts,
)
from services.matcher.solver.voted import as_ranked
from tests.matcher.solver.by_hand import asks, at, facts_of, outcome_of
from tests.matcher.solver.golden import round_of

CASE: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A = at("A", "X", "mon_am")


def line(structure: str, why: Why) -> WishReason:
    return WishReason(structure=structure, why=why)


OFFERED = Reason(request="A", placed=True, wishes=(line("X", Why.OFFERED), line("Y", Why.PREFERRED_ELSEWHERE)))
FULL = Reason(request="B", placed=False, wishes=(line("X", Why.FULL),))


def named(guarantee: str, *names: str) -> list[Violation]:
    return [violation(guarantee, [name], []) for name in names]


def unexplained(*reasons: Reason, round: Round | None = None, placed: tuple[Placed, ...] = (A,)) -> list[Violation]:
    return list(check_every_request_has_its_reason(facts_of(round or round_of(CASE), *placed, reasons=reasons)))


def edited(reason: Reason, **facts: Any) -> Reason:
    return reason.model_copy(update=facts)


def test_each_request_has_one_reason_line_by_line_as_it_asked() -> None:
    assert unexplained(OFFERED, FULL) == []
    assert unexplained() == named("G11", "A", "B")
    assert unexplained(FULL) == named("G11", "A")
    assert unexplained(OFFERED, OFFERED, FULL) == named("G11", "A")
    assert unexplained(edited(OFFERED, placed=False), FULL) == named("G11", "A")
    assert unexplained(OFFERED, edited(FULL, placed=True)) == named("G11", "B")
    assert unexplained(edited(OFFERED, wishes=OFFERED.wishes[::-1]), FULL) == named("G11", "A")
    assert unexplained(edited(OFFERED, wishes=OFFERED.wishes[:1]), FULL) == named("G11", "A")
    assert unexplained(OFFERED, edited(FULL, wishes=())) == named("G11", "B")


def test_a_line_says_offered_exactly_where_the_child_is_placed() -> None:
    nowhere = edited(OFFERED, wishes=(line("X", Why.FULL), line("Y", Why.FULL)))
    other = edited(OFFERED, wishes=(line("X", Why.FULL), line("Y", Why.OFFERED)))
    both = edited(OFFERED, wishes=(line("X", Why.OFFERED), line("Y", Why.OFFERED)))
    for untrue in (nowhere, other, both):
        assert unexplained(untrue, FULL) == named("G11", "A")
    halves = (at("A", "X", "mon_am", split=True), at("A", "Y", "tue_am", split=True))
    assert unexplained(both, FULL, placed=halves) == []
    assert unexplained(OFFERED, FULL, placed=halves) == named("G11", "A")


FIRST: dict[str, Any] = {
    "policy": {"first_tier_percent": 50},
    "places": {"X": {"mon_am": 2}},
    "requests": {
        "A": asks("X", "mon_am", points=30, tier=1),
        "B": asks("X", "mon_am", points=20, tier=1),
        "C": asks("X", "mon_am", points=90),
        "D": asks("X", "mon_am", points=80),
    },
}
A_, B_, C_, D_ = (at(name, "X", "mon_am") for name in "ABCD")


def behind(*names: str) -> tuple[Reason, ...]:
    wishes = (line("X", Why.FULL),)
    return tuple(Reason(request=name, placed=False, wishes=wishes, sent_behind=name in names) for name in "ABCD")


def beyond(case: dict[str, Any], *placed: Placed, told: tuple[str, ...] | None = None, **facts: Any) -> list[Violation]:
    """G14 where these were sent behind, and are told so unless others are."""
    asked = canonical(round_of(case))
    named_behind = facts.get("behind", ())
    reasons = behind(*(named_behind if told is None else told))
    outcome = outcome_of(asked, *placed, **{"reasons": reasons, "policy": asked.policy} | facts)
    return list(check_first_tier_within_its_share(Facts(as_ranked(asked, outcome), outcome, asked=asked)))


def test_no_more_go_first_than_the_share_and_those_who_do_not_are_said_to_be_behind() -> None:
    assert beyond(FIRST, A_, C_, behind=("B",)) == []
    both = violation("G14", ["A", "B"], [])
    assert beyond(FIRST, A_, B_) == [both]
    assert beyond(FIRST, A_, C_, behind=("B",), told=()) == named("G14", "B")
    assert beyond(FIRST, A_, C_, behind=("B",), told=("A", "B")) == named("G14", "A")
    assert beyond(FIRST, A_, C_, behind=("B", "C")) == named("G14", "C"), "it never went first"
    assert beyond(FIRST | {"policy": {}}, A_, B_) == [], "no share was voted"
    assert beyond(FIRST | {"policy": {}}, A_, B_, behind=("B",), told=()) == named("G14", "B")


def test_the_share_has_no_room_for_who_is_sent_behind_in_the_one_list_told_whole() -> None:
    assert beyond(FIRST, C_, D_, behind=("A", "B")) == named("G14", "A", "B")
    assert beyond(FIRST, C_, behind=("A", "B"), withheld=("D",)) == []
    strict = FIRST | {"policy": {"first_tier_percent": 50, "mode": Mode.STRICT}}
    assert beyond(strict, C_, D_, behind=("A", "B")) == []


@pytest.mark.parametrize(("name", "true"), [("D", True), ("C", False), ("B", False), ("A", False), ("nobody", False)])
def test_only_an_ordinary_child_without_a_place_is_kept_out_by_the_first_tier(name: str, true: bool) -> None:
    assert beyond(FIRST, A_, C_, behind=("B",), displaced=(name,)) == ([] if true else named("G14", name))


def parts(round: Round, *outcomes: tuple[tuple[Placed, ...], tuple[Reason, ...]], **facts: Any) -> list[Violation]:
    told = [outcome_of(round, *placed, reasons=reasons) for placed, reasons in outcomes]
    return list(share_over_all_parts(round, [row.model_copy(update=facts) for row in told]))


def test_over_all_parts_the_share_is_counted_in_all_of_them_together() -> None:
    round = canonical(round_of(FIRST))
    (a, b, c, d) = behind()
    (_, b_behind, _, _) = behind("B")
    both = violation("G14", ["A", "B"], [])
    assert parts(round, ((A_, B_), (a, b, c, d))) == [both]
    assert parts(round, ((A_,), (a, c)), ((B_,), (b, d))) == [both]
    assert parts(round, ((A_,), (a, c)), ((C_,), (b_behind, d))) == []
    none = ((C_,), (c, d)), ((), (edited(a, sent_behind=True), b_behind))
    assert parts(round, *none) == named("G14", "A", "B")
    assert parts(round, *none, withheld=("D",)) == []
    assert parts(round, *none[1:]) == [], "a part is not told"
    strict = round.model_copy(update={"policy": round.policy.model_copy(update={"mode": Mode.STRICT})})
    assert parts(strict, *none) == []
    assert parts(round) == []
    unvoted = canonical(round_of(FIRST | {"policy": {}}))
    assert parts(unvoted, ((A_, B_), (a, b, c, d))) == []
    assert parts(unvoted, *none) == []
