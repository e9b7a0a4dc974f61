"""The people of a synthetic territory live their week: they post, ask, answer, refuse, stay silent, release, confirm.

Players only use the doors that people have, and only know what people know: a family what its phone shows, a director
what her page shows, the coordinator what is on her list. What somebody does next is put on an agenda, in order of time.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import sqlalchemy as sa
import structlog

from contracts.vocabulary import Answer, Channel, Id, ProposalState, TaskKind, VacancyKind
from services.bus.retries import Failure, brief, failure_of
from services.calendar import next_working_instant
from services.cli.gestures import Gestures
from services.cli.place import Place
from services.ingest.problems import Refused
from services.ingest.projection import tables as seen
from services.territory import (
    Family,
    ProposalFacts,
    Territory,
    TimedAction,
    answers_of,
    confirmation_of,
)

log = structlog.get_logger()

CALL_AFTER = timedelta(minutes=40)
"""How soon the coordinator takes up a task within working hours (assumed)."""

COMES_BACK_AFTER = timedelta(minutes=10)
"""When somebody tries again who found the guichet away (assumed)."""

CALLED = frozenset(
    {
        TaskKind.CALL_BACK,
        TaskKind.UNCLEAR_REPLY,
        TaskKind.UNDELIVERED,
        TaskKind.NO_MOBILE,
        TaskKind.CONTRADICTION,
        TaskKind.TO_VERIFY,
        TaskKind.WRONG_NUMBER,
    }
)
"""Tasks that a call to the family settles."""


@dataclass(order=True)
class Planned:
    at: datetime
    order: int
    do: Callable[[], Awaitable[None]] = field(compare=False)


@dataclass
class Players:
    """`refused` counts the gestures that Berceau refused, by the code of the problem: people err, too."""

    town: Place
    territory: Territory
    gestures: Gestures
    seed: int
    families: dict[Id, Family]
    agenda: list[Planned] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    _order: count[int] = field(default_factory=count)
    _known: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, at: datetime, do: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self.agenda, Planned(at, next(self._order), do))

    def plan_week(self, actions: list[TimedAction]) -> None:
        for action in actions:
            self.plan(action.at, lambda action=action: self.gestures.play(action))  # type: ignore[misc]

    def next_at(self) -> datetime | None:
        return self.agenda[0].at if self.agenda else None

    async def act(self, now: datetime) -> int:
        """Do what is on the agenda up to `now`, then see what is new and plan what follows from it."""
        done = 0
        while self.agenda and self.agenda[0].at <= now:
            await self._try(heapq.heappop(self.agenda).do)
            done += 1
        await self._unless_away(lambda: self._look_around(now))
        return done

    async def _try(self, do: Callable[[], Awaitable[None]]) -> None:
        """Who finds the guichet away comes back a little later."""
        try:
            if not await self._unless_away(do):
                self.plan(self.town.clock() + COMES_BACK_AFTER, do)
        except Refused as refusal:
            for problem in refusal.problems:
                self.refused[problem.code] += 1

    async def _unless_away(self, do: Callable[[], Awaitable[None]]) -> bool:
        """False where the database is away: everybody still plays on when it is back."""
        try:
            await do()
        except Exception as error:
            if failure_of(error) is not Failure.AWAY:
                raise
            log.warning("away", cause=brief(error))
            return False
        return True

    async def _look_around(self, now: datetime) -> None:
        database = self.town.databases["ingest"]
        for row in await database.read(_in_states, (ProposalState.DELIVERED, ProposalState.ACCEPTED)):
            if row["state"] == ProposalState.ACCEPTED:
                self._once("confirm", row["id"], lambda row=row: self._confirm(row, now))  # type: ignore[misc]
            elif row["half_of"] is not None:
                continue  # the family answers for both halves at once
            elif row["held_by"] is not None:
                self._once("hold", row["id"], lambda row=row: self._answer_for_client(row, now))  # type: ignore[misc]
            else:
                self._once("answer", row["id"], lambda row=row: self._answer(row, now))  # type: ignore[misc]
        for task in await database.read(_open_tasks):
            self._once("task", task["id"], lambda task=task: self._take_up(task, now))  # type: ignore[misc]

    def _once(self, what: str, about: str, then: Callable[[], None]) -> None:
        if (what, about) not in self._known:
            self._known.add((what, about))
            then()

    def _answer(self, row: sa.RowMapping, now: datetime) -> None:
        """What the family will answer, now that its phone shows the text."""
        family = self.families.get(row["family"])
        if family is None:
            return
        for answer in answers_of(family, _facts(row, now), self.seed):
            if answer.channel is Channel.SMS:
                do = lambda a=answer: self.gestures.text(family, a.contact, a.text)  # noqa: E731
            elif answer.channel is Channel.LINK:
                do = lambda a=answer: self.gestures.click(row["id"], row["family"], a.contact, a.text)  # noqa: E731
            else:
                do = lambda a=answer: self.gestures.answer_by_phone(row["id"], a.text)  # noqa: E731
            self.plan(now + answer.delay, do)

    def _answer_for_client(self, row: sa.RowMapping, now: datetime) -> None:
        """A counsellor who keeps a place rings the client, and writes the answer down."""
        self.plan(
            now + timedelta(minutes=12),
            lambda: self.gestures.answer_for_client(row["id"], row["held_by"], Answer.OUI),
        )

    def _confirm(self, row: sa.RowMapping, now: datetime) -> None:
        settled = confirmation_of(row["id"], now, row["start"], self.seed)
        self.plan(now + settled.delay, lambda: self.gestures.confirm(row["id"], row["structure"], settled))

    def _take_up(self, task: sa.RowMapping, now: datetime) -> None:
        kind = TaskKind(task["kind"])
        if kind is TaskKind.RELEASE:
            return  # released all at once, by the week's own gesture
        at = next_working_instant(now + CALL_AFTER)
        if kind is TaskKind.LATE_CONFIRMATION and task["proposal"] is not None:
            self.plan(at, lambda: self._confirm_for_structure(task["proposal"], task["structure"]))
        elif kind in CALLED and task["proposal"] is not None:
            self.plan(at, lambda: self._call(task))
        else:
            self.plan(at, lambda: self.gestures.handle(task["id"]))

    async def _confirm_for_structure(self, proposal: Id, structure: Id | None) -> None:
        """The coordinator rings the structure, and confirms for it."""
        row = await self.town.databases["ingest"].read(_at, proposal, structure)
        if row is not None and ProposalState(row["state"]) is ProposalState.ACCEPTED:
            settled = confirmation_of(row["id"], self.town.clock(), row["start"], self.seed)
            await self.gestures.confirm(row["id"], row["structure"], settled)

    async def _call(self, task: sa.RowMapping) -> None:
        """Call the family of a task's proposal, and write down what it says."""
        row = await self.town.databases["ingest"].read(_proposal, task["proposal"])
        family = self.families.get(row["family"]) if row else None
        if row is not None and family is not None and ProposalState(row["state"]).is_live:
            on_the_phone = family.model_copy(update={"contacts": _by_voice(family)})
            spoken = answers_of(on_the_phone, _facts(row, self.town.clock()), self.seed)
            await self.gestures.call(row["id"])
            await self.gestures.answer_by_phone(row["id"], spoken[0].text)
        await self.gestures.handle(task["id"])


