"""A proposal as pages show it: its facts, its state as the matcher last said it, and its history."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from contracts.base import Event
from contracts.proposals import (
    Half,
    HalfConfirmed,
    HoldDenied,
    PlaceReopened,
    ProposalAccepted,
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalHeld,
    ProposalMade,
    ProposalRefused,
    ProposalReleased,
    ProposalReminded,
    ProposalRestored,
    ProposalUndelivered,
    ProposalWithdrawn,
    ReplyJudged,
)
from contracts.vocabulary import MessageTemplate, ProposalState, RefusalReason
from services.bus.links import fingerprint, proposal_token
from services.ingest import store
from services.ingest.projection.tables import history, messages, proposals, verdicts
from services.ingest.words import why_held_back

CARRIERS = (MessageTemplate.PROPOSAL, MessageTemplate.ON_CALL, MessageTemplate.WAVE)
"""The messages that bring the proposal itself; the others only speak of it."""

_UNSENT = (ProposalState.PREPARED.value, ProposalState.HELD.value)
_ENVELOPE = set(Event.model_fields)
IN_DOUBT = {RefusalReason.STAFF_SHORTAGE, RefusalReason.ALREADY_FILLED}
"""With these the place itself is in doubt: the structure is asked whether it is still free."""


def on_proposal_made(tx: sa.Connection, event: ProposalMade, now: datetime, *, link_key: bytes) -> None:
    facts = event.model_dump(mode="json", include={"slots", "reasons", "after"})
    row = {
        **event.model_dump(exclude={*_ENVELOPE, "slots", "reasons", "after", "period", "keeps_place", "other_half"}),
        **facts,
        "kind": event.kind.value,
        "start": event.period.start,
        "end": event.period.end,
        "link": fingerprint(proposal_token(link_key, event.subject)),
        "made_at": event.time,
    }
    _ensure(tx, event)
    if event.other_half is not None:
        row["other_half"] = _write_other_half(tx, event, event.other_half, row)
    store.update(tx, proposals, event.subject, **row)
    _note(tx, event, by=event.held_by)
    if event.held_by is not None:
        _give_hold(tx, event)


def _write_other_half(tx: sa.Connection, event: ProposalMade, half: Half, row: Mapping[str, Any]) -> str:
    """The row of the second structure. Whatever is said of the proposal is written to it too."""
    own = {**half.model_dump(mode="json", exclude={"half"}), "half_of": event.subject, "code": None, "link": None}
    _ensure(tx, event, half.half)
    store.update(tx, proposals, half.half, **{**row, **own})
    return half.half


def on_proposal_held(tx: sa.Connection, event: ProposalHeld, now: datetime) -> None:
    why = event.reason or why_held_back(tx, event.subject)
    _move(tx, event, ProposalState.HELD, event.by, held_until=event.until, held_reason=why)


def on_proposal_released(tx: sa.Connection, event: ProposalReleased, now: datetime) -> None:
    _move(tx, event, ProposalState.RELEASED, event.by, answer_by=event.answer_by)
    catch_up(tx, event.subject)


def on_proposal_deadline_set(tx: sa.Connection, event: ProposalDeadlineSet, now: datetime) -> None:
    _move(tx, event, ProposalState.DELIVERED, deadline=event.deadline)


def on_proposal_reminded(tx: sa.Connection, event: ProposalReminded, now: datetime) -> None:
    _note(tx, event)


def on_proposal_undelivered(tx: sa.Connection, event: ProposalUndelivered, now: datetime) -> None:
    _move(tx, event, ProposalState.UNDELIVERED)


def on_proposal_accepted(tx: sa.Connection, event: ProposalAccepted, now: datetime) -> None:
    _move(tx, event, ProposalState.ACCEPTED, event.answered_by, confirm_by=event.confirm_by, after_yes=True)


def on_proposal_declining(tx: sa.Connection, event: ProposalDeclining, now: datetime) -> None:
    _move(tx, event, ProposalState.DECLINING, event.answered_by, undo_until=event.undo_until)


def on_proposal_restored(tx: sa.Connection, event: ProposalRestored, now: datetime) -> None:
    _move(tx, event, ProposalState.DELIVERED, deadline=event.deadline, undo_until=None)


def on_proposal_declined(tx: sa.Connection, event: ProposalDeclined, now: datetime) -> None:
    _move(tx, event, ProposalState.DECLINED, event.answered_by)


def on_proposal_expired(tx: sa.Connection, event: ProposalExpired, now: datetime) -> None:
    _move(tx, event, ProposalState.EXPIRED, deadline=event.deadline)


def on_proposal_frozen(tx: sa.Connection, event: ProposalFrozen, now: datetime) -> None:
    _move(tx, event, ProposalState.FROZEN)


def on_proposal_withdrawn(tx: sa.Connection, event: ProposalWithdrawn, now: datetime) -> None:
    _move(tx, event, ProposalState.WITHDRAWN, withdrawal_reason=event.reason.value)


def on_proposal_refused(tx: sa.Connection, event: ProposalRefused, now: datetime) -> None:
    _move(tx, event, ProposalState.REFUSED, refusal_reason=event.reason.value, refused_by=event.structure)
    row = _refused_there(tx, event)
    if event.reason in IN_DOUBT and row is not None and row["section"] is not None:
        vacancies = store.vacancies
        same = (vacancies.c.section == row["section"], vacancies.c.kind == row["kind"])
        tx.execute(sa.update(vacancies).where(*same).values(confirmed_at=None))


def _refused_there(tx: sa.Connection, event: ProposalRefused) -> dict[str, Any] | None:
    """The row of the structure that refused: of two that share the week, the one that is named."""
    there = sa.select(proposals).where(_all_of(event.subject), proposals.c.structure == event.structure)
    named = store.rows(tx, there) if event.structure is not None else []
    return next(iter(named), None) or store.find(tx, proposals, event.subject)


def on_half_confirmed(tx: sa.Connection, event: HalfConfirmed, now: datetime) -> None:
    store.update(tx, proposals, event.half, half_confirmed=True)
    _note(tx, event)


def on_place_reopened(tx: sa.Connection, event: PlaceReopened, now: datetime) -> None:
    _note(tx, event)


def on_reply_judged(tx: sa.Connection, event: ReplyJudged, now: datetime) -> None:
    judged = event.model_dump(mode="json", include={"proposal", "answer", "verdict", "answered_by", "channel"})
    store.put(tx, verdicts, {"reply": event.subject, **judged, "judged_at": event.time})
    _note(tx, event, by=event.answered_by, proposal=event.proposal)


def on_hold_denied(tx: sa.Connection, event: HoldDenied, now: datetime) -> None:
    store.update(tx, store.holds, event.subject, denied=event.reason[:500])


def confirm(tx: sa.Connection, event: Event, proposal: str) -> str:
    """The child has the place: said by the placement, about its proposal. Returns the row that it is the place of."""
    _ensure(tx, event, proposal)
    values = {"state": ProposalState.CONFIRMED.value, "after_yes": True, "changed_at": event.time}
    tx.execute(sa.update(proposals).where(_all_of(proposal)).values(**values))
    _note(tx, event, proposal=proposal)
    other = (proposals.c.id == event.subject, proposals.c.half_of == proposal)
    return tx.scalar(sa.select(proposals.c.id).where(*other)) or proposal


def awaited(tx: sa.Connection, row: Mapping[str, Any]) -> set[str]:
    """The proposals to children who have to move before this one may leave, or one beside it to a brother or a sister:
    they leave together."""
    return still_to_move(tx, {name for one in (row, *_beside(tx, row)) for name in one["after"]})


def still_to_move(tx: sa.Connection, names: Collection[str]) -> set[str]:
    """Those of these proposals whose children have not got their new place yet."""
    if not names:
        return set()
    moved = (proposals.c.id.in_(names), proposals.c.state == ProposalState.CONFIRMED.value)
    return set(names) - set(tx.scalars(sa.select(proposals.c.id).where(*moved)))


def _beside(tx: sa.Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The proposals to the family's other children that were made with this one and have not left either."""
    if row["siblings"] is None:
        return []
    same = (proposals.c.siblings == row["siblings"], proposals.c.round == row["round"], proposals.c.id != row["id"])
    return store.rows(tx, sa.select(proposals).where(*same, proposals.c.state.in_(_UNSENT)))


