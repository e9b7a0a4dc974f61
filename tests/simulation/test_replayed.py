"""After a hostile run, places, holds and timers are what the events alone give."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contracts.topics import DECISIONS, DECLARATIONS
from services.bus.tables import inbox, outbox
from services.cli.replay_events import kept
from services.cli.replay_states import Difference, decided_by_the_matcher, differences
from services.cli.replay_timers import settled
from services.matcher import tables as t
from tests.simulation.run import Simulation, run
from tests.simulation.town import TERRITORY

SEED = 16
"""A run that ends with placements, live proposals and open places."""


@pytest.fixture(scope="module")
def lived() -> Simulation:
    told = run(SEED)
    assert told.faults == []
    return told.simulation


def test_after_kills_and_duplicates_the_events_alone_give_places_holds_and_timers(lived: Simulation) -> None:
    matcher = lived.house.engines["matcher"]
    with matcher.begin() as tx:
        assert not found(lived, tx)
        assert all(tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in (t.holds, t.timers))


@pytest.mark.parametrize("table", [t.holds, t.timers], ids=str)
def test_a_row_that_is_lost_after_such_a_run_is_found(lived: Simulation, table: sa.Table) -> None:
    """The twin; what it lost comes back with the end of the transaction."""
    with lived.house.engines["matcher"].connect() as tx:
        due_later = (t.timers.c.due_at > lived.clock(),) if table is t.timers else ()
        tx.execute(table.delete().where(*due_later))
        assert {row.table for row in found(lived, tx)} == {table.name}
        tx.rollback()


def found(simulation: Simulation, tx: sa.Connection) -> list[Difference]:
    heard = set(tx.scalars(sa.select(inbox.c.event_id)))
    with simulation.house.engines["ingest"].begin() as guichet:
        declared = [row for row in said(guichet) if row[0] in heard]
    rows, due = kept({DECLARATIONS.name: declared, DECISIONS.name: said(tx)})
    live = {name: row for name, row in decided_by_the_matcher(tx, TERRITORY).items() if name in rows}
    return list(differences({**live, "timers": settled(live["timers"], due, simulation.clock())}, rows))


def said(tx: sa.Connection) -> list[tuple[str, bytes]]:
    query = sa.select(outbox.c.event_id, outbox.c.body).order_by(outbox.c.position)
    return [(row.event_id, row.body) for row in tx.execute(query)]
