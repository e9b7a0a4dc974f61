"""Rows by the hundred on SQLite, a row each: the same promises as by lists (`tests/connected/test_rows.py`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from services.bus.database import sqlite_engine
from services.bus.rows import Known
from tests.bus import rows_written


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    with sqlite_engine().begin() as connection:
        rows_written.metadata.create_all(connection)
        yield connection


def test_rows_are_numbered_in_the_order_in_which_they_are_given(tx: sa.Connection) -> None:
    assert rows_written.in_order(tx) == rows_written.GIVEN


def test_every_kind_of_value_comes_back_as_it_was_given(tx: sa.Connection) -> None:
    assert rows_written.given_back(tx) == rows_written.ROWS


def test_a_value_that_is_not_given_is_no_json_null(tx: sa.Connection) -> None:
    assert rows_written.without_a_value(tx) == ["a", "b"]


@pytest.mark.parametrize(("known", "left"), [(Known.REPLACED, rows_written.REPLACED), (Known.LEFT, rows_written.LEFT)])
def test_of_two_rows_with_one_key_it_is_as_if_one_came_behind_the_other(
    tx: sa.Connection, known: Known, left: list[tuple[str, str]]
) -> None:
    assert rows_written.twice_the_same(tx, known) == left


def test_a_key_that_is_taken_is_refused_unless_told_otherwise(tx: sa.Connection) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        rows_written.twice_the_same(tx, Known.REFUSED)


def test_each_row_is_changed_by_its_own_values(tx: sa.Connection) -> None:
    assert rows_written.changed(tx) == rows_written.CHANGED


def test_nothing_is_asked_for_no_rows(tx: sa.Connection) -> None:
    rows_written.insert_rows(tx, rows_written.named, [])
    rows_written.change_rows(tx, rows_written.named, ("id",), [])
    assert tx.scalar(sa.select(sa.func.count()).select_from(rows_written.named)) == 0
