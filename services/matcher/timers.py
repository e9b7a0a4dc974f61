"""What is due by itself. Timers are rows: a restart finds them where they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.placements import PlacementEnded
from contracts.proposals import ProposalReminded
from contracts.vocabulary import Answer, DepartureReason, ProposalState, TaskKind
from services.calendar import local_day
from services.matcher import lifecycle, store, tasks
from services.matcher import tables as t
from services.matcher.policy import policy_in_force
from services.matcher.step import Step
from services.matcher.store import Proposal

BATCH = 200


@dataclass(frozen=True)
class Timer:
    kind: str
    about: str
    territory: str
    due_at: datetime


def due(tx: sa.Connection, now: datetime) -> list[Timer]:
    """The timers whose time has come, oldest first."""
    query = sa.select(t.timers).where(t.timers.c.due_at <= now).order_by(t.timers.c.due_at, t.timers.c.about)
    return [Timer(**row._mapping) for row in tx.execute(query.limit(BATCH))]


def next_due(tx: sa.Connection) -> datetime | None:
    """When the next timer fires."""
    return tx.scalar(sa.select(t.timers.c.due_at).order_by(t.timers.c.due_at).limit(1))


def fire(tx: sa.Connection, timer: Timer, now: datetime) -> bool:
    """Do what is due, if it still is: the row is taken first, so that a timer fires once. False if it was moved."""
    taken = tx.execute(
        t.timers.delete()
        .where(t.timers.c.kind == timer.kind, t.timers.c.about == timer.about, t.timers.c.due_at == timer.due_at)
        .returning(t.timers.c.about)
    )
    territory = store.territory_row(tx, timer.territory)
    if taken.first() is None or territory is None:
        return False
    cause = f"{timer.kind}/{timer.about}/{timer.due_at.isoformat()}"
    step = Step(tx, now, cause, policy_in_force(territory["policy"], local_day(now)))
    _FIRE[timer.kind](step, timer)
    return True


def _about_proposal(step: Step, timer: Timer) -> None:
    proposal = store.proposal(step.tx, timer.about)
    if proposal is not None:
        _FIRE_PROPOSAL[timer.kind](step, proposal)


def _expire(step: Step, proposal: Proposal) -> None:
    if proposal.deadline is not None and step.now >= proposal.deadline + step.policy.grace:
        lifecycle.expire(step, proposal)


def _remind(step: Step, proposal: Proposal) -> None:
    if proposal.state is ProposalState.DELIVERED and proposal.deadline is not None:
        step.say(ProposalReminded, proposal.proposal, proposal.territory, deadline=proposal.deadline)


def _make_no_final(step: Step, proposal: Proposal) -> None:
    if proposal.state is ProposalState.DECLINING:
        lifecycle.decline(step, proposal, Answer.NON, proposal.answered_by or "matcher")


def _miss_receipt(step: Step, proposal: Proposal) -> None:
    """The limit is here and nobody knows whether the family read it: it does not expire, a person calls."""
    if proposal.state in (ProposalState.RELEASED, ProposalState.SENT):
        lifecycle.not_reached(step, proposal, TaskKind.UNDELIVERED)


def _miss_confirmation(step: Step, proposal: Proposal) -> None:
    if proposal.state is ProposalState.ACCEPTED:
        tasks.open_task(step, TaskKind.LATE_CONFIRMATION, proposal)


def _resume(step: Step, proposal: Proposal) -> None:
    lifecycle.resume(step, proposal)


def _release_place(step: Step, timer: Timer) -> None:
    step.mark_due(timer.territory, "vacancy.released", at_once=True)


def _end_placement(step: Step, timer: Timer) -> None:
    ended = step.tx.execute(
        t.placements.update()
        .where(t.placements.c.placement == timer.about, ~t.placements.c.is_over)
        .values(is_over=True)
        .returning(t.placements.c.structure, t.placements.c.last_day, t.placements.c.reason)
    ).first()
    if ended is not None:
        reason = DepartureReason(ended.reason)
        step.say(
            PlacementEnded, timer.about, timer.territory,
            structure=ended.structure, last_day=ended.last_day, reason=reason,
        )  # fmt: skip


def _ask_about_birth(step: Step, timer: Timer) -> None:
    row = store.request_row(step.tx, timer.about)
    if row is not None and row["state"] == store.WAITING:
        tasks.open_task(step, TaskKind.BIRTH_TO_CONFIRM, territory=timer.territory, request=timer.about)


_FIRE_PROPOSAL = {
    lifecycle.EXPIRY: _expire,
    lifecycle.REMINDER: _remind,
    lifecycle.UNDO: _make_no_final,
    lifecycle.RECEIPT: _miss_receipt,
    lifecycle.CONFIRMATION: _miss_confirmation,
    lifecycle.RESUME: _resume,
}

_FIRE = {
    **dict.fromkeys(_FIRE_PROPOSAL, _about_proposal),
    lifecycle.ROUND: _release_place,
    lifecycle.DEPARTURE: _end_placement,
    lifecycle.BIRTH: _ask_about_birth,
}
