"""T3 on PostgreSQL: 400 one-place cells with 8 claimants each, and 3 places with 20, at the same time.

Once on a plain table and with fewer cells, to show the mechanism; once with the matcher's own guard. Beside each stands
the same without the lock, which must overbook: otherwise the test shows nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from datetime import time as hour

import pytest
import sqlalchemy as sa

from contracts.vocabulary import Audience, Period, Slot, VacancyKind, Weekday
from services.bus import migrations
from services.bus.database import Database, open_postgresql
from services.matcher import store
from services.matcher import tables as t
from services.matcher.policy import policy_in_force
from services.matcher.propose import NoRoom, Place, propose
from services.matcher.step import Step
from tests.bus.contention import CELLS, CLAIMANTS, CROWD, FEW, PLACES, contend, contend_on_table, filled, overbooked

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TUESDAY = Slot(day=Weekday.TUE, start=hour(8), end=hour(18))
PERIOD = Period(start=date(2027, 1, 5), end=date(2027, 7, 6))
POLICY = "montlucon-modele"
TERRITORIES = 20
AT_LEAST_OVERBOOKED = 300


@pytest.fixture
async def matcher(database_url: str) -> AsyncIterator[Database]:
    """The matcher's own schema, made by its migrations, with a connection for each claimant."""
    database = open_postgresql(database_url, "matcher", pool_size=CROWD)
    await migrations.upgrade(database, "matcher")
    yield database
    await database.close()


def territory_of(section: int) -> str:
    return f"commune-{section % TERRITORIES}"


def open_sections(tx: sa.Connection, count: int, places: int) -> None:
    """`count` sections that have `places` free on Tuesdays, from the first of the period to its end."""
    tx.execute(
        t.territories.insert(),
        [
            {"territory": territory_of(n), "policy": POLICY, "automatic_release": False, "quiet_seconds": 60}
            for n in range(TERRITORIES)
        ],
    )
    tx.execute(
        t.sections.insert(),
        [
            {"section": f"s-{n}", "structure": f"c-{n}", "territory": territory_of(n), "age_from_months": 2,
             "age_to_months": 36}
            for n in range(count)
        ],
    )  # fmt: skip
    tx.execute(
        t.vacancies.insert(),
        [
            {"vacancy": f"v-{n}", "territory": territory_of(n), "structure": f"c-{n}", "section": f"s-{n}",
             "kind": VacancyKind.REGULAR.value, "slots": store.slots_json([TUESDAY]), "places": places,
             "starts": PERIOD.start, "ends": PERIOD.end, "audience": Audience.EVERYBODY.value, "opened_at": NOW,
             "is_open": True}
            for n in range(count)
        ],
    )  # fmt: skip


def propose_to(tx: sa.Connection, section: int, claimant: int) -> None:
    place = Place(
        territory=territory_of(section), round=None, request=f"r-{section}-{claimant}",
        family=f"f-{section}-{claimant}", structure=f"c-{section}", section=f"s-{section}", kind=VacancyKind.REGULAR,
        slots=(TUESDAY,), period=PERIOD, entitled_to=Audience.EVERYBODY, tier=1, points=10, since=date(2026, 1, 5),
    )  # fmt: skip
    propose(Step(tx, NOW, "t3", policy_in_force(POLICY, NOW.date())), place)


async def contend_for_sections(matcher: Database, count: int, places: int, claimants: int) -> int:
    """How many proposals were refused because the hours were held by then."""
    refused = 0

    async def one(section: int, claimant: int) -> None:
        nonlocal refused
        try:
            await matcher.write(propose_to, section, claimant)
        except NoRoom:
            refused += 1
        except sa.exc.IntegrityError:  # the same reply code drawn twice at once: the bus would try again
            await one(section, claimant)

    await matcher.write(open_sections, count, places)
    await contend(one, count, claimants)
    return refused


def holds_by_section(tx: sa.Connection) -> dict[str, int]:
    query = sa.select(t.holds.c.section, sa.func.count()).group_by(t.holds.c.section)
    return {row.section: row[1] for row in tx.execute(query)}


async def test_no_cell_of_a_locked_table_is_overbooked(matcher: Database) -> None:
    await contend_on_table(matcher, locked=True, count=FEW, places=1, claimants=CLAIMANTS)
    assert await matcher.read(overbooked) == 0
    assert await matcher.read(filled) == FEW


async def test_cells_of_a_table_without_the_lock_are_overbooked(matcher: Database) -> None:
    await contend_on_table(matcher, locked=False, count=FEW, places=1, claimants=CLAIMANTS)
    assert await matcher.read(overbooked) >= AT_LEAST_OVERBOOKED * FEW / CELLS


@pytest.mark.parametrize(
    ("count", "places", "claimants"),
    [(FEW, 1, CLAIMANTS), (10, PLACES, CROWD), pytest.param(CELLS, 1, CLAIMANTS, marks=pytest.mark.torture)],
)
async def test_the_matcher_never_holds_more_than_there_is(
    matcher: Database, count: int, places: int, claimants: int
) -> None:
    begun = time.monotonic()
    refused = await contend_for_sections(matcher, count, places, claimants)
    held = await matcher.read(holds_by_section)
    assert held == {f"s-{n}": places for n in range(count)}
    assert refused == count * (claimants - places)
    print(f"T3: {count} x {claimants}, 0 overbooked, {time.monotonic() - begun:.1f} s")


async def test_the_matcher_without_its_lock_overbooks(matcher: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "lock_section", lambda tx, section: True)
    await contend_for_sections(matcher, FEW, 1, CLAIMANTS)
    held = await matcher.read(holds_by_section)
    too_many = sum(count > 1 for count in held.values())
    assert too_many >= AT_LEAST_OVERBOOKED * FEW / CELLS
    print(f"T3 twin: {too_many} of {FEW} overbooked")
