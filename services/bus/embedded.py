"""The bus of the embedded profile: one process, SQLite files, no broker.

Each reader follows each stream by a cursor in its own database, moved in the handler's transaction. The bytes are
those that Kafka would carry, and they are parsed again. Order is the order of writing, which is safe because SQLite's
writers follow each other.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from contracts.topics import WRITERS, Topic, read_by
from services.bus import metrics, outbox
from services.bus.database import Database
from services.bus.delivery import Message, Reader, advance, read_up_to
from services.bus.waits import first_of

BATCH = 200


@dataclass
class EmbeddedBus:
    """Carries events between services that share a process. `writers` maps a service to its database.

    It looks only where something was said since its last look; `run` also looks everywhere now and then, for what
    another process (an import, say) wrote into the same files.
    """

    writers: dict[str, Database]
    readers: Sequence[Reader]
    _wakes: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _quiet: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _said: Counter[str] = field(default_factory=Counter)
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, database in self.writers.items():
            database.on_said.append(partial(self._note, name))

    def _note(self, writer: str) -> None:
        """Somebody has said something: deliver now rather than at the next look."""
        self._said[writer] += 1
        for quiet in self._quiet.values():
            quiet.clear()
        for wake in self._wakes.values():
            wake.set()

    async def all_heard(self, service: str, patience_s: float) -> None:
        """Return once `service` has heard what was said so far, or after `patience_s`, for `run` may never be idle."""
        if not self._quiet[service].is_set():
            await first_of((self._quiet[service],), patience_s)

    async def run(self, stop: asyncio.Event, look_every_s: float = 0.2) -> None:
        """Deliver until `stop` is set, to each reader at its own pace. A reader that stops itself stops the run."""
        async with asyncio.TaskGroup() as followers:
            for reader in self.readers:
                followers.create_task(self._follow(reader, stop, look_every_s))

    async def _follow(self, reader: Reader, stop: asyncio.Event, look_every_s: float) -> None:
        wake = self._wakes[reader.service]
        while not stop.is_set():
            wake.clear()
            if await self._deliver_to(reader) == 0:
                if not wake.is_set():
                    self._quiet[reader.service].set()
                await first_of((wake, stop), look_every_s)
                if not wake.is_set():
                    self._forget(reader)

    def _forget(self, reader: Reader) -> None:
        """Look everywhere the next time."""
        for key in [key for key in self._seen if key[0] == reader.service]:
            del self._seen[key]

    async def deliver_all(self) -> int:
        """Deliver what is there, to every reader. Returns how many messages were taken."""
        return sum([await self._deliver_to(reader) for reader in self.readers])

    async def _deliver_to(self, reader: Reader) -> int:
        return sum([await self._deliver(reader, topic) for topic in read_by(reader.service)])

    async def read_by_all(self, writer: str) -> int:
        """The position of this writer's stream that every reader has passed."""
        name = WRITERS[writer].name
        followers = [reader for reader in self.readers if reader.service in WRITERS[writer].readers]
        return min([await reader.database.read(read_up_to, name) for reader in followers], default=0)

    async def drain(self) -> int:
        """Deliver until nothing is left to deliver, answers included."""
        total = 0
        while taken := await self.deliver_all():
            total += taken
        return total

    async def _deliver(self, reader: Reader, topic: Topic) -> int:
        said = self._said[topic.writer]  # before the look: what is said meanwhile is looked for again
        if self._seen.get((reader.service, topic.name)) == said:
            return 0
        rows = await self._take_new(reader, topic)
        metrics.LAG.labels(reader.service, topic.name).set(rows)
        metrics.EVENTS_OUT.labels(topic.writer, topic.name).inc(rows)
        if rows == 0:
            self._seen[reader.service, topic.name] = said
        return rows

    async def _take_new(self, reader: Reader, topic: Topic) -> int:
        done = await reader.database.read(read_up_to, topic.name)
        rows = await self.writers[topic.writer].read(outbox.after, done, BATCH)
        await reader.take_many([_message(topic, row) for row in rows if reader.cares_for(row.type)])
        if rows and not reader.cares_for(rows[-1].type):
            await reader.database.write(advance, topic.name, rows[-1].position)
        return len(rows)


def _message(topic: Topic, row: outbox.Recorded) -> Message:
    return Message(topic.name, f"{topic.name}/{row.position}", row.body, row.position)
