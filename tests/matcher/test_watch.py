"""A proposal that holds a place always waits for a timer or for a person: no tick leaves it to nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.releases import WithdrawalGiven
from contracts.tasks import TaskHandled
from contracts.vocabulary import Answer, Channel, ProposalState, WithdrawalReason
from services.matcher import tables as t
from services.matcher import watch
from tests.matcher.world import World

S = ProposalState
IN_FOUR_HOURS = timedelta(hours=4)


def handle(world: World, kind: str, again: timedelta | None = None) -> None:
    (task,) = [row["task"] for row in world.rows(t.tasks) if row["kind"] == kind and row["settled_at"] is None]
    world.hear(TaskHandled, task, by="coordinator", again_at=world.now + again if again else None)


def alone(world: World) -> list[str]:
    with world.engine.connect() as tx:
        return [proposal.proposal for proposal in watch.left_alone(tx)]


def undelivered(world: World) -> str:
    world.open_place()
    proposal = world.proposed("r-1")
    world.release(proposal)
    world.failed(proposal)
    assert world.state(proposal) is S.UNDELIVERED
    return proposal


def frozen(world: World) -> str:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI, by="parent-1")
    world.answer(proposal, Answer.NON, by="parent-2", channel=Channel.LINK)
    assert world.state(proposal) is S.FROZEN
    return proposal


def unconfirmed(world: World) -> str:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    world.pass_time(timedelta(days=5))
    assert world.state(proposal) is S.ACCEPTED
    return proposal


def prepared(world: World) -> str:
    world.open_place()
    return world.proposed("r-1")


CASES = {"undelivered": undelivered, "contradiction": frozen, "late_confirmation": unconfirmed, "release": prepared}


@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_tick_without_a_gesture_gives_the_proposal_back_to_a_person(world: World, kind: str) -> None:
    proposal = CASES[kind](world)
    before = world.state(proposal)
    handle(world, kind)
    assert world.tasks() == [kind]
    assert (world.state(proposal), alone(world)) == (before, [])


@pytest.mark.parametrize("kind", sorted(CASES))
def test_without_that_the_proposal_is_nobodys(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal = CASES[kind](world)
    monkeypatch.setattr(watch, "keep_watch", lambda *_: None)
    handle(world, kind)
    assert alone(world) == [proposal]


@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_task_that_was_put_off_comes_back_at_its_hour(world: World, kind: str) -> None:
    CASES[kind](world)
    handle(world, kind, IN_FOUR_HOURS)
    assert (world.tasks(), alone(world)) == ([], [])
    world.pass_time(IN_FOUR_HOURS + timedelta(minutes=1))
    assert (world.tasks(), alone(world)) == ([kind], [])


def test_a_task_that_lost_its_object_meanwhile_does_not_come_back(world: World) -> None:
    proposal = undelivered(world)
    handle(world, "undelivered", IN_FOUR_HOURS)
    world.answer(proposal, Answer.OUI, by="guichet", channel=Channel.PHONE)
    world.pass_time(IN_FOUR_HOURS + timedelta(minutes=1))
    assert world.tasks() == []


def test_a_call_that_is_put_off_outlives_the_proposal(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.RAPPEL)
    handle(world, "call_back", timedelta(days=3))
    world.pass_time(timedelta(days=7))
    assert world.state(proposal) is S.EXPIRED
    assert "call_back" in world.tasks()


def test_a_place_given_back_because_nobody_answers_is_not_offered_to_the_same_family_again(world: World) -> None:
    proposal = undelivered(world)
    facts = {"reason": WithdrawalReason.FAMILY_UNREACHABLE, "by": "coordinator"}
    world.hear(WithdrawalGiven, proposal, proposal=proposal, **facts)
    world.tick()
    assert [row["state"] for row in world.rows(t.proposals)] == [S.WITHDRAWN]
    assert world.tasks() == [], "no call is promised to whom nobody reaches"
    other = world.ask("r-2")
    world.tick()
    assert world.live(other)
