"""Crowded runs, in which several families are asked at once for a place of tomorrow: one of them has it, each is told.

python -m tests.simulation 2009
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.hostility import CROWDED
from tests.simulation.plants import every_oui_of_a_wave_is_taken
from tests.simulation.run import run

SEEDS = (2009, 2010)
"""Of the first twelve, those that ask most families at once, and in which a place is taken from the others."""

WITHIN = 12


def test_a_place_that_several_are_asked_for_at_once_is_one_familys() -> None:
    lived = [run(seed) for seed in SEEDS]
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    seen = sum((told.simulation.hostility.seen for told in lived), Counter[str]())
    for branch in ("wave: asked as 1", "wave: asked as 3", "withdrawn: taken"):
        assert seen[branch], f"the runs must meet what they are about: {branch}"


def test_a_wave_whose_place_is_taken_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    every_oui_of_a_wave_is_taken(monkeypatch)
    assert any(run(seed).faults for seed in CROWDED[:WITHIN])
