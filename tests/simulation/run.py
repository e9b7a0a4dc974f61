"""One run: everything that may happen next is laid out, the seed picks, until people have done what they wanted."""

from __future__ import annotations

import time as wall
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import structlog

from services.bus.tables import outbox
from services.calendar import at, local_day
from services.ingest.actors import Role
from services.ingest.declare.persons import PersonBody, register_person
from services.ingest.declare.structures import publish_structure
from services.ingest.declare.territories import publish_territory
from services.ingest.families import ORPHANS_AFTER_DAYS
from services.ingest.inbound import receive_sms
from services.notifier.gateways.gateway import Idempotency, Receipt
from services.notifier.sending import note_receipt
from services.vault import Contact, OwnerKind, put_contacts
from tests.simulation import habits
from tests.simulation import town as places
from tests.simulation.books import Books
from tests.simulation.broker import Broker, Carried
from tests.simulation.databases import fresh_engines
from tests.simulation.dues import Dues
from tests.simulation.errands import Errand, Errands
from tests.simulation.families import Phones, Said
from tests.simulation.hostility import QUIET, Habit, Hostility
from tests.simulation.people import People
from tests.simulation.processes import KEYRING, PUT_OFF, SERVICES, House, Process, Resting, begin
from tests.simulation.provider import Provider
from tests.simulation.town import CRECHES, SECTIONS, TERRITORY, Town
from tests.simulation.virtual import Stuck, VirtualClock, loop_on

Move = Callable[[], Awaitable[None]]
ERRANDS, MOST_MOVES = 40, 1500
QUIET_DAYS = 4
TROUBLES = (
    "database ingest",
    "database matcher",
    "database notifier",
    "database vault",
    "broker",
    "broker",
    "gateway",
    "gateway",
)


