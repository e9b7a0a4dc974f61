"""Races about a week that two structures share, on PostgreSQL: both halves live or end together, whoever is first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from contracts.confirmations import AdmissionConfirmed
from contracts.proposals import PlaceReopened
from contracts.replies import ReplyReceived
from contracts.requests import RequestRegistered
from contracts.structures import SectionFacts, StructurePublished
from contracts.vacancies import VacancyOpened, VacancyWithdrawn
from contracts.vocabulary import Answer, Audience, Channel, StructureKind, VacancyKind, Weekday, WithdrawalReason
from services.bus import tables as bus
from services.bus.database import Database
from services.matcher import lifecycle, store
from services.matcher import tables as t
from services.matcher.propose import OtherPlace, propose
from services.matcher.step import Step
from tests.matcher.test_races import NOW, POLICY, hear, open_place, opened, place
from tests.matcher.world import COMMUNE, CRECHE, FROM_OCTOBER, need, on_weekday

EACH = 8
OTHER = "creche-B"
THURSDAY = on_weekday(Weekday.THU)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """As many children as races, each with the one place of a section in either crèche, and a text that was read."""
    async with opened(database_url) as database:
        sections = tuple(
            SectionFacts(section=other(n), name="Petits", age_from_months=2, age_to_months=36) for n in range(EACH)
        )
        await hear(database, StructurePublished, OTHER, name="B", kind=StructureKind.CRECHE, commune=COMMUNE,
                   capacity=20, opening=(), sections=sections)  # fmt: skip
        yield database


def other(n: int) -> str:
    return f"other-{n:02}"


async def read(database: Database, n: int) -> str:
    """A shared proposal that its family has read."""
    await open_place(database, n)
    await hear(database, VacancyOpened, f"w-{n}", structure=OTHER, section=other(n), kind=VacancyKind.REGULAR,
               slots=THURSDAY, places=1, period=FROM_OCTOBER, said_by="d")  # fmt: skip
    await hear(database, RequestRegistered, f"r-{n}", **need(f"r-{n}"))

    def make(tx: sa.Connection) -> str:
        step = Step(tx, NOW, f"shared-{n}", POLICY)
        own = replace(place(n, f"r-{n}"), other=OtherPlace(OTHER, other(n), THURSDAY, Audience.EVERYBODY))
        proposal = propose(step, own)
        lifecycle.release(step, proposal, NOW, "policy")
        lifecycle.reached(step, proposal, NOW, NOW + POLICY.undo * 100)
        return proposal.proposal

    return await database.write(make)


async def say_yes(database: Database, proposal: str) -> None:
    await hear(database, ReplyReceived, f"y-{proposal}", proposal=proposal, answer=Answer.OUI, received_at=NOW,
               channel=Channel.SMS, answered_by="parent-1")  # fmt: skip


async def confirm(database: Database, proposal: str, structure: str) -> None:
    days = {"adaptation_start": FROM_OCTOBER.start, "first_full_day": FROM_OCTOBER.start}
    facts = {"proposal": proposal, "said_by": "d", "structure": structure}
    await hear(database, AdmissionConfirmed, proposal, **facts, **days)


def kept(tx: sa.Connection) -> tuple[list[str], Counter[str], list[str]]:
    """The states of all proposals, how often each gave a place back, and the names of what is held."""
    subjects = sa.select(bus.outbox.c.body).where(bus.outbox.c.type == PlaceReopened.wire_type())
    given_back = Counter(PlaceReopened.model_validate_json(body).subject for body in tx.scalars(subjects))
    states = sorted(tx.scalars(sa.select(t.proposals.c.state)))
    return states, given_back, list(tx.scalars(sa.select(t.holds.c.hold)))


async def test_a_yes_at_the_moment_at_which_one_of_the_two_places_is_withdrawn_keeps_neither(
    database: Database,
) -> None:
    proposals = [await read(database, n) for n in range(EACH)]

    async def withdraw(n: int) -> None:
        vacancy = f"{'v' if n % 2 else 'w'}-{n}"
        await hear(database, VacancyWithdrawn, vacancy, reason=WithdrawalReason.CLOSURE, said_by="d")

    yes = (say_yes(database, name) for name in proposals)
    await asyncio.gather(*(race for pair in zip(yes, map(withdraw, range(EACH)), strict=True) for race in pair))
    states, given_back, held = await database.read(kept)
    assert states == ["withdrawn"] * EACH
    assert (given_back, held) == (Counter(dict.fromkeys(proposals, 2)), [])


async def test_two_structures_that_confirm_at_one_moment_give_the_child_both_places(database: Database) -> None:
    proposals = [await read(database, n) for n in range(EACH)]
    for name in proposals:
        await say_yes(database, name)
    both = [confirm(database, name, structure) for name in proposals for structure in (CRECHE, OTHER)]
    await asyncio.gather(*both)
    states, given_back, held = await database.read(kept)
    assert (states, given_back, len(held)) == (["confirmed"] * EACH, Counter(), 2 * EACH)
    placed = await database.read(lambda tx: list(tx.scalars(sa.select(t.placements.c.request))))
    assert Counter(placed) == Counter({f"r-{n}": 2 for n in range(EACH)})
    requests = await database.read(lambda tx: set(tx.scalars(sa.select(t.requests.c.state))))
    assert requests == {store.PLACED}
