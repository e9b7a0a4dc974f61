"""A matcher in memory: events in, events out, timers and rounds on one thread. People in it are invented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from contracts.base import Event
from contracts.confirmations import AdmissionConfirmed, AdmissionRefused, DepartureAnnounced
from contracts.messages import MessageDelivered, MessageFacts, MessageFailed, MessageSent
from contracts.releases import ReleaseGiven
from contracts.replies import CallRecorded, HoldRequested, ReplyReceived, ReplyUndone
from contracts.requests import AcceptedPattern, DeclaredCriterion, RequestAmended, RequestRegistered, WishedStructure
from contracts.structures import AgreementSigned, SectionFacts, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.topics import parse
from contracts.vacancies import VacancyChanged, VacancyOpened
from contracts.vocabulary import (
    Answer,
    Audience,
    Channel,
    Criterion,
    DepartureReason,
    MessageTemplate,
    Period,
    ProposalState,
    RefusalReason,
    RequestKind,
    Slot,
    StructureKind,
    VacancyKind,
    Weekday,
)
from services.bus import tables as bus
from services.bus.database import Database, sqlite_engine
from services.calendar import at
from services.matcher import intake, rounds, store, timers
from services.matcher import tables as t
from services.matcher.app import decide_here
from services.matcher.draws import NewSeed
from services.matcher.handlers import HANDLERS
from services.matcher.memory import Memory
from services.matcher.rounds import Decide
from services.matcher.solver.schema import Outcome, Round

P = ParamSpec("P")
T = TypeVar("T")

MONDAY = date(2026, 9, 7)
"""An ordinary Monday: no holiday near."""
TERRITORY, CRECHE, SECTION = "montlucon", "creche-A", "creche-A-petits"
COMMUNE = "03185"
MORNINGS = (Slot(day=Weekday.TUE, start=time(8), end=time(12)),)
FROM_OCTOBER = Period(start=date(2026, 10, 5), end=date(2027, 7, 10))
BORN = date(2025, 6, 1)


def now_at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return at(day, time(hour, minute))


def on(day: date, start: int = 8, end: int = 12) -> tuple[Slot, ...]:
    return (Slot(day=day, start=time(start), end=time(end)),)


def on_weekday(*days: Weekday, start: int = 8, end: int = 12) -> tuple[Slot, ...]:
    return tuple(Slot(day=day, start=time(start), end=time(end)) for day in days)


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("this coroutine waits for something")


@dataclass(frozen=True)
class OneThread:
    """The two doors of a `Database` on an engine without an event loop."""

    engine: sa.Engine

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.engine.begin() as tx:
            return do(tx, *args, **kwargs)

    async def read(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.engine.connect() as tx:
            return do(tx, *args, **kwargs)


def empty_engine() -> sa.Engine:
    engine = sqlite_engine(durability="OFF")
    for metadata in (bus.metadata, t.metadata):
        metadata.create_all(engine)
    return engine


def told_seed(territory: str, day: date) -> str:
    """A draw that every run of the tests repeats."""
    return f"{territory}/{day.isoformat()}"


@dataclass
class World:
    """One territory with one crèche of one section, at `now`. `said` is everything that the matcher said."""

    now: datetime = field(default_factory=lambda: now_at(9))
    engine: sa.Engine = field(default_factory=empty_engine)
    decide: Decide = decide_here
    new_seed: NewSeed = told_seed
    memory: Memory = field(default_factory=Memory)
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def database(self) -> Database:
        return cast(Database, OneThread(self.engine))

    def begin(self, **territory: Any) -> World:
        """Publish the territory and its crèche."""
        facts = {"name": "Montluçon", "guichet_name": "Guichet", "guichet_phone": "04 65 71 00 00", "communes": ()}
        self.hear(TerritoryPublished, TERRITORY, policy="montlucon-modele", round_quiet_seconds=0, **facts, **territory)
        self.publish(CRECHE, SECTION)
        return self

    def publish(self, structure: str, *sections: str, **facts: Any) -> None:
        named = tuple(SectionFacts(section=s, name=s, age_from_months=2, age_to_months=36) for s in sections)
        defaults = {"name": structure, "kind": StructureKind.CRECHE, "commune": COMMUNE, "capacity": 20, "opening": ()}
        self.hear(StructurePublished, structure, sections=named, **{**defaults, **facts})

    def hear(self, event: type[Event], subject: str, **facts: Any) -> Event:
        """Say an event as ingest or the notifier would, and hear it."""
        source = facts.pop("source", "ingest")
        cause = f"world/{next(self.numbers)}"  # the same run says the same events
        said = event.say(subject, cause=cause, source=source, territory=TERRITORY, time=self.now, **facts)
        self.take(said)
        return said

    def take(self, event: Event) -> None:
        with self.engine.begin() as tx:
            HANDLERS[type(event)](tx, event, self.now)

    def tick(self) -> None:
        """Fire timers and run rounds until nothing is due."""
        for _ in range(60):
            if not (self.fire() + self.round()):
                return
        raise AssertionError("it never comes to rest")

    def fire(self, listening_since: datetime | None = None) -> int:
        with self.engine.connect() as tx:
            due = timers.due(tx, self.now)
        for timer in due:
            with self.engine.begin() as tx:
                timers.fire(tx, timer, self.now, listening_since)
        return len(due)

    def round(self) -> int:
        with self.engine.connect() as tx:
            due = rounds.due_territories(tx, self.now)
        for territory in due:
            decide, seed, memory = self.decide, self.new_seed, self.memory
            run_now(intake.run(self.database, territory, self.now, decide, seed))
            run_now(rounds.run_round(self.database, territory, self.now, decide, seed, memory=memory))
        return len(due)

    def seal(self) -> None:
        """What every round does first."""
        with self.engine.begin() as tx:
            rounds.keep_draws(tx, TERRITORY, self.now, self.new_seed)

    def pass_time(self, by: timedelta) -> None:
        """Let time pass, doing what falls due on the way at its hour."""
        until = self.now + by
        while (due := self.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.tick()
        self.now = until
        self.tick()

    def go_to(self, when: datetime) -> None:
        self.pass_time(when - self.now)

    def next_due(self) -> datetime | None:
        with self.engine.connect() as tx:
            dues = [due for due in (timers.next_due(tx), rounds.next_due(tx)) if due]
        return min(dues, default=None)

    # what people do

    def open_place(self, name: str = "v-1", places: int = 1, **facts: Any) -> str:
        defaults = {
            "structure": CRECHE,
            "section": SECTION,
            "kind": VacancyKind.REGULAR,
            "slots": MORNINGS,
            "period": FROM_OCTOBER,
            "said_by": "director",
        }
        self.hear(VacancyOpened, name, places=places, **{**defaults, **facts})
        return name

    def change_place(self, name: str, places: int) -> None:
        self.hear(VacancyChanged, name, places=places, said_by="director")

    def ask(self, name: str, *criteria: Criterion, **facts: Any) -> str:
        self.hear(RequestRegistered, name, **need(name, *criteria, **facts))
        return name

    def amend(self, name: str, *criteria: Criterion, **facts: Any) -> None:
        self.hear(RequestAmended, name, **need(name, *criteria, **facts))

    def release(self, *proposals: str) -> None:
        self.hear(ReleaseGiven, "release", proposals=proposals, by="coordinator")

    def message(self, event: type[Event], proposal: str, **facts: Any) -> None:
        about = MessageFacts(
            message=f"m-{proposal}", template=facts.pop("template", MessageTemplate.PROPOSAL),
            contact=facts.pop("contact", "parent-1"), proposal=proposal,
        )  # fmt: skip
        self.hear(event, f"m-{proposal}", source="notifier", about=about, **facts)

    def sent(self, proposal: str) -> None:
        self.message(MessageSent, proposal, sent_at=self.now, segments=1, encoding="gsm7", gateway="phone")

    def delivered(self, proposal: str, when: datetime | None = None) -> None:
        self.sent(proposal)
        self.message(MessageDelivered, proposal, delivered_at=when or self.now)

    def failed(self, proposal: str, **facts: Any) -> None:
        self.message(MessageFailed, proposal, **{"reason": "refused", "last": True, **facts})

    def answer(
        self, proposal: str, answer: Answer, by: str = "parent-1", channel: Channel = Channel.SMS, **facts: Any
    ) -> str:
        received = facts.pop("received_at", self.now)
        subject = f"reply-{next(self.numbers)}"
        self.hear(
            ReplyReceived, subject,
            proposal=proposal, answer=answer, received_at=received, channel=channel, answered_by=by, **facts,
        )  # fmt: skip
        return str(self.last("reply.judged").verdict.value)

    def undo(self, proposal: str, by: str = "parent-1", channel: Channel = Channel.SMS) -> str:
        facts = {"proposal": proposal, "received_at": self.now, "channel": channel, "answered_by": by}
        self.hear(ReplyUndone, f"undo-{next(self.numbers)}", **facts)
        return str(self.last("reply.judged").verdict.value)

    def call(self, proposal: str, **facts: Any) -> None:
        defaults = {"reached": True, "called_at": self.now, "by": "coordinator"}
        self.hear(CallRecorded, f"call-{next(self.numbers)}", proposal=proposal, **{**defaults, **facts})

    def confirm(self, proposal: str, structure: str | None = None) -> None:
        """`structure` names one of two that share the week."""
        days = {"adaptation_start": FROM_OCTOBER.start, "first_full_day": FROM_OCTOBER.start}
        self.hear(AdmissionConfirmed, proposal, proposal=proposal, said_by="director", structure=structure, **days)

    def refuse(self, proposal: str, reason: RefusalReason, structure: str | None = None) -> None:
        facts = {"proposal": proposal, "reason": reason, "said_by": "director", "structure": structure}
        self.hear(AdmissionRefused, proposal, **facts)

    def leave(self, placement: str, last_day: date, reason: DepartureReason = DepartureReason.MOVED) -> None:
        self.hear(DepartureAnnounced, placement, placement=placement, last_day=last_day, reason=reason, said_by="d")

    def agree(self, name: str = "agreement-1", **facts: Any) -> None:
        defaults = {
            "structure": CRECHE,
            "section": SECTION,
            "agreed_by": "director",
            "notice_hours": 1,
            "age_from_months": 2,
            "age_to_months": 36,
            "days_per_child": 3,
            "valid_until": date(2026, 12, 31),
        }
        self.hear(AgreementSigned, name, **{**defaults, **facts})

    def hold(self, request: str, section: str = SECTION, hours: float = 2) -> None:
        self.hear(HoldRequested, f"hold-{request}", request=request, section=section, by="counsellor", hours=hours)

    # what can be seen

    @property
    def said(self) -> list[Any]:
        with self.engine.connect() as tx:
            bodies = tx.scalars(sa.select(bus.outbox.c.body).order_by(bus.outbox.c.position)).all()
        return [parse(body) for body in bodies]

    def events(self, wire: str, subject: str | None = None) -> list[Any]:
        return [event for event in self.said if event.type == wire and subject in (None, event.subject)]

    def last(self, wire: str) -> Any:
        return self.events(wire)[-1]

    def live(self, request: str) -> str:
        """The one live proposal of a request."""
        with self.engine.connect() as tx:
            (found,) = store.live_proposals(tx, t.proposals.c.request == request)
        return found.proposal

    def proposal(self, name: str) -> store.Proposal:
        with self.engine.connect() as tx:
            found = store.proposal(tx, name)
        assert found is not None
        return found

    def state(self, name: str) -> ProposalState:
        return self.proposal(name).state

    def tasks(self, kind: str | None = None) -> list[str]:
        """The kinds of the open tasks."""
        with self.engine.connect() as tx:
            query = sa.select(t.tasks.c.kind).where(t.tasks.c.settled_at.is_(None)).order_by(t.tasks.c.kind)
            return [found for found in tx.scalars(query) if kind in (None, found)]

    def request(self, name: str) -> sa.RowMapping:
        with self.engine.connect() as tx:
            row = store.request_row(tx, name)
        assert row is not None
        return row

    def rows(self, table: sa.Table) -> list[sa.RowMapping]:
        with self.engine.connect() as tx:
            return list(tx.execute(sa.select(table)).mappings())

    # ways to a state

    def proposed(self, request: str = "r-1", *criteria: Criterion, **facts: Any) -> str:
        """A request and a prepared proposal for it."""
        self.ask(request, *criteria, **facts)
        self.tick()
        return self.live(request)

    def offered(self, request: str = "r-1", *criteria: Criterion, **facts: Any) -> str:
        """A proposal that the family has on its phone."""
        proposal = self.proposed(request, *criteria, **facts)
        self.release(proposal)
        self.delivered(proposal)
        return proposal

    def placed(self, request: str = "r-1", *criteria: Criterion, **facts: Any) -> str:
        proposal = self.offered(request, *criteria, **facts)
        self.answer(proposal, Answer.OUI)
        self.confirm(proposal)
        return proposal


def need(name: str, *criteria: Criterion, **facts: Any) -> dict[str, Any]:
    """A need for Tuesday mornings from October on, of an invented family."""
    slots = facts.pop("slots", MORNINGS)
    wished = facts.pop("wishes", (CRECHE,))
    defaults = {
        "family": f"f-{name}",
        "child": f"c-{name}",
        "kind": RequestKind.REGULAR,
        "born": BORN,
        "commune": COMMUNE,
        "wishes": tuple(WishedStructure(structure=s, rank=n) for n, s in enumerate(wished, start=1)),
        "patterns": (AcceptedPattern(slots=slots, rank=1),),
        "period": FROM_OCTOBER,
        "criteria": tuple(DeclaredCriterion(criterion=c, validated=True) for c in criteria),
        "since": date(2026, 1, 1),
        "file_complete": True,
    }
    return {**defaults, **facts}


def days(first: date, number: int = 1) -> Period:
    return Period(start=first, end=first + timedelta(days=number))


def urgent_need(day: date, **facts: Any) -> dict[str, Any]:
    """What makes a request an urgent one of insertion for one morning."""
    return {"kind": RequestKind.URGENT, "slots": on(day), "period": days(day), **facts}


def on_call_place(world: World, day: date, name: str = "v-1", **facts: Any) -> str:
    return world.open_place(
        name,
        **{
            "kind": VacancyKind.ON_CALL,
            "slots": on(day),
            "period": days(day),
            "audience": Audience.URGENT_INSERTION,
            "agreement": "agreement-1",
            **facts,
        },
    )


def in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


async def nobody_decides(part: Round) -> Outcome:
    """For tests in which no round may run."""
    raise AssertionError(f"a round was run for {part.id}")


Decider = Callable[[Round], Awaitable[Outcome]]