def _by_voice(family: Family) -> tuple[object, ...]:
    """The same people on the phone."""
    return tuple(contact.model_copy(update={"channel": "voice"}) for contact in family.contacts)


def _facts(row: sa.RowMapping, now: datetime) -> ProposalFacts:
    limit = row["deadline"] or row["answer_by"] or now + timedelta(hours=1)
    return ProposalFacts(
        proposal=row["id"],
        code=row["code"],
        kind=VacancyKind(row["kind"]),
        reached_at=now,
        answer_by=max(limit, now + timedelta(minutes=2)),
    )


def _in_states(tx: sa.Connection, states: tuple[ProposalState, ...]) -> list[sa.RowMapping]:
    query = sa.select(seen.proposals).where(seen.proposals.c.state.in_(states)).order_by(seen.proposals.c.id)
    return list(tx.execute(query).mappings())


def _proposal(tx: sa.Connection, name: str) -> sa.RowMapping | None:
    return tx.execute(sa.select(seen.proposals).where(seen.proposals.c.id == name)).mappings().first()


def _at(tx: sa.Connection, name: str, structure: Id | None) -> sa.RowMapping | None:
    """The proposal; of a week that two structures share, the half of this one."""
    p = seen.proposals.c
    there = sa.select(seen.proposals).where(p.half_of == name, p.structure == structure)
    return tx.execute(there).mappings().first() or _proposal(tx, name)


def _open_tasks(tx: sa.Connection) -> list[sa.RowMapping]:
    open_ones = sa.select(seen.tasks).where(seen.tasks.c.settled_at.is_(None), seen.tasks.c.handled_at.is_(None))
    return list(tx.execute(open_ones.order_by(seen.tasks.c.id)).mappings())
