"""What a round writes in one go is what it would write row by row: the same rows, the same events in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.territories import TerritoryPublished
from services.cli.bench_lived import A_WHILE
from services.cli.bench_town import TERRITORY as TOWN
from services.cli.bench_town import Happening, declared
from services.matcher import rounds, writing
from services.matcher import tables as t
from services.matcher.sheet import Sheet
from services.territory.chance import seeded
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.test_memory import _lived
from tests.matcher.test_moving import a_follower
from tests.matcher.test_touched import _hear, _rows
from tests.matcher.test_waves import asked
from tests.matcher.world import World

Written = tuple[list[str], dict[str, list[dict[str, Any]]]]
HOW_OFTEN_LOCKED = {"sections"}
"""A section's version says that it has changed, not how often."""


def _written(world: World) -> Written:
    """All that was said, in its order, and every row of the matcher."""
    tables = {table.name: table for table in t.metadata.sorted_tables if table.name not in HOW_OFTEN_LOCKED}
    with world.engine.connect() as tx:
        found = {name: map(dict, tx.execute(sa.select(table)).mappings()) for name, table in tables.items()}
        rows = {name: sorted(many, key=str) for name, many in found.items()}
    return [event.model_dump_json() for event in world.said], rows


def _a_town(world: World, **territory: Any) -> None:
    """A drawn town lives through one thing of every kind."""
    town = drawn_round(RoundPlan(requests=40, structures=12, flexible=0.2, siblings=0.2), 0)
    happening = Happening(town, drawn_round(RoundPlan(requests=20, structures=12), 1).requests, seeded(0))
    _hear(world, *declared(town, seeded(0)))
    named = {"name": "T", "guichet_name": "G", "guichet_phone": "04 65 71 00 00", "communes": (), **territory}
    _hear(world, (TerritoryPublished, TOWN, {**named, "policy": "montlucon-modele", "round_quiet_seconds": 0}))
    for number in range(5):
        world.now += A_WHILE
        asyncio.run(_round(world))
        live = _rows(world, t.proposals.select().where(t.IS_LIVE).order_by(t.proposals.c.proposal))
        _hear(world, happening.next(number, [(row["proposal"], row["request"]) for row in live]))


async def _round(world: World) -> None:
    await rounds.run_round(world.database, TOWN, world.now, world.decide, world.new_seed, memory=world.memory)


def _that_leaves_at_once(world: World) -> None:
    _a_town(world, automatic_release=True)


def _all_that_happens(world: World) -> None:
    world.begin()
    for _ in _lived(world):
        pass


def _a_mover(world: World) -> None:
    a_follower(world.begin())


def _a_wave(world: World) -> None:
    asked(world.begin(), "r-1", "r-2", "r-3")


LIVES: tuple[Callable[[World], object], ...] = (_a_town, _that_leaves_at_once, _all_that_happens, _a_mover, _a_wave)


@pytest.mark.parametrize("live", LIVES, ids=lambda live: live.__name__.strip("_"))
def test_what_is_gathered_is_what_would_be_written_row_by_row(
    live: Callable[[World], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, one_by_one = World(), World()
    live(at_once)
    monkeypatch.setattr(writing, "_sheet", lambda *_: Sheet())
    live(one_by_one)
    assert _written(at_once) == _written(one_by_one)
    assert at_once.events("proposal.made")


def test_a_sheet_that_forgets_a_change_of_a_request_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, forgetful = World(), World()
    _a_mover(whole)
    monkeypatch.setattr(Sheet, "touch", lambda *_: None)
    _a_mover(forgetful)
    assert _written(whole) != _written(forgetful)
