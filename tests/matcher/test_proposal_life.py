"""The life of a proposal, from the round that made it to the end that gives its hours back. People are invented."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contracts.releases import ReleaseSuspended, WithdrawalGiven
from contracts.requests import RequestClosed
from contracts.tasks import TaskHandled
from contracts.vocabulary import (
    LIVE,
    Answer,
    ClosingReason,
    Criterion,
    LimitReason,
    Period,
    ProposalState,
    RefusalReason,
    RequestKind,
    VacancyKind,
    WithdrawalReason,
)
from services.calendar import local_day
from services.matcher import store
from services.matcher import tables as t
from services.matcher.needs import FIRST_TIER
from tests.matcher.world import CRECHE, FROM_OCTOBER, MONDAY, World, days, now_at, on

S = ProposalState


def close(world: World, request: str, reason: ClosingReason = ClosingReason.NO_LONGER_NEEDED) -> None:
    world.hear(RequestClosed, request, reason=reason, said_by="coordinator")


def withdraw(world: World, proposal: str, reason: WithdrawalReason) -> None:
    world.hear(WithdrawalGiven, proposal, proposal=proposal, reason=reason, by="coordinator")


def reopened(world: World, proposal: str) -> int:
    return len(world.events("place.reopened", proposal))


def test_a_regular_proposal_waits_for_a_person_and_an_occasional_one_leaves_by_itself(world: World) -> None:
    world.open_place()
    assert world.state(world.proposed("r-1")) is S.PREPARED
    assert world.tasks() == ["release"]
    day = MONDAY + timedelta(days=2)
    world.open_place("v-2", kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    occasional = world.proposed("r-2", kind=RequestKind.OCCASIONAL, slots=on(day), period=days(day))
    assert world.state(occasional) is S.RELEASED


@pytest.mark.parametrize("voted", [False, True])
def test_where_health_counted_even_a_vote_releases_nothing_without_a_person(voted: bool) -> None:
    world = World().begin(automatic_release=voted)
    world.open_place(places=2)
    assert world.state(world.proposed("r-1", Criterion.DISABILITY)) is S.PREPARED
    assert world.state(world.proposed("r-2")) is (S.RELEASED if voted else S.PREPARED)


def test_adapted_care_beyond_what_is_prepared_gets_the_place_and_a_task() -> None:
    world = World().begin(automatic_release=True)
    world.publish(CRECHE, "creche-A-petits", prepared_support=1)
    world.open_place(places=2)
    within = world.proposed("r-1", needs_support=True)
    beyond = world.proposed("r-2", needs_support=True)
    assert [p.to_prepare for p in world.events("proposal.made")] == [False, True]
    assert (world.state(within), world.state(beyond)) == (S.RELEASED, S.PREPARED)
    assert world.tasks() == ["release", "to_prepare"]


@pytest.mark.parametrize(("days_left", "helped"), [(0, [False, True]), (-1, [False, False])])
def test_a_limit_of_adapted_care_counts_up_to_its_last_day_and_not_after(days_left: int, helped: list[bool]) -> None:
    world = World().begin(automatic_release=True)
    until = local_day(world.now) + timedelta(days=days_left)
    limit = {"prepared_support": 1, "support_until": until, "support_reason": LimitReason.TRAINING}
    world.publish(CRECHE, "creche-A-petits", **limit)
    world.open_place(places=2)
    world.proposed("r-1", needs_support=True)
    world.proposed("r-2", needs_support=True)
    assert [p.to_prepare for p in world.events("proposal.made")] == helped


def test_a_held_back_proposal_comes_back_on_its_day_and_can_be_held_longer(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    until = MONDAY + timedelta(days=2)
    facts = {"proposal": proposal, "reason": "À vérifier", "by": "coordinator"}
    world.hear(ReleaseSuspended, proposal, until=until, **facts)
    assert (world.state(proposal), world.tasks()) == (S.HELD, [])
    world.hear(ReleaseSuspended, proposal, until=until + timedelta(days=1), **facts)
    world.go_to(now_at(9, day=until))
    assert world.state(proposal) is S.HELD
    world.go_to(now_at(9, day=until + timedelta(days=1)))
    assert (world.state(proposal), world.tasks()) == (S.PREPARED, ["release"])


def test_what_is_held_back_until_today_comes_back_each_time_it_is_held(world: World) -> None:
    """Its timer's hour is past already: the second time it named the task of the first, which nobody could open."""
    world.open_place()
    proposal = world.proposed()
    facts = {"proposal": proposal, "reason": "À vérifier", "by": "coordinator", "until": MONDAY}
    for _ in range(2):
        world.hear(ReleaseSuspended, proposal, **facts)
        assert (world.state(proposal), world.tasks()) == (S.HELD, [])
        world.pass_time(timedelta(minutes=1))
        assert (world.state(proposal), world.tasks()) == (S.PREPARED, ["release"])


