"""Somebody edits a decision and makes its print anew: the checks find it, whatever field was edited."""

from __future__ import annotations

from typing import Any

import pytest

from services.matcher.solver.components import sealed
from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Outcome, Reason, Round, Why, WishReason
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import verify
from tests.matcher.solver.drawn_rounds import Taste, tiny

WISH: dict[str, Any] = {
    "rank": 9,
    "points": 99,
    "last_points": 98,
    "last_tier": 7,
    "full_slots": (),
    "why": Why.WITHHELD,
}
"""For each field of a wish's line, something that it does not say."""
PLACED: dict[str, Any] = {
    "structure": "elsewhere", "section": "elsewhere", "pattern": 7, "wish_rank": 9, "level": 99, "partial": True,
    "split": True, "to_prepare": True, "on_call": True, "replaces": "nothing", "slots": (),
}  # fmt: skip
OUTCOME: dict[str, Any] = {
    "round": "another", "engine": "another", "unproven": ("R0",), "behind": ("R0",), "displaced": ("R9",),
    "reasons": (), "input_hash": "0", "levels": (),
}  # fmt: skip


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
