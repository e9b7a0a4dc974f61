"""Hostile runs in a territory that is published anew again and again, with other travel times and another release.

As in `test_waves`, no seed is named: runs follow each other until what they are about has been met.

python -m tests.simulation 4000
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.simulation.hostility import RULED_ANEW
from tests.simulation.plants import everybody_would_go_anywhere
from tests.simulation.run import Told, run

LEAST, WITHIN = 2, 12
ABOUT = ("errand: publish territory 202", "offered: near", "errand: amend 422")
"""The last: a family said how far it would go where no travel times were published any more."""
FINDERS = 2


def test_nothing_is_lost_and_nobody_sent_too_far_while_the_rules_change() -> None:
    lived = list(_until_met())
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert _missed(lived) == []


def test_a_place_where_a_family_never_would_go_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    everybody_would_go_anywhere(monkeypatch)
    found = list(islice(filter(None, (run(seed).faults for seed in RULED_ANEW[:WITHIN])), FINDERS))
    assert len(found) == FINDERS
    assert all("offers what was asked for before" in fault for faults in found for fault in faults)


def _until_met() -> Iterator[Told]:
    lived: list[Told] = []
    for seed in RULED_ANEW[:WITHIN]:
        if len(lived) >= LEAST and not _missed(lived):
            return
        lived.append(run(seed))
        yield lived[-1]


def _missed(lived: list[Told]) -> list[str]:
    seen = sum((told.simulation.hostility.seen for told in lived), Counter[str]())
    return [branch for branch in ABOUT if not seen[branch]]
