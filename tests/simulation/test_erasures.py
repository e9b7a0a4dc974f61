"""Hostile runs in towns where families are erased, whatever is under way: nothing of them is left anywhere.

python -m tests.simulation 3000
"""

from __future__ import annotations

import pytest

from tests.simulation.hostility import FORGETTING
from tests.simulation.met import FINDERS, found_by_some, missed, until_met
from tests.simulation.plants import whoever_is_erased_stays_in_the_vault

ABOUT = ("errand: erase a family 202", "errand: erase a request 202", "forgotten: some")


def test_nothing_is_left_of_a_family_that_is_erased_in_the_middle_of_whatever_goes_on() -> None:
    lived = until_met(FORGETTING, ABOUT)
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert missed(lived, ABOUT) == []


def test_a_family_that_is_left_in_the_vault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    whoever_is_erased_stays_in_the_vault(monkeypatch)
    found = found_by_some(FORGETTING)
    assert len(found) == FINDERS
    assert all("is known to nobody" in fault for faults in found for fault in faults)