@dataclass
class Simulation:
    """One run of one seed. `faults` is what the books found wrong."""

    seed: int
    errands_wanted: int = ERRANDS
    outage: tuple[str, timedelta] | None = None
    hostility: Hostility = field(init=False)
    clock: VirtualClock = field(init=False)
    errands: Errands = field(default_factory=Errands)
    processes: dict[str, Process] = field(default_factory=dict)
    stopped: list[Process] = field(default_factory=list)
    moves: int = 0
    garbled: int = 0
    logged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hostility = dice = Hostility(self.seed)
        self.clock = VirtualClock(at(dice.one(places.STARTS), time(9)))
        broker = Broker(dice, self.clock)
        self.provider = Provider(dice, self.clock, dice.one(tuple(Idempotency)), self._rest)
        self.house = House(dice, self.clock, fresh_engines(self.clock), broker, self.provider)
        self.dues = Dues(self.house)
        self.phones = Phones(dice)
        self.provider.arrived = self.phones.arrived
        self.town = Town(self.clock())
        self.people = People(dice, self.town, self.house.engines["ingest"])
        self.books = Books(self)
        self._misplace_phones()

    async def _rest(self, where: str) -> None:
        await self.house.rest(where)

    def _misplace_phones(self) -> None:
        silent = 0.5 if self.hostility.habit is Habit.QUARRELS else 0.2
        for family in self.town.families:
            if self.hostility.happens(silent):
                self.provider.silent.add(family.phone(0))
            elif self.hostility.happens(0.1):
                self.provider.dead.add(family.phone(0))

    @property
    def broker(self) -> Broker:
        return self.house.broker

    async def go(self) -> list[str]:
        """Live the whole run. Returns every fault, empty if all is well."""
        for name in SERVICES:
            self.processes[name] = begin(name, self.house)
        self._keep_staff()
        await self._open()
        if self.outage is not None:
            self.hostility.away[self.outage[0]] = self.clock() + self.outage[1]
        while self.moves < MOST_MOVES and not self._is_over():
            await self._next()
            if found := self.books.look():
                return found
        return await self._to_the_end()

    def _is_over(self) -> bool:
        return len(self.errands.done) >= self.errands_wanted and not self.errands.open

    # moves

    async def _next(self) -> None:
        self.moves += 1
        choices = self._choices()
        moves = [move for move, weight in choices for _ in range(weight)]
        await self.hostility.one(moves)()
        self.broker.come_back()
        self._bury()

    def _choices(self) -> list[tuple[Move, int]]:
        found: list[tuple[Move, int]] = [(self._pass_a_little_time, 2), (self._pass_time, 1), (self._trouble, 1)]
        if len(self.errands.done) + len(self.errands.open) < self.errands_wanted:
            found.append((self._want, 4))
        if self.errands.ready(self.clock()):
            found.append((self._knock, 6))
        if self.phones.due(self.clock()):
            found.append((self._hand_over, 5))
        if self.provider.due_reports():
            found.append((self._report, 5))
        if self._resting():
            found.append((self._wake, 4))
        if self.stopped:
            found.append((self._wake_the_stopped, 2))
        if not self.processes["matcher"].may("tick"):
            found += [(self._stop_one, 1), (self._change_minds, 3)]
        return [*found, *self._work()]

    def _work(self) -> list[tuple[Move, int]]:
        """What processes may do: deliver, publish, and what is due."""
        found: list[tuple[Move, int]] = []
        for process in self.processes.values():
            for part, weight in (("deliver", 5), ("relay", 3), ("tick", 2)):
                if process.may(part) and self._has_work(process, part):
                    found.append((self._part(process, part), weight))
        return found

    def _has_work(self, process: Process, part: str) -> bool:
        if part == "deliver":
            return bool(process.partitions_behind())
        if part == "relay":
            return self.dues.has_unpublished(process.name)
        if process.name == "ingest":
            return self.hostility.happens(0.01)
        return self.dues.is_due(process.name, self.clock())

    def _part(self, process: Process, part: str) -> Move:
        async def move() -> None:
            if part == "relay":
                await process.do(part, process.relay.publish_waiting())
            elif part == "tick":
                await process.do(part, process.service.tick(self.clock()))
            else:
                await self._deliver_some(process)

        return move

    async def _deliver_some(self, process: Process) -> None:
        for _ in range(self.hostility.one((1, 1, 3, 10))):
            behind = process.partitions_behind()
            if not behind or process.life.is_over:
                return
            await process.do("deliver", process.deliver(self.hostility.one(behind)))

    async def _want(self) -> None:
        errand = habits.act(self.people, self.clock())
        if errand is not None:
            self.errands.add(errand)

    async def _knock(self) -> None:
        await self._try(self.hostility.one(self.errands.ready(self.clock())))

    async def _try(self, errand: Errand) -> None:
        process = self.processes["ingest"]
        answer = await process.do("door", errand.go(process.guichet, self.clock()))
        if answer is None:
            return
        if not errand.was_lost and self.hostility.happens(self.hostility.rates.lose_answer):
            errand.was_lost = True
            self.hostility.note("door: answer lost")
            return
        self.hostility.note(f"errand: {errand.name} {answer[0]}")
        self.hostility.tell(f"{self.clock():%d %H:%M} {errand.actor.id} {errand.name}: {answer}")
        self.errands.answered(errand, answer)

    async def _hand_over(self) -> None:
        await self._hand(self.hostility.one(self.phones.due(self.clock())))

    async def _hand(self, said: Said) -> None:
        process = self.processes["ingest"]
        taken = await process.do("door", receive_sms(process.guichet, said.sms))
        if taken is not None and not self.hostility.happens(self.hostility.rates.lose_answer):
            self.hostility.note(f"sms: {taken.outcome}{' again' if taken.repeated else ''}")
            self.hostility.tell(f"{self.clock():%d %H:%M} {said.sms.sender} {said.sms.text}: {taken.outcome}")
            self.phones.took(said, taken)

    async def _report(self) -> None:
        await self._give(self.hostility.one(self.provider.due_reports()))

    async def _give(self, receipt: Receipt) -> None:
        process = self.processes["notifier"]
        taken = await process.do("receipts", process.service.database.write(note_receipt, receipt, self.clock()))
        if taken is not None and not self.hostility.happens(self.hostility.rates.repeat):
            self.provider.drop(receipt)

    def _resting(self) -> list[Resting]:
        """What waits for an answer, in processes that are at work."""
        idle = [task for process in self.stopped for task in process.at_work.values()]
        return [rest for rest in self.house.resting if rest.task not in idle]

    async def _wake(self) -> None:
        """What rested goes on, in its own task: a solver is done, an answer has come."""
        self.house.wake(self.hostility.one(self._resting()))
        for process in self.processes.values():
            for part in list(process.at_work):
                await process.go_on(part)

    async def _wake_the_stopped(self) -> None:
        """A process that slept while another took its place goes on where it was."""
        process = self.stopped.pop(0)
        self.hostility.note(f"woke behind its successor: {process.name}")
        process.life.wake()
        while process.at_work and not process.life.is_over:
            for rest in [rest for rest in self.house.resting if rest.task in process.at_work.values()]:
                self.house.wake(rest)
            for part in list(process.at_work):
                await process.go_on(part)
        process.end()

    async def _change_minds(self) -> None:
        """While a round is being computed, somebody changes what it rests on."""
        errand = self.hostility.one((self.people.amend, self.people.close, self.people.publish_anew))(self.clock())
        if errand is not None:
            self.errands.add(errand)
            await self._try(errand)
            for name, part in (("ingest", "relay"), ("matcher", "deliver")):
                process = self.processes[name]
                while not process.life.is_over and process.may(part) and self._has_work(process, part):
                    before = self.house.changes(name)  # of its own: in a round, leases are renewed all the while
                    await self._part(process, part)()
                    if self.house.changes(name) == before:
                        break

    async def _stop_one(self) -> None:
        """A matcher that is in the middle of a round stops; its successor takes the territory over."""
        process = self.processes["matcher"]
        if self.hostility.happens(self.hostility.rates.trouble * 10):
            process.life.stop()
            self.stopped.append(process)
            self.processes["matcher"] = begin("matcher", self.house)
            self.hostility.note("stopped in a round: matcher")

    async def _pass_a_little_time(self) -> None:
        self.clock.pass_by(self.hostility.one((1, 5, 20, 60, 300)))

    async def _pass_time(self) -> None:
        """Mostly once all is quiet, to the next thing that is due: else everything would always be late."""
        if not self.hostility.happens(0.3):
            await self._settle()
        due = await self._next_due()
        if due is not None and self.hostility.happens(0.7):
            self.clock.go_to(min(due, self.clock() + timedelta(hours=4 if self.errands.open else 20)))
        else:
            self.clock.pass_by(self.hostility.one((900, 3600, 4 * 3600, 3600 if self.errands.open else 14 * 3600)))
        self.hostility.tell(f"it is {self.clock():%a %d %b %H:%M}")

    async def _next_due(self) -> datetime | None:
        """When a timer, a round, a text, a receipt or an answer is next due."""
        due = [said.due for said in self.phones.said] + [when for when, _ in self.provider.reports]
        due += [*self.dues.at("matcher"), *self.dues.at("notifier")]
        return min((when for when in due if when > self.clock()), default=None)

    async def _trouble(self) -> None:
        dice = self.hostility
        if not dice.happens(dice.rates.trouble * 5):
            return
        kind = dice.one(("away", "away", "kill", "kill", "empty the broker", "garbage", "stranger"))
        dice.note(f"trouble: {kind}")
        dice.tell(f"{self.clock():%d %H:%M} trouble: {kind}")
        if kind == "away":
            dice.away[dice.one(TROUBLES)] = self.clock() + timedelta(seconds=dice.one((5, 90, 1200, 6 * 3600)))
        elif kind == "kill":
            self.processes[dice.one(SERVICES)].end()
        elif kind == "empty the broker":
            self._empty_the_broker()
        elif kind == "garbage":
            self._garble()
        else:
            self.phones.stranger(self.clock())

    def _empty_the_broker(self) -> None:
        """Its disks are gone; an administrator has the outboxes published again."""
        self.broker.lose_everything()
        for name in SERVICES:
            with self.house.engines[name].begin() as tx:
                tx.execute(outbox.update().values(published_at=None))

    def _garble(self) -> None:
        """Somebody writes to a stream what is no event."""
        stream = self.hostility.one(("declarations", "decisions", "messages"))
        self.broker.logs[stream, TERRITORY].append(Carried("", b"\xff no event"))
        self.garbled += 1

    def _bury(self) -> None:
        """Whoever died is replaced at once, and what it had in hand is gone."""
        for name, process in list(self.processes.items()):
            if process.life.is_over:
                process.end()
                self.processes[name] = begin(name, self.house)
                self.hostility.note(f"began again: {name}")

    # the end

    async def _to_the_end(self) -> list[str]:
        """All troubles stop; time goes on for some days; then the books are closed."""
        self.hostility.calm()
        self.hostility.tell("calm")
        while self.stopped:
            await self._wake_the_stopped()
        until = self.clock() + timedelta(days=QUIET_DAYS)
        while True:
            await self._settle()
            if found := self.books.look():
                return found
            due = await self._next_due()
            if due is None or due > until:
                break
            self.clock.go_to(due)
        if self.hostility.habit is Habit.ERASURES:
            await self._be_tidied()
        return self.books.close()

    async def _be_tidied(self) -> None:
        """Who still had something to say has said it; what nobody knows any more is swept some days later."""
        longer = timedelta(days=ORPHANS_AFTER_DAYS + 1).total_seconds()
        while self.phones.said:
            self.clock.pass_by(longer)
            await self._settle()
        self.clock.pass_by(longer)
        ingest = self.processes["ingest"]
        await ingest.do("tick", ingest.service.tick(self.clock()))
        await self._settle()

    async def _settle(self) -> None:
        """Do what can be done now, until nothing moves."""
        for _ in range(200):
            before = self._position()
            self.broker.come_back()
            await self._everything_once()
            self._bury()
            if self._position() == before and not self._resting():
                return
        if self.hostility.rates.trouble == 0 and not self.hostility.away:
            raise Stuck("it never comes to rest")

    async def _everything_once(self) -> None:
        while self._resting():
            await self._wake()
        for errand in self.errands.ready(self.clock()):
            await self._try(errand)
        for said in self.phones.due(self.clock()):
            await self._hand(said)
        for receipt in self.provider.due_reports():
            await self._give(receipt)
        for name in SERVICES:
            await self._all_parts(name)

    async def _all_parts(self, name: str) -> None:
        for part in ("tick", "relay", "deliver"):
            process = self.processes[name]
            if process.life.is_over or not process.may(part) or not self._has_work(process, part):
                continue
            if part == "deliver":
                for partition in process.partitions_behind():
                    while self.broker.behind(name, partition) > 0 and not process.life.is_over:
                        if await process.do("deliver", self._one(process, partition)) is None:
                            break
            else:
                await self._part(process, part)()

    async def _one(self, process: Process, partition: tuple[str, str]) -> bool:
        await process.deliver(partition)
        return True

    def _position(self) -> tuple[int, ...]:
        changes = [self.house.changes(name) for name in self.house.engines]
        return (*changes, len(self.errands.done), len(self.phones.said), len(self.provider.reports), self._put_off())

    def _put_off(self) -> int:
        """Once all is calm nothing is away, and what a part puts off it does the next time: an acknowledgement of
        before may have failed it once more."""
        seen = self.hostility.seen.items() if self.hostility.rates is QUIET else ()
        return sum(times for branch, times in seen if branch.startswith(PUT_OFF))

    # the beginning

    def _keep_staff(self) -> None:
        contact = Contact(id="p-director-c1", phone="+33639989998", name=places.OUTSIDERS)
        with self.house.engines["vault"].begin() as tx:
            put_contacts(tx, KEYRING, "p-director", [contact], self.clock().date(), OwnerKind.STAFF)

    async def _open(self) -> None:
        """The territory, its crèches and who may sign in, before anything can go wrong with them."""
        town, rates = self.town, self.hostility.rates
        body, person = places.territory(self.hostility), PersonBody(role=Role.COORDINATOR)
        self.hostility.rates = QUIET
        self.errands.add(Errand(town.administrator, "publish territory", "territory.published",
                                lambda tx, act, _: publish_territory(tx, act, body)))  # fmt: skip
        self.errands.add(Errand(town.administrator, "register person", "",
                                lambda tx, act, _: register_person(tx, act, "p-director", person)))  # fmt: skip
        for creche in CRECHES:
            self.errands.add(self._publication(creche))
        for errand in list(self.errands.open):
            await self._try(errand)
        self.hostility.rates = rates

    def _publication(self, creche: str) -> Errand:
        commune = places.commune_of(self.hostility, creche)
        body = places.structure(creche, SECTIONS[creche], local_day(self.clock()), commune)
        return Errand(self.town.coordinator, "publish", "structure.published",
                      lambda tx, act, _: publish_structure(tx, act, creche, body))  # fmt: skip


