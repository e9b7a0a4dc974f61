"""What each check of what a family is promised says of a few rows written by hand, and what it lets pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.schema import (
    Envy,
    Hold,
    Mode,
    Placed,
    Reason,
    Round,
    StructurePoints,
    Violation,
    Why,
    WishReason,
)
from services.matcher.solver.verify import (
    check_no_justified_envy,
    check_no_place_left_free,
    check_siblings_together,
    check_support_never_refuses,
)
from tests.matcher.solver.by_hand import asks, at, facts_of, held
from tests.matcher.solver.golden import round_of

Check = Callable[[Facts], Iterator[Violation]]


def say(check: Check, case: dict[str, Any] | Round, *placed: Placed, **facts: Any) -> list[Violation]:
    return list(check(facts_of(case, *placed, **facts)))


def named(guarantee: str, *requests: str, sections: tuple[str, ...] = ()) -> Violation:
    return violation(guarantee, list(requests), list(sections))


def changed(round: Round, name: str, **facts: Any) -> Round:
    rows = tuple(row.model_copy(update=facts if row.id == name else {}) for row in round.requests)
    return round.model_copy(update={"requests": rows})


def by_structure(round: Round, name: str = "B") -> Round:
    """One request's points are said for a structure: no more than that is known of it."""
    (own,) = (row for row in round.requests if row.id == name)
    return changed(round, name, points_at=(StructurePoints(structure="X", points=own.points),))


ENVY: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A_AT_Y = at("A", "Y", "mon_am", wish_rank=2, level=2)
B_AT_X = at("B", "X", "mon_am")
AT_X = named("G5", "A", sections=("X-all",))


def test_a_lower_claim_at_a_preferred_place_is_an_envy_in_the_one_list_only() -> None:
    assert say(check_no_justified_envy, ENVY, A_AT_Y, B_AT_X) == [AT_X]
    assert say(check_no_justified_envy, ENVY, B_AT_X) == [AT_X, named("G5", "A", sections=("Y-all",))]
    assert say(check_no_justified_envy, ENVY, at("A", "X", "mon_am")) == []
    for mode in (Mode.STRICT, Mode.MOST_CHILDREN):
        assert say(check_no_justified_envy, ENVY | {"policy": {"mode": mode}}, A_AT_Y, B_AT_X) == []
    higher = ENVY | {"requests": ENVY["requests"] | {"B": asks("X", "mon_am", points=60)}}
    assert say(check_no_justified_envy, higher, A_AT_Y, B_AT_X) == []
    assert say(check_no_justified_envy, ENVY, A_AT_Y, B_AT_X, withheld=("A",)) == []
    assert say(check_no_justified_envy, ENVY, A_AT_Y, B_AT_X, withheld=("B",)) == [AT_X]


@pytest.mark.parametrize("envy", [{"request": "B"}, {"section": "Y-all"}, {"pattern": 1}])
def test_an_envy_is_let_through_where_it_is_listed_and_claims_differ(envy: dict[str, Any]) -> None:
    listed = {"request": "A", "section": "X-all", "pattern": 0}
    one, other = (Envy.model_validate(facts) for facts in (listed, listed | envy))
    differ = by_structure(round_of(ENVY))
    assert say(check_no_justified_envy, differ, A_AT_Y, B_AT_X, envies=(one,)) == []
    assert say(check_no_justified_envy, differ, A_AT_Y, B_AT_X, envies=(other,)) == [AT_X]
    assert say(check_no_justified_envy, ENVY, A_AT_Y, B_AT_X, envies=(one,)) == [AT_X]


TWINS: dict[str, Any] = {
    "places": {"X": {"mon_am": 2}},
    "siblings": [["S", "T"]],
    "requests": {name: asks("X", "mon_am", points=points) for name, points in (("S", 60), ("T", 60), ("B", 40))},
}


