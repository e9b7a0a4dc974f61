"""A simulation that finds nothing is only worth what it would have found: planted bugs, each found within 300 runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.run import run

WITHIN = 300


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(run(seed).faults for seed in range(WITHIN))
