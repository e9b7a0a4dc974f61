"""A broker of ours: ordered logs by stream and territory, committed positions, and every way to disappoint."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from services.bus.outbox import Recorded
from services.bus.retries import BrokerAway
from tests.simulation.databases import Life, kill
from tests.simulation.hostility import Hostility
from tests.simulation.virtual import VirtualClock

Partition = tuple[str, str]
"""A stream and a territory: what has one order."""


@dataclass(frozen=True)
class Carried:
    """What a log holds of an event."""

    type: str
    body: bytes


@dataclass
class Waiting:
    """An event in the client of a process while the broker is away."""

    life: Life
    row: Recorded
    acknowledged: asyncio.Future[object]


@dataclass
class Broker:
    """`committed` is kept by reader and partition, as a consumer group's offsets are."""

    hostility: Hostility
    clock: VirtualClock
    logs: dict[Partition, list[Carried]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[tuple[str, Partition], int] = field(default_factory=lambda: defaultdict(int))
    waiting: list[Waiting] = field(default_factory=list)
    most_waiting: int = 0
    age: int = 0

    async def send(self, life: Life, row: Recorded) -> asyncio.Future[object]:
        """As a client of an idempotent producer does it: while the broker is away the event waits in the client."""
        acknowledged: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self.hostility.is_away("broker", self.clock()) or self.waiting:
            self.hostility.note("away: broker")
            self.waiting.append(Waiting(life, row, acknowledged))
            self.most_waiting = max(self.most_waiting, len(self.waiting))
            return acknowledged
        self._may_die(life, "before it was sent")
        if self.hostility.happens(self.hostility.rates.refuse / 4):
            self.hostility.note("bus: lost before it arrived")
            raise BrokerAway("lost on its way")
        self.logs[row.stream, row.territory].append(Carried(row.type, row.body))
        self._may_die(life, "after it was sent")
        if self.hostility.happens(self.hostility.rates.lose_answer / 4):
            self.hostility.note("bus: acknowledgement lost")
            acknowledged.set_exception(BrokerAway("no acknowledgement"))
        else:
            acknowledged.set_result(None)
        return acknowledged

    def come_back(self) -> None:
        """What waited in clients that still live arrives, in its order."""
        if self.hostility.is_away("broker", self.clock()):
            return
        for wait in self.waiting:
            if not wait.life.is_over:
                self.logs[wait.row.stream, wait.row.territory].append(Carried(wait.row.type, wait.row.body))
                if not wait.acknowledged.done():
                    wait.acknowledged.set_result(None)
        self.waiting.clear()

    def behind(self, reader: str, partition: Partition) -> int:
        return len(self.logs[partition]) - self.committed[reader, partition]

    def lose_everything(self) -> None:
        """The disks are gone; what is left is in the outboxes. `age` tells one life of the broker from the next."""
        self.logs.clear()
        self.committed.clear()
        self.age += 1

    def _may_die(self, life: Life, where: str) -> None:
        if self.hostility.happens(self.hostility.rates.crash):
            kill(life, self.hostility, f"broker: {where}")
