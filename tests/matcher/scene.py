"""Two proposals of one section, and the whole of what one step changes: rows, and events said.

Both have every timer, a task of every kind, and a child that goes first: what a step forgets, and what it does to the
other one, is seen without being looked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any, cast

import sqlalchemy as sa

from contracts.vocabulary import ProposalState, TaskKind
from services.bus import tables as bus
from services.bus.database import sqlite_engine
from services.calendar import local_day
from services.matcher import moves, store, tasks
from services.matcher import tables as t
from services.matcher.policy import policy_in_force
from services.matcher.step import Step
from services.matcher.store import Proposal
from tests.matcher.world import TERRITORY, World

KINDS = (moves.EXPIRY, moves.REMINDER, moves.UNDO, moves.RECEIPT, moves.CONFIRMATION, moves.RESUME, moves.LAPSE)
OF_A_PROPOSAL = tuple(kind for kind in TaskKind if kind is not TaskKind.SHORTFALL)
GONE = "gone"
ONE_MORE, TWO_MORE = "+1", "+2"
COUNTERS = ("version", "due_marks")
Do = Callable[[Step, Proposal], object]


@dataclass
class Scene:
    """`one` and `two` are the proposals of r-1 and r-2; `act` does one step to `one`."""

    world: World
    one: str
    two: str

    def set(self, state: ProposalState, **values: Any) -> None:
        """Put `one` where the step finds it."""
        self.change(t.proposals, t.proposals.c.proposal == self.one, state=state.value, **values)

    def change(self, table: sa.Table, where: sa.ColumnElement[bool], **values: Any) -> None:
        with self.world.engine.begin() as tx:
            tx.execute(table.update().where(where).values(**values))

    def act(self, do: Do, **differently: Any) -> tuple[object, dict[str, Any], list[dict[str, Any]]]:
        """What the step returned, every row that it changed, and what it said; `one` is read `differently`."""
        world, before = self.world, self.rows()
        read = replace(world.proposal(self.one), **differently)
        heard = len(world.said)
        with world.engine.begin() as tx:
            step = Step(
                tx, world.now, f"act/{next(world.numbers)}", policy_in_force("montlucon-modele", local_day(world.now))
            )
            returned = do(step, read)
        said = [self._told(event.model_dump()) for event in world.said[heard:]]
        return returned, _changed(before, self.rows()), said

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every row of the matcher by its table and name; whatever has a number of its own by what it is about."""
        found = {}
        for table in (each for each in t.metadata.sorted_tables if each.name not in bus.metadata.tables):
            for row in self.world.rows(table):
                key = [row["kind"], row["proposal"]] if table is t.tasks else [row[c.name] for c in table.primary_key]
                told = self._named(dict(row)) if table is not t.tasks else {"settled_at": row["settled_at"]}
                found[f"{table.name} {'/'.join(map(str, self._named(key)))}"] = told
        return found

    def _told(self, event: dict[str, Any]) -> dict[str, Any]:
        left_out = {"id", "source", "time", "territory", "version", "traceparent"}
        assert (event["source"], event["territory"], event["time"]) == ("matcher", TERRITORY, self.world.now)
        about = {} if "task" not in event["type"] else {"subject": "a task"}
        told: dict[str, Any] = self._named({name: value for name, value in event.items() if name not in left_out})
        return told | about

    def _named(self, value: Any) -> Any:
        """With the names of the proposals as a test reads them."""
        if isinstance(value, dict):
            return {name: self._named(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._named(each) for each in value]
        return {self.one: "one", self.two: "two"}.get(value, value) if isinstance(value, str) else value


def _changed(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(before.keys() - after.keys(), GONE)
    found |= {name: after[name] for name in after.keys() - before.keys()}
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if values := {column: new[column] for column in new if new[column] != old[column]}:
            counted = {c: f"+{new[c] - old[c]}" for c in COUNTERS if c in values}
            found[name] = values | counted
    return found


def two_proposals() -> Scene:
    """Both prepared by one round, for two children of two families."""
    file, one, two = _prepared()
    engine = sqlite_engine(durability="OFF")
    connection = engine.raw_connection()
    cast(sqlite3.Connection, connection.driver_connection).deserialize(file)
    connection.close()
    return Scene(World(engine=engine, numbers=count(1000)), one, two)


@cache
def _prepared() -> tuple[bytes, str, str]:
    """Made once and copied for each test: the rounds of a world cost more than what a test does with it."""
    world = World().begin()
    world.open_place(places=2)
    for name in ("r-1", "r-2"):
        world.ask(name)
    world.tick()
    one, two = world.live("r-1"), world.live("r-2")
    with world.engine.begin() as tx:
        step = Step(tx, world.now, "scene", policy_in_force("montlucon-modele", local_day(world.now)))
        for name in (one, two):
            proposal = store.proposal(tx, name)
            for kind in OF_A_PROPOSAL:
                tasks.open_task(step, kind, proposal)
            for timer in KINDS:
                store.set_timer(tx, timer, name, TERRITORY, world.now + timedelta(days=300))
        tx.execute(t.requests.update().values(goes_first=True))
        tx.execute(t.territories.update().values(due_at=None, due_because=None))
    file = cast(sqlite3.Connection, world.engine.raw_connection().driver_connection).serialize()
    return file, one, two
