"""The one place where a proposal changes state, holds its hours and gives them back.

Each function is one step in the caller's transaction: it changes rows and says what happened. Whoever calls has
decided; nothing here judges. `cause` is the event, round or timer behind it, so that a repeat says the same event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

from contracts.placements import PlacementConfirmed
from contracts.proposals import (
    PlaceReopened,
    ProposalAccepted,
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalHeld,
    ProposalRefused,
    ProposalReleased,
    ProposalRestored,
    ProposalUndelivered,
    ProposalWithdrawn,
)
from contracts.vocabulary import (
    Answer,
    Channel,
    ProposalState,
    RefusalReason,
    TaskKind,
    VacancyKind,
    WithdrawalReason,
)
from services.calendar import at, confirmation_due, reminder_at
from services.matcher import store, tasks
from services.matcher import tables as t
from services.matcher.rules.proposals import NEXT
from services.matcher.step import Step
from services.matcher.store import Proposal

EXPIRY, REMINDER, UNDO, RECEIPT, CONFIRMATION = "expiry", "reminder", "undo", "receipt", "confirmation"
RESUME, ROUND, DEPARTURE, BIRTH = "resume", "round", "departure", "birth"
"""Kinds of timers."""

FAMILY_CHANGED_IT = frozenset({WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.REQUEST_CHANGED})

MORNING = time(8)
"""When what was held back until a day comes back to the coordinator's list."""

S = ProposalState
NOTHING_ELSE: Mapping[str, object] = MappingProxyType({})


def _move(
    step: Step,
    proposal: Proposal,
    state: ProposalState,
    values: Mapping[str, object] = NOTHING_ELSE,
    only: Iterable[ProposalState] = tuple(S),
) -> bool:
    """The one conditional update: from a state that allows it, and from those of `only`."""
    allowed = [before for before in only if state in NEXT[before]]
    return store.change_proposal(step.tx, proposal.proposal, allowed, state=state.value, **values)


def release(step: Step, proposal: Proposal, answer_by: datetime, by: str, note: str = "") -> bool:
    """Let it leave. `answer_by` is what the message says."""
    if not _move(step, proposal, S.RELEASED, {"answer_by": answer_by}):
        return False
    tasks.settle(step, TaskKind.RELEASE, proposal, by)
    step.say(
        ProposalReleased, proposal.proposal, proposal.territory,
        answer_by=answer_by, by=by, note=note, urgent=proposal.urgent,
    )  # fmt: skip
    store.set_timer(step.tx, RECEIPT, proposal.proposal, proposal.territory, answer_by)
    return True


def resume(step: Step, proposal: Proposal) -> bool:
    """What a person held back waits for its release again."""
    if not _move(step, proposal, S.PREPARED, only=(S.HELD,)):
        return False
    tasks.open_task(step, TaskKind.RELEASE, proposal)
    return True


def keep_back(step: Step, proposal: Proposal, reason: str, until: date, by: str) -> bool:
    """A person holds it, with a reason; it comes back to be released on `until`."""
    if not _move(step, proposal, S.HELD, {"held_until": until}):
        return False
    tasks.settle(step, TaskKind.RELEASE, proposal, by)
    step.say(ProposalHeld, proposal.proposal, proposal.territory, reason=reason, until=until, by=by)
    store.set_timer(step.tx, RESUME, proposal.proposal, proposal.territory, at(until, MORNING))
    return True


def sent(step: Step, proposal: Proposal) -> bool:
    return _move(step, proposal, S.SENT, {"was_sent": True})


def reached(step: Step, proposal: Proposal, counted_from: datetime, deadline: datetime) -> bool:
    """The family was reached: its delay runs from `counted_from`, and a reminder is due at half time."""
    unreached = (S.PREPARED, S.RELEASED, S.SENT, S.UNDELIVERED)
    told = {"was_sent": proposal.held_by is None, "counted_from": counted_from, "deadline": deadline}
    if not _move(step, proposal, S.DELIVERED, told, unreached):
        return False
    tasks.settle(step, TaskKind.UNDELIVERED, proposal, "matcher")
    store.drop_timers(step.tx, proposal.proposal, RECEIPT)
    step.say(
        ProposalDeadlineSet, proposal.proposal, proposal.territory, counted_from=counted_from, deadline=deadline
    )  # fmt: skip
    _set_expiry(step, proposal, deadline)
    half = reminder_at(counted_from, deadline, step.policy.delays)
    if half is not None and half > step.now and proposal.held_by is None:
        store.set_timer(step.tx, REMINDER, proposal.proposal, proposal.territory, half)
    return True


