"""What persons decide: structures about admissions, coordinators about releases, withdrawals and tasks."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused
from contracts.releases import ReleaseGiven, ReleaseSuspended, WithdrawalGiven
from contracts.tasks import TaskHandled
from contracts.vocabulary import TaskKind
from services.matcher import endings, lifecycle, moves, store, tasks, together, watch
from services.matcher import tables as t
from services.matcher.handlers.territory import known, step_for
from services.matcher.propose import release


def on_admission_confirmed(tx: sa.Connection, event: AdmissionConfirmed, now: datetime) -> None:
    step = step_for(tx, event, now)
    endings.confirm(
        step, known(tx, event.proposal), event.structure,
        **event.model_dump(mode="json", include={"appointment", "adaptation_start", "first_full_day"}),
    )  # fmt: skip


def on_admission_refused(tx: sa.Connection, event: AdmissionRefused, now: datetime) -> None:
    step = step_for(tx, event, now)
    endings.refuse(step, known(tx, event.proposal), event.reason, event.structure)


def on_release_given(tx: sa.Connection, event: ReleaseGiven, now: datetime) -> None:
    step = step_for(tx, event, now)
    for proposal_id in event.proposals:
        proposal = store.proposal(tx, proposal_id)
        if proposal is not None:
            release(step, proposal, event.by, event.note)


def on_release_suspended(tx: sa.Connection, event: ReleaseSuspended, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = known(tx, event.proposal)
    for kept in [proposal, *together.beside(step, proposal)]:
        lifecycle.keep_back(step, kept, event.reason, event.until, event.by)


def on_withdrawal_given(tx: sa.Connection, event: WithdrawalGiven, now: datetime) -> None:
    step = step_for(tx, event, now)
    endings.withdraw(step, known(tx, event.proposal), event.reason)


def on_task_handled(tx: sa.Connection, event: TaskHandled, now: datetime) -> None:
    """Settled; a request that waited for this comes back to the next round.

    Put off, it comes back at its hour. A proposal that nothing moves any more comes back at once: a tick is no answer.
    """
    step = step_for(tx, event, now)
    row = tx.execute(sa.select(t.tasks).where(t.tasks.c.task == event.subject)).mappings().first()
    if not tasks.settle_task(step, event.subject, event.territory, event.by) or row is None:
        return
    if event.again_at is not None:
        store.set_timer(tx, moves.AGAIN, event.subject, event.territory, event.again_at)
    for proposal in _about(tx, row):
        watch.keep_watch(step, proposal)
    if row["request"] is None:
        return
    request = store.request_row(tx, row["request"])
    if (
        event.again_at is None
        and row["kind"] == TaskKind.STRUCTURE_REFUSED
        and request is not None
        and request["state"] == store.WITH_PERSON
    ):
        store.touch_request(tx, row["request"], state=store.WAITING)
        step.mark_due(event.territory, event.type)


def _about(tx: sa.Connection, task: sa.RowMapping) -> list[str]:
    """The live proposals that a task is about: its own, or those of its request."""
    own = t.proposals.c.proposal == task["proposal"] if task["proposal"] else t.proposals.c.request == task["request"]
    return [proposal.proposal for proposal in store.live_proposals(tx, own)]
