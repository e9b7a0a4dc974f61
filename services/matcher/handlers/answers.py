"""What families answer, and what the guichet or a counsellor records for them. The rules judge; this applies."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts.proposals import HoldDenied, ReplyJudged, Verdict
from contracts.replies import CallRecorded, HoldRequested, ReplyReceived, ReplyUndone
from contracts.vocabulary import Answer, ProposalState, TaskKind
from services.bus.retries import WrongEvent
from services.calendar import answer_by_after_callback
from services.matcher import lifecycle, store, tasks
from services.matcher.handlers.territory import step_for
from services.matcher.needs import CannotHold
from services.matcher.on_call_holds import on_call_place
from services.matcher.propose import NoRoom, deadline_from, propose
from services.matcher.rules.proposals import Effect, Judgement, Standing, judge, may_undo
from services.matcher.step import Step
from services.matcher.store import Proposal


def on_reply_received(tx: sa.Connection, event: ReplyReceived, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = _known(tx, event.proposal)
    standing = Standing(proposal.state, proposal.kind, proposal.deadline, proposal.answered_by, proposal.answer)
    judgement = judge(standing, event.answer, event.received_at, event.answered_by, event.channel)
    _apply(step, proposal, event, judgement)
    verdict = judgement.verdict if event.understood else Verdict.UNCLEAR
    step.say(
        ReplyJudged, event.id, event.territory,
        proposal=event.proposal, answer=event.answer, verdict=verdict, answered_by=event.answered_by,
        channel=event.channel,
    )  # fmt: skip


def _apply(step: Step, proposal: Proposal, event: ReplyReceived, judgement: Judgement) -> None:
    by, channel, received = event.answered_by, event.channel, event.received_at
    match judgement.effect:
        case Effect.ACCEPT:
            lifecycle.accept(step, proposal, by, channel, received)
        case Effect.DECLINE_LATER:
            lifecycle.decline_later(step, proposal, by, channel, received)
        case Effect.DECLINE_NOW:
            lifecycle.decline(step, proposal, event.answer, by)
        case Effect.FREEZE:
            lifecycle.freeze(step, proposal)
        case Effect.CALL_BACK:
            _ask_for_a_call(step, proposal, event)
        case Effect.WRONG_NUMBER:
            tasks.open_task(step, TaskKind.WRONG_NUMBER, proposal)
        case Effect.LATE_YES:
            tasks.open_task(step, TaskKind.LATE_YES, proposal)
        case Effect.NOTHING:
            pass


def _ask_for_a_call(step: Step, proposal: Proposal, event: ReplyReceived) -> None:
    """A person calls. The clock stands still meanwhile, once."""
    kind = TaskKind.CALL_BACK if event.understood else TaskKind.UNCLEAR_REPLY
    tasks.open_task(step, kind, proposal)
    if proposal.state is not ProposalState.DELIVERED or proposal.deadline is None:
        return
    moved = answer_by_after_callback(
        proposal.deadline, event.received_at, None,
        already_stopped=proposal.call_asked_at is not None, rules=step.policy.delays,
    )  # fmt: skip
    if moved != proposal.deadline:
        lifecycle.move_deadline(step, proposal, moved, event.received_at)


def on_reply_undone(tx: sa.Connection, event: ReplyUndone, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = _known(tx, event.proposal)
    until = proposal.answered_at + step.policy.undo if proposal.answered_at else None
    restored = may_undo(proposal.state, until, event.received_at) and lifecycle.restore(step, proposal)
    step.say(
        ReplyJudged, event.id, event.territory,
        proposal=event.proposal, answer=Answer.NON, verdict=Verdict.TAKEN if restored else Verdict.LATE,
        answered_by=event.answered_by, channel=event.channel,
    )  # fmt: skip


def on_call_recorded(tx: sa.Connection, event: CallRecorded, now: datetime) -> None:
    """A call that reached the family starts its delay, as a receipt would."""
    step = step_for(tx, event, now)
    proposal = _known(tx, event.proposal)
    if not event.reached:
        return
    lifecycle.reached(step, proposal, event.called_at, deadline_from(step, proposal, event.called_at))
    for kind in (TaskKind.CALL_BACK, TaskKind.UNCLEAR_REPLY, TaskKind.UNDELIVERED, TaskKind.NO_MOBILE):
        tasks.settle(step, kind, proposal, event.by)


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
    lifecycle.reached(step, proposal, now, now + timedelta(hours=event.hours))


def _known(tx: sa.Connection, proposal_id: str) -> Proposal:
    proposal = store.proposal(tx, proposal_id)
    if proposal is None:
        raise WrongEvent(f"la proposition {proposal_id} est inconnue")
    return proposal
