"""Three kinds of failure, three answers: wait for what is away, park what is wrong, try the rest again."""

from __future__ import annotations

import re
import sqlite3
import traceback
from enum import Enum

import pydantic
import sqlalchemy.exc as sa_exc


class Failure(Enum):
    """AWAY: database or broker unreachable, deadlock, lost lease: wait without limit, no try counted.
    WRONG: the data break their contract: parked at once. OTHER: tried again, then parked."""

    AWAY = "away"
    WRONG = "wrong"
    OTHER = "other"


class WrongEvent(ValueError):
    """An event that can never be handled, however often it is tried. Say why: a person will read it."""


class BrokerAway(ConnectionError):
    """The broker did not acknowledge in time, or refused. Nothing is lost: the outbox still holds the events."""


MAX_TRIES = 5
"""How often an unexplained failure is tried before a person looks at it (reliability.md, "Facts to build on")."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0

AWAY_STATES = ("08", "25006", "40001", "40P01", "53", "55P03", "57P", "58")
"""PostgreSQL (appendix A of its manual): connection lost, read only (a standby that is not promoted yet), serialization
failure, deadlock, out of resources, lock not available, shut down or starting, a disk that fails. What begins with one
of these is no fault of the event."""

LOCK_HELD = "55P03"
UNDONE_STATES = ("40", LOCK_HELD)
"""PostgreSQL took the transaction back for another's sake: a deadlock, a serialization failure, a lock that is held."""

WRONG_STATES = ("22",)
"""PostgreSQL: the value does not fit its column, whatever the statement."""

NOT_THE_NETWORK = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""`OSError`s of files: a missing template must not pass for a database that is away."""


def failure_of(error: BaseException) -> Failure:
    """Which of the three `error` is."""
    if isinstance(error, (WrongEvent, pydantic.ValidationError)):
        return Failure.WRONG
    if isinstance(error, sa_exc.DBAPIError):
        return _failure_of_statement(error)
    if isinstance(error, (sa_exc.TimeoutError, OSError)) and not isinstance(error, NOT_THE_NETWORK):
        return Failure.AWAY  # TimeoutError and ConnectionError are OSErrors
    return Failure.OTHER


def _failure_of_statement(error: sa_exc.DBAPIError) -> Failure:
    state = getattr(error.orig, "sqlstate", None) or ""
    cause = error.orig.__cause__ if error.orig else None
    if isinstance(error, sa_exc.DataError) or state.startswith(WRONG_STATES) or isinstance(cause, ValueError):
        return Failure.WRONG  # asyncpg raises a ValueError for what it can not even send
    if error.connection_invalidated or state.startswith(AWAY_STATES) or _sqlite_is_away(error.orig):
        return Failure.AWAY
    return Failure.AWAY if isinstance(error, sa_exc.InterfaceError) else Failure.OTHER


def was_undone(error: BaseException) -> bool:
    """True where the database answers, and says itself that nothing of the transaction stays: it may be done again."""
    return _state_of(error).startswith(UNDONE_STATES)


def waited_in_vain(error: BaseException | None) -> bool:
    """True where another transaction held a lock for as long as this one would wait."""
    return _state_of(error) == LOCK_HELD


def _state_of(error: BaseException | None) -> str:
    return getattr(error.orig, "sqlstate", None) or "" if isinstance(error, sa_exc.DBAPIError) else ""


def _sqlite_is_away(error: BaseException | None) -> bool:
    """Busy, full, unreadable: SQLite's OperationalError unless it only means that the statement is wrong."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR


def wait_before(attempt: int) -> float:
    """Seconds before attempt number `attempt` (1 is the first repeat): doubling, bounded."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 16))


def brief(error: BaseException) -> str:
    """The error without the data it met: an event's fields may not enter a log."""
    if isinstance(error, pydantic.ValidationError):
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        text = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    else:
        text = str(error.orig if isinstance(error, sa_exc.StatementError) else error)
    within = _CLASS.match(text)
    name, text = (within[1], text[within.end() :]) if within else (type(error).__name__, text)
    return f"{name}: {text[:300]}".replace("\x00", "�")


_CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>: ")
"""How SQLAlchemy begins the words of asyncpg's errors: it tells more than the class that SQLAlchemy has for it."""


def where(error: BaseException) -> str:
    """The last lines of code that an error passed through, for a log: places only, none of the data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
