"""Failures are told apart by what can be done about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pydantic
import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.topics import parse
from services.bus.database import sqlite_engine
from services.bus.retries import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    BrokerAway,
    Failure,
    WrongEvent,
    brief,
    failure_of,
    wait_before,
)
from tests.bus.harness import said


def error_of_statement(statement: str, folder: Path) -> Exception:
    with sqlite_engine(folder / "x.sqlite").connect() as tx, pytest.raises(sa.exc.SQLAlchemyError) as caught:
        tx.execute(sa.text(statement))
    return caught.value


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (WrongEvent("no"), Failure.WRONG),
        (ConnectionRefusedError(), Failure.AWAY),
        (TimeoutError(), Failure.AWAY),
        (OSError("Multiple exceptions: connect call failed"), Failure.AWAY),
        (BrokerAway("no acknowledgement"), Failure.AWAY),
        (sa.exc.TimeoutError("the pool is empty"), Failure.AWAY),
        (FileNotFoundError("a template"), Failure.OTHER),
        (PermissionError("a file"), Failure.OTHER),
        (KeyError("a bug"), Failure.OTHER),
    ],
)
def test_an_error_is_the_failure_that_says_what_to_do(error: Exception, failure: Failure) -> None:
    assert failure_of(error) is failure


class FromPostgres(Exception):
    """An error as asyncpg's adapter raises it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("from the server")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "failure"),
    [
        ("40P01", Failure.AWAY),
        ("40001", Failure.AWAY),
        ("57P01", Failure.AWAY),
        ("57P03", Failure.AWAY),
        ("53300", Failure.AWAY),
        ("08006", Failure.AWAY),
        ("25006", Failure.AWAY),  # read only: a standby
        ("58030", Failure.AWAY),  # its disk
        ("22021", Failure.WRONG),
        ("23505", Failure.OTHER),
        ("42P01", Failure.OTHER),
        (None, Failure.OTHER),
    ],
)
def test_what_postgresql_says_decides_by_its_state(sqlstate: str | None, failure: Failure) -> None:
    assert failure_of(sa.exc.DBAPIError("statement", {}, FromPostgres(sqlstate))) is failure


def test_a_lost_connection_is_away_even_without_a_state() -> None:
    error = sa.exc.DBAPIError("statement", {}, FromPostgres(None), connection_invalidated=True)
    assert failure_of(error) is Failure.AWAY


def test_a_missing_table_on_sqlite_is_a_fault_and_a_busy_file_is_away(tmp_path: Path) -> None:
    assert failure_of(error_of_statement("SELECT * FROM missing", tmp_path)) is Failure.OTHER
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert failure_of(sa.exc.OperationalError("statement", {}, busy)) is Failure.AWAY


def test_bytes_that_are_no_event_are_wrong_and_their_error_shows_no_value() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        parse(said(1).model_dump_json().replace('"said_by":"P-directrice"', '"said_by":["Dupont"]').encode())
    assert failure_of(caught.value) is Failure.WRONG
    assert "said_by" in brief(caught.value)
    assert "Dupont" not in brief(caught.value)


class UndefinedTableError(Exception):
    """As asyncpg names it; SQLAlchemy has a class of its own for it."""


def test_a_brief_error_names_its_class_once() -> None:
    told = Exception(f"{UndefinedTableError}: relation does not exist")
    error = sa.exc.ProgrammingError("SELECT 1", {}, told)
    assert brief(error) == "UndefinedTableError: relation does not exist"


def test_the_brief_error_of_a_statement_shows_none_of_its_parameters(tmp_path: Path) -> None:
    with sqlite_engine(tmp_path / "x.sqlite").connect() as tx, pytest.raises(sa.exc.OperationalError) as caught:
        tx.execute(sa.text("INSERT INTO missing VALUES (:name)"), {"name": "Dupont"})
    assert "no such table" in brief(caught.value)
    assert "Dupont" not in brief(caught.value)


def test_an_error_that_holds_a_zero_byte_can_still_be_stored() -> None:
    assert "\x00" not in brief(ValueError("a\x00b"))


def test_pauses_double_up_to_a_bound_however_long_it_lasts() -> None:
    pauses = [wait_before(attempt) for attempt in (*range(1, 20), 10**6)]
    assert pauses[0] == FIRST_WAIT_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_WAIT_S


def test_an_unknown_type_is_no_error() -> None:
    assert parse(said(1).model_dump_json().replace("vacancy.reconfirmed", "vacancy.imagined").encode()) is None
    assert isinstance(parse(said(1).model_dump_json().encode()), Event)
