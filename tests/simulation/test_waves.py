"""Crowded runs, in which several families are asked at once for a place of tomorrow: one of them has it, each is told.

Each text that is sent in fewer or more transactions moves every later draw of a seed. So no seed is named here: runs
follow each other until what they are about has been met, and the twin is to be found by more than one of them.

python -m tests.simulation 2000
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.simulation.hostility import CROWDED
from tests.simulation.plants import every_oui_of_a_wave_is_taken
from tests.simulation.run import Told, run

LEAST, WITHIN = 2, 12
"""How many runs there are in any case, and how many there may be. Of twelve, ten have waves."""
ABOUT = (
    "wave: asked as 1",
    "wave: asked as 3",
    "phone: OUI at once",
    "withdrawn: taken",
    "wave: OUI after another's",
)
FINDERS = 2
"""So many of the twelve runs at least find the planted bug; eight did when this was written."""


def test_a_place_that_several_are_asked_for_at_once_is_one_familys() -> None:
    lived = list(_until_met())
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert _missed(lived) == []


def test_a_wave_whose_place_is_taken_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    every_oui_of_a_wave_is_taken(monkeypatch)
    found = list(islice(filter(None, (run(seed).faults for seed in CROWDED[:WITHIN])), FINDERS))
    assert len(found) == FINDERS
    assert all("the place of wave" in fault and "was taken" in fault for faults in found for fault in faults)


def _until_met() -> Iterator[Told]:
    lived: list[Told] = []
    for seed in CROWDED[:WITHIN]:
        if len(lived) >= LEAST and not _missed(lived):
            return
        lived.append(run(seed))
        yield lived[-1]


def _missed(lived: list[Told]) -> list[str]:
    seen = sum((told.simulation.hostility.seen for told in lived), Counter[str]())
    return [branch for branch in ABOUT if not seen[branch]]
