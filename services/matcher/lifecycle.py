"""A proposal on its way to the family and to its answer. How it ends is in `endings.py`.

Each function is one step in the caller's transaction: it changes rows and says what happened. Whoever calls has
decided; nothing here judges. `cause` is the event, round or timer behind it, so that a repeat says the same event.
"""

from __future__ import annotations

from datetime import date, datetime, time

from contracts.proposals import (
    ProposalAccepted,
    ProposalDeadlineSet,
    ProposalDeclining,
    ProposalFrozen,
    ProposalHeld,
    ProposalReleased,
    ProposalRestored,
    ProposalUndelivered,
)
from contracts.vocabulary import LIVE, Answer, Channel, ProposalState, TaskKind, WithdrawalReason
from services.calendar import at, confirmation_due, reminder_at
from services.matcher import moving, store, tasks, waves
from services.matcher.days_of_care import still_before_care
from services.matcher.endings import confirm, withdraw
from services.matcher.moves import (
    CONFIRMATION,
    EXPIRY,
    RECEIPT,
    REMINDER,
    RESUME,
    UNDO,
    WAITING_FOR_ANSWER,
    move,
)
from services.matcher.step import Step
from services.matcher.store import Proposal

MORNING = time(8)
"""When what was held back until a day comes back to the coordinator's list."""

S = ProposalState


def release(step: Step, proposal: Proposal, answer_by: datetime, by: str, note: str = "") -> bool:
    """Let it leave. `answer_by` is what the message says."""
    if not move(step, proposal, S.RELEASED, {"answer_by": answer_by}):
        return False
    tasks.settle(step, TaskKind.RELEASE, proposal, by)
    step.drop_timer(RESUME, proposal.proposal)
    step.say(
        ProposalReleased, proposal.proposal, proposal.territory,
        answer_by=answer_by, by=by, note=note, urgent=proposal.urgent,
    )  # fmt: skip
    step.set_timer(RECEIPT, proposal.proposal, proposal.territory, answer_by)
    return True


def resume(step: Step, proposal: Proposal) -> bool:
    """What a person held back waits for its release again: the task says so. While it awaits a departure nobody could
    release it, and it stays held; whoever makes the departure sure looks at it."""
    if moving.awaits(step, proposal.proposal) or not move(step, proposal, S.PREPARED, only=(S.HELD,)):
        return False
    tasks.open_task(step, TaskKind.RELEASE, proposal)
    return True


def keep_back(step: Step, proposal: Proposal, reason: str, until: date, by: str) -> bool:
    """A person holds it, with a reason; it comes back to be released on `until`, at once where that is this morning.

    The timer's hour names what it will say: one for each time it is held, also on the same day.
    """
    if not move(step, proposal, S.HELD, {"held_until": until}):
        return False
    tasks.settle(step, TaskKind.RELEASE, proposal, by)
    step.say(ProposalHeld, proposal.proposal, proposal.territory, reason=reason, until=until, by=by)
    store.set_timer(step.tx, RESUME, proposal.proposal, proposal.territory, back_at(until, step.now))
    return True


def back_at(until: date, held_at: datetime) -> datetime:
    """When what was held back at `held_at` until a day waits for its release again."""
    return max(at(until, MORNING), held_at)


def sent(step: Step, proposal: Proposal) -> None:
    """It left. Whatever became of it meanwhile, the family may know of it."""
    if not move(step, proposal, S.SENT, {"was_sent": True}):
        family_may_know(step, proposal)


def family_may_know(step: Step, proposal: Proposal) -> None:
    store.change_proposal(step.tx, proposal.proposal, LIVE, was_sent=True)


def reached(step: Step, proposal: Proposal, counted_from: datetime, deadline: datetime) -> bool:
    """The family was reached: its delay runs from `counted_from`, and a reminder is due at half time.

    What was not released reaches nobody, except that a counsellor's hold is known to its client at once.
    """
    unreached = (S.PREPARED,) if proposal.held_by else (S.RELEASED, S.SENT, S.UNDELIVERED)
    told = {"was_sent": proposal.held_by is None, "counted_from": counted_from, "deadline": deadline}
    if not move(step, proposal, S.DELIVERED, told, unreached):
        return False
    tasks.settle(step, TaskKind.UNDELIVERED, proposal, "matcher")
    store.drop_timers(step.tx, proposal.proposal, RECEIPT)
    step.say(
        ProposalDeadlineSet, proposal.proposal, proposal.territory, counted_from=counted_from, deadline=deadline
    )  # fmt: skip
    set_expiry(step, proposal, deadline)
    half = reminder_at(counted_from, deadline, step.policy.delays)
    if half is not None and half > step.now and proposal.held_by is None:
        store.set_timer(step.tx, REMINDER, proposal.proposal, proposal.territory, half)
    return True


def set_expiry(step: Step, proposal: Proposal, deadline: datetime) -> None:
    """The place re-opens a grace after the deadline: an answer may be on its way.

    A deadline that was learnt late, from a receipt that came late, leaves that grace from now on.
    """
    due = max(deadline, step.now) + step.policy.grace
    store.set_timer(step.tx, EXPIRY, proposal.proposal, proposal.territory, due)


def stop_clock(step: Step, proposal: Proposal, asked_at: datetime, deadline: datetime) -> None:
    """The family asked for a call: its clock stands still, and the deadline is `deadline` unless the call comes before.

    The deadline it had is kept, to count again from the call.
    """
    stopped = {"deadline_before_call": proposal.deadline, "call_asked_at": asked_at}
    _move_deadline(step, proposal, deadline, **stopped)


