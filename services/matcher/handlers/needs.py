"""What families ask for: registered, amended, closed by a person."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from contracts.proposals import Half
from contracts.requests import NeedFacts, RequestAmended, RequestClosed, RequestRegistered
from contracts.vocabulary import Audience, ClosingReason, ProposalState, RequestKind, Slot, TaskKind, WithdrawalReason
from services.bus.retries import WrongEvent
from services.calendar import at, local_day
from services.matcher import declared_criteria, endings, halves, lifecycle, moves, store, tasks, watch
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.near import near_of
from services.matcher.needs import Offered, as_request, counted_at, still_suits
from services.matcher.published import structures_of
from services.matcher.reading import context
from services.matcher.step import Step
from services.matcher.store import Proposal

BIRTH_CHECK = time(8)
"""When the guichet finds the births to confirm on its list."""


def on_request_registered(tx: sa.Connection, event: RequestRegistered, now: datetime) -> None:
    step = step_for(tx, event, now)
    tx.execute(
        t.requests.insert().values(
            request=event.subject, territory=event.territory, family=event.family, kind=event.kind.value,
            need=event.model_dump(mode="json"), state=store.WAITING, goes_first=False, version=0,
            registered_at=event.time,
        )
    )  # fmt: skip
    declared_criteria.note(tx, event, now)
    _watch_birth(step, event)
    step.mark_due(event.territory, event.type, at_once=event.kind is not RequestKind.REGULAR)


def on_request_amended(tx: sa.Connection, event: RequestAmended, now: datetime) -> None:
    """The whole need as it is now; a live proposal that it no longer suits is taken back."""
    step = step_for(tx, event, now)
    row = store.request_row(tx, event.subject)
    if row is None:
        raise WrongEvent(f"la demande {event.subject} est inconnue")
    state = store.WAITING if row["state"] == store.WITH_PERSON else row["state"]
    store.touch_request(tx, event.subject, need=event.model_dump(mode="json"), kind=event.kind.value, state=state)
    declared_criteria.note(tx, event, now)
    for proposal in store.live_proposals(tx, t.proposals.c.request == event.subject):
        _look_again(step, proposal, event, goes_first=row["goes_first"])
    store.drop_timers(tx, event.subject, moves.BIRTH)
    for task in store.open_tasks(tx, TaskKind.BIRTH_TO_CONFIRM, request=event.subject):
        tasks.settle_task(step, task, event.territory, "matcher")
    _watch_birth(step, event)
    for proposal in store.live_proposals(tx, t.proposals.c.request == event.subject):
        watch.keep_watch(step, proposal.proposal)
    step.mark_due(event.territory, event.type, at_once=event.kind is not RequestKind.REGULAR)


def _look_again(step: Step, proposal: Proposal, need: RequestAmended, *, goes_first: bool) -> None:
    """Take a proposal back that the need no longer suits, or that rests on a claim which it no longer has.

    A claim counts until the family is told: what was promised to it stands.
    """
    told = proposal.state not in (ProposalState.PREPARED, ProposalState.HELD)
    if not _suits(step, proposal, need) or not (told or _claims_as_much(step, proposal, need, goes_first)):
        endings.withdraw(step, proposal, WithdrawalReason.REQUEST_CHANGED)
    elif proposal.state is ProposalState.DELIVERED and proposal.deadline is not None:
        lifecycle.set_expiry(step, proposal, proposal.deadline)  # it may have waited for news of the birth


def _suits(step: Step, proposal: Proposal, need: RequestAmended) -> bool:
    """A week that two structures share suits as a whole, or not at all."""
    places = halves.of(proposal)
    return all(
        _suits_there(step, proposal, here, need, sum((o.slots for o in places if o is not here), ())) for here in places
    )


def _suits_there(
    step: Step, proposal: Proposal, place: Half, need: RequestAmended, elsewhere: tuple[Slot, ...]
) -> bool:  # fmt: skip
    c = t.sections.c
    ages = step.tx.execute(sa.select(c.age_from_months, c.age_to_months).where(c.section == place.section)).one()
    own = t.holds.c.hold.in_((place.half, proposal.wave))
    entitled_to = step.tx.scalars(sa.select(t.holds.c.entitled_to).where(own)).one()
    found_on = local_day(proposal.made_at)
    offered = Offered(place.structure, place.slots, proposal.period, Audience(entitled_to), found_on, elsewhere)
    near = near_of(step.tx, need.territory, structures_of(step.tx, need.territory))
    return still_suits(need, offered, (ages[0], ages[1]), near)


def _claims_as_much(step: Step, proposal: Proposal, need: RequestAmended, goes_first: bool) -> bool:
    asked = as_request(need.subject, need, goes_first, context(step.tx, need.territory, step.policy, step.now))
    if asked is None:
        return False
    points = sum(line.points for line in counted_at(asked, *(half.structure for half in halves.of(proposal))))
    return (asked.tier, -points, need.since) <= (proposal.tier, -proposal.points, proposal.since)


def on_request_closed(tx: sa.Connection, event: RequestClosed, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = store.request_row(tx, event.subject)
    if row is None:
        raise WrongEvent(f"la demande {event.subject} est inconnue")
    if row["state"] == store.PLACED and event.reason is not ClosingReason.ERASED:
        return  # the child has the place: only a departure gives it back
    store.touch_request(tx, event.subject, state=store.CLOSED, **_forgotten(event))
    if event.reason is ClosingReason.ERASED:
        declared_criteria.forget(tx, event.subject)
    for proposal in store.live_proposals(tx, t.proposals.c.request == event.subject):
        endings.withdraw(step, proposal, WithdrawalReason.REQUEST_CLOSED)
    store.drop_timers(tx, event.subject, moves.BIRTH)
    for task in store.open_tasks(tx, TaskKind.BIRTH_TO_CONFIRM, request=event.subject):
        tasks.settle_task(step, task, event.territory, event.said_by)


def _forgotten(event: RequestClosed) -> dict[str, object]:
    """Of an erased family not even the need is kept here: it says an age, a commune and criteria."""
    return {"need": {}} if event.reason is ClosingReason.ERASED else {}


def _watch_birth(step: Step, event: NeedFacts) -> None:
    """Once the due date is past, nothing is sent before somebody has asked whether the child is born."""
    if not event.is_born:
        day = event.born + timedelta(days=1)
        store.set_timer(step.tx, moves.BIRTH, event.subject, event.territory, at(day, BIRTH_CHECK))
