"""Acts of one kind that are asked at the same moment, done in one transaction: a commit costs more than an act.

Nobody waits for company: who comes first is done at once, and those who come meanwhile are done together next. Each has
an answer of its own. Where the transaction fails for no reason of the database's, or was taken back for the sake of
another one, each is done again alone, so that nobody bears another's fault; where the database is away, everybody is
told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from services.bus.database import Database
from services.bus.retries import Failure, failure_of, waited_in_vain, was_undone

A = TypeVar("A")
R = TypeVar("R")
DoMany = Callable[[sa.Connection, Sequence[A], int], Sequence[R]]
"""Does acts in the caller's transaction, which waits so many milliseconds for what another one holds: the answer of
each, in their order."""

PATIENCE_MS = 2_000
"""How long a group waits for what another transaction holds: a key that another process uses, which may have been
frozen with it. Longer, and all who post through this process would wait for that one; then each is done alone."""

PATIENCE_ALONE_MS = 100
"""Where somebody has waited in vain already, the group or one before. A batch that one lock keeps waits five seconds
more at most, not a minute and a half; whoever is told that it is away comes back (a choice)."""

MOST_TOGETHER = 50
"""A tenth of what a batch holds: whoever waits for the next transaction waits for hundredths of a second."""

MOST_WAITING = 1_000
"""Of one kind. Twenty transactions are before the last of them; who comes then is told at once to come back (a choice:
each client's own limit bounds what one sends, and nothing else what all send)."""


class TooManyWait(ConnectionError):
    """Nothing was done: as where the database is away, the remedy is to try again later."""


@dataclass
class Turns:
    """Who waits for the transaction under way, by kind of act."""

    _waiting: dict[Hashable, list[tuple[Any, asyncio.Future[Any]]]] = field(default_factory=dict)
    _under_way: dict[Hashable, asyncio.Task[None]] = field(default_factory=dict)

    async def take(self, database: Database, do: DoMany[A, R], asked: A) -> R:
        """The answer of `asked`, done with those that wait beside it. Raises what its transaction raised, and
        TooManyWait."""
        waiting = self._waiting.setdefault(do, [])
        if len(waiting) >= MOST_WAITING:
            raise TooManyWait
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        waiting.append((asked, answer))
        if do not in self._under_way:
            work = self._work(database, do)
            self._under_way[do] = asyncio.create_task(work, context=Context())  # nobody's trace, nobody's log line
        return await answer

    async def _work(self, database: Database, do: DoMany[Any, Any]) -> None:
        try:
            while waiting := self._waiting.pop(do, None):
                now, later = waiting[:MOST_TOGETHER], waiting[MOST_TOGETHER:]
                if later:
                    self._waiting[do] = later
                if (away := await _done(database, do, now, PATIENCE_MS)) is not None:
                    _fail(self._waiting.pop(do, []), away)  # one by one they would wait for it again, ever more of them
        finally:
            del self._under_way[do]
            for _, answer in self._waiting.pop(do, ()):
                answer.cancel()


async def _done(
    database: Database, do: DoMany[Any, Any], waiting: list[tuple[Any, asyncio.Future[Any]]], patience_ms: int
) -> BaseException | None:  # fmt: skip
    """Have each answered. Why the database is away, where it is."""
    try:
        write = database.write(do, [asked for asked, _ in waiting], patience_ms)
        found: Sequence[Any] | BaseException
        (found,) = await asyncio.gather(write, return_exceptions=True)
        if not isinstance(found, BaseException):
            _tell(waiting, found)
            return None
        is_away = failure_of(found) is Failure.AWAY and not was_undone(found)  # not known whether it was committed
        if len(waiting) > 1 and not is_away:
            return await _each_alone(database, do, waiting, found)
        _fail(waiting, found)
        return found if is_away else None
    finally:
        for _, answer in waiting:
            answer.cancel()  # where the process ends meanwhile; what has its answer keeps it


async def _each_alone(
    database: Database, do: DoMany[Any, Any], waiting: list[tuple[Any, asyncio.Future[Any]]], why: BaseException
) -> BaseException | None:  # fmt: skip
    """Nobody has waited for a lock yet where the group failed for anything else: each may, until one does in vain."""
    patience_ms = PATIENCE_ALONE_MS if waited_in_vain(why) else PATIENCE_MS
    for n, one in enumerate(waiting, start=1):
        if (away := await _done(database, do, [one], patience_ms)) is not None:
            _fail(waiting[n:], away)
            return away
        if _gave_up_on_a_lock(one[1]):
            patience_ms = PATIENCE_ALONE_MS
    return None


def _gave_up_on_a_lock(answer: asyncio.Future[Any]) -> bool:
    return answer.done() and not answer.cancelled() and waited_in_vain(answer.exception())


def _tell(waiting: list[tuple[Any, asyncio.Future[Any]]], found: Sequence[Any]) -> None:
    for (_, answer), result in zip(waiting, found, strict=True):
        if not answer.done():  # whoever asked may have left
            answer.set_result(result)


def _fail(waiting: list[tuple[Any, asyncio.Future[Any]]], error: BaseException) -> None:
    for _, answer in waiting:
        if not answer.done():
            answer.set_exception(error)
