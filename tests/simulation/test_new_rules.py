"""Hostile runs in a territory that is published anew again and again, with other travel times and another release.

python -m tests.simulation 4000
"""

from __future__ import annotations

import pytest

from tests.simulation.hostility import RULED_ANEW
from tests.simulation.met import FINDERS, found_by_some, missed, until_met
from tests.simulation.plants import everybody_would_go_anywhere

ABOUT = ("errand: publish territory 202", "offered: near", "errand: amend 422")
"""The last: a family said how far it would go where no travel times were published any more."""


def test_nothing_is_lost_and_nobody_sent_too_far_while_the_rules_change() -> None:
    lived = until_met(RULED_ANEW, ABOUT)
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert missed(lived, ABOUT) == []


def test_a_place_where_a_family_never_would_go_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    everybody_would_go_anywhere(monkeypatch)
    found = found_by_some(RULED_ANEW)
    assert len(found) == FINDERS
    assert all("offers what was asked for before" in fault for faults in found for fault in faults)
