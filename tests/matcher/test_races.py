"""Races on PostgreSQL, where writers do not wait for each other. Beside each, its twin with the guard off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.replies import ReplyReceived
from contracts.requests import RequestRegistered
from contracts.structures import SectionFacts, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyChanged, VacancyOpened
from contracts.vocabulary import (
    LIVE,
    Answer,
    Audience,
    Channel,
    Period,
    ProposalState,
    StructureKind,
    VacancyKind,
)
from services.bus import tables as bus
from services.bus.database import Database, open_postgresql
from services.bus.migrations import upgrade
from services.calendar import local_day
from services.matcher import lifecycle, moves, rounds, store, timers
from services.matcher import tables as t
from services.matcher.app import decide_here
from services.matcher.handlers import HANDLERS
from services.matcher.policy import policy_in_force
from services.matcher.propose import NoRoom, Place, propose, propose_wave
from services.matcher.solver.schema import Hold, Outcome, Round
from services.matcher.step import Step
from tests.matcher.world import COMMUNE, CRECHE, FROM_OCTOBER, MORNINGS, TERRITORY, need, now_at, told_seed

NOW = now_at(9)
POLICY = policy_in_force("montlucon-modele", local_day(NOW))
CELLS, CLAIMANTS, WAVES = 12, 8, 3
NUMBERS = count(1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_postgresql(url, "matcher", pool_size=CLAIMANTS + 2)
    await upgrade(database, "matcher")
    await hear(database, TerritoryPublished, TERRITORY, name="M", guichet_name="G", guichet_phone="04 65 71 00 00",
               communes=(), policy="montlucon-modele", round_quiet_seconds=0)  # fmt: skip
    sections = tuple(
        SectionFacts(section=section(n), name="Petits", age_from_months=2, age_to_months=36) for n in range(CELLS)
    )
    await hear(database, StructurePublished, CRECHE, name="C", kind=StructureKind.CRECHE, commune=COMMUNE, capacity=20,
               opening=(), sections=sections)  # fmt: skip
    try:
        yield database
    finally:
        await database.close()


def section(n: int) -> str:
    return f"section-{n:02}"


async def hear(database: Database, event: type[Event], subject: str, **facts: Any) -> None:
    said = event.say(subject, source="ingest", territory=TERRITORY, time=NOW, **facts)

    def handle(tx: sa.Connection) -> None:
        HANDLERS[event](tx, said, NOW)

    await database.write(handle)


async def open_place(database: Database, n: int, places: int = 1) -> None:
    await hear(database, VacancyOpened, f"v-{n}", structure=CRECHE, section=section(n), kind=VacancyKind.REGULAR,
               slots=MORNINGS, places=places, period=FROM_OCTOBER, said_by="d")  # fmt: skip


async def claim(database: Database, n: int, request: str) -> str | None:
    """Hold the one place of a section for a request, as whoever found it would; None where there is no room."""

    def hold(tx: sa.Connection) -> str:
        step = Step(tx, NOW, f"cause-{next(NUMBERS)}", POLICY)
        return propose(step, place(n, request)).proposal

    try:
        return await database.write(hold)
    except NoRoom:
        return None


def place(n: int, request: str) -> Place:
    return Place(
        territory=TERRITORY, round=None, request=request, family=f"f-{request}", structure=CRECHE, section=section(n),
        kind=VacancyKind.REGULAR, slots=MORNINGS, period=Period(start=FROM_OCTOBER.start, end=FROM_OCTOBER.end),
        entitled_to=Audience.EVERYBODY, tier=2, points=0, since=FROM_OCTOBER.start,
    )  # fmt: skip


async def claim_all(database: Database) -> list[int]:
    """How many children got the one place of each section, asked for by all claimants at once."""
    for n in range(CELLS):
        await open_place(database, n)
    held = []
    for n in range(CELLS):
        got = await asyncio.gather(*(claim(database, n, f"r-{n}-{who}") for who in range(CLAIMANTS)))
        held.append(sum(proposal is not None for proposal in got))
    return held


async def test_one_place_wanted_by_many_at_once_goes_to_one(database: Database) -> None:
    assert await claim_all(database) == [1] * CELLS


async def test_without_the_lock_of_the_section_one_place_goes_to_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "lock_section", lambda tx, name: True)
    monkeypatch.setattr("services.matcher.propose.free_code", lambda *_: f"{next(NUMBERS) % 10_000:04}")
    assert sum(held > 1 for held in await claim_all(database)) >= CELLS * 3 / 4


async def offered(database: Database, n: int) -> str:
    """A proposal that a family has received, in a section of its own."""
    request = f"r-{n}"
    await hear(database, RequestRegistered, request, **need(request))
    proposal = await claim(database, n, request)
    assert proposal is not None

    def deliver(tx: sa.Connection) -> None:
        step = Step(tx, NOW, f"deliver/{proposal}", POLICY)
        found = store.proposal(tx, proposal)
        assert found is not None
        lifecycle.release(step, found, NOW + timedelta(hours=30), "coordinator")
        lifecycle.reached(step, found, NOW, NOW + timedelta(hours=30))

    await database.write(deliver)
    return proposal


async def asked_at_once(database: Database, n: int) -> list[str]:
    """One place of a section, proposed to all claimants in a wave; each has the text."""
    names = [f"w-{n}-{who}" for who in range(CLAIMANTS)]
    places = [place(n, name) for name in names]
    for name in names:
        await hear(database, RequestRegistered, name, **need(name))

    def ask(tx: sa.Connection) -> list[str]:
        step = Step(tx, NOW, f"wave-{n}", POLICY)
        wave = Hold(id="wave", section=section(n), slots=MORNINGS, period=places[0].period)
        made = propose_wave(step, places, wave)
        for proposal in made:
            lifecycle.release(step, proposal, NOW + timedelta(hours=4), "policy")
            lifecycle.reached(step, proposal, NOW, NOW + timedelta(hours=4))
        return [proposal.proposal for proposal in made]

    return await database.write(ask)


async def all_say_yes(database: Database) -> list[int]:
    """How many families got the one place of each section, after a wave in which all answered OUI at one moment."""
    won = []
    for n in range(WAVES):
        await open_place(database, n)
        proposals = await asked_at_once(database, n)
        await asyncio.gather(*(reply(database, proposal, Answer.OUI) for proposal in proposals))
        ends = await endings_of(database, proposals)
        won.append(sum(said["proposal.accepted"] for said in ends.values()))
    return won


async def test_of_a_wave_in_which_all_say_yes_at_one_moment_one_family_gets_the_place(database: Database) -> None:
    assert await all_say_yes(database) == [1] * WAVES
    held = await database.read(lambda tx: tx.execute(sa.select(t.holds.c.section)).all())
    assert len(held) == WAVES


async def test_without_the_taking_of_the_wave_s_hold_every_yes_gets_the_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_take_for_all", lambda step, proposal: None)
    assert all(families == CLAIMANTS for families in await all_say_yes(database))


async def endings_of(database: Database, proposals: Sequence[str]) -> dict[str, Counter[str]]:
    def read(tx: sa.Connection) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {proposal: Counter() for proposal in proposals}
        for type_, body in tx.execute(sa.select(bus.outbox.c.type, bus.outbox.c.body)):
            for proposal in proposals:
                found[proposal][type_] += f'"subject":"{proposal}"'.encode() in body
        return found

    return await database.read(read)


async def reply(database: Database, proposal: str, answer: Answer, by: str = "parent-1") -> None:
    await hear(database, ReplyReceived, f"reply-{next(NUMBERS)}", proposal=proposal, answer=answer,
               received_at=NOW, channel=Channel.SMS, answered_by=by)  # fmt: skip


async def expire(database: Database, proposal: str) -> None:
    due = await database.read(timers.due, NOW + timedelta(days=3))
    for timer in due:  # none where the withdrawal was quicker
        if (timer.kind, timer.about) == (moves.EXPIRY, proposal):
            await database.write(timers.fire, timer, NOW + timedelta(days=3))


async def withdraw(database: Database, n: int) -> None:
    await hear(database, VacancyChanged, f"v-{n}", places=0, said_by="director")


async def race(database: Database, n: int) -> str:
    """A yes, the end of the delay and a withdrawal, all at the same moment."""
    await open_place(database, n)
    proposal = await offered(database, n)
    contenders: list[Awaitable[None]] = [
        reply(database, proposal, Answer.OUI),
        expire(database, proposal),
        withdraw(database, n),
        reply(database, proposal, Answer.NON, "parent-2"),
    ]
    await asyncio.gather(*contenders)
    return proposal


async def test_answers_deadlines_and_withdrawals_at_one_moment_end_each_proposal_once(database: Database) -> None:
    proposals = [await race(database, n) for n in range(CELLS)]
    for said in (await endings_of(database, proposals)).values():
        ends = said["proposal.expired"] + said["proposal.withdrawn"] + said["proposal.declined"]
        assert ends == said["place.reopened"] <= 1
        assert ends or said["proposal.frozen"] or said["proposal.accepted"] or said["proposal.declining"]


async def silence_against_withdrawal(database: Database) -> list[str]:
    """Each proposal's delay ends while its place is withdrawn: the one begins with the proposal, the other with the
    section."""
    proposals = []
    for n in range(CELLS):
        await open_place(database, n)
        proposals.append(await offered(database, n))
        await asyncio.gather(expire(database, proposals[-1]), withdraw(database, n))
    return proposals


async def test_whoever_locks_the_territory_first_never_waits_in_a_circle(database: Database) -> None:
    proposals = await silence_against_withdrawal(database)
    ends = await endings_of(database, proposals)
    assert all(said["proposal.expired"] + said["proposal.withdrawn"] == 1 for said in ends.values())


async def test_without_the_lock_of_the_territory_they_wait_for_each_other_in_a_circle(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.territory_row

    def unlocked(tx: sa.Connection, territory: str, *, lock: bool = False) -> sa.RowMapping | None:
        return real(tx, territory)

    monkeypatch.setattr(store, "territory_row", unlocked)
    with pytest.raises(sa.exc.DBAPIError, match="deadlock"):
        await silence_against_withdrawal(database)


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_closed_proposal_never_changes_because_each_change_names_the_states_it_leaves(
    database: Database, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    await open_place(database, 0)
    proposal = await offered(database, 0)
    await expire(database, proposal)
    if not guarded:
        everything = tuple(ProposalState)
        real = store.change_proposal
        monkeypatch.setattr(
            store, "change_proposal", lambda tx, name, _, **values: real(tx, name, everything, **values)
        )

    def accept(tx: sa.Connection) -> bool:
        found = store.proposal(tx, proposal)
        assert found is not None
        as_it_was = replace(found, state=ProposalState.DELIVERED)  # read before it expired
        step = Step(tx, NOW, "late", POLICY)
        return lifecycle.accept(step, as_it_was, "parent-1", Channel.SMS, NOW, at_once=False)

    assert await database.write(accept) is not guarded


async def test_two_processes_that_run_the_same_round_propose_each_place_once(database_url: str) -> None:
    async with opened(database_url) as database:
        for n in range(3):
            await open_place(database, n)
            await hear(database, RequestRegistered, f"r-{n}", **need(f"r-{n}"))
        other = open_postgresql(database_url, "matcher")
        both_have_read = asyncio.Barrier(2)

        async def decide(part: Round) -> Outcome:
            outcome = await decide_here(part)
            await both_have_read.wait()
            return outcome

        later = NOW + timedelta(seconds=1)
        tallies = await asyncio.gather(
            rounds.run_round(database, TERRITORY, NOW, decide, told_seed),
            rounds.run_round(other, TERRITORY, later, decide, told_seed),
        )
        await other.close()
        assert sorted((tally.proposed, tally.dropped) for tally in tallies if tally) == [(0, 1), (3, 0)]
        live = await database.read(lambda tx: tx.scalars(
            sa.select(t.proposals.c.request).where(t.proposals.c.state.in_(LIVE))).all())  # fmt: skip
        assert sorted(live) == ["r-0", "r-1", "r-2"]
