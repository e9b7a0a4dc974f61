"""Somebody edits a decision and makes its print anew: the checks find it, whatever field was edited."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.components import merge, sealed, split
from services.matcher.solver.constraints import Settings
from services.matcher.solver.decided_with import decided_with
from services.matcher.solver.schema import (
    Envy,
    Goal,
    Level,
    Mode,
    Outcome,
    Reason,
    Round,
    Ties,
    Violation,
    Why,
    WishReason,
)
from services.matcher.solver.solve import check, decide
from services.matcher.solver.verify import GUARANTEES, verify
from tests.matcher.solver.drawn_rounds import Taste, tiny, who_accept_shared_weeks
from tests.matcher.solver.golden import round_of

WISH: dict[str, Any] = {
    "rank": 9,
    "points": 99,
    "last_points": 98,
    "last_tier": 7,
    "full_slots": (),
    "why": Why.WITHHELD,
    "held_because": "somebody said so",
}
"""For each field of a wish's line, something that it does not say."""
PLACED: dict[str, Any] = {
    "structure": "elsewhere", "section": "elsewhere", "pattern": 7, "wish_rank": 9, "level": 99, "partial": True,
    "split": True, "to_prepare": True, "on_call": True, "replaces": "nothing", "slots": (),
}  # fmt: skip
OUTCOME: dict[str, Any] = {
    "round": "another", "engine": "another", "unproven": ("R0",), "behind": ("R0",), "displaced": ("R9",),
    "reasons": (), "input_hash": "0", "levels": (), "withheld": ("R0",),
    "envies": (Envy(request="R0", section="X-all", pattern=0),),
    "violations": (Violation(guarantee="G1", sentence=GUARANTEES["G1"], requests=("R0",)),),
}  # fmt: skip


@cache
def _rounds() -> list[tuple[Round, Outcome]]:
    """Tiny rounds of several kinds that place somebody."""
    rounds = [tiny(seed, taste) for taste in (Taste(), Taste(siblings=1.0), Taste(flexible=0.7)) for seed in (700, 704)]
    decided = ((round, decide(round, Settings(prices=False))) for round in rounds)
    return [(round, outcome) for round, outcome in decided if outcome.placed]


def _edited(row: Any, name: str, value: Any) -> Any:
    return row.model_copy(update={name: value})


def _with_line(outcome: Outcome, reason: Reason, line: WishReason, other: WishReason) -> Outcome:
    lines = tuple(other if one is line else one for one in reason.wishes)
    rows = tuple(_edited(row, "wishes", lines) if row is reason else row for row in outcome.reasons)
    return _edited(outcome, "reasons", rows)


@pytest.mark.parametrize("field", WISH)
def test_no_field_of_a_reason_is_edited_unseen(field: str) -> None:
    tried = 0
    for round, outcome in _rounds():
        assert verify(round, outcome) == ()
        for reason in outcome.reasons:
            for line in reason.wishes:
                other = _edited(line, field, WISH[field])
                if other != line:
                    tried += 1
                    found = verify(round, sealed(_with_line(outcome, reason, line, other)))
                    assert found != (), (round.id, line)
    assert tried > 0


@pytest.mark.parametrize("field", PLACED)
def test_no_field_of_a_placement_is_edited_unseen(field: str) -> None:
    for round, outcome in _rounds():
        for number, row in enumerate(outcome.placed):
            other = _edited(row, field, PLACED[field])
            rows = (*outcome.placed[:number], other, *outcome.placed[number + 1 :])
            assert other == row or verify(round, sealed(_edited(outcome, "placed", rows))) != (), (round.id, row)


@pytest.mark.parametrize("field", OUTCOME)
def test_no_other_field_is_edited_unseen(field: str) -> None:
    for round, outcome in _rounds():
        assert verify(round, sealed(_edited(outcome, field, OUTCOME[field]))) != (), round.id


def test_a_decision_that_was_edited_without_another_print_is_found_by_its_print() -> None:
    round, outcome = _rounds()[0]
    assert {row.guarantee for row in verify(round, _edited(outcome, "prices", ()))} == set()
    assert "G8" in {row.guarantee for row in verify(round, _edited(outcome, "placed", ()))}


def _named(round: Round, outcome: Outcome, guarantee: str) -> set[str]:
    """The requests that the violations of one guarantee name, once the print is made anew."""
    found = verify(round, sealed(outcome))
    return {name for row in found if row.guarantee == guarantee for name in row.requests}


