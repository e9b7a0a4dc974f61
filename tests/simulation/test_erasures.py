"""Hostile runs in towns where families are erased, whatever is under way: nothing of them is left anywhere.

As in `test_waves`, no seed is named: runs follow each other until what they are about has been met.

python -m tests.simulation 3000
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.simulation.hostility import FORGETTING
from tests.simulation.plants import whoever_is_erased_stays_in_the_vault
from tests.simulation.run import Told, run

LEAST, WITHIN = 2, 12
ABOUT = ("errand: erase a family 202", "errand: erase a request 202", "forgotten: some")
FINDERS = 2


def test_nothing_is_left_of_a_family_that_is_erased_in_the_middle_of_whatever_goes_on() -> None:
    lived = list(_until_met())
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert _missed(lived) == []


def test_a_family_that_is_left_in_the_vault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    whoever_is_erased_stays_in_the_vault(monkeypatch)
    found = list(islice(filter(None, (run(seed).faults for seed in FORGETTING[:WITHIN])), FINDERS))
    assert len(found) == FINDERS
    assert all("is known to nobody" in fault for faults in found for fault in faults)


def _until_met() -> Iterator[Told]:
    lived: list[Told] = []
    for seed in FORGETTING[:WITHIN]:
        if len(lived) >= LEAST and not _missed(lived):
            return
        lived.append(run(seed))
        yield lived[-1]


def _missed(lived: list[Told]) -> list[str]:
    seen = sum((told.simulation.hostility.seen for told in lived), Counter[str]())
    return [branch for branch in ABOUT if not seen[branch]]
