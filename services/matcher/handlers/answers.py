"""What families answer, and what the guichet or a counsellor records for them. The rules judge; this applies."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from contracts.proposals import HoldDenied, ReplyJudged, Verdict
from contracts.replies import CallRecorded, HoldRequested, ReplyReceived, ReplyUndone
from contracts.vocabulary import Answer, ProposalState, TaskKind, VacancyKind, WithdrawalReason
from services.calendar import answer_by_after_callback
from services.matcher import endings, lifecycle, tasks, watch, waves
from services.matcher.days_of_care import before_care
from services.matcher.handlers.territory import known, step_for
from services.matcher.needs import CannotHold
from services.matcher.on_call_holds import on_call_place
from services.matcher.propose import NoRoom, deadline_from, propose
from services.matcher.reading import agreements_of
from services.matcher.rules.proposals import Effect, Judgement, Standing, judge, judge_undo
from services.matcher.step import Step
from services.matcher.store import Proposal


def on_reply_received(tx: sa.Connection, event: ReplyReceived, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = known(tx, event.proposal)
    judgement = judge(
        _standing(step, proposal), event.answer, event.received_at, event.answered_by, event.channel,
        consent=event.consent,
    )  # fmt: skip
    _apply(step, proposal, event, judgement)
    _say_verdict(step, event, event.answer, _verdict(event, judgement))


def _verdict(event: ReplyReceived, judgement: Judgement) -> Verdict:
    """Of words that are no answer only that is said: what follows is a call."""
    if event.stop:
        return Verdict.STOPPED
    return judgement.verdict if event.understood else Verdict.UNCLEAR


def _standing(step: Step, proposal: Proposal) -> Standing:
    until = lifecycle.undo_until(step, proposal.answered_at) if proposal.answered_at else None
    return Standing(proposal.state, proposal.kind, proposal.deadline, proposal.answered_by, until)


def _say_verdict(step: Step, event: ReplyReceived | ReplyUndone, answer: Answer, verdict: Verdict) -> None:
    step.say(
        ReplyJudged, event.id, event.territory,
        proposal=event.proposal, answer=answer, verdict=verdict, answered_by=event.answered_by, channel=event.channel,
    )  # fmt: skip


def _apply(step: Step, proposal: Proposal, event: ReplyReceived, judgement: Judgement) -> None:
    by, channel, received = event.answered_by, event.channel, event.received_at
    match judgement.effect:
        case Effect.ACCEPT:
            lifecycle.accept(step, proposal, by, channel, received, at_once=_rests_on_agreement(step, proposal))
        case Effect.DECLINE_LATER:
            lifecycle.decline_later(step, proposal, by, channel, received)
        case Effect.DECLINE_NOW:
            endings.decline(step, proposal, event.answer, by)
        case Effect.FREEZE:
            lifecycle.freeze(step, proposal)
        case Effect.CALL_BACK:
            _ask_for_a_call(step, proposal, event)
        case Effect.WRONG_NUMBER:
            _write_nobody(step, proposal)
        case Effect.LATE_YES:
            _note_late_yes(step, proposal, received)
        case Effect.NOTHING | Effect.RESTORE:
            pass


READ_LATE = "Reçu avant la limite, lu après\u00a0: la famille n'est pas en retard."
FIRST_AFTER_ALL = "Reçu avant le OUI qui a pris la place, lu après\u00a0: la famille était la première."


def _note_late_yes(step: Step, proposal: Proposal, received: datetime) -> None:
    """A person looks at it; but who was not the first of a wave was told so, and loses nothing."""
    if proposal.withdrawn_for is WithdrawalReason.TAKEN:
        if waves.was_taken_later(step.tx, proposal, received):
            tasks.open_task(step, TaskKind.LATE_YES, proposal, detail=FIRST_AFTER_ALL)
        return
    in_time = proposal.deadline is not None and received <= proposal.deadline
    tasks.open_task(step, TaskKind.LATE_YES, proposal, detail=READ_LATE if in_time else "")


def _rests_on_agreement(step: Step, proposal: Proposal) -> bool:
    """An on-call place is confirmed at once under an agreement made before, if there still is one."""
    if proposal.kind is not VacancyKind.ON_CALL:
        return False
    last = max(slot.day for slot in proposal.slots if isinstance(slot.day, date))
    agreements = agreements_of(step.tx, proposal.territory)
    return any(a.section == proposal.section and last <= a.valid_until for a in agreements)


def _write_nobody(step: Step, proposal: Proposal) -> None:
    """A stranger has the message, so the family's silence is none: its delay does not run."""
    if not (proposal.state.waits_for_family and lifecycle.not_reached(step, proposal, TaskKind.WRONG_NUMBER)):
        tasks.open_task(step, TaskKind.WRONG_NUMBER, proposal)