def test_a_yes_confirmed_is_a_placement_that_holds_the_hours(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.ask("r-2")
    world.tick()
    assert world.state(placement) is S.CONFIRMED
    assert world.request("r-1")["state"] == store.PLACED
    assert world.events("proposal.made")[-1].request == "r-1"
    assert reopened(world, placement) == 0


def test_a_final_no_gives_the_place_to_the_next_family_once(world: World) -> None:
    world.open_place()
    first = world.offered("r-1")
    world.ask("r-2")
    assert world.answer(first, Answer.NON) == "taken"
    world.tick()
    assert world.state(first) is S.DECLINING
    world.pass_time(timedelta(minutes=14))
    assert world.state(first) is S.DECLINING
    world.pass_time(timedelta(minutes=1))
    assert world.state(first) is S.DECLINED
    assert reopened(world, first) == 1
    assert world.state(world.live("r-2")) is S.PREPARED
    assert world.request("r-1")["state"] == store.WAITING


def test_silence_after_the_delivery_ends_the_proposal_and_never_the_request(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.ask("r-2")
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.go_to(deadline)
    assert world.state(proposal) is S.DELIVERED
    assert len(world.events("proposal.reminded")) == 1
    world.go_to(deadline + timedelta(minutes=15))
    assert world.state(proposal) is S.EXPIRED
    assert world.request("r-1")["state"] == store.WAITING
    assert world.live("r-2")
    assert reopened(world, proposal) == 1


def test_without_a_receipt_nothing_expires_and_a_person_calls(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.sent(proposal)
    world.pass_time(timedelta(days=10))
    assert world.state(proposal) is S.UNDELIVERED
    assert world.tasks() == ["undelivered"]
    world.call(proposal)
    assert (world.state(proposal), world.tasks()) == (S.DELIVERED, [])


def test_a_place_refused_after_the_request_was_amended_does_not_come_back(world: World) -> None:
    """The proposal outlives the amendment, so that the NON is about the need as it is now."""
    world.open_place()
    proposal = world.offered("r-1")
    world.pass_time(timedelta(minutes=1))
    world.amend("r-1")
    assert world.state(proposal) is S.DELIVERED
    world.answer(proposal, Answer.NON)
    world.pass_time(timedelta(days=2))
    assert world.state(proposal) is S.DECLINED
    assert len(world.events("proposal.made")) == 1


def test_a_place_let_pass_does_not_come_back_although_the_request_came_while_the_round_was_already_reading(
    world: World,
) -> None:
    """A round's instant is taken before it reads: it may see what was declared an instant later."""
    world.open_place()
    world.now += timedelta(milliseconds=50)
    world.ask("r-1")
    world.now -= timedelta(milliseconds=50)
    world.tick()
    proposal = world.live("r-1")
    world.release(proposal)
    world.delivered(proposal)
    world.pass_time(timedelta(days=10))
    assert world.state(proposal) is S.EXPIRED
    assert len(world.events("proposal.made")) == 1


def test_a_place_that_was_refused_comes_back_to_a_family_that_then_amends_its_request(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.NON)
    world.pass_time(timedelta(days=2))
    assert len(world.events("proposal.made")) == 1
    world.amend("r-1")
    world.tick()
    assert len(world.events("proposal.made")) == 2


def test_a_withdrawal_after_the_yes_makes_the_child_go_first_once(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    withdraw(world, proposal, WithdrawalReason.STAFF_SHORTAGE)
    event = world.last("proposal.withdrawn")
    assert (event.after_yes, event.family_knew) == (True, True)
    assert world.tasks() == ["call_back"]
    world.ask("r-2", Criterion.INSERTION, Criterion.SINGLE_PARENT)
    world.tick()
    again = world.live("r-1")
    assert world.proposal(again).tier == FIRST_TIER
    world.release(again)
    world.delivered(again)
    world.answer(again, Answer.FIN)
    world.tick()
    assert not world.request("r-1")["goes_first"]
    assert world.live("r-2")


def test_nobody_goes_first_by_changing_a_request_that_had_its_yes(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    world.amend("r-1", period=Period(start=date(2026, 11, 2), end=date(2027, 7, 10)))
    assert world.state(proposal) is S.WITHDRAWN
    assert not world.request("r-1")["goes_first"]
    assert world.tasks() == ["call_back"]


@pytest.mark.parametrize("state", sorted(LIVE))
@pytest.mark.parametrize("closed", [True, False])
def test_a_request_closed_or_changed_takes_its_proposal_with_it_in_every_live_state(
    world: World, state: ProposalState, closed: bool
) -> None:
    world.open_place()
    proposal = in_state(world, state)
    if closed:
        close(world, "r-1")
    else:
        world.amend("r-1", wishes=("creche-B",))
    assert world.state(proposal) is S.WITHDRAWN
    assert reopened(world, proposal) == 1
    world.ask("r-2")
    world.tick()
    assert world.live("r-2")


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_change_that_the_offer_still_suits_leaves_it_alone(world: World, state: ProposalState) -> None:
    world.open_place()
    proposal = in_state(world, state)
    world.amend("r-1", Criterion.SINGLE_PARENT)
    assert world.state(proposal) is state


def in_state(world: World, state: ProposalState) -> str:
    """A proposal for r-1, brought to `state` the way that people bring it there."""
    proposal = world.proposed("r-1")
    if state is S.HELD:
        until = MONDAY + timedelta(days=3)
        world.hear(ReleaseSuspended, proposal, proposal=proposal, reason="à voir", until=until, by="coordinator")
    if state not in (S.PREPARED, S.HELD):
        world.release(proposal)
    if state is S.SENT:
        world.sent(proposal)
    if state is S.UNDELIVERED:
        world.failed(proposal)
    if state in (S.DELIVERED, S.ACCEPTED, S.DECLINING, S.FROZEN):
        world.delivered(proposal)
    if state in (S.ACCEPTED, S.FROZEN):
        world.answer(proposal, Answer.OUI)
    if state is S.FROZEN:
        world.answer(proposal, Answer.NON, by="parent-2")
    if state is S.DECLINING:
        world.answer(proposal, Answer.NON)
    assert world.state(proposal) is state
    return proposal


def test_a_claim_that_is_corrected_before_the_family_is_told_is_weighed_again(world: World) -> None:
    world.open_place()
    proposal = world.proposed("r-1", Criterion.SINGLE_PARENT)
    world.ask("r-2", Criterion.RESIDENT)
    world.amend("r-1")
    world.tick()
    assert world.state(proposal) is S.WITHDRAWN
    assert world.live("r-2")


def test_what_was_promised_stands_when_a_claim_is_corrected_afterwards(world: World) -> None:
    world.open_place()
    proposal = world.proposed("r-1", Criterion.SINGLE_PARENT)
    world.release(proposal)
    world.amend("r-1")
    assert world.state(proposal) is S.RELEASED


@pytest.mark.parametrize("reason", [RefusalReason.STAFF_SHORTAGE, RefusalReason.ALREADY_FILLED])
def test_a_structure_without_the_place_is_believed_by_nobody_and_the_child_goes_first(
    world: World, reason: RefusalReason
) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    world.refuse(proposal, reason)
    world.ask("r-2")
    world.tick()
    assert world.state(proposal) is S.REFUSED
    assert world.request("r-1")["goes_first"]
    assert len(world.events("proposal.made")) == 1
    assert world.tasks() == ["structure_refused"]


@pytest.mark.parametrize("reason", [RefusalReason.AGE, RefusalReason.FILE_INCOMPLETE, RefusalReason.FAMILY_UNREACHABLE])
def test_a_child_refused_for_itself_is_not_offered_the_same_again_before_a_person_has_looked(
    world: World, reason: RefusalReason
) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    world.refuse(proposal, reason)
    world.tick()
    assert len(world.events("proposal.made")) == 1
    assert not world.request("r-1")["goes_first"]
    (task,) = world.events("task.opened")[-1:]
    world.hear(TaskHandled, task.subject, by="coordinator")
    world.tick()
    assert world.live("r-1")


def test_a_family_that_asked_for_a_call_is_still_called_when_its_proposal_is_over(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.RAPPEL)
    world.pass_time(timedelta(days=7))
    assert world.state(proposal) is S.EXPIRED
    assert world.tasks("call_back") == ["call_back"]


def test_a_closed_child_that_has_its_place_keeps_it(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    close(world, "r-1", ClosingReason.PLACED)
    assert (world.state(placement), world.request("r-1")["state"]) == (S.CONFIRMED, store.PLACED)


def test_of_an_erased_family_no_need_is_kept_here(world: World) -> None:
    world.open_place()
    proposal = world.offered("r-1")
    close(world, "r-1", ClosingReason.ERASED)
    assert world.request("r-1")["need"] == {}
    assert world.state(proposal) is S.WITHDRAWN
    world.tick()
    assert [row["state"] for row in world.rows(t.requests)] == [store.CLOSED]


def test_while_a_birth_is_to_be_confirmed_nothing_leaves_and_nobody_expires(world: World) -> None:
    world.open_place()
    due = MONDAY + timedelta(days=1)
    facts = {"born": due, "is_born": False, "period": Period(start=date(2026, 11, 16), end=date(2027, 7, 10))}
    prepared = world.proposed("r-1", **facts)
    world.go_to(now_at(9, day=due + timedelta(days=1)))
    world.release(prepared)
    assert world.state(prepared) is S.PREPARED
    assert world.tasks("birth_to_confirm") == ["birth_to_confirm"]
    world.amend("r-1", **{**facts, "is_born": True})
    assert world.tasks("birth_to_confirm") == []
    world.release(prepared)
    assert world.state(prepared) is S.RELEASED


def test_a_family_that_should_have_its_child_by_now_is_called_before_its_silence_counts(world: World) -> None:
    world.open_place()
    due = MONDAY
    facts = {"born": due, "is_born": False, "period": Period(start=date(2026, 11, 16), end=date(2027, 7, 10))}
    proposal = world.proposed("r-1", **facts)
    world.release(proposal)
    world.delivered(proposal)
    world.pass_time(timedelta(days=5))
    assert world.state(proposal) is S.DELIVERED
    assert world.events("proposal.reminded") == []
    world.amend("r-1", **{**facts, "is_born": True})
    world.pass_time(timedelta(hours=1))
    assert world.state(proposal) is S.EXPIRED


def test_days_that_have_come_are_taken_back_and_the_child_is_free_for_other_days(world: World) -> None:
    day = MONDAY + timedelta(days=2)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    facts = {"kind": RequestKind.OCCASIONAL, "slots": on(day), "period": days(day)}
    proposal = world.proposed("r-1", Criterion.MEDICO_SOCIAL, **facts)
    assert world.state(proposal) is S.PREPARED
    world.go_to(now_at(8, 14, day=day))
    assert world.state(proposal) is S.PREPARED
    world.go_to(now_at(8, 15, day=day))
    assert world.state(proposal) is S.WITHDRAWN
    event = world.last("proposal.withdrawn")
    assert (event.reason, event.family_knew) == (WithdrawalReason.PERIOD_OVER, False)
    assert world.tasks() == []


def test_care_that_has_begun_is_not_released_any_more(world: World) -> None:
    day = MONDAY
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day, 10), period=days(day))
    facts = {"kind": RequestKind.OCCASIONAL, "slots": on(day, 10), "period": days(day)}
    proposal = world.proposed("r-1", Criterion.MEDICO_SOCIAL, **facts)
    world.now = now_at(10, 5)
    world.release(proposal)
    assert world.state(proposal) is S.WITHDRAWN
    assert world.events("proposal.released") == []
    world.tick()


def test_an_accepted_day_that_nobody_confirmed_is_given_back_after_its_last_hour(world: World) -> None:
    day = MONDAY + timedelta(days=2)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    proposal = world.proposed("r-1", kind=RequestKind.OCCASIONAL, slots=on(day), period=days(day))
    world.delivered(proposal)
    world.answer(proposal, Answer.OUI)
    world.go_to(now_at(11, 59, day=day))
    assert world.state(proposal) is S.ACCEPTED
    world.go_to(now_at(12, day=day))
    assert world.state(proposal) is S.WITHDRAWN
    assert reopened(world, proposal) == 1


def test_a_regular_proposal_lapses_with_its_period_even_if_nobody_was_ever_reached(world: World) -> None:
    world.open_place()
    proposal = world.proposed("r-1")
    world.release(proposal)
    world.failed(proposal)
    assert FROM_OCTOBER.end is not None
    world.go_to(now_at(0, day=FROM_OCTOBER.end) - timedelta(minutes=1))
    assert world.state(proposal) is S.UNDELIVERED
    world.go_to(now_at(0, day=FROM_OCTOBER.end))
    assert world.state(proposal) is S.WITHDRAWN


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2027, 3, 28)])
def test_on_the_days_the_clocks_change_care_begins_at_the_hour_on_the_wall(day: date) -> None:
    world = World(now=now_at(9, day=day - timedelta(days=1))).begin()
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    facts = {"kind": RequestKind.OCCASIONAL, "slots": on(day), "period": days(day)}
    proposal = world.proposed("r-1", Criterion.MEDICO_SOCIAL, **facts)
    world.go_to(now_at(8, 14, day=day))
    assert world.state(proposal) is S.PREPARED
    world.go_to(now_at(8, 15, day=day))
    assert world.state(proposal) is S.WITHDRAWN
