"""What persons decide: structures about admissions and departures, coordinators about releases and tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused, DepartureAnnounced
from contracts.placements import PlacementEnding
from contracts.proposals import PlaceReopened
from contracts.releases import ReleaseGiven, ReleaseSuspended, WithdrawalGiven
from contracts.tasks import TaskHandled
from contracts.vocabulary import Period, RefusalReason
from services.bus.retries import WrongEvent
from services.calendar import at
from services.matcher import lifecycle, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.propose import release
from services.matcher.step import Step

NO_PLACE_THERE = frozenset({RefusalReason.STAFF_SHORTAGE, RefusalReason.ALREADY_FILLED})
"""With these the place itself is in doubt: it is offered to nobody before the structure confirmed it again."""


def on_admission_confirmed(tx: sa.Connection, event: AdmissionConfirmed, now: datetime) -> None:
    proposal = store.proposal(tx, event.proposal)
    if proposal is not None:
        lifecycle.confirm(
            step_for(tx, event, now), proposal, appointment=event.appointment,
            adaptation_start=event.adaptation_start, first_full_day=event.first_full_day,
        )  # fmt: skip


def on_admission_refused(tx: sa.Connection, event: AdmissionRefused, now: datetime) -> None:
    step = step_for(tx, event, now)
    proposal = store.proposal(tx, event.proposal)
    if proposal is not None and lifecycle.refuse(step, proposal, event.reason) and event.reason in NO_PLACE_THERE:
        in_doubt = t.vacancies.c.section == proposal.section
        tx.execute(
            t.vacancies.update().where(in_doubt, t.vacancies.c.kind == proposal.kind.value).values(confirmed_at=None)
        )


def on_departure_announced(tx: sa.Connection, event: DepartureAnnounced, now: datetime) -> None:
    """The notice opens the place from the day after the last one."""
    step = step_for(tx, event, now)
    row = tx.execute(sa.select(t.placements).where(t.placements.c.placement == event.placement)).mappings().first()
    if row is None:
        raise WrongEvent(f"le placement {event.placement} est inconnu")
    if row["is_over"] or row["last_day"] == event.last_day:
        return
    store.lock_section(tx, row["section"])
    _shorten(step, row, event)
    step.say(
        PlacementEnding, event.placement, event.territory,
        structure=row["structure"], section=row["section"], last_day=event.last_day, reason=event.reason,
    )  # fmt: skip
    store.set_timer(
        tx, lifecycle.DEPARTURE, event.placement, event.territory, at(event.last_day + timedelta(days=1), MIDNIGHT)
    )
    step.mark_due(event.territory, event.type)


MIDNIGHT = datetime.min.time()


def _shorten(step: Step, row: sa.RowMapping, event: DepartureAnnounced) -> None:
    """Hold the hours up to the last day only, and say which are free again."""
    after = event.last_day + timedelta(days=1)
    values = {"last_day": event.last_day, "reason": event.reason.value}
    step.tx.execute(t.placements.update().where(t.placements.c.placement == event.placement).values(**values))
    own = t.holds.c.proposal == event.placement
    if after <= row["starts"]:
        step.tx.execute(t.holds.delete().where(own))
    else:
        step.tx.execute(t.holds.update().where(own).values(ends=after))
    opens = max(after, row["starts"])
    if row["ends"] is None or opens < row["ends"]:
        step.say(
            PlaceReopened, event.placement, event.territory,
            section=row["section"], slots=store.SLOTS.validate_python(row["slots"]),
            period=Period(start=opens, end=row["ends"]),
        )  # fmt: skip


def on_release_given(tx: sa.Connection, event: ReleaseGiven, now: datetime) -> None:
    step = step_for(tx, event, now)
    for proposal_id in event.proposals:
        proposal = store.proposal(tx, proposal_id)
        if proposal is not None:
            release(step, proposal, event.by, event.note)


def on_release_suspended(tx: sa.Connection, event: ReleaseSuspended, now: datetime) -> None:
    proposal = store.proposal(tx, event.proposal)
    if proposal is not None:
        lifecycle.keep_back(step_for(tx, event, now), proposal, event.reason, event.until, event.by)


def on_withdrawal_given(tx: sa.Connection, event: WithdrawalGiven, now: datetime) -> None:
    proposal = store.proposal(tx, event.proposal)
    if proposal is not None:
        lifecycle.withdraw(step_for(tx, event, now), proposal, event.reason)


def on_task_handled(tx: sa.Connection, event: TaskHandled, now: datetime) -> None:
    tasks.settle_task(step_for(tx, event, now), event.subject, event.territory, event.by)
