"""Three kinds of failure, three answers: wait for what is away, park what is wrong, try the rest again."""

from __future__ import annotations

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


MAX_TRIES = 5
"""How often an unexplained failure is tried before a person looks at it (reliability.md, "Facts to build on")."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0

DEADLOCK_STATES = frozenset({"40001", "40P01", "55P03", "57P01", "57P03", "53300"})
"""PostgreSQL: serialization failure, deadlock, lock not available, shutdown, starting up, too many connections."""


def failure_of(error: BaseException) -> Failure:
    """Which of the three `error` is."""
    if isinstance(error, (WrongEvent, pydantic.ValidationError, sa_exc.DataError)):
        return Failure.WRONG
    if isinstance(error, (sa_exc.OperationalError, sa_exc.InterfaceError, sa_exc.TimeoutError, OSError, TimeoutError)):
        return Failure.AWAY
    if isinstance(error, sa_exc.DBAPIError) and (error.connection_invalidated or _state(error) in DEADLOCK_STATES):
        return Failure.AWAY
    return Failure.OTHER


def _state(error: sa_exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def wait_before(attempt: int) -> float:
    """Seconds before attempt number `attempt` (1 is the first repeat): doubling, bounded."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
