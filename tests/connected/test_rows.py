"""Rows by the hundred on PostgreSQL, as lists: in their order, each value as it was given, nothing cut.

The order is what the whole log stands on: a position that is not that of the saying lets a reply pass its request.
Beside it stands its twin, in which the lists are read by another order.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.bus import outbox, rows, tables
from services.bus.database import Database
from services.bus.rows import Known, insert_rows
from tests.bus import harness, rows_written

pytestmark = pytest.mark.connected


@pytest.fixture
async def database(writer: Database) -> Database:
    await writer.write(rows_written.metadata.create_all)
    return writer


async def test_rows_are_numbered_in_the_order_in_which_they_are_given(database: Database) -> None:
    assert await database.write(rows_written.in_order) == rows_written.GIVEN


async def test_without_that_order_they_are_numbered_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_key(table: sa.Table, columns: tuple[str, ...], _known: Known) -> Any:
        given = rows._given(table, columns)
        chosen = sa.select(*(given.c[name] for name in columns)).order_by(given.c.key)
        return postgresql.insert(table).from_select(list(columns), chosen)

    monkeypatch.setattr(rows, "_insert_lists", by_key)
    assert await database.write(rows_written.in_order) != rows_written.GIVEN


async def test_events_of_one_batch_are_said_in_their_order(database: Database) -> None:
    said = [harness.said(n) for n in map(int, rows_written.GIVEN)]
    await database.write(outbox.record, *said)
    kept = await database.read(outbox.unpublished, len(said) + 1)
    assert [row.event_id for row in kept] == [event.id for event in said]
    assert [row.position for row in kept] == sorted(row.position for row in kept)


async def test_every_kind_of_value_comes_back_as_it_was_given(database: Database) -> None:
    assert await database.write(rows_written.given_back) == rows_written.ROWS


async def test_a_row_alone_says_what_it_says_among_others(database: Database) -> None:
    assert await database.write(rows_written.alone) == rows_written.ROWS


async def test_a_value_that_is_not_given_is_no_json_null(database: Database) -> None:
    assert await database.write(rows_written.without_a_value) == ["a", "b"]


async def test_a_text_that_is_too_long_is_refused_and_not_cut(database: Database) -> None:
    keys = [{"key": "short"}, {"key": "longer than eight"}]
    with pytest.raises(sa.exc.DBAPIError, match="too long"):
        await database.write(insert_rows, rows_written.numbered, keys)


async def test_a_cast_to_so_many_letters_would_cut_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_unlimited", lambda type_: type_)
    rows._insert_lists.cache_clear()
    keys = [{"key": "short"}, {"key": "longer than eight"}]
    await database.write(insert_rows, rows_written.numbered, keys)
    rows._insert_lists.cache_clear()
    kept = sa.select(rows_written.numbered.c.key)
    assert await database.read(lambda tx: list(tx.scalars(kept))) == ["short", "longer t"]


@pytest.mark.parametrize(("known", "left"), [(Known.REPLACED, rows_written.REPLACED), (Known.LEFT, rows_written.LEFT)])
async def test_of_two_rows_with_one_key_it_is_as_if_one_came_behind_the_other(
    database: Database, known: Known, left: list[tuple[str, str]]
) -> None:
    assert await database.write(rows_written.twice_the_same, known) == left


async def test_a_key_that_is_taken_is_refused_unless_told_otherwise(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        await database.write(rows_written.twice_the_same, Known.REFUSED)


async def test_each_row_is_changed_by_its_own_values(database: Database) -> None:
    assert await database.write(rows_written.changed) == rows_written.CHANGED


async def test_marked_are_the_events_that_are_named(database: Database) -> None:
    await database.write(outbox.record, *harness.many(5))
    first, *others = await database.read(outbox.unpublished, 9)
    await database.write(outbox.mark_published, [row.position for row in others], harness.NOW)
    assert await database.read(outbox.unpublished, 9) == [first]
    query = sa.select(tables.outbox.c.published_at).where(tables.outbox.c.position == others[0].position)
    assert await database.read(lambda tx: tx.scalar(query)) == harness.NOW