def wait_again(tx: sa.Connection, proposal: str) -> None:
    """What a person held back is on the list of those to release again: its date has come."""
    held = (_all_of(proposal), proposals.c.state == ProposalState.HELD.value)
    tx.execute(sa.update(proposals).where(*held).values(state=ProposalState.PREPARED.value))


def catch_up(tx: sa.Connection, proposal: str) -> None:
    """Move a released proposal as far as its messages already went: the notifier's stream may be ahead."""
    steps = tx.scalars(_STEPS, {"_proposal": proposal})
    state = {"sent": ProposalState.SENT, "delivered": ProposalState.DELIVERED}
    reached = {state[step] for step in steps if step in state}
    if reached:
        furthest = ProposalState.DELIVERED if ProposalState.DELIVERED in reached else ProposalState.SENT
        tx.execute(_CATCH_UP, {"_proposal": proposal, "state": furthest.value})


def _move(tx: sa.Connection, event: Event, state: ProposalState, by: str | None = None, **values: Any) -> None:
    moved = {"_proposal": event.subject, "state": state.value, "changed_at": event.time, **values}
    if not tx.execute(_MOVE, moved).rowcount:
        _ensure(tx, event)
        tx.execute(_MOVE, moved)
    _note(tx, event, by=by)


def _all_of(proposal: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """The proposal's row, and that of the second structure where two share the week."""
    return sa.or_(proposals.c.id == proposal, proposals.c.half_of == proposal)


_PROPOSAL = sa.bindparam("_proposal", type_=sa.String)
_MOVE = sa.update(proposals).where(_all_of(_PROPOSAL))
_CATCH_UP = _MOVE.where(proposals.c.state.in_([ProposalState.RELEASED, ProposalState.SENT]))
_STEPS = sa.select(messages.c.state).where(messages.c.proposal == _PROPOSAL, messages.c.template.in_(CARRIERS))
"""Built once: every event about a proposal asks these. What changes is named by the values that they are run with."""


def _ensure(tx: sa.Connection, event: Event, proposal: str | None = None) -> None:
    """A row to write to: an event about a proposal that was never heard of must not stop the stream."""
    row = {
        "id": proposal or event.subject,
        "territory": event.territory,
        "state": ProposalState.PREPARED.value,
        "changed_at": event.time,
    }
    store.put(tx, proposals, row, only_new=True)


def _note(tx: sa.Connection, event: Event, *, by: str | None = None, proposal: str | None = None) -> None:
    """One line of the proposal's history, once for each event."""
    facts = event.model_dump(mode="json", exclude=_ENVELOPE)
    row = {"event": event.id, "proposal": proposal or event.subject, "at": event.time, "what": event.type, "by": by}
    tx.execute(_NOTE[tx.dialect.name], {**row, "facts": facts})


_NOTE = {
    dialect.name: module.insert(history).on_conflict_do_nothing(index_elements=["event"])
    for dialect, module in ((postgresql.dialect, postgresql), (sqlite.dialect, sqlite))
}
"""Built once for each kind of database."""


def _give_hold(tx: sa.Connection, event: ProposalMade) -> None:
    """Tell the oldest hold that waits for an answer, of the same person for the same request and section."""
    holds = store.holds
    waiting = (
        holds.c.request == event.request,
        holds.c.section == event.section,
        holds.c.by == event.held_by,
        holds.c.proposal.is_(None),
        holds.c.denied.is_(None),
    )
    hold = tx.scalar(sa.select(holds.c.id).where(*waiting).order_by(holds.c.asked_at, holds.c.id).limit(1))
    if hold is not None:
        store.update(tx, holds, hold, proposal=event.subject)
