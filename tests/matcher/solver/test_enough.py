"""What would have been enough: each answer is decided again, and no smaller change of its kind would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest

from contracts.vocabulary import Period, Slot, Weekday
from services.matcher.solver.canonical import canonical
from services.matcher.solver.constraints import Settings
from services.matcher.solver.enough import Enough, Kind, enough
from services.matcher.solver.reach import Reach
from services.matcher.solver.schema import Mode, Outcome, Pattern, Placed, Request, Round, Ties, Wish
from services.matcher.solver.solve import decide
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.test_combinations import EACH, combined

WEEK = ["mon", "tue", "wed"]
LAST_LOOKED_AT = 24
"""Days after the wanted start: all that happens in a drawn round but birthdays does so before."""


def _decide(round: Round) -> Outcome:
    return decide(round, Settings(prices=False))


def _in(mode: Mode, ties: Ties, round: Round) -> Round:
    return round.model_copy(update={"policy": round.policy.model_copy(update={"mode": mode, "ties": ties})})


def _found(case: dict[str, Any] | Round, request: str) -> dict[Kind, Enough]:
    round = canonical(case if isinstance(case, Round) else round_of(case))
    return {row.kind: row for row in enough(round, _decide(round), request, _decide)}


TWO_FULL_DAYS: dict[str, Any] = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1, "fri": 1}, "Y": dict.fromkeys(WEEK, 1)},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [WEEK]},
    },
}


def test_one_day_less_is_enough_and_names_the_day() -> None:
    change = _found(TWO_FULL_DAYS, "B")[Kind.FEWER_DAYS]
    assert {slot.day for slot in change.lost} == {"mon"}
    assert {slot.day for slot in change.placed.slots} == {"tue", "wed"}


def test_another_day_is_enough_and_keeps_the_number_of_days() -> None:
    change = _found(TWO_FULL_DAYS, "B")[Kind.OTHER_DAY]
    assert {slot.day for slot in change.placed.slots} == {"tue", "wed", "fri"}


def test_another_structure_is_enough() -> None:
    assert _found(TWO_FULL_DAYS, "B")[Kind.OTHER_STRUCTURE].placed.structure == "Y"


def test_a_later_start_is_enough_and_is_the_earliest() -> None:
    starts = (date(2026, 9, 1), date(2027, 1, 4), date(2027, 3, 1))
    case = {
        "vacancies": [{"structure": "X", "cells": {"mon": 1}, "from": start} for start in starts],
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    found = _found(case, "B")
    assert found[Kind.LATER_START].placed.period.start == date(2027, 1, 4)
    assert found.keys() == {Kind.LATER_START}


def test_a_later_start_may_be_the_day_on_which_a_child_placed_before_leaves() -> None:
    case = {
        "places": {"X": {"mon": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]], "until": date(2026, 12, 1)},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    assert _found(case, "B")[Kind.LATER_START].placed.period.start == date(2026, 12, 1)


def test_a_later_start_may_be_the_day_after_the_last_one_on_which_another_child_is_there() -> None:
    """A has Mondays until Thursday the 3rd of December: B, who asks Mondays and Wednesdays, may begin on the 2nd."""
    case = {
        "places": {"X": {"mon": 1, "wed": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]], "until": date(2026, 12, 3)},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon", "wed"]]},
        },
    }
    assert _first_day_of(_found(case, "B")[Kind.LATER_START].placed) == date(2026, 12, 2)


def test_a_later_start_is_named_only_where_all_days_of_the_pattern_given_still_come() -> None:
    """From Tuesday the 1st of December to the 3rd no Monday comes: the Wednesday alone is not what B asks, who would
    come on the Thursday instead."""
    days, first = [["mon", "wed"], ["thu"]], date(2026, 12, 1)
    asked = {"B": {"points": 40, "wishes": ["X"], "days": days, "until": date(2026, 12, 4)}}
    for offered, named in (("wed", None), ("thu", first)):
        opened = [{"structure": "X", "cells": {offered: 1}, "from": first}]
        found = _found({"vacancies": opened, "requests": asked}, "B").get(Kind.LATER_START)
        assert (found and found.placed.period.start) == named


def test_a_later_start_may_be_the_day_on_which_the_child_is_old_enough() -> None:
    case = {
        "places": {"X": {"mon": 1}},
        "sections": {"X": {"all": [16, 71]}},
        "requests": {"B": {"points": 40, "wishes": ["X"], "days": [["mon"]], "born": date(2025, 7, 31)}},
    }
    assert _found(case, "B")[Kind.LATER_START].placed.period.start == date(2026, 12, 1)


def test_a_structure_that_was_not_wished_may_take_the_child_later_on_the_day_on_which_another_child_leaves() -> None:
    """B is old enough for X in November, and may begin there once A's place from before ends, whether A leaves sooner
    or not: on the 5th of December and on no day before."""
    case = {
        "places": {"X": {"mon": 1}, "W": {"tue": 1}},
        "sections": {"X": {"all": [16, 71]}},
        "requests": {
            "A": {"points": 50, "wishes": ["W"], "days": [["mon"]], "has": ["X", "mon"]},
            "B": {
                "points": 40, "wishes": ["W"], "days": [["mon"]], "born": date(2025, 7, 15), "tolerance_days": 120,
            },
        },
    }  # fmt: skip
    drawn = round_of(case)
    until = Period(start=drawn.holds[0].period.start, end=date(2026, 12, 5))
    round = drawn.model_copy(update={"holds": (drawn.holds[0].model_copy(update={"period": until}),)})
    placed = _found(round, "B")[Kind.OTHER_STRUCTURE].placed
    assert (placed.structure, placed.period.start) == ("X", date(2026, 12, 5))


def test_a_later_start_may_be_the_week_in_which_nobody_begins_yet() -> None:
    case = {
        "places": {"X": {"mon": 2}},
        "starts_per_week": {"X": 1},
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    assert _found(case, "B")[Kind.LATER_START].placed.period.start == date(2026, 9, 7)


@pytest.mark.parametrize(("since", "found"), [(date(2026, 9, 1), False), (date(2026, 8, 1), True)])
def test_a_later_start_is_the_younger_claim_where_the_wanted_start_counts_as_seniority(
    since: date, found: bool
) -> None:
    case = {
        "vacancies": [
            {"structure": "X", "cells": {"mon": 1}, "from": date(2026, 9, 1), "until": date(2026, 10, 1)},
            {"structure": "X", "cells": {"tue": 1}, "from": date(2026, 10, 1)},
        ],
        "requests": {
            "B": {"points": 40, "wishes": ["X"], "days": [["tue"]]},
            "C": {"points": 40, "wishes": ["X"], "days": [["tue"]], "from": date(2026, 10, 1)},
        },
    }
    drawn = round_of(case)
    ages = {"B": since, "C": date(2026, 9, 15)}
    round = drawn.model_copy(
        update={"requests": tuple(row.model_copy(update={"since": ages[row.id]}) for row in drawn.requests)}
    )
    assert (Kind.LATER_START in _found(round, "B")) is found


@pytest.mark.parametrize(("mode", "found"), [(Mode.STABLE, False), (Mode.STRICT, True), (Mode.MOST_CHILDREN, True)])
def test_a_change_that_moves_somebody_who_ranks_before_is_named_where_the_mode_would_move_it(
    mode: Mode, found: bool
) -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon", "tue"]]},
        },
    }
    assert (Kind.FEWER_DAYS in _found(_in(mode, Ties.DRAW, round_of(case)), "B")) is found


def test_a_child_asked_together_with_another_is_told_what_would_have_been_enough_too() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "siblings": [{"requests": ["A", "B"], "together": []}],
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    assert _found(case, "B")[Kind.OTHER_STRUCTURE].placed.structure == "Y"


def test_what_would_have_been_enough_for_one_child_alone_is_not_where_its_sibling_still_finds_no_place() -> None:
    case: dict[str, Any] = {
        "places": {"X": {"tue": 1}, "Y": {"tue": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["Y"], "days": [["mon"]]},
        },
    }
    assert Kind.OTHER_DAY in _found(case, "A")
    assert Kind.OTHER_DAY not in _found({**case, "siblings": [{"requests": ["A", "B"], "together": []}]}, "A")


def test_a_week_that_two_structures_would_share_names_both() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"tue": 1}},
        "requests": {"B": {"points": 40, "wishes": ["X"], "days": [["mon", "tue"]]}},
    }
    drawn = round_of(case)
    round = drawn.model_copy(update={"requests": (drawn.requests[0].model_copy(update={"accepts_split": True}),)})
    change = _found(round, "B")[Kind.OTHER_STRUCTURE]
    assert change.shared is not None
    assert {change.placed.structure, change.shared.structure} == {"X", "Y"}
    assert _found(TWO_FULL_DAYS, "B")[Kind.OTHER_DAY].shared is None


def test_a_child_with_a_place_needs_no_change_and_an_unknown_one_is_an_error() -> None:
    round = canonical(round_of(TWO_FULL_DAYS))
    assert enough(round, _decide(round), "A", _decide) == ()
    with pytest.raises(KeyError):
        enough(round, _decide(round), "nobody", _decide)


def test_among_many_changes_few_are_decided_where_each_in_turn_takes_what_is_left() -> None:
    """Forty structures, each but the last filled by a child ahead who could have gone elsewhere, for all that is known
    before the round is decided again."""
    names = [f"S{number:02}" for number in range(40)]
    ahead = {
        f"A{number:02}": {"points": 50, "wishes": [name, "full"], "days": [["mon"]]}
        for number, name in enumerate(names[:-1])
    }
    case = {
        "places": {name: {"mon": 1} for name in [*names, "home"]} | {"full": {"tue": 1}},
        "requests": {
            "first": {"points": 60, "wishes": ["home"], "days": [["mon"]]},
            **ahead,
            "B": {"points": 40, "wishes": ["home"], "days": [["mon"]]},
        },
    }
    round = canonical(_in(Mode.STRICT, Ties.DRAW, round_of(case)))
    asked: list[Round] = []

    def counted(changed: Round) -> Outcome:
        asked.append(changed)
        return _decide(changed)

    found = {row.kind: row for row in enough(round, _decide(round), "B", counted)}
    assert found[Kind.OTHER_STRUCTURE].placed.structure == "S39"
    assert 5 < len(asked) < 20


def test_who_may_move_is_left_out_of_account_and_who_may_not_is_in_the_way() -> None:
    """The quick look has to let through what moves others: with all of them in the way a change is lost."""
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
        "requests": {
            "A": {"points": 50, "wishes": ["X", "Y"], "days": [["mon"]]},
            "B": {"points": 40, "wishes": ["X"], "days": [["mon"]]},
        },
    }
    for mode, possible in ((Mode.STABLE, False), (Mode.STRICT, True)):
        round = canonical(_in(mode, Ties.DRAW, round_of(case)))
        asked = round.requests[1]
        outcome = _decide(_in(Mode.STABLE, Ties.DRAW, round))
        assert Reach(round, outcome, asked).may_be_placed(asked) is possible


def _whose_children_grow(round: Round) -> Round:
    """The same round in which every child is old enough for its sections two days later, and may begin much later."""
    changed = {"born": date(2025, 5, 9), "tolerance_days": 21}
    requests = tuple(row.model_copy(update=changed) for row in round.requests)
    of_age = {"age_from_months": 16, "age_to_months": 71}
    sections = tuple(row.model_copy(update=of_age) for row in round.sections)
    return round.model_copy(update={"requests": requests, "sections": sections})


def _as_drawn(round: Round) -> Round:
    return round


@pytest.mark.parametrize(("mode", "ties"), EACH)
@pytest.mark.parametrize(
    ("seeds", "as_asked"),
    [
        (range(70_000, 70_001), _as_drawn),
        (range(70_033, 70_034), _whose_children_grow),
        pytest.param(range(71_000, 71_060), _as_drawn, marks=pytest.mark.torture),
        pytest.param(range(71_000, 71_060), _whose_children_grow, marks=pytest.mark.torture),
    ],
)
def test_of_each_kind_the_smallest_change_is_named_that_would_do_and_none_where_none_would(
    seeds: range, as_asked: Callable[[Round], Round], mode: Mode, ties: Ties
) -> None:
    """By trying all of them, on rounds that combine what a round may hold."""
    for seed in seeds:
        round = canonical(_in(mode, ties, as_asked(combined(seed))))
        outcome = _decide(round)
        for request in _without_place(round, outcome):
            named = {row.kind: _size(row) for row in enough(round, outcome, request.id, _decide)}
            smallest = _soon(_smallest(round, request), request)
            assert (seed, request.id, _soon(named, request)) == (seed, request.id, smallest)


def _without_place(round: Round, outcome: Outcome) -> list[Request]:
    placed = {row.request for row in outcome.placed}
    return [request for request in round.requests if request.id not in placed]


def _size(change: Enough) -> object:
    """What of a change is the least: days given up, or the first day of care."""
    if change.kind is Kind.FEWER_DAYS:
        return len({slot.day for slot in change.lost})
    return _first_day_of(change.placed) if change.kind is Kind.LATER_START else True


def _first_day_of(placed: Placed) -> date:
    """The first day that the child would be there: to begin on a Thursday or on the Monday is the same for Mondays."""
    start = placed.period.start
    days = [start + timedelta(days=number) for number in range(7)]
    weekly = [day for day in days for slot in placed.slots if slot.day == list(Weekday)[day.weekday()]]
    return min([*weekly, *(slot.day for slot in placed.slots if isinstance(slot.day, date))])


def _soon(named: dict[Kind, object], request: Request) -> dict[Kind, object]:
    late = request.period.start + timedelta(days=LAST_LOOKED_AT)
    return {kind: size for kind, size in named.items() if not (isinstance(size, date) and size > late)}


def _smallest(round: Round, request: Request) -> dict[Kind, object]:
    tries = {
        Kind.FEWER_DAYS: _fewer_days(request),
        Kind.OTHER_DAY: _other_day(request),
        Kind.LATER_START: _later_start(request),
        Kind.OTHER_STRUCTURE: _other_structure(round, request),
    }
    found: dict[Kind, object] = {}
    for kind, sizes in tries.items():
        for size, changed in sizes:
            placed = _placed(round, changed)
            whole = placed and _is_whole(changed.patterns[placed[0].pattern], request.period, changed.period.start)
            if whole:
                found[kind] = _first_day_of(placed[0]) if kind is Kind.LATER_START else size
                break
    return found


def _placed(round: Round, changed: Request) -> list[Placed]:
    others = tuple(row for row in round.requests if row.id != changed.id)
    again = _decide(round.model_copy(update={"requests": (*others, changed)}))
    return [row for row in again.placed if row.request == changed.id]


def _fewer_days(request: Request) -> Iterator[tuple[object, Request]]:
    for fewer in range(1, 5):
        for days in map(_by_day, request.patterns):
            for lost in combinations(days, fewer) if fewer < len(days) else ():
                yield fewer, _also(request, (slot for day in days if day not in lost for slot in days[day]))


def _other_day(request: Request) -> Iterator[tuple[object, Request]]:
    for days in map(_by_day, request.patterns):
        for lost, other in ((lost, other) for lost in days for other in list(Weekday)[:5] if other not in days):
            if isinstance(lost, Weekday):
                kept = [slot for day in days if day != lost for slot in days[day]]
                moved = [slot.model_copy(update={"day": other}) for slot in days[lost]]
                yield True, _also(request, (*kept, *moved))


def _later_start(request: Request) -> Iterator[tuple[object, Request]]:
    period = request.period
    for late in range(1, LAST_LOOKED_AT):
        start = period.start + timedelta(days=late)
        if (period.end or date.max) > start and any(_is_whole(row, period, start) for row in request.patterns):
            since = start if request.since == period.start else request.since
            changed = {"period": Period(start=start, end=period.end), "since": since}
            yield start, request.model_copy(update=changed)


def _is_whole(pattern: Pattern, period: Period, start: date) -> bool:
    """True if every day of the pattern that comes in the period still comes from the later start on."""

    def comes(slot: Slot, first: date) -> bool:
        week = [first + timedelta(days=number) for number in range(7)]
        days = [slot.day] if isinstance(slot.day, date) else [day for day in week if day.weekday() == slot.day.number]
        return any(first <= day < (period.end or date.max) for day in days)

    return all(comes(slot, start) for slot in pattern.slots if comes(slot, period.start))


def _other_structure(round: Round, request: Request) -> Iterator[tuple[object, Request]]:
    wished = {wish.structure for wish in request.wishes}
    for structure in sorted({row.structure for row in round.sections} - wished):
        wish = Wish(structure=structure, rank=1 + max(row.rank for row in request.wishes))
        yield True, request.model_copy(update={"wishes": (*request.wishes, wish)})


def _by_day(pattern: Pattern) -> dict[Weekday | date, list[Slot]]:
    found: dict[Weekday | date, list[Slot]] = {}
    for slot in pattern.slots:
        found.setdefault(slot.day, []).append(slot)
    return found


def _also(request: Request, slots: Iterable[Slot]) -> Request:
    pattern = Pattern(slots=tuple(slots), rank=1 + max(row.rank for row in request.patterns))
    return request.model_copy(update={"patterns": (*request.patterns, pattern)})