def test_an_envy_of_siblings_is_listed_child_by_child() -> None:
    round = by_structure(round_of(TWINS))
    both = named("G5", "S", "T", sections=("X-all", "X-all"))
    s, t = (Envy(request=name, section="X-all", pattern=0) for name in "ST")
    assert say(check_no_justified_envy, round, B_AT_X, envies=(s,)) == [both]
    assert say(check_no_justified_envy, round, B_AT_X, envies=(s, t)) == []
    assert say(check_no_justified_envy, round, B_AT_X, withheld=("S",)) == []


FREE: dict[str, Any] = {
    "places": {"X": {"mon_am": 2}, "Y": {"mon_am": 1}},
    "requests": {"A": asks("XY", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
B_LEFT = named("G6", "B", sections=("X-all",))


def told(request: str, structure: str, why: Why) -> Reason:
    return Reason(request=request, placed=False, wishes=(WishReason(structure=structure, why=why),))


def test_a_place_that_is_free_is_named_for_whoever_has_none() -> None:
    assert say(check_no_place_left_free, FREE, A_AT_Y) == [B_LEFT]
    assert say(check_no_place_left_free, FREE, A_AT_Y, B_AT_X) == []
    assert say(check_no_place_left_free, FREE, A_AT_Y, withheld=("B",)) == []
    assert say(check_no_place_left_free, FREE | {"places": {"X": {"mon_am": 0}}}, at("A", "Y", "mon_am")) == []


@pytest.mark.parametrize("why", [Why.HELD_BY_PERSON, Why.GIVEN_BY_PERSON])
def test_who_could_have_what_a_person_keeps_back_reads_so(why: Why) -> None:
    one = FREE | {"places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}}}
    keeps = held("kept", "X", "mon_am", by_person=True, reason="travaux")

    def left(*reasons: Reason, hold: Hold = keeps) -> list[Violation]:
        return say(check_no_place_left_free, one, A_AT_Y, holds=(hold,), reasons=reasons)

    assert left() == [B_LEFT]
    assert left(told("B", "X", why)) == []
    assert left(told("B", "X", Why.FULL)) == [B_LEFT]
    assert left(told("B", "Y", why)) == [B_LEFT]
    assert left(told("A", "X", why)) == [B_LEFT]
    assert left(hold=keeps.model_copy(update={"by_person": False})) == [], "a placement, which nobody has to say"


def test_siblings_need_not_read_what_a_person_keeps_back() -> None:
    keeps = held("kept", "X", "mon_am", by_person=True, reason="travaux")
    assert say(check_no_place_left_free, TWINS, B_AT_X, holds=(keeps,)) == []
    assert say(check_no_place_left_free, TWINS, B_AT_X) == []
    assert say(check_no_place_left_free, TWINS) == [
        B_LEFT,
        named("G6", "S", "T", sections=("X-all", "X-all")),
    ]


def test_a_week_that_two_structures_could_share_is_free_as_a_whole() -> None:
    case = {"places": {"X": {"mon": 1}, "Y": {"tue": 1}}, "requests": {"A": asks("XY", "mon", "tue")}}
    round = changed(round_of(case), "A", accepts_split=True)
    assert say(check_no_place_left_free, round) == [named("G6", "A", "A", sections=("X-all", "Y-all"))]
    keeps = held("kept", "Y", "tue", by_person=True, reason="travaux")
    assert say(check_no_place_left_free, round, holds=(keeps,)) == []


def adapted(**support: int) -> dict[str, Any]:
    needs = {"E": 60, "F": 50, "G": 40}
    requests = {name: asks("X", "mon_am", points=points, needs_support=True) for name, points in needs.items()}
    other = {"D": asks("X", "mon_am", points=90), "H": asks("Y", "mon_am", needs_support=True)}
    return {
        "places": {"X": {"mon_am": 3, "tue_am": 1}, "Y": {"mon_am": 1}},
        "support": support,
        "requests": requests | other,
    }


E, F, D_THERE = (at(name, "X", "mon_am") for name in "EFD")
H = at("H", "Y", "mon_am")
F_TO_PREPARE = F.model_copy(update={"to_prepare": True})


def test_beyond_what_a_structure_prepares_the_lower_claims_are_marked_and_nobody_else() -> None:
    assert say(check_support_never_refuses, adapted(X=1), E, F_TO_PREPARE, D_THERE, H) == []
    assert say(check_support_never_refuses, adapted(X=1), E, F, D_THERE, H) == [named("G7", "F", sections=("X-all",))]
    swapped = (E.model_copy(update={"to_prepare": True}), F, D_THERE, H)
    both = [named("G7", name, sections=("X-all",)) for name in "EF"]
    assert say(check_support_never_refuses, adapted(X=1), *swapped) == both
    assert say(check_support_never_refuses, adapted(X=2), E, F, D_THERE, H) == []
    assert say(check_support_never_refuses, adapted(), E, F, D_THERE, H) == []
    unlimited = say(check_support_never_refuses, adapted(Y=1), E, F_TO_PREPARE, D_THERE, H)
    assert unlimited == [named("G7", "F", sections=("X-all",))]


def test_children_who_need_adapted_care_at_other_hours_are_not_there_at_once() -> None:
    tuesday = at("F", "X", "tue_am")
    case = adapted(X=1)
    case["requests"]["F"] = asks("X", "tue_am", points=50, needs_support=True)
    assert say(check_support_never_refuses, case, E, tuesday, D_THERE, H, at("G", "X", "mon_am", to_prepare=True)) == []
    whole = at("F", "X", "mon_am", "tue_am")
    both_days = say(check_support_never_refuses, case, E, whole, D_THERE)
    assert named("G7", "F", sections=("X-all",)) in both_days


def test_who_needs_adapted_care_is_not_refused_a_free_place() -> None:
    g = named("G7", "G", sections=("X-all",))
    assert say(check_support_never_refuses, adapted(X=2), E, F, H) == [g]
    assert say(check_support_never_refuses, adapted(X=2), E, F, D_THERE, H) == [], "it is full"
    assert say(check_support_never_refuses, adapted(X=2), E, F, H, withheld=("G",)) == []
    plain = adapted(X=2)
    plain["requests"]["G"] = asks("X", "mon_am", points=40)
    assert say(check_support_never_refuses, plain, E, F, H) == []
    one = changed(round_of(TWINS), "T", needs_support=True)
    assert say(check_support_never_refuses, one) == [named("G7", "S", "T", sections=("X-all", "X-all"))]
    assert say(check_support_never_refuses, round_of(TWINS)) == []


def test_who_has_a_place_is_not_refused_a_better_one_for_its_care() -> None:
    case = {
        "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
        "requests": {
            "A": asks("XY", "mon_am", needs_support=True),
            "Z": asks("X", "mon_am", points=9, needs_support=True),
        },
    }
    assert say(check_support_never_refuses, case, A_AT_Y) == [named("G7", "Z", sections=("X-all",))]
    assert say(check_support_never_refuses, case, A_AT_Y, at("Z", "X", "mon_am")) == []


def test_siblings_have_what_their_family_asks_or_nothing_and_read_why() -> None:
    reasons = tuple(told(name, "X", Why.FULL) for name in "ST")
    s, t = at("S", "X", "mon_am"), at("T", "X", "mon_am")

    def apart(*placed: Placed, reasons: tuple[Reason, ...] = reasons) -> list[Violation]:
        return say(check_siblings_together, TWINS, *placed, reasons=reasons)

    assert apart(s, t) == []
    assert apart() == []
    assert apart(s) == [named("G9", "S", "T", sections=("X-all",))]
    assert apart(reasons=reasons[:1]) == [named("G9", "S", "T")]
    assert apart(s, t, reasons=reasons[:1]) == [named("G9", "S", "T", sections=("X-all", "X-all"))]
    silent = (reasons[0], reasons[1].model_copy(update={"wishes": ()}))
    assert apart(reasons=silent) == [named("G9", "S", "T")]