def _held_back(outcome: Outcome, *names: str) -> Outcome:
    """The same as if the checks had held these answers back: nobody of them gets anything, and each reads so."""
    silent = tuple(
        Reason(request=row.request, placed=False, wishes=tuple(_withheld(line) for line in row.wishes))
        if row.request in names
        else row
        for row in outcome.reasons
    )
    placed = tuple(row for row in outcome.placed if row.request not in names)
    return outcome.model_copy(update={"placed": placed, "reasons": silent, "withheld": tuple(sorted(names))})


def _withheld(line: WishReason) -> WishReason:
    return WishReason(structure=line.structure, why=Why.WITHHELD)


def test_a_child_is_not_held_back_without_the_violation_that_did_it() -> None:
    for round, outcome in _rounds():
        for row in outcome.placed:
            alone = _held_back(outcome, row.request)
            assert row.request in _named(round, alone, "G11"), (round.id, row.request)
            part = _held_back(outcome, *decided_with(canonical(round))[row.request])
            assert row.request in _named(round, part, "G11"), (round.id, row.request)


def test_a_violation_that_is_made_up_to_hold_a_child_back_is_told_as_a_violation() -> None:
    round, outcome = _rounds()[0]
    name = outcome.placed[0].request
    made_up = Violation(guarantee="G1", sentence=GUARANTEES["G1"], requests=(name,))
    part = decided_with(canonical(round))[name]
    silent = _held_back(outcome, *part).model_copy(update={"violations": (made_up,)})
    assert made_up in verify(round, sealed(silent))
    assert _named(round, silent, "G11") == set()


TWO_PARTS: dict[str, Any] = {
    "places": {"X": {"mon": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": 9, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 8, "wishes": ["X"], "days": [["mon"]]},
        "C": {"points": 7, "wishes": ["Y"], "days": [["mon"]]},
    },
}


def _one_part_withheld() -> tuple[Round, Outcome]:
    """B is placed beside A where there is one place: the checks hold that part back, and C has its place."""
    round = canonical(round_of(TWO_PARTS))
    first, second = split(round)
    a = decide(first).placed[0]
    both = decide(first).model_copy(update={"placed": (a, a.model_copy(update={"request": "B"}))})
    return round, merge(round, [check(first, sealed(both)), decide(second)])


def test_a_part_that_was_truly_withheld_says_what_withheld_it_and_nothing_more_is_found() -> None:
    round, outcome = _one_part_withheld()
    assert (outcome.withheld, [row.request for row in outcome.placed]) == (("A", "B"), ["C"])
    assert outcome.violations != ()
    assert verify(round, outcome) == outcome.violations


def test_the_violation_of_one_part_withholds_nobody_of_another_and_its_own_part_whole() -> None:
    round, outcome = _one_part_withheld()
    others = _held_back(outcome, "A", "B", "C")
    assert _named(round, others, "G11") - _named(round, outcome, "G11") == {"C"}
    unsaid = tuple(row for row in outcome.violations if row.guarantee != "G11")
    outcome = _edited(outcome, "violations", unsaid)
    assert _named(round, outcome, "G11") == set()
    assert _named(round, _edited(outcome, "withheld", ("A",)), "G11") == {"B"}
    more = tuple(_edited(row, "sent_behind", row.request == "A") for row in outcome.reasons)
    assert _named(round, _edited(outcome, "reasons", more), "G11") == {"A"}


DRAWN = [
    Taste(), Taste(siblings=1.0), Taste(flexible=0.7), Taste(movers=0.5), Taste(points_at=0.6),
]  # fmt: skip


def test_who_is_decided_together_is_read_as_the_solver_cuts_a_round_into_parts() -> None:
    several = 0
    for seed in range(60):
        for taste in DRAWN:
            round = canonical(tiny(seed, replace(taste, dated=0.6)))
            parts = [frozenset(row.id for row in part.requests) for part in split(round)]
            several += len(parts) > 1
            assert set(decided_with(round).values()) == set(parts), round.id
    assert several > 0


def _levels(outcome: Outcome, *levels: Level) -> Outcome:
    return outcome.model_copy(update={"levels": levels})


@pytest.mark.parametrize("mode", Mode)
def test_no_level_is_left_out_told_twice_or_added_even_where_its_value_is_nothing(mode: Mode) -> None:
    empty = 0
    for seed in (700, 704, 705):
        drawn = tiny(seed)
        round = drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"mode": mode})})
        outcome = decide(round, Settings(prices=False))
        assert verify(round, outcome) == ()
        for number, level in enumerate(outcome.levels):
            empty += level.value == 0
            others = (*outcome.levels[:number], *outcome.levels[number + 1 :])
            nothing = level.model_copy(update={"tier": 2, "points": 77, "value": 0, "bound": 0})
            for rows in (others, (level, *outcome.levels), (*outcome.levels[:number], nothing, *others[number:])):
                assert "G10" in {row.guarantee for row in verify(round, sealed(_levels(outcome, *rows)))}, level
    assert empty > 0


