"""What families ask for: registered, amended, closed by a person."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from contracts.requests import NeedFacts, RequestAmended, RequestClosed, RequestRegistered
from contracts.vocabulary import ClosingReason, RequestKind, TaskKind, WithdrawalReason
from services.bus.retries import WrongEvent
from services.calendar import at
from services.matcher import lifecycle, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.needs import still_suits
from services.matcher.step import Step

BIRTH_CHECK = time(8)
"""When the guichet finds the births to confirm on its list."""


def on_request_registered(tx: sa.Connection, event: RequestRegistered, now: datetime) -> None:
    step = step_for(tx, event, now)
    tx.execute(
        t.requests.insert().values(
            request=event.subject, territory=event.territory, family=event.family, kind=event.kind.value,
            need=event.model_dump(mode="json"), state=store.WAITING, goes_first=False, version=0,
        )
    )  # fmt: skip
    _watch_birth(step, event)
    step.mark_due(event.territory, event.type, at_once=event.kind is not RequestKind.REGULAR)


def on_request_amended(tx: sa.Connection, event: RequestAmended, now: datetime) -> None:
    """The whole need as it is now; a live proposal that it no longer suits is taken back."""
    step = step_for(tx, event, now)
    if store.request_row(tx, event.subject) is None:
        raise WrongEvent(f"la demande {event.subject} est inconnue")
    store.touch_request(tx, event.subject, need=event.model_dump(mode="json"), kind=event.kind.value)
    for proposal in store.live_proposals(tx, t.proposals.c.request == event.subject):
        if not still_suits(event, proposal.structure, proposal.slots):
            lifecycle.withdraw(step, proposal, WithdrawalReason.REQUEST_CHANGED)
    store.drop_timers(tx, event.subject, lifecycle.BIRTH)
    for task in store.open_tasks(tx, TaskKind.BIRTH_TO_CONFIRM, request=event.subject):
        tasks.settle_task(step, task, event.territory, "matcher")
    _watch_birth(step, event)
    step.mark_due(event.territory, event.type, at_once=event.kind is not RequestKind.REGULAR)


def on_request_closed(tx: sa.Connection, event: RequestClosed, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = store.request_row(tx, event.subject)
    if row is None:
        raise WrongEvent(f"la demande {event.subject} est inconnue")
    if row["state"] == store.PLACED and event.reason is not ClosingReason.ERASED:
        return  # the child has the place: only a departure gives it back
    store.touch_request(tx, event.subject, state=store.CLOSED)
    for proposal in store.live_proposals(tx, t.proposals.c.request == event.subject):
        lifecycle.withdraw(step, proposal, WithdrawalReason.REQUEST_CLOSED)
    store.drop_timers(tx, event.subject, lifecycle.BIRTH)


def _watch_birth(step: Step, event: NeedFacts) -> None:
    """Once the due date is past, nothing is sent before somebody has asked whether the child is born."""
    if not event.is_born:
        day = event.born + timedelta(days=1)
        store.set_timer(step.tx, lifecycle.BIRTH, event.subject, event.territory, at(day, BIRTH_CHECK))
