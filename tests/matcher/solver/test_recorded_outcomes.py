"""Outcomes stay what they were: whoever makes the solver faster changes nobody's place and nobody's reason."""

from __future__ import annotations

import json

from services.matcher.solver.solve import decide
from tests.matcher.solver.drawn_rounds import tiny
from tests.matcher.solver.recorded import FILE, digest, digests


def test_every_drawn_round_comes_to_what_was_written_down() -> None:
    written = json.loads(FILE.read_text(encoding="utf-8"))
    found = digests()
    assert {name for name in found if found[name] != written.get(name)} == set()
    assert found.keys() == written.keys()


def test_a_digest_changes_with_any_place_and_any_reason() -> None:
    outcome = decide(tiny(1))
    one_less = outcome.model_copy(update={"placed": outcome.placed[1:]})
    unexplained = outcome.model_copy(update={"reasons": outcome.reasons[1:]})
    assert len({digest(outcome), digest(one_less), digest(unexplained)}) == 3
