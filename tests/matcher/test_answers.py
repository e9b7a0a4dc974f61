"""Answers that are late, repeated, contradictory or from a stranger, and receipts before and after them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.messages import MessageDelivered, MessageFacts, MessageFailed, MessageSent, MessageUnknown
from contracts.replies import ReplyReceived
from contracts.vocabulary import Answer, Channel, MessageTemplate, ProposalState, RequestKind, VacancyKind
from services.bus.retries import WrongEvent
from services.calendar import answer_by_after_callback, callback_by, confirmation_due
from services.matcher import store, timers
from services.matcher.policy import policy_in_force
from tests.matcher.world import MONDAY, World, days, now_at, on

S = ProposalState


def test_a_yes_by_link_and_one_by_sms_are_one_yes(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    assert world.answer(proposal, Answer.OUI, channel=Channel.LINK) == "taken"
    assert world.answer(proposal, Answer.OUI, channel=Channel.SMS) == "repeated"
    assert len(world.events("proposal.accepted")) == 1


def test_a_yes_counts_by_when_it_was_received_even_if_it_is_read_in_the_grace(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.go_to(deadline + timedelta(minutes=14))
    assert world.answer(proposal, Answer.OUI, received_at=deadline) == "taken"
    assert world.state(proposal) is S.ACCEPTED
    world.pass_time(timedelta(hours=1))
    assert world.events("proposal.expired") == []


def test_a_yes_after_the_limit_is_late_and_becomes_a_task(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.go_to(deadline + timedelta(minutes=1))
    assert world.answer(proposal, Answer.OUI) == "late"
    assert world.state(proposal) is S.DELIVERED
    world.pass_time(timedelta(minutes=14))
    assert world.state(proposal) is S.EXPIRED
    assert world.tasks("late_yes") == ["late_yes"]


def test_rules_that_leave_more_time_than_those_of_the_proposal_put_its_end_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    voted = {"grace": timedelta(hours=1)}
    monkeypatch.setattr(timers, "policy_in_force", lambda *of: policy_in_force(*of).model_copy(update=voted))
    world.go_to(deadline + timedelta(minutes=59))
    assert world.state(proposal) is S.DELIVERED
    world.go_to(deadline + timedelta(hours=1))
    assert world.state(proposal) is S.EXPIRED


def test_silence_does_not_count_before_the_matcher_has_listened_for_a_while(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.now = deadline + timedelta(hours=5)  # it was down until now: an answer may still wait on its stream
    started = world.now
    world.fire(listening_since=started)
    assert world.state(proposal) is S.DELIVERED
    assert world.answer(proposal, Answer.OUI, received_at=deadline) == "taken"


def test_without_waiting_for_what_is_on_its_stream_an_answer_in_time_would_be_lost(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.now = deadline + timedelta(hours=5)
    world.fire(listening_since=None)
    assert world.state(proposal) is S.EXPIRED
    assert world.answer(proposal, Answer.OUI, received_at=deadline) == "late"
    assert "avant la limite" in world.last("task.opened").detail


def test_two_contacts_who_contradict_each_other_freeze_the_proposal_until_the_guichet_has_called(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.OUI, by="parent-1")
    assert world.answer(proposal, Answer.NON, by="parent-2") == "taken"
    assert (world.state(proposal), world.tasks()) == (S.FROZEN, ["contradiction"])
    assert world.answer(proposal, Answer.OUI, by="parent-1") == "not_allowed"
    world.confirm(proposal)
    world.pass_time(timedelta(days=5))
    assert world.state(proposal) is S.FROZEN
    assert world.answer(proposal, Answer.OUI, by="coordinator", channel=Channel.PHONE) == "taken"
    assert (world.state(proposal), world.tasks()) == (S.ACCEPTED, [])


def test_another_contact_can_not_take_a_no_back(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.NON, by="parent-1")
    world.undo(proposal, by="parent-2")
    assert world.state(proposal) is S.FROZEN


def test_a_no_taken_back_waits_for_an_answer_until_the_limit_it_had(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    world.answer(proposal, Answer.NON)
    world.pass_time(timedelta(minutes=10))
    assert world.undo(proposal) == "taken"
    assert (world.state(proposal), world.proposal(proposal).deadline) == (S.DELIVERED, deadline)
    world.pass_time(timedelta(hours=1))
    assert world.state(proposal) is S.DELIVERED
    assert world.answer(proposal, Answer.OUI) == "taken"


def test_a_no_of_the_last_minute_taken_back_leaves_time_to_say_yes(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.now = deadline - timedelta(minutes=1)
    world.answer(proposal, Answer.NON)
    world.now = deadline + timedelta(minutes=5)
    assert world.undo(proposal) == "taken"
    assert world.answer(proposal, Answer.OUI) == "taken"


@pytest.mark.parametrize("fired", [True, False])
def test_a_yes_after_the_time_to_undo_is_late_whether_or_not_the_timer_has_fired(world: World, fired: bool) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.NON)
    world.now += timedelta(minutes=15, seconds=1)
    if fired:
        world.fire()
    assert world.answer(proposal, Answer.OUI) == "late"
    assert world.tasks("late_yes") == ["late_yes"]


def test_after_a_late_undo_the_no_stands(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.NON)
    world.now += timedelta(minutes=15, seconds=1)
    assert world.undo(proposal) == "late"
    world.tick()
    assert world.state(proposal) is S.DECLINED


def test_an_urgent_no_is_final_at_once(world: World) -> None:
    day = MONDAY + timedelta(days=2)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    proposal = world.proposed("r-1", kind=RequestKind.OCCASIONAL, slots=on(day), period=days(day))
    world.delivered(proposal)
    world.answer(proposal, Answer.NON)
    assert world.state(proposal) is S.DECLINED
    assert world.answer(proposal, Answer.NON) == "repeated"


def test_a_wrong_number_is_nobodys_silence(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.ERREUR)
    assert (world.state(proposal), world.tasks()) == (S.UNDELIVERED, ["wrong_number"])
    world.pass_time(timedelta(days=10))
    assert world.state(proposal) is S.UNDELIVERED
    world.call(proposal)
    assert world.state(proposal) is S.DELIVERED


def test_a_call_asked_for_stops_the_clock_once_and_for_a_working_day_at_most(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    before = world.proposal(proposal).deadline
    assert before is not None
    world.answer(proposal, Answer.RAPPEL)
    moved = world.proposal(proposal).deadline
    assert moved == answer_by_after_callback(before, world.now, None, already_stopped=False)
    world.pass_time(timedelta(hours=1))
    world.answer(proposal, Answer.RAPPEL)
    assert world.proposal(proposal).deadline == moved
    assert world.tasks() == ["call_back"]


def test_a_call_that_comes_early_gives_back_only_the_time_that_was_waited(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    before = world.proposal(proposal).deadline
    assert before is not None
    world.answer(proposal, Answer.RAPPEL)
    world.pass_time(timedelta(hours=1))
    world.call(proposal)
    assert world.proposal(proposal).deadline == before + timedelta(hours=1)
    assert world.tasks() == []
    world.answer(proposal, Answer.RAPPEL)
    assert world.proposal(proposal).deadline == before + timedelta(hours=1)


def test_a_call_after_a_wrong_number_begins_a_delay_that_no_earlier_call_moves(world: World) -> None:
    """The clock had stopped for whoever had that number. Found by the simulation, seed 20537."""
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.RAPPEL)
    world.pass_time(timedelta(hours=1))
    world.answer(proposal, Answer.ERREUR)
    assert world.state(proposal) is S.UNDELIVERED
    world.call(proposal)
    told = world.events("proposal.deadline_set")[-1]
    assert (told.counted_from, told.deadline) == (world.now, world.proposal(proposal).deadline)
    world.answer(proposal, Answer.RAPPEL)
    assert world.proposal(proposal).deadline > told.deadline


def test_a_call_that_reached_nobody_changes_nothing(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.answer(proposal, Answer.RAPPEL)
    asked, moved = world.now, world.proposal(proposal).deadline
    world.call(proposal, reached=False)
    assert world.proposal(proposal).deadline == moved
    assert world.tasks() == ["call_back"]
    assert callback_by(asked) > world.now


def test_a_call_asked_for_about_tomorrow_does_not_stop_the_clock_past_the_hour_of_care(world: World) -> None:
    day = MONDAY + timedelta(days=1)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    proposal = world.proposed("r-1", kind=RequestKind.OCCASIONAL, slots=on(day), period=days(day))
    world.delivered(proposal)
    world.answer(proposal, Answer.RAPPEL)
    assert world.proposal(proposal).deadline == now_at(8, day=day)


def test_the_structure_confirms_a_place_for_tomorrow_before_tomorrow_and_one_for_weeks_within_its_days(
    world: World,
) -> None:
    day = MONDAY + timedelta(days=1)
    world.open_place()
    world.open_place("v-2", kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    ordinary = world.offered()
    tomorrow = world.proposed("r-2", kind=RequestKind.OCCASIONAL, slots=on(day), period=days(day))
    world.delivered(tomorrow)
    for proposal in (ordinary, tomorrow):
        world.answer(proposal, Answer.OUI)
    by = {event.subject: event.confirm_by for event in world.events("proposal.accepted")}
    assert by == {ordinary: confirmation_due(world.now), tomorrow: now_at(8, day=day)}
    world.go_to(now_at(8, day=day))
    assert world.tasks() == ["late_confirmation"]


@pytest.mark.parametrize(("number", "confirm_by"), [(1, now_at(12)), (2, now_at(8, day=MONDAY + timedelta(days=1)))])
def test_a_yes_that_is_read_as_care_begins_is_told_no_hour_that_has_passed(
    world: World, number: int, confirm_by: datetime
) -> None:
    asked = [slot for later in range(number) for slot in on(MONDAY + timedelta(days=later))]
    care = {"slots": tuple(asked), "period": days(MONDAY, number)}
    world.now = now_at(7, 30)
    world.open_place("v-2", kind=VacancyKind.OCCASIONAL, **care)
    proposal = world.proposed("r-2", kind=RequestKind.OCCASIONAL, **care)
    world.sent(proposal)
    world.go_to(now_at(8, 5))
    world.answer(proposal, Answer.OUI, received_at=now_at(7, 59))
    assert world.last("proposal.accepted").confirm_by == confirm_by
    assert world.tasks() == [], "the structure is not late yet"


def test_words_nobody_understands_are_a_call_and_decide_nothing(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    assert world.answer(proposal, Answer.RAPPEL, understood=False) == "unclear"
    assert (world.state(proposal), world.tasks()) == (S.DELIVERED, ["unclear_reply"])


def test_an_answer_that_overtakes_its_receipt_counts_and_the_receipt_changes_nothing(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    assert world.answer(proposal, Answer.OUI) == "taken"
    world.delivered(proposal)
    assert world.state(proposal) is S.ACCEPTED
    world.pass_time(timedelta(days=4))
    assert world.state(proposal) is S.ACCEPTED
    assert world.tasks() == ["late_confirmation"]


def test_a_call_asked_for_before_the_receipt_came_stops_the_clock_too(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.answer(proposal, Answer.RAPPEL)
    moved = world.proposal(proposal).deadline
    world.delivered(proposal)
    assert world.proposal(proposal).deadline == moved
    assert world.state(proposal) is S.DELIVERED


def test_a_call_asked_for_after_a_no_taken_back_moves_the_limit_that_pages_show(world: World) -> None:
    """Seed 231 of the simulation: whoever answered was reached, though the operator never said so."""
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    answered = world.now
    world.answer(proposal, Answer.NON)
    world.pass_time(timedelta(minutes=2))
    world.undo(proposal)
    world.answer(proposal, Answer.RAPPEL)
    said = world.last("proposal.deadline_set")
    assert (said.counted_from, said.deadline) == (answered, world.proposal(proposal).deadline)


def test_a_receipt_that_comes_days_late_leaves_time_before_anything_expires(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.sent(proposal)
    sent_at = world.now
    world.pass_time(timedelta(days=4))
    assert world.state(proposal) is S.UNDELIVERED
    world.delivered(proposal, when=sent_at)
    world.tick()
    assert (world.state(proposal), world.tasks()) == (S.DELIVERED, [])
    world.pass_time(timedelta(minutes=15))
    assert world.state(proposal) is S.EXPIRED


def test_the_clock_of_the_operator_neither_shortens_nor_lengthens_the_delay(world: World) -> None:
    world.open_place(places=2)
    ahead, behind = world.proposed("r-1"), world.proposed("r-2")
    world.release(ahead, behind)
    limit = world.proposal(behind).answer_by
    world.delivered(ahead, when=world.now + timedelta(hours=1))
    world.delivered(behind, when=world.now - timedelta(hours=1))
    assert world.proposal(ahead).deadline == limit
    assert world.proposal(behind).deadline == limit


@pytest.mark.parametrize("back_by", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_put_right_expires_nobody_early_and_nobody_twice(world: World, back_by: timedelta) -> None:
    world.open_place()
    proposal = world.offered()
    deadline = world.proposal(proposal).deadline
    assert deadline is not None
    world.now = deadline - timedelta(minutes=30)
    world.tick()
    world.now -= back_by
    world.tick()
    assert (world.state(proposal) is S.EXPIRED) is (world.now >= deadline + timedelta(minutes=15))
    world.now = deadline + timedelta(hours=3)
    world.tick()
    world.now -= timedelta(hours=2)
    world.tick()
    assert len(world.events("proposal.expired")) == 1


def test_a_message_of_which_nobody_knows_is_looked_at_and_its_family_told_of_the_end(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.message(MessageUnknown, proposal, reason="perdu")
    assert world.tasks() == ["to_verify"]
    world.change_place("v-1", 0)
    assert world.last("proposal.withdrawn").family_knew


def test_a_family_without_a_number_is_called_and_its_delay_starts_with_the_call(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.failed(proposal, reason="no_contact")
    assert (world.state(proposal), world.tasks()) == (S.UNDELIVERED, ["no_mobile"])
    world.pass_time(timedelta(days=3))
    world.call(proposal)
    deadline = world.proposal(proposal).deadline
    assert deadline is not None and deadline - world.now > timedelta(hours=24)


def test_a_first_contact_that_failed_changes_nothing_while_another_is_tried(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.release(proposal)
    world.failed(proposal, last=False)
    assert (world.state(proposal), world.tasks()) == (S.RELEASED, [])
    world.delivered(proposal)
    assert world.state(proposal) is S.DELIVERED


def test_a_reminder_that_did_not_arrive_is_no_task(world: World) -> None:
    world.open_place()
    proposal = world.offered()
    world.failed(proposal, template=MessageTemplate.REMINDER, reason="too_late")
    assert world.tasks() == []


@pytest.mark.parametrize(
    ("template", "beside"), [(MessageTemplate.STOPPED, ["unclear_reply"]), (MessageTemplate.ACCEPTED, None)]
)
def test_whoever_writes_stop_is_called_once_and_an_end_that_was_not_told_still_is(
    world: World, template: MessageTemplate, beside: list[str] | None
) -> None:
    world.open_place()
    proposal = world.offered()
    assert world.answer(proposal, Answer.RAPPEL, understood=False, stop=True) == "stopped"
    world.failed(proposal, template=template, reason="no_contact")
    assert world.tasks() == (beside or ["no_mobile", "unclear_reply"])


def test_an_answer_to_an_unknown_proposal_is_put_aside(world: World) -> None:
    with pytest.raises(WrongEvent):
        world.hear(
            ReplyReceived, "x", proposal="nobody", answer=Answer.OUI, received_at=world.now, channel=Channel.SMS,
            answered_by="p",
        )  # fmt: skip


def test_what_was_not_released_can_not_be_reached_by_a_call(world: World) -> None:
    world.open_place()
    proposal = world.proposed()
    world.call(proposal)
    assert (world.state(proposal), world.tasks()) == (S.PREPARED, ["release"])


def test_an_end_by_silence_never_closes_the_request(world: World) -> None:
    world.open_place()
    world.offered("r-1")
    world.pass_time(timedelta(days=60))
    assert world.request("r-1")["state"] == store.WAITING


def test_a_sign_in_link_sent_before_the_territory_is_heard_of_is_no_fault() -> None:
    """Streams do not wait for each other: the matcher may have been away since before the territory was published."""
    early = World()
    about = MessageFacts(message="m-1", template=MessageTemplate.SIGN_IN, contact="person-1")
    said = {"source": "notifier", "about": about}
    early.hear(MessageSent, "m-1", sent_at=early.now, segments=1, encoding="gsm7", gateway="phone", **said)
    early.hear(MessageDelivered, "m-1", delivered_at=early.now, **said)
    early.hear(MessageFailed, "m-1", reason="refused", last=True, **said)
    early.hear(MessageUnknown, "m-1", reason="perdu", **said)
    assert (early.said, early.tasks()) == ([], [])
    with pytest.raises(WrongEvent, match="n'est pas publié"):
        early.sent("O-unheard-of")  # a proposal is of a territory, which must be known
