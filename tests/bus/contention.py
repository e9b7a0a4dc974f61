"""Many claimants at the same time for few places (T3): a plain table of claims, and what it counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from services.bus.database import Database

CELLS, FEW, CLAIMANTS = 400, 100, 8
PLACES, CROWD = 3, 20
AT_ONCE = 2

metadata = sa.MetaData()
cells = sa.Table(
    "cells",
    metadata,
    sa.Column("cell", sa.Integer, primary_key=True),
    sa.Column("places", sa.Integer, nullable=False),
)
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("cell", sa.Integer, primary_key=True),
    sa.Column("claimant", sa.Integer, primary_key=True),
)

Claim = Callable[[int, int], Awaitable[None]]


def make_cells(tx: sa.Connection, count: int, places: int) -> None:
    metadata.create_all(tx)
    tx.execute(cells.insert(), [{"cell": cell, "places": places} for cell in range(count)])


def free(tx: sa.Connection, cell: int, *, locked: bool) -> bool:
    """Whether a place is left; with the row of the cell locked until the transaction ends, or not."""
    row = sa.select(cells.c.places).where(cells.c.cell == cell)
    places = tx.scalar(row.with_for_update() if locked else row) or 0
    taken = tx.scalar(sa.select(sa.func.count()).select_from(claims).where(claims.c.cell == cell)) or 0
    return taken < places


def claim(tx: sa.Connection, cell: int, claimant: int, *, locked: bool) -> None:
    if free(tx, cell, locked=locked):
        tx.execute(claims.insert().values(cell=cell, claimant=claimant))


def take(tx: sa.Connection, cell: int, claimant: int) -> None:
    tx.execute(claims.insert().values(cell=cell, claimant=claimant))


async def contend(claim_one: Claim, count: int, claimants: int) -> None:
    """Every claimant of a cell at the same time, a few cells at once."""
    for start in range(0, count, AT_ONCE):
        together = [(cell, n) for cell in range(start, min(count, start + AT_ONCE)) for n in range(claimants)]
        await asyncio.gather(*(claim_one(cell, n) for cell, n in together))


def overbooked(tx: sa.Connection) -> int:
    taken = Counter(tx.scalars(sa.select(claims.c.cell)))
    return sum(taken[cell] > places for cell, places in tx.execute(sa.select(cells)))


def filled(tx: sa.Connection) -> int:
    taken = Counter(tx.scalars(sa.select(claims.c.cell)))
    return sum(taken[cell] >= places for cell, places in tx.execute(sa.select(cells)))


async def contend_on_table(database: Database, *, locked: bool, count: int, places: int, claimants: int) -> None:
    async def one(cell: int, claimant: int) -> None:
        await database.write(claim, cell, claimant, locked=locked)

    await database.write(make_cells, count, places)
    await contend(one, count, claimants)
