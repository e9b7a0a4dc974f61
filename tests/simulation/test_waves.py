"""Crowded runs, in which several families are asked at once for a place of tomorrow: one of them has it, each is told.

python -m tests.simulation 2000
"""

from __future__ import annotations

import pytest

from tests.simulation.hostility import CROWDED
from tests.simulation.met import FINDERS, found_by_some, missed, until_met
from tests.simulation.plants import every_oui_of_a_wave_is_taken

ABOUT = (
    "wave: asked as 1",
    "wave: asked as 3",
    "phone: OUI at once",
    "withdrawn: taken",
    "wave: OUI after another's",
)
"""Of twelve runs ten have waves, and eight found the planted bug when this was written."""


def test_a_place_that_several_are_asked_for_at_once_is_one_familys() -> None:
    lived = until_met(CROWDED, ABOUT)
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert missed(lived, ABOUT) == []


def test_a_wave_whose_place_is_taken_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    every_oui_of_a_wave_is_taken(monkeypatch)
    found = found_by_some(CROWDED)
    assert len(found) == FINDERS
    assert all("the place of wave" in fault and "was taken" in fault for faults in found for fault in faults)