def _set_expiry(step: Step, proposal: Proposal, deadline: datetime) -> None:
    """The place re-opens a grace after the deadline: an answer may be on its way."""
    store.set_timer(step.tx, EXPIRY, proposal.proposal, proposal.territory, deadline + step.policy.grace)


def move_deadline(step: Step, proposal: Proposal, deadline: datetime, call_asked_at: datetime | None) -> None:
    """The clock stood still for a call, or runs again: only the deadline moves."""
    store.change_proposal(
        step.tx, proposal.proposal, [proposal.state], deadline=deadline, call_asked_at=call_asked_at
    )  # fmt: skip
    _set_expiry(step, proposal, deadline)
    if proposal.counted_from is not None:
        step.say(
            ProposalDeadlineSet, proposal.proposal, proposal.territory,
            counted_from=proposal.counted_from, deadline=deadline,
        )  # fmt: skip


def not_reached(step: Step, proposal: Proposal, why: TaskKind) -> bool:
    """No contact received it: its delay does not run, a person calls."""
    if not _move(step, proposal, S.UNDELIVERED):
        return False
    store.drop_timers(step.tx, proposal.proposal, EXPIRY, REMINDER, RECEIPT)
    step.say(ProposalUndelivered, proposal.proposal, proposal.territory)
    tasks.open_task(step, why, proposal)
    return True


def accept(step: Step, proposal: Proposal, by: str, channel: Channel, received_at: datetime) -> bool:
    """The family's OUI. An on-call place rests on an agreement made before, so it is confirmed at once."""
    at_once = proposal.kind is VacancyKind.ON_CALL
    confirm_by = confirmation_due(step.now, step.policy.delays)
    values = {"answered_by": by, "answered_at": received_at, "answer": Answer.OUI.value}
    if not _move(step, proposal, S.ACCEPTED, values):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    tasks.settle_all(step, proposal, by)
    step.say(
        ProposalAccepted, proposal.proposal, proposal.territory,
        answered_by=by, channel=channel, received_at=received_at, confirm_by=confirm_by, confirmed_at_once=at_once,
    )  # fmt: skip
    if at_once:
        confirm(step, proposal)
    else:
        store.set_timer(step.tx, CONFIRMATION, proposal.proposal, proposal.territory, confirm_by)
    return True


def decline_later(step: Step, proposal: Proposal, by: str, channel: Channel, received_at: datetime) -> bool:
    """A NON that can still be undone: its hours stay held for a while."""
    until = received_at + step.policy.undo
    values = {"answered_by": by, "answered_at": received_at, "answer": Answer.NON.value}
    if not _move(step, proposal, S.DECLINING, values):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    store.set_timer(step.tx, UNDO, proposal.proposal, proposal.territory, until)
    step.say(
        ProposalDeclining, proposal.proposal, proposal.territory, undo_until=until, answered_by=by, channel=channel
    )  # fmt: skip
    return True


def restore(step: Step, proposal: Proposal) -> bool:
    """The NON was taken back in time: it waits for an answer again, until the deadline it had."""
    deadline = proposal.deadline or proposal.answer_by  # an answer shows that it was read, receipt or not
    values = {"answered_by": None, "answered_at": None, "answer": None, "deadline": deadline}
    if not _move(step, proposal, S.DELIVERED, values, (S.DECLINING,)):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    if deadline is not None:
        _set_expiry(step, proposal, deadline)
    step.say(ProposalRestored, proposal.proposal, proposal.territory, deadline=deadline)
    return True


def freeze(step: Step, proposal: Proposal) -> bool:
    """Two contacts contradict each other: nothing moves until the guichet has called."""
    if not _move(step, proposal, S.FROZEN):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    step.say(ProposalFrozen, proposal.proposal, proposal.territory)
    tasks.open_task(step, TaskKind.CONTRADICTION, proposal)
    return True


