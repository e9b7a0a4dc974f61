"""T3 on SQLite: a writer takes its lock at once, so read and write in one transaction are guard enough.

The twin reads in one transaction and writes in another, as a page would that trusted what it had shown.
"""

from __future__ import annotations

from services.bus.database import Database
from tests.bus.contention import contend, contend_on_table, filled, free, make_cells, overbooked, take

CELLS, CLAIMANTS = 100, 8


async def test_no_cell_is_overbooked_when_it_is_read_and_taken_in_one_transaction(writer: Database) -> None:
    await contend_on_table(writer, locked=False, count=CELLS, places=1, claimants=CLAIMANTS)
    assert await writer.read(overbooked) == 0
    assert await writer.read(filled) == CELLS


async def test_cells_are_overbooked_when_reading_and_taking_are_two_transactions(writer: Database) -> None:
    async def one(cell: int, claimant: int) -> None:
        if await writer.read(free, cell, locked=False):
            await writer.write(take, cell, claimant)

    await writer.write(make_cells, CELLS, 1)
    await contend(one, CELLS, CLAIMANTS)
    assert await writer.read(overbooked) >= 0.75 * CELLS