RAISED = "raised "
"""How a run that broke off begins to tell it, whatever was raised: its seed is named, and its journal has the rest."""


@dataclass
class Told:
    """What came of one seed."""

    seed: int
    faults: list[str]
    simulation: Simulation
    cpu_s: float


def run(seed: int, errands: int = ERRANDS, outage: tuple[str, timedelta] | None = None) -> Told:
    """Live the run of `seed` to its end. `outage`: what is away from the start, and for how long."""
    begun = wall.process_time()
    simulation = Simulation(seed, errands, outage)
    with _logs_into(simulation.logged), loop_on(simulation.clock) as loop:
        try:
            faults = loop.run_until_complete(simulation.go())
        except Exception as error:
            simulation.hostility.tell(traceback.format_exc())
            faults = [f"{RAISED}{type(error).__name__}: {str(error)[:200]}"]
    return Told(seed, faults, simulation, wall.process_time() - begun)


@contextmanager
def _logs_into(lines: list[str]) -> Iterator[None]:
    """Everything that the services write to their log, as it would be written without the last net."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.JSONRenderer(ensure_ascii=False)],
                        logger_factory=lambda *_: _Lines(lines), cache_logger_on_first_use=False)  # fmt: skip
    try:
        yield
    finally:
        structlog.configure(**before)


@dataclass
class _Lines:
    """A logger that keeps its lines."""

    lines: list[str]

    def msg(self, line: str) -> None:
        self.lines.append(line)

    log = debug = info = warning = error = critical = msg