def decline(step: Step, proposal: Proposal, answer: Answer, by: str) -> bool:
    values = {"answered_by": by, "answer": answer.value}
    if not _close(step, proposal, S.DECLINED, values):
        return False
    step.say(ProposalDeclined, proposal.proposal, proposal.territory, answer=answer, answered_by=by)
    return _reopen(step, proposal)


def expire(step: Step, proposal: Proposal) -> bool:
    """The deadline and its grace are over, and the family had received it."""
    if proposal.deadline is None or not _close(step, proposal, S.EXPIRED):
        return False
    step.say(ProposalExpired, proposal.proposal, proposal.territory, deadline=proposal.deadline)
    return _reopen(step, proposal)


def withdraw(step: Step, proposal: Proposal, reason: WithdrawalReason) -> bool:
    """The place is taken back. After a OUI the child goes first in the next round."""
    after_yes = proposal.state is S.ACCEPTED
    if not _close(step, proposal, S.WITHDRAWN):
        return False
    if after_yes:
        store.touch_request(step.tx, proposal.request, goes_first=True)
    step.say(
        ProposalWithdrawn, proposal.proposal, proposal.territory,
        reason=reason, after_yes=after_yes, family_knew=proposal.was_sent or after_yes,
    )  # fmt: skip
    if reason not in FAMILY_CHANGED_IT and (proposal.was_sent or after_yes):
        tasks.open_task(step, TaskKind.CALL_BACK, proposal, detail=reason.value)  # the message promises a call
    return _reopen(step, proposal)


def refuse(step: Step, proposal: Proposal, reason: RefusalReason) -> bool:
    """The structure does not confirm. A person calls the family; the child goes first in the next round."""
    if not _close(step, proposal, S.REFUSED):
        return False
    store.touch_request(step.tx, proposal.request, goes_first=True)
    step.say(ProposalRefused, proposal.proposal, proposal.territory, reason=reason)
    tasks.open_task(step, TaskKind.STRUCTURE_REFUSED, proposal, detail=reason.value)
    return _reopen(step, proposal)


def confirm(step: Step, proposal: Proposal, **dates: Any) -> bool:
    """The child has the place: what the proposal held, the placement holds. The placement keeps the proposal's id."""
    if not _move(step, proposal, S.CONFIRMED):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    tasks.settle(step, TaskKind.LATE_CONFIRMATION, proposal, "matcher")
    step.tx.execute(t.holds.update().where(t.holds.c.proposal == proposal.proposal).values(is_placement=True))
    step.tx.execute(
        t.placements.insert().values(
            placement=proposal.proposal, territory=proposal.territory, request=proposal.request,
            structure=proposal.structure, section=proposal.section, slots=store.slots_json(proposal.slots),
            starts=proposal.period.start, ends=proposal.period.end, is_over=False,
        )
    )  # fmt: skip
    store.touch_request(step.tx, proposal.request, state=store.PLACED, goes_first=False)
    step.say(
        PlacementConfirmed, proposal.proposal, proposal.territory,
        proposal=proposal.proposal, request=proposal.request, structure=proposal.structure, section=proposal.section,
        slots=proposal.slots, period=proposal.period, **dates,
    )  # fmt: skip
    return True


def _close(step: Step, proposal: Proposal, state: ProposalState, values: Mapping[str, object] = NOTHING_ELSE) -> bool:
    if not _move(step, proposal, state, values):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    tasks.settle_all(step, proposal, "matcher")
    store.touch_request(step.tx, proposal.request)
    return True


def _reopen(step: Step, proposal: Proposal) -> bool:
    """Give the hours back, once: the row that held them is deleted, and only who deletes it says so."""
    store.lock_section(step.tx, proposal.section)
    own = (t.holds.c.proposal == proposal.proposal) & ~t.holds.c.is_placement
    if step.tx.execute(t.holds.delete().where(own).returning(t.holds.c.hold)).all():
        step.say(
            PlaceReopened, proposal.proposal, proposal.territory,
            section=proposal.section, slots=proposal.slots, period=proposal.period,
        )  # fmt: skip
        urgent = proposal.kind is not VacancyKind.REGULAR
        step.mark_due(proposal.territory, "place.reopened", at_once=urgent)
    return True