def run_clock(step: Step, proposal: Proposal, deadline: datetime) -> None:
    """The call came: the clock runs again."""
    _move_deadline(step, proposal, deadline, deadline_before_call=None)


def _move_deadline(step: Step, proposal: Proposal, deadline: datetime, **values: datetime | None) -> None:
    if not store.change_proposal(step.tx, proposal.proposal, [S.DELIVERED], deadline=deadline, **values):
        return
    set_expiry(step, proposal, deadline)
    if proposal.counted_from is not None:
        step.say(
            ProposalDeadlineSet, proposal.proposal, proposal.territory,
            counted_from=proposal.counted_from, deadline=deadline,
        )  # fmt: skip


def not_reached(step: Step, proposal: Proposal, why: TaskKind) -> bool:
    """No contact received it, or a stranger did: its delay does not run, a person calls.

    A clock that stood still for a call is of that delay: the next one begins whole, with a call of its own to ask for.
    """
    no_delay = dict.fromkeys(("deadline", "counted_from", "deadline_before_call", "call_asked_at"))
    if not move(step, proposal, S.UNDELIVERED, no_delay):
        return False
    store.drop_timers(step.tx, proposal.proposal, EXPIRY, REMINDER, RECEIPT)
    step.say(ProposalUndelivered, proposal.proposal, proposal.territory)
    tasks.open_task(step, why, proposal)
    return True


def accept(
    step: Step, proposal: Proposal, by: str, channel: Channel, received_at: datetime, *, at_once: bool
) -> bool:  # fmt: skip
    """The family's OUI. `at_once`: the place rests on an agreement made before, so it is confirmed at once.

    Of a wave it is the first one, and the place is taken for the others. A structure that may take two days confirms
    single days before they come.
    """
    confirm_by = still_before_care(proposal, confirmation_due(step.now, step.policy.delays), step.now)
    if not _answered(step, proposal, S.ACCEPTED, Answer.OUI, by, received_at):
        return False
    if proposal.wave is not None:
        _take_for_all(step, proposal)
    tasks.settle_all(step, proposal, by, tasks.ANSWERED)
    step.say(
        ProposalAccepted, proposal.proposal, proposal.territory,
        answered_by=by, channel=channel, received_at=received_at, confirm_by=confirm_by, confirmed_at_once=at_once,
    )  # fmt: skip
    if at_once:
        confirm(step, proposal)
    else:
        store.set_timer(step.tx, CONFIRMATION, proposal.proposal, proposal.territory, confirm_by)
    return True


def _take_for_all(step: Step, proposal: Proposal) -> None:
    waves.take(step, proposal)
    for other in waves.others(step.tx, proposal):
        withdraw(step, other, WithdrawalReason.TAKEN)


def decline_later(step: Step, proposal: Proposal, by: str, channel: Channel, received_at: datetime) -> bool:
    """A NON that can still be undone: its hours stay held for a while."""
    until = undo_until(step, received_at)
    if not _answered(step, proposal, S.DECLINING, Answer.NON, by, received_at):
        return False
    store.set_timer(step.tx, UNDO, proposal.proposal, proposal.territory, until)
    step.say(
        ProposalDeclining, proposal.proposal, proposal.territory, undo_until=until, answered_by=by, channel=channel
    )  # fmt: skip
    return True


def undo_until(step: Step, answered_at: datetime) -> datetime:
    return answered_at + step.policy.undo


def _answered(
    step: Step, proposal: Proposal, state: ProposalState, answer: Answer, by: str, received_at: datetime
) -> bool:  # fmt: skip
    values = {"answered_by": by, "answered_at": received_at, "answer": answer.value, "was_sent": True}
    if not move(step, proposal, state, values):
        return False
    store.drop_timers(step.tx, proposal.proposal, *WAITING_FOR_ANSWER, CONFIRMATION)
    return True


def restore(step: Step, proposal: Proposal) -> bool:
    """The NON was taken back in time: it waits for an answer again, until the deadline it had.

    Where that is over by now, until the end of the time in which the NON could be taken back. Who answered was reached,
    though the operator never said so: a delay that is moved later is said with the instant of that answer.
    """
    limits = [proposal.deadline or proposal.answer_by, proposal.answered_at and undo_until(step, proposal.answered_at)]
    deadline = max((limit for limit in limits if limit), default=None)
    values = {
        "answered_by": None, "answered_at": None, "answer": None, "deadline": deadline,
        "counted_from": proposal.counted_from or proposal.answered_at,
    }  # fmt: skip
    if not move(step, proposal, S.DELIVERED, values, (S.DECLINING,)):
        return False
    store.drop_timers(step.tx, proposal.proposal, *WAITING_FOR_ANSWER)
    if deadline is not None:
        set_expiry(step, proposal, deadline)
    step.say(ProposalRestored, proposal.proposal, proposal.territory, deadline=deadline)
    return True


def freeze(step: Step, proposal: Proposal) -> bool:
    """Two contacts contradict each other: nothing moves until the guichet has called."""
    if not move(step, proposal, S.FROZEN):
        return False
    store.drop_timers(step.tx, proposal.proposal, *WAITING_FOR_ANSWER, CONFIRMATION)
    step.say(ProposalFrozen, proposal.proposal, proposal.territory)
    tasks.open_task(step, TaskKind.CONTRADICTION, proposal)
    return True
