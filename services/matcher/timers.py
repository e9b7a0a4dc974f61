"""What is due by itself. Timers are rows: a restart finds them where they were."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.placements import PlacementEnded
from contracts.proposals import ProposalReminded
from contracts.vocabulary import Answer, DepartureReason, ProposalState, TaskKind, WithdrawalReason
from services.calendar import local_day
from services.matcher import declared_capacity, endings, lifecycle, moves, store, tasks, together
from services.matcher import tables as t
from services.matcher.days_of_care import last_hour
from services.matcher.policy import policy_in_force
from services.matcher.propose import birth_is_unsure, offer
from services.matcher.step import Step
from services.matcher.store import Proposal

BATCH = 200


@dataclass(frozen=True)
class Timer:
    kind: str
    about: str
    territory: str
    due_at: datetime


def due(tx: sa.Connection, now: datetime, among: Collection[str] | None = None) -> list[Timer]:
    """The timers whose time has come, oldest first: of every territory, or of those `among` these."""
    found = tx.execute(_DUE if among is None else _DUE_AMONG, {"_now": now, "_among": list(among or ())})
    return [Timer(**row._mapping) for row in found]


def next_due(tx: sa.Connection, among: Collection[str] | None = None) -> datetime | None:
    """When the next timer fires: of any territory, or of one `among` these."""
    return tx.scalar(_NEXT if among is None else _NEXT_AMONG, {"_among": list(among or ())})


_C = t.timers.c
_AMONG = _C.territory.in_(sa.bindparam("_among", expanding=True))
_DUE = sa.select(t.timers).where(_C.due_at <= sa.bindparam("_now")).order_by(_C.due_at, _C.about).limit(BATCH)
_DUE_AMONG = _DUE.where(_AMONG)
_NEXT = sa.select(_C.due_at).order_by(_C.due_at).limit(1)
_NEXT_AMONG = _NEXT.where(_AMONG)
"""Built once: every look asks these."""


def fire(tx: sa.Connection, timer: Timer, now: datetime, listening_since: datetime | None = None) -> bool:
    """Do what is due, if it still is: the row is taken first, so that a timer fires once. False if it was moved.

    Silence counts only while somebody listens: for the length of the grace after `listening_since`, answers that came
    in time may still wait on their stream, and what ends a proposal by silence is put off.
    """
    territory = store.territory_row(tx, timer.territory, lock=True)
    taken = tx.execute(
        t.timers.delete()
        .where(t.timers.c.kind == timer.kind, t.timers.c.about == timer.about, t.timers.c.due_at == timer.due_at)
        .returning(t.timers.c.about)
    )
    if taken.first() is None or territory is None:
        return False
    cause = f"{timer.kind}/{timer.about}/{timer.due_at.isoformat()}"
    step = Step(tx, now, cause, policy_in_force(territory["policy"], local_day(now)))
    if timer.kind in BY_SILENCE and listening_since is not None and now < listening_since + step.policy.grace:
        store.set_timer(tx, timer.kind, timer.about, timer.territory, listening_since + step.policy.grace)
        return False
    _FIRE[timer.kind](step, timer)
    return True


BY_SILENCE = frozenset({moves.EXPIRY, moves.UNDO, moves.LAPSE})
"""Timers that end something because nobody said otherwise."""


def _about_proposal(step: Step, timer: Timer) -> None:
    proposal = store.proposal(step.tx, timer.about)
    if proposal is not None:
        _FIRE_PROPOSAL[timer.kind](step, proposal)


def _expire(step: Step, proposal: Proposal) -> None:
    """A family whose child should be born by now is called, not written to: its proposal waits for that call."""
    if proposal.deadline is None:
        return
    due = proposal.deadline + step.policy.grace
    if step.now < due:  # the rules of today leave more time than those of the day on which it was set
        store.set_timer(step.tx, moves.EXPIRY, proposal.proposal, proposal.territory, due)
    elif birth_is_unsure(step, proposal.request):
        open_birth(step, proposal.territory, proposal.request)
    else:
        endings.expire(step, proposal)


def _remind(step: Step, proposal: Proposal) -> None:
    waits = proposal.state is ProposalState.DELIVERED and proposal.deadline is not None
    if waits and not birth_is_unsure(step, proposal.request):
        step.say(ProposalReminded, proposal.proposal, proposal.territory, deadline=proposal.deadline)


def _make_no_final(step: Step, proposal: Proposal) -> None:
    if proposal.state is ProposalState.DECLINING:
        endings.decline(step, proposal, Answer.NON, proposal.answered_by or "matcher")


def _miss_receipt(step: Step, proposal: Proposal) -> None:
    """The limit is here and nobody knows whether the family read it: it does not expire, a person calls."""
    if proposal.state in (ProposalState.RELEASED, ProposalState.SENT):
        lifecycle.not_reached(step, proposal, TaskKind.UNDELIVERED)


def _miss_confirmation(step: Step, proposal: Proposal) -> None:
    if proposal.state is ProposalState.ACCEPTED:
        tasks.open_task(step, TaskKind.LATE_CONFIRMATION, proposal)


def _resume(step: Step, proposal: Proposal) -> None:
    lifecycle.resume(step, proposal)


def _offer(step: Step, proposal: Proposal) -> None:
    """Those whose places it needed have moved: it leaves, or waits for a person to release it, with its siblings'. So
    does what a person held back until a day that has come meanwhile."""
    for waiting in [proposal, *together.beside(step, proposal)]:
        if waiting.state is ProposalState.PREPARED:
            offer(step, waiting)
        elif not store.has_timer(step.tx, moves.RESUME, waiting.proposal):
            lifecycle.resume(step, waiting)


def _lapse(step: Step, proposal: Proposal) -> None:
    """The days of care have come. Whoever still has a deadline, or a NON to take back, keeps that time; who said OUI
    has until the last hour, while the structure may confirm; nobody may wait any more for the others."""
    ends = last_hour(proposal)
    if proposal.state is ProposalState.DECLINING or (proposal.state is ProposalState.DELIVERED and proposal.deadline):
        return  # another timer ends it
    if proposal.state is ProposalState.ACCEPTED and ends is not None and step.now < ends:
        store.set_timer(step.tx, moves.LAPSE, proposal.proposal, proposal.territory, ends)
    else:
        endings.withdraw(step, proposal, WithdrawalReason.PERIOD_OVER)


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
        declared_capacity.check_again(step, ended.structure)


def _ask_about_birth(step: Step, timer: Timer) -> None:
    row = store.request_row(step.tx, timer.about)
    if row is not None and row["state"] in (store.WAITING, store.WITH_PERSON):
        open_birth(step, timer.territory, timer.about)


def open_birth(step: Step, territory: str, request: str) -> None:
    tasks.open_task(step, TaskKind.BIRTH_TO_CONFIRM, territory=territory, request=request)


def _ask_again(step: Step, timer: Timer) -> None:
    """What was put off is on the list again, unless it has lost its object meanwhile."""
    row = step.tx.execute(sa.select(t.tasks).where(t.tasks.c.task == timer.about)).mappings().one()
    proposal = store.proposal(step.tx, row["proposal"]) if row["proposal"] else None
    kind = TaskKind(row["kind"])
    if proposal is not None and not _still_wants(proposal, kind, row["settled_at"]):
        return
    about = {name: row[name] for name in ("request", "structure")} if proposal is None else {}
    tasks.open_task(step, kind, proposal, territory=timer.territory, **about)


def _still_wants(proposal: Proposal, kind: TaskKind, put_off_at: datetime) -> bool:
    """A task that ends with the proposal, or with an answer, has no object after it."""
    if kind in tasks.ENDED and proposal.state is not _ASKED_IN.get(kind, proposal.state):
        return False
    answered_since = proposal.answered_at is not None and proposal.answered_at > put_off_at
    return not (answered_since and kind in tasks.ANSWERED)


_ASKED_IN = {
    TaskKind.RELEASE: ProposalState.PREPARED,
    TaskKind.UNDELIVERED: ProposalState.UNDELIVERED,
    TaskKind.NO_MOBILE: ProposalState.UNDELIVERED,
    TaskKind.CONTRADICTION: ProposalState.FROZEN,
    TaskKind.LATE_CONFIRMATION: ProposalState.ACCEPTED,
}
"""In which state a task that ends with its proposal is wanted."""


_FIRE_PROPOSAL = {
    moves.EXPIRY: _expire,
    moves.REMINDER: _remind,
    moves.UNDO: _make_no_final,
    moves.RECEIPT: _miss_receipt,
    moves.CONFIRMATION: _miss_confirmation,
    moves.RESUME: _resume,
    moves.LAPSE: _lapse,
    moves.FREED: _offer,
}

_FIRE = {
    **dict.fromkeys(_FIRE_PROPOSAL, _about_proposal),
    moves.ROUND: _release_place,
    moves.DEPARTURE: _end_placement,
    moves.BIRTH: _ask_about_birth,
    moves.AGAIN: _ask_again,
}
