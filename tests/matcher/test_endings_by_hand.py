"""How a proposal ends, step by step: once, with what a person reads, and with nothing for what is over already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from contracts.vocabulary import Answer, ProposalState, RefusalReason, WithdrawalReason
from services.bus import tables as bus
from services.calendar import local_day
from services.matcher import endings
from services.matcher import tables as t
from services.matcher.policy import policy_in_force
from services.matcher.step import Step
from services.matcher.store import Proposal
from tests.matcher.world import World

S = ProposalState
End = Callable[[Step, Proposal], bool]
ENDS: dict[str, End] = {
    "decline": lambda step, proposal: endings.decline(step, proposal, Answer.NON, "parent-1"),
    "expire": endings.expire,
    "withdraw": lambda step, proposal: endings.withdraw(step, proposal, WithdrawalReason.CLOSURE),
    "refuse": lambda step, proposal: endings.refuse(step, proposal, RefusalReason.ALREADY_FILLED),
    "confirm": endings.confirm,
}


@pytest.fixture
def world() -> World:
    """Two children; the first has the only place, and its family has read of it."""
    world = World().begin()
    world.open_place()
    for name in ("r-1", "r-2"):
        world.ask(name)
    world.tick()
    return world


def offered(world: World) -> str:
    """The only live proposal, read by its family."""
    (name,) = [row["proposal"] for row in world.rows(t.proposals) if row["ended_at"] is None]
    if world.state(name) in (S.PREPARED, S.HELD):
        world.release(name)
    world.delivered(name)
    return str(name)


@contextmanager
def step(world: World, cause: str) -> Iterator[Step]:
    with world.engine.begin() as tx:
        yield Step(tx, world.now, cause, policy_in_force("montlucon-modele", local_day(world.now)))


def everything(world: World) -> list[object]:
    tables = (t.proposals, t.requests, t.holds, t.tasks, t.timers, t.placements, t.territories, bus.outbox)
    return [[tuple(row.values()) for row in world.rows(table)] for table in tables]


@pytest.mark.parametrize("again", ENDS)
def test_what_is_over_ends_no_second_time_and_says_nothing(world: World, again: str) -> None:
    """Each end reads the proposal before somebody else has ended it, as a process that was slow."""
    read = world.proposal(offered(world))
    with step(world, "first") as first:
        assert endings.decline(first, read, Answer.NON, "parent-1")
    before = everything(world)
    with step(world, "second") as second:
        assert not ENDS[again](second, read)
    assert everything(world) == before


@pytest.mark.parametrize("end", ["decline", "expire"])
def test_who_went_first_and_lets_it_pass_goes_first_no_more_and_no_other_changes(world: World, end: str) -> None:
    name = offered(world)
    with world.engine.begin() as tx:
        tx.execute(t.requests.update().values(goes_first=True))
    world.now += timedelta(days=5)
    read = world.proposal(name)
    with step(world, "end") as now:
        assert ENDS[end](now, read)
    mine = read.request
    assert {row["request"]: row["goes_first"] for row in world.rows(t.requests)} == {
        request: request != mine for request in ("r-1", "r-2")
    }


def test_silence_ends_nothing_that_nobody_had_received(world: World) -> None:
    (row,) = world.rows(t.proposals)
    before, read = everything(world), world.proposal(row["proposal"])
    with step(world, "end") as now:
        assert not endings.expire(now, read)
    assert everything(world) == before


@pytest.mark.parametrize("reason", RefusalReason)
def test_whoever_calls_after_a_refusal_reads_why(world: World, reason: RefusalReason) -> None:
    world.answer(name := offered(world), Answer.OUI)
    world.refuse(name, reason)
    assert ("structure_refused", reason.label) in kinds(world)


def test_whoever_calls_after_a_withdrawal_reads_why(world: World) -> None:
    world.answer(name := offered(world), Answer.OUI)
    read = world.proposal(name)
    with step(world, "end") as now:
        assert endings.withdraw(now, read, WithdrawalReason.CLOSURE)
    assert ("call_back", WithdrawalReason.CLOSURE.label) in kinds(world)
    (said,) = world.events("proposal.withdrawn", name)
    assert (said.after_yes, said.family_knew) == (True, True)


def kinds(world: World) -> list[tuple[str, str]]:
    return [(str(event.kind), event.detail) for event in world.events("task.opened")]


def test_hours_that_come_back_are_those_that_were_held_and_come_back_once(world: World) -> None:
    name = offered(world)
    held = world.proposal(name)
    with step(world, "end") as now:
        assert endings.decline(now, held, Answer.NON, "parent-1")
    (said,) = world.events("place.reopened", name)
    assert (said.section, said.slots, said.period) == (held.section, held.slots, held.period)
    assert world.rows(t.holds) == []
    assert world.rows(t.territories)[0]["due_at"] is not None, "the next family is looked for"
