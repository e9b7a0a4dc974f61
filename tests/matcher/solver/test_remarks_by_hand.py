"""What is said beside each place, read again on a few hours: on call, waiting for a move, the better pattern."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.vocabulary import Audience, VacancyKind
from services.matcher.solver.facts import Facts
from services.matcher.solver.remarks import worse_named, wrongly_on_call, wrongly_waiting
from services.matcher.solver.schema import Round
from tests.matcher.solver.by_hand import ALWAYS, asks, at, facts_of, held
from tests.matcher.solver.golden import NOON, round_of

ON_CALL = {"X": {"cells": {"wed_am": 1}, "release_at": NOON + timedelta(hours=7)}}


def urgent(points: Any, *days: str) -> dict[str, Any]:
    return asks("X", *days, points=points, urgent_insertion=True)


TWO_URGENT: dict[str, Any] = {
    "places": {"X": {"wed_am": 1}, "Y": {"wed_am": 1}},
    "on_call": ON_CALL,
    "requests": {"U": urgent(2, "wed_am"), "V": urgent(1, "wed_am"), "D": asks("X", "wed_am")},
}
BOTH = (at("U", "X", "wed_am", on_call=True), at("V", "X", "wed_am"))


def marked_wrongly(facts: Facts) -> list[str]:
    return [name for section, book in facts.books.items() for name in wrongly_on_call(facts, section, book)]


def test_the_on_call_place_is_said_of_the_higher_claim_and_of_nobody_else() -> None:
    assert marked_wrongly(facts_of(TWO_URGENT, *BOTH)) == []
    neither = (at("U", "X", "wed_am"), at("V", "X", "wed_am"))
    assert marked_wrongly(facts_of(TWO_URGENT, *neither)) == ["U"]
    swapped = (at("U", "X", "wed_am"), at("V", "X", "wed_am", on_call=True))
    assert marked_wrongly(facts_of(TWO_URGENT, *swapped)) == ["U", "V"]


def test_who_stands_first_is_read_at_the_structure_of_the_place() -> None:
    case = TWO_URGENT | {"requests": {"U": urgent({"X": 5, "Y": 1}, "wed_am"), "V": urgent(3, "wed_am")}}
    assert marked_wrongly(facts_of(case, *BOTH)) == []


def test_who_is_not_entitled_is_never_on_call_though_such_places_are_left() -> None:
    assert marked_wrongly(facts_of(TWO_URGENT, at("D", "X", "wed_am"))) == []
    assert marked_wrongly(facts_of(TWO_URGENT, at("D", "X", "wed_am", on_call=True))) == ["D"]


def test_two_on_call_places_are_said_of_two_children() -> None:
    two = TWO_URGENT | {"on_call": {"X": ON_CALL["X"] | {"cells": {"wed_am": 2}}}}
    assert marked_wrongly(facts_of(two, *BOTH)) == ["V"]


def test_hours_that_are_on_call_in_part_are_not_on_call() -> None:
    case = TWO_URGENT | {"places": {"X": {"wed": 1}}, "requests": {"U": urgent(2, "wed")}}
    assert marked_wrongly(facts_of(case, at("U", "X", "wed"))) == []
    assert marked_wrongly(facts_of(case, at("U", "X", "wed", on_call=True))) == ["U"]


@pytest.mark.parametrize(
    ("structure", "audience", "wrong"),
    [
        ("X", Audience.URGENT_INSERTION, ["U"]),
        ("X", Audience.INSERTION, []),
        ("X", Audience.EVERYBODY, []),
        ("Y", Audience.URGENT_INSERTION, []),
    ],
)
def test_an_on_call_place_is_used_up_by_what_the_urgent_hold_there(
    structure: str, audience: Audience, wrong: list[str]
) -> None:
    hold = held("before", structure, "wed_am", entitled_to=audience)
    assert marked_wrongly(facts_of(TWO_URGENT, BOTH[0], holds=(hold,))) == wrong


def test_neither_a_place_that_is_kept_alone_nor_one_that_is_released_is_on_call() -> None:
    drawn = round_of(TWO_URGENT)
    regular = tuple(row.model_copy(update={"kind": VacancyKind.REGULAR}) for row in drawn.vacancies)
    released = drawn.model_copy(update={"instant": drawn.instant + timedelta(hours=7)})
    for round in (drawn.model_copy(update={"vacancies": regular}), released):
        assert marked_wrongly(facts_of(round, BOTH[0])) == ["U"]
        assert marked_wrongly(facts_of(round, at("U", "X", "wed_am"))) == []


def waiting_wrongly(case: dict[str, Any] | Round, *placed: Any, **facts: Any) -> list[str]:
    return list(wrongly_waiting(facts_of(case, *placed, **facts)))


def swap(places: int, **others: dict[str, Any]) -> dict[str, Any]:
    """M leaves Monday morning at X, where so many places are, for Y; A comes."""
    mover = asks("Y", "mon_am", has=["X", "mon_am"])
    requests = {"A": asks("X", "mon_am", points=90), "M": mover, **others}
    return {"places": {"X": {"mon_am": places, "tue_am": 1}, "Y": {"mon_am": 1}}, "requests": requests}


GONE = at("M", "Y", "mon_am", replaces="M-has")


def test_who_comes_to_the_only_place_waits_for_the_child_who_leaves_it() -> None:
    assert waiting_wrongly(swap(1), at("A", "X", "mon_am", after=("M",)), GONE) == []
    assert waiting_wrongly(swap(1), at("A", "X", "mon_am"), GONE) == ["A"]
    assert waiting_wrongly(
        swap(1), at("A", "X", "mon_am", after=("M",)), GONE.model_copy(update={"after": ("A",)})
    ) == ["M"]


def test_who_would_fit_beside_the_child_who_leaves_waits_for_nobody() -> None:
    assert waiting_wrongly(swap(2), at("A", "X", "mon_am"), GONE) == []
    assert waiting_wrongly(swap(2), at("A", "X", "mon_am", after=("M",)), GONE) == ["A"]


def test_what_is_held_elsewhere_makes_nobody_wait_and_what_is_held_here_does() -> None:
    there, here = (held("other", name, "mon_am", units=2) for name in "YX")
    assert waiting_wrongly(swap(2), at("A", "X", "mon_am"), GONE, holds=(there,)) == []
    assert waiting_wrongly(swap(2), at("A", "X", "mon_am"), GONE, holds=(here,)) == ["A"]


def test_only_those_who_leave_the_very_hours_are_waited_for() -> None:
    """N leaves Tuesday, which is full too; O has Monday and stays; P keeps Monday and takes Wednesday with it."""
    others = {
        "N": asks("Y", "tue_am", has=["X", "tue_am"]),
        "O": asks("Y", "mon_am", has=["X", "mon_am"]),
        "P": asks("X", "mon_am", "wed_am", has=["X", "mon_am"]),
    }
    case = swap(3, **others)
    case["places"]["Y"]["tue_am"] = case["places"]["X"]["wed_am"] = 1
    rows = (at("N", "Y", "tue_am", replaces="N-has"), at("P", "X", "mon_am", "wed_am", replaces="P-has"), GONE)
    assert waiting_wrongly(case, at("A", "X", "mon_am", after=("M",)), *rows) == []
    for named in ((), ("M", "N"), ("M", "O"), ("M", "P")):
        assert waiting_wrongly(case, at("A", "X", "mon_am", after=named), *rows) == ["A"]


def test_a_child_needs_nobody_to_leave_the_hours_that_it_has() -> None:
    """M leaves Monday, where P stays and takes Tuesday with it: two places for the two of them."""
    case = swap(2, P=asks("X", "mon_am", "tue_am", has=["X", "mon_am"]))
    assert waiting_wrongly(case, at("P", "X", "mon_am", "tue_am", replaces="P-has"), GONE) == []


def test_an_ordinary_child_waits_for_an_ordinary_place_though_a_kept_one_is_free() -> None:
    kept = [{"structure": "X", "from": ALWAYS.start, "cells": {"mon_am": 1}}]
    drawn = round_of(swap(1) | {"vacancies": kept})
    audience = {"audience": Audience.INSERTION}
    vacancies = tuple(row.model_copy(update=audience if "-0-" in row.id else {}) for row in drawn.vacancies)
    round = drawn.model_copy(update={"vacancies": vacancies})
    assert waiting_wrongly(round, at("A", "X", "mon_am", after=("M",)), GONE) == []
    later = {"release_at": round.instant + timedelta(days=1)}
    dated = tuple(row.model_copy(update=later if "-0-" in row.id else {}) for row in vacancies)
    still = round.model_copy(update={"vacancies": dated})
    assert waiting_wrongly(still, at("A", "X", "mon_am", after=("M",)), GONE) == []
    released = still.model_copy(update={"instant": round.instant + timedelta(days=1)})
    assert waiting_wrongly(released, at("A", "X", "mon_am"), GONE) == []


def test_who_is_on_call_waits_for_nobody_who_leaves_a_place_of_insertion() -> None:
    case = swap(1, U=asks("X", "mon_am", urgent_insertion=True))
    drawn = round_of(case | {"on_call": {"X": ON_CALL["X"] | {"cells": {"mon_am": 1}}}})
    kept = {"audience": Audience.INSERTION}
    vacancies = tuple(row.model_copy(update=kept if "-free-" in row.id else {}) for row in drawn.vacancies)
    own = tuple(row.model_copy(update={"entitled_to": Audience.INSERTION}) for row in drawn.holds)
    round = drawn.model_copy(update={"vacancies": vacancies, "holds": own})
    assert waiting_wrongly(round, at("U", "X", "mon_am", on_call=True), GONE) == []


def test_however_many_come_on_other_days_they_make_nobody_wait() -> None:
    days = {"B": "tue_am", "C": "tue_am", "D": "wed_am", "E": "wed_am", "F": "thu_am"}
    case = swap(4, **{name: asks("X", day) for name, day in days.items()})
    drawn = round_of(case)
    (monday,) = (row for row in drawn.vacancies if row.id == "X-all-free-mon_am")
    four_days = tuple(slot for day in ("mon", "tue", "wed", "thu") for slot in at("A", "X", f"{day}_am").slots)
    wide = monday.model_copy(update={"slots": four_days})
    others = tuple(row for row in drawn.vacancies if row.section == "Y-all")
    round = drawn.model_copy(update={"vacancies": (wide, *others)})
    rows = tuple(at(name, "X", day) for name, day in days.items())
    assert waiting_wrongly(round, at("A", "X", "mon_am"), GONE, *rows) == []
    three = drawn.model_copy(update={"vacancies": (wide.model_copy(update={"places": 3}), *others)})
    hold = held("tuesday", "X", "tue_am", units=3)
    assert waiting_wrongly(three, at("A", "X", "mon_am"), GONE, holds=(hold,)) == []


@pytest.mark.parametrize("rank", [1, 2])
def test_of_the_same_hours_asked_twice_the_better_pattern_is_named_and_else_the_first(rank: int) -> None:
    drawn = round_of({"places": {"X": {"mon_am": 1}}, "requests": {"A": asks("X", "mon_am"), "B": asks("X", "mon_am")}})
    both = tuple(
        row.model_copy(update={"patterns": (row.patterns[0], row.patterns[0].model_copy(update={"rank": rank}))})
        for row in drawn.requests
    )
    round = drawn.model_copy(update={"requests": both})
    second = at("A", "X", "mon_am", pattern=1, level=rank)
    assert list(worse_named(facts_of(round, at("A", "X", "mon_am")))) == []
    assert list(worse_named(facts_of(round, second))) == [second]
    half = second.model_copy(update={"split": True})
    assert list(worse_named(facts_of(round, half))) == [], "a share of a week has no other way to be named"
    siblings = round_of({"places": {}, "siblings": [["A", "B"]], "requests": {"A": asks("X"), "B": asks("X")}}).siblings
    asked_together = round.model_copy(update={"siblings": siblings})
    assert list(worse_named(facts_of(asked_together, second))) == [], "their arrangement counts as a whole"


def test_other_hours_days_or_sections_are_not_the_same_place() -> None:
    case = {
        "places": {"X": {"mon_am": 1, "tue_am": 1}, "Y": {"tue_am": 1}},
        "requests": {"A": asks("XY", "mon_am") | {"days": [["mon_am"], ["tue_am"]]}},
    }
    for structure, rank, level in (("X", 1, 2), ("Y", 2, 4)):
        row = at("A", structure, "tue_am", pattern=1, wish_rank=rank, level=level)
        assert list(worse_named(facts_of(case, row))) == []
