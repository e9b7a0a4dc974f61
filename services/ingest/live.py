"""Pages that stay open: told that something changed, never what. What there is to see they ask for like any visitor.

One look at the database every few seconds serves all streams of a process; several processes need not know of each
other. The same look says whether each session still opens what it opened: where it does not, its streams end. Limits
count for one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog

from services.bus.database import Database
from services.bus.delivery import Clock
from services.bus.links import fingerprint
from services.ingest import changes, credentials
from services.ingest.actors import Actor

log = structlog.get_logger()

LOOK_EVERY_S = 2.0
"""A change is seen within this; an open page costs its server no more than one reading of its list in this time."""

HEARTBEAT_S = 15.0
"""Proxies end an answer that says nothing for a minute or less; a heartbeat also finds out who has gone."""

BEAT = b"event: battement\ndata: 1\n\n"
"""An event and no comment: a page has to hear it, to know that nothing on the way holds its stream back."""

RETRY_MS = 3000
"""When a browser opens a broken stream again."""

MOST_PER_SESSION = 4
"""A browser opens six connections to one host at once (HTTP/1.1): two are left for pages. A fifth page asks by itself
now and then."""

MOST_IN_ALL = 1000
"""An open stream costs little, but each needs a connection."""


class TooManyStreams(Exception):
    """The session, or the process, holds as many streams as it may: the page asks by itself instead."""


class Stopping(Exception):
    """The process ends: another one takes the stream in a moment."""


@dataclass(eq=False)
class Stream:
    """One open page. `told` is the last number it knows; `over` says why the stream ends, once it does."""

    session: str
    actor: Actor
    told: int | None
    latest: int | None = None
    over: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, latest: int, actor: Actor | None) -> None:
        """What one look at the database found for this stream."""
        if actor != self.actor:
            self.end(SESSION)
        elif latest != self.told:
            self.latest = latest
            self.news.set()

    def end(self, why: str) -> None:
        self.over = self.over or why
        self.news.set()


SESSION, STOP = "session", "stop"


@dataclass
class Streams:
    """All open pages of a process, and the one reader that they share while there are any."""

    database: Database
    clock: Clock
    look_every_s: float = LOOK_EVERY_S
    heartbeat_s: float = HEARTBEAT_S
    stopping: bool = False
    _open: set[Stream] = field(default_factory=set)
    _reader: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def open(self, secret: str, actor: Actor, since: int | None) -> Stream:
        """A stream for the session of `secret`, which knows the number `since`. Raises TooManyStreams or Stopping."""
        if self.stopping:
            raise Stopping
        stream = Stream(fingerprint(secret), actor, since)
        own = sum(other.session == stream.session for other in self._open)
        if own >= MOST_PER_SESSION or len(self._open) >= MOST_IN_ALL:
            raise TooManyStreams
        self._open.add(stream)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.get_running_loop().create_task(self._read())
        return stream

    async def lines(self, stream: Stream) -> AsyncIterator[bytes]:
        """What goes over the wire, until the session or the process ends. Whoever opened the stream leaves it."""
        yield f"retry: {RETRY_MS}\n\n".encode() + BEAT
        while not stream.over:
            yield await self._next(stream)

    def leave(self, stream: Stream) -> None:
        """The page is closed; with the last one the reader rests."""
        self._open.discard(stream)
        if not self._open and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def end(self) -> None:
        """The process stops: every stream ends at once, and none is opened any more."""
        self.stopping = True
        for stream in self._open:
            stream.end(STOP)

    async def _next(self, stream: Stream) -> bytes:
        """The next change; a heartbeat where nothing happens; the last word of a session."""
        try:
            async with asyncio.timeout(self.heartbeat_s):
                await stream.news.wait()
        except TimeoutError:
            return BEAT
        stream.news.clear()
        if stream.over:
            return b"event: fin\ndata: session\n\n" if stream.over == SESSION else b""
        stream.told = stream.latest
        return f"event: changement\nid: {stream.told}\ndata: {stream.told}\n\n".encode()

    async def _read(self) -> None:
        """Look while anybody listens. A database that is away is looked at again: the pages say nothing new."""
        while self._open:
            try:
                await self._look()
            except (sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("pages not told", error=type(error).__name__)
            await asyncio.sleep(self.look_every_s)

    async def _look(self) -> None:
        looked_for = list(self._open)  # one that is opened meanwhile is looked for next time
        sequences, actors = await self.database.read(self._state, {stream.session for stream in looked_for})
        for stream in looked_for:
            stream.hear(sequences.get(stream.actor.territory, 0), actors.get(stream.session))

    def _state(self, tx: sa.Connection, sessions: Collection[str]) -> tuple[dict[str, int], dict[str, Actor]]:
        return changes.sequences(tx), credentials.actors_of_sessions(tx, sessions, self.clock())
