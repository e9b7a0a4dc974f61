"""A hostile run in a town where each crèche has some days only, and families would go to two of them."""

from __future__ import annotations

from services.ingest.projection import tables as seen
from services.matcher import tables as t
from tests.simulation.hostility import Habit, habit_of
from tests.simulation.run import run
from tests.simulation.test_replayed import found

SEED = 148
"""A run in which two structures share weeks, and confirm them one after the other."""


def test_shared_weeks_survive_kills_and_duplicates_and_follow_from_the_events_alone() -> None:
    assert habit_of(SEED) is Habit.SHARED_WEEKS
    told = run(SEED)
    assert told.faults == []
    assert told.simulation.hostility.seen["said: half.confirmed"]
    with told.simulation.house.engines["matcher"].begin() as tx:
        assert not found(told.simulation, tx)
        halves = {row.other_half["half"] for row in tx.execute(t.proposals.select()) if row.other_half}
        placed = {row.placement for row in tx.execute(t.placements.select())}
    with told.simulation.house.engines["ingest"].begin() as tx:
        shown = {row.id for row in tx.execute(seen.placements.select())}
    assert halves & placed == halves & shown != set()