def _ask_for_a_call(step: Step, proposal: Proposal, event: ReplyReceived) -> None:
    """A person calls. The clock stands still meanwhile, once. Whoever asks has read the message, receipt or not."""
    kind = TaskKind.CALL_BACK if event.understood else TaskKind.UNCLEAR_REPLY
    tasks.open_task(step, kind, proposal)
    if proposal.state.waits_for_family and proposal.state is not ProposalState.DELIVERED:
        lifecycle.reached(step, proposal, event.received_at, deadline_from(step, proposal, event.received_at))
    current = known(step.tx, proposal.proposal)
    if current.state is not ProposalState.DELIVERED or current.deadline is None:
        return
    moved = answer_by_after_callback(
        current.deadline, event.received_at, None,
        already_stopped=current.call_asked_at is not None, rules=step.policy.delays,
    )  # fmt: skip
    moved = max(current.deadline, before_care(current, moved))
    if moved != current.deadline:
        lifecycle.stop_clock(step, current, event.received_at, moved)


def on_reply_undone(tx: sa.Connection, event: ReplyUndone, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = known(tx, event.proposal)
    judgement = judge_undo(_standing(step, proposal), event.received_at, event.answered_by, event.channel)
    if judgement.effect is Effect.RESTORE:
        lifecycle.restore(step, proposal)
    elif judgement.effect is Effect.FREEZE:
        lifecycle.freeze(step, proposal)
    _say_verdict(step, event, Answer.NON, judgement.verdict)


def on_call_recorded(tx: sa.Connection, event: CallRecorded, now: datetime) -> None:
    """A call that reached the family starts its delay, as a receipt would, or lets its clock run again."""
    step = step_for(tx, event, now)
    proposal = known(tx, event.proposal)
    if not event.reached:
        return
    lifecycle.reached(step, proposal, event.called_at, deadline_from(step, proposal, event.called_at))
    if proposal.deadline_before_call is not None and proposal.call_asked_at is not None:
        moved = answer_by_after_callback(
            proposal.deadline_before_call, proposal.call_asked_at, event.called_at,
            already_stopped=False, rules=step.policy.delays,
        )  # fmt: skip
        lifecycle.run_clock(step, proposal, max(proposal.deadline_before_call, before_care(proposal, moved)))
    for kind in CALLED:
        tasks.settle(step, kind, proposal, event.by)
    watch.keep_watch(step, proposal.proposal)


CALLED = (
    TaskKind.CALL_BACK, TaskKind.UNCLEAR_REPLY, TaskKind.UNDELIVERED, TaskKind.NO_MOBILE, TaskKind.TO_VERIFY,
)  # fmt: skip
"""Tasks that a call which reached the family settles."""


def on_hold_requested(tx: sa.Connection, event: HoldRequested, now: datetime) -> None:
    """A counsellor keeps an on-call place for a client: a proposal that is read at once and expires by itself."""
    step = step_for(tx, event, now)
    try:
        place = on_call_place(step, event)
        proposal = propose(step, place)
    except (CannotHold, NoRoom) as refusal:
        reason = str(refusal) if isinstance(refusal, CannotHold) else "La place vient d'être prise."
        step.say(HoldDenied, event.subject, event.territory, request=event.request, reason=reason)
        return
    lifecycle.reached(step, proposal, now, before_care(proposal, now + timedelta(hours=event.hours)))