@pytest.mark.parametrize("mode", Mode)
def test_no_level_of_children_or_wishes_is_said_to_have_a_gap_where_ties_are_drawn(mode: Mode) -> None:
    drawn = tiny(704)
    round = drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"mode": mode})})
    outcome = decide(round, Settings(prices=False))
    for number, level in enumerate(outcome.levels):
        if level.goal in (Goal.CHILDREN, Goal.WISHES):
            further = level.bound - 1 if level.goal is Goal.WISHES else level.bound + 1
            rows = (*outcome.levels[:number], _edited(level, "bound", further), *outcome.levels[number + 1 :])
            assert "G10" in {row.guarantee for row in verify(round, sealed(_levels(outcome, *rows)))}, level


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("mode", Mode)
def test_an_honest_decision_of_any_kind_passes_what_edits_are_found_by(mode: Mode, ties: Ties) -> None:
    for seed in range(8):
        for taste in DRAWN:
            drawn = tiny(seed, taste)
            drawn = who_accept_shared_weeks(drawn) if seed % 2 and not drawn.siblings else drawn
            voted = drawn.policy.model_copy(update={"mode": mode, "ties": ties})
            round = drawn.model_copy(update={"policy": voted})
            assert verify(round, decide(round, Settings(prices=False))) == (), round.id


def test_a_place_on_call_is_not_told_as_an_ordinary_one() -> None:
    found = 0
    for seed in range(60):
        round = tiny(seed, Taste(on_call=1.0))
        outcome = decide(round, Settings(prices=False))
        for number, row in enumerate(outcome.placed):
            if row.on_call:
                found += 1
                rows = (*outcome.placed[:number], _edited(row, "on_call", False), *outcome.placed[number + 1 :])
                assert row.request in _named(round, _edited(outcome, "placed", rows), "G4")
    assert found > 0


def test_whom_a_place_waits_for_is_not_edited_unseen() -> None:
    waiting = 0
    for seed in range(60):
        round = tiny(seed, Taste(movers=0.6))
        outcome = decide(round, Settings(prices=False))
        for number, row in enumerate(outcome.placed):
            waiting += bool(row.after)
            other = _edited(row, "after", () if row.after else (round.requests[0].id,))
            rows = (*outcome.placed[:number], other, *outcome.placed[number + 1 :])
            assert row.request in _named(round, _edited(outcome, "placed", rows), "G12")
    assert waiting > 0


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("mode", Mode)
def test_of_two_patterns_with_the_same_hours_the_better_one_is_named_and_else_the_first(mode: Mode, rank: int) -> None:
    drawn = round_of(TWO_PARTS | {"policy": {"mode": mode}})
    twice = tuple(
        _edited(row, "patterns", (row.patterns[0], _edited(row.patterns[0], "rank", rank))) for row in drawn.requests
    )
    round = drawn.model_copy(update={"requests": twice})
    outcome = decide(round, Settings(prices=False))
    a, c = outcome.placed
    assert (verify(round, outcome), a.pattern) == ((), 0)
    other = a.model_copy(update={"pattern": 1, "level": rank})
    levels = tuple(
        row.model_copy(update={"value": rank - 1, "bound": rank - 1})
        if (row.goal, row.points) == (Goal.WISHES, 9)
        else row
        for row in outcome.levels
    )
    edited = outcome.model_copy(update={"placed": (other, c), "levels": levels})
    assert "A" in _named(round, edited, "G2") | _named(round, edited, "G5")


@pytest.mark.parametrize("mode", Mode)
def test_nobody_is_said_to_be_sent_behind_who_never_went_first(mode: Mode) -> None:
    round = round_of(TWO_PARTS | {"policy": {"mode": mode}})
    outcome = decide(round)
    assert _named(round, _edited(outcome, "behind", ("B",)), "G14") == {"B"}


def test_nobody_is_said_to_be_kept_out_by_a_first_tier_that_is_not_there() -> None:
    round = round_of(TWO_PARTS)
    outcome = decide(round)
    assert _named(round, _edited(outcome, "displaced", ("B",)), "G14") == {"B"}
