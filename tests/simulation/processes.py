"""The processes of the three services: begun, killed, begun again with nothing but what was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import sqlalchemy as sa
from pydantic import SecretStr

from contracts.base import Event
from contracts.topics import read_by
from services.bus import outbox
from services.bus.database import Database
from services.bus.delivery import Handler, Message
from services.bus.relay import Relay
from services.bus.retries import Failure, failure_of
from services.bus.service import Service
from services.ingest import app as ingest
from services.ingest.guichet import Guichet
from services.matcher import app as matcher
from services.matcher.solver.schema import Outcome, Round
from services.notifier import app as notifier
from services.notifier.gateways.http import HttpGateway
from services.vault import Keyring
from tests.simulation.broker import Broker, Partition
from tests.simulation.databases import Life, doors, effects, kill
from tests.simulation.hostility import Crashed, Hostility
from tests.simulation.provider import Line, Provider
from tests.simulation.virtual import Stuck, VirtualClock

SERVICES = ("ingest", "matcher", "notifier")
PUT_OFF = "put off: "
"""How the branch of a part begins that found something away."""
KEYRING, LINK_KEY = Keyring(b"k" * 32), b"l" * 32
PUBLIC_URL = "https://guichet.example"
PATIENCE_S = 600.0
"""Virtual seconds after which a part that neither ends nor rests is taken to hang."""


@dataclass(eq=False)
class Resting:
    """A task that waits for something outside."""

    task: asyncio.Task[Any] | None
    wait: asyncio.Future[None]


@dataclass
class House:
    """What all processes stand on, whichever of them live."""

    hostility: Hostility
    clock: VirtualClock
    engines: dict[str, sa.Engine]
    broker: Broker
    provider: Provider
    resting: list[Resting] = field(default_factory=list)
    rested: asyncio.Event = field(default_factory=asyncio.Event)
    drivers: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.drivers = {name: engine.raw_connection() for name, engine in self.engines.items()}

    async def rest(self, where: str) -> None:
        """Something else may happen now: a solver computes, a request is on its way."""
        if self.hostility.happens(self.hostility.rates.pause):
            self.hostility.note(f"pause: {where}")
            wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.resting.append(Resting(asyncio.current_task(), wait))
            self.rested.set()
            await wait

    def changes(self, name: str) -> int:
        """Grows with every row that is written."""
        changes: int = self.drivers[name].driver_connection.total_changes
        return changes

    def is_resting(self, task: asyncio.Task[Any]) -> bool:
        return any(rest.task is task for rest in self.resting)

    def wake(self, rest: Resting) -> None:
        self.resting.remove(rest)
        if not rest.wait.done():
            rest.wait.set_result(None)


@dataclass
class Process:
    """One service on the cluster: its reader, its relay, its ticks. At most one of each is at work."""

    name: str
    house: House
    life: Life
    service: Service
    relay: Relay
    at_work: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    def may(self, part: str) -> bool:
        """Whether this part has nothing in hand."""
        task = self.at_work.get(part)
        return task is None or task.done()

    async def do(self, part: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Work until it is done, or rests. What is away is left for later; what dies, dies here."""
        self.house.rested.clear()
        self.house.clock.pass_by(0.001)  # no two things happen at the very same instant
        self.at_work[part] = asyncio.ensure_future(work)
        return await self.go_on(part)

    async def go_on(self, part: str) -> Any:
        """The same for what rested; nothing happens while it still does."""
        task = self.at_work[part]
        if not self.house.is_resting(task):
            rested = asyncio.ensure_future(self.house.rested.wait())
            done, _ = await asyncio.wait({task, rested}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            rested.cancel()
            if not done:
                raise Stuck(f"{self.name} {part}: {task.get_stack()}")
            self.house.rested.clear()
        return self.outcome(part) if task.done() else None

    def outcome(self, part: str) -> Any:
        """What came of a part that is done. Raises what is nobody's infrastructure."""
        task = self.at_work.pop(part)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return None if task.cancelled() else task.result()
        if isinstance(error, Crashed):
            self.life.is_over = True
            return None
        if failure_of(error) is Failure.AWAY:
            self.house.hostility.note(f"{PUT_OFF}{self.name} {part}")
            return None
        raise error

    @property
    def guichet(self) -> Guichet:
        """What ingest's doors need."""
        return cast(Guichet, cast(Any, self.service.app).guichet)

    def end(self) -> None:
        """Killed from outside: whatever it had in hand is over."""
        self.life.is_over = True
        for task in self.at_work.values():
            task.cancel()

    async def deliver(self, partition: Partition) -> None:
        """Take what comes together, from this partition and perhaps from others, then commit: between the two the
        process may die, or the broker forget."""
        broker, dice = self.house.broker, self.house.hostility
        ends, age = self._fetched(partition), broker.age
        await self.handle(ends)
        if dice.happens(dice.rates.crash):
            kill(self.life, dice, "consumer: between effect and acknowledgement")
        if dice.happens(dice.rates.repeat):
            dice.note("bus: delivered again")
        elif broker.age == age:
            self.commit(ends)

    async def handle(self, ends: dict[Partition, int]) -> None:
        """Take what was fetched, as far as `ends` of each partition."""
        messages = [message for part, end in ends.items() for message in self._messages(part, end)]
        if len(messages) > 1:
            self.house.hostility.note("bus: several at once")
        for outcome in await self.service.reader.take_many(messages):
            self.house.hostility.note(f"message: {outcome}")

    def commit(self, ends: dict[Partition, int]) -> None:
        self.house.broker.committed.update({(self.name, part): end for part, end in ends.items()})

    def _fetched(self, partition: Partition) -> dict[Partition, int]:
        """Up to where what is here already goes, in this partition first."""
        broker, dice = self.house.broker, self.house.hostility
        others = self.partitions_behind() if dice.happens(0.3) else []
        return {
            part: min(len(broker.logs[part]), broker.committed[self.name, part] + dice.one((1, 1, 2, 5, 50)))
            for part in dict.fromkeys((partition, *others))
        }

    def _messages(self, partition: Partition, end: int) -> list[Message]:
        broker, reader = self.house.broker, self.service.reader
        stream, territory = partition
        return [
            Message(stream, f"{stream}/{territory}/{broker.age}/{offset}", broker.logs[partition][offset].body)
            for offset in range(broker.committed[self.name, partition], end)
            if not broker.logs[partition][offset].type or reader.cares_for(broker.logs[partition][offset].type)
        ]

    def partitions_behind(self) -> list[Partition]:
        streams = {topic.name for topic in read_by(self.name)}
        broker = self.house.broker
        return [p for p in sorted(broker.logs) if p[0] in streams and broker.behind(self.name, p) > 0]


def begin(name: str, house: House) -> Process:
    """A new process of this service, on what the one before has committed."""
    life = Life(name)
    databases = {
        each: doors(each, engine, house.hostility, house.clock, life)
        for each, engine in house.engines.items()
        if each in (name, "vault")
    }
    service = _BUILT[name](house, life, databases)
    service.reader.sleep = asyncio.sleep
    service.reader.stopwatch = lambda: house.clock.elapsed_s  # how long handling took sets how much is taken at once
    service.reader.handlers = {kind: _counted(handler) for kind, handler in service.reader.handlers.items()}

    async def send(row: outbox.Recorded) -> asyncio.Future[object]:
        return await house.broker.send(life, row)

    relay = Relay(name, databases[name], send, house.clock, service.reader.troubles)
    return Process(name, house, life, service, relay)


def _counted(handler: Handler) -> Handler:
    """The handler, leaving a trace of each effect in its own transaction."""

    def counted(tx: sa.Connection, event: Event, now: datetime) -> None:
        handler(tx, event, now)
        tx.execute(effects.insert().values(event_id=event.id))

    return counted


def _ingest(house: House, life: Life, databases: dict[str, Database]) -> Service:
    guichet = guichet_of(databases, house)
    reader = ingest.build_reader(guichet)
    tidy = ingest.Tidying(guichet)

    async def next_due() -> datetime | None:
        return None

    site = SimpleNamespace(guichet=guichet)  # the web is left out: people knock at the door behind it
    return Service("ingest", guichet.database, reader, cast(Any, site), tidy.tick, next_due)


def guichet_of(databases: dict[str, Database], house: House) -> Guichet:
    return Guichet(databases["ingest"], databases["vault"], KEYRING, house.clock, LINK_KEY, PUBLIC_URL)


def _matcher(house: House, life: Life, databases: dict[str, Database]) -> Service:
    async def decide(part: Round) -> Outcome:
        await house.rest("solver")
        return matcher.decide(part)

    return matcher.build(databases["matcher"], house.clock, decide, relayed=True, new_seed=told_seed)


def told_seed(territory: str, day: date) -> str:
    """A draw that a failing seed reproduces."""
    return f"{territory}/{day}"


def _notifier(house: House, life: Life, databases: dict[str, Database]) -> Service:
    client = httpx2.AsyncClient(transport=Line(house.provider, life), trust_env=False)
    gateway = HttpGateway(
        client, "https://sms.example", SecretStr("token"), "Guichet", house.provider.ability, can_link=True
    )
    return notifier.build(
        databases["notifier"], databases["vault"], KEYRING, house.clock, link_key=LINK_KEY, link_base=PUBLIC_URL,
        gateway=gateway, relayed=True, at_once=1,
    )  # fmt: skip


_BUILT = {"ingest": _ingest, "matcher": _matcher, "notifier": _notifier}
