"""Runs that follow each other until what they are about has been met.

Each text that is sent in fewer or more transactions moves every later draw of a seed. So tests of a habit name no seed,
and a planted bug is to be found by more than one of their runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from tests.simulation.run import Told, run

LEAST, WITHIN = 2, 12
"""How many runs there are in any case, and how many there may be."""
FINDERS = 2
"""So many of these runs at least find a planted bug."""


def until_met(seeds: Sequence[int], about: Sequence[str]) -> list[Told]:
    """The first runs of `seeds` in which every branch of `about` was reached, or as many as there may be."""
    lived: list[Told] = []
    for seed in seeds[:WITHIN]:
        if len(lived) >= LEAST and not missed(lived, about):
            break
        lived.append(run(seed))
    return lived


def missed(lived: Sequence[Told], about: Sequence[str]) -> list[str]:
    """The branches of `about` that none of these runs reached."""
    seen = sum((told.simulation.hostility.seen for told in lived), Counter[str]())
    return [branch for branch in about if not seen[branch]]


def found_by_some(seeds: Sequence[int]) -> list[list[str]]:
    """The faults that the first runs to find any have found, of `FINDERS` runs at most."""
    return list(islice(filter(None, (run(seed).faults for seed in seeds[:WITHIN])), FINDERS))
