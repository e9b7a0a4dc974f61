"""Whether a PostgreSQL that is slow still lives: a long statement may take its time, a server that hangs may not.

A server that stopped without ending (a frozen machine, a disk that answers no more) keeps its connections open: whoever
waits on one would wait for ever. A limit on statements would cut migrations, imports and rounds as well. So a
transaction that takes long makes us knock: while the server still answers a new connection it is left alone, however
long it takes; once it does not, the transaction is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
NBSP = "\u00a0"

KNOCK_EVERY_S = 3.0
"""A transaction that takes longer makes us knock, and again as long as it lasts: pages and handlers take milliseconds,
so a healthy server is never asked."""

ANSWER_WITHIN_S = 4.0
"""A new connection takes some 10 ms, and under a load of 10 on two cores less than a second. With the time before the
knock, a person reads after 7 s that the database is away."""


class DatabaseSilent(ConnectionError):
    """The server holds its connections and answers nobody. What was under way may or may not have been committed."""


@dataclass
class Pulse:
    """The pulse of one server, felt on connections of `engine`, which keeps none."""

    engine: AsyncEngine
    knock_every_s: float = KNOCK_EVERY_S
    answer_within_s: float = ANSWER_WITHIN_S
    _knock: asyncio.Task[bool] | None = None
    _given_up: set[asyncio.Task[Any]] = field(default_factory=set)

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns or raises. Raises DatabaseSilent once the server is found not to answer."""
        task = asyncio.ensure_future(work)
        try:
            answered = await self._answered(task)
        except BaseException:
            task.cancel()
            await asyncio.wait({task})  # its connection is given back, or closed
            raise
        if answered:
            return task.result()
        self._give_up(task)
        raise DatabaseSilent(f"PostgreSQL n'a pas répondu en {self.answer_within_s:.0f}{NBSP}s")

    async def close(self) -> None:
        """What was given up ends, at the latest when its connections are cut."""
        if self._given_up:
            await asyncio.wait(self._given_up)
        await self.engine.dispose()

    async def _answered(self, work: asyncio.Task[Any]) -> bool:
        """True once `work` ended, False if the server stopped answering before. One knock serves all who wait."""
        while not await _ended(work, self.knock_every_s):
            if self._knock is None or self._knock.done():
                self._knock = asyncio.create_task(self._knocked())
            knock = self._knock
            await asyncio.wait({knock, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not knock.result():
                return False
        return True

    async def _knocked(self) -> bool:
        """An error that the server itself tells (too many connections, starting up) is an answer."""
        opening = asyncio.ensure_future(self._open_and_close())
        if not await _ended(opening, self.answer_within_s):
            self._give_up(opening)
            return False
        try:
            await opening
        except OSError:
            return False
        except sa.exc.SQLAlchemyError:
            return True
        return True

    async def _open_and_close(self) -> None:
        async with self.engine.connect():
            pass

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        """Let `task` end by itself: closing a connection on which nobody answers takes some seconds more."""
        task.cancel()
        self._given_up.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has been told already why


async def _ended(task: asyncio.Task[Any], within_s: float) -> bool:
    done, _pending = await asyncio.wait({task}, timeout=within_s)
    return bool(done)
