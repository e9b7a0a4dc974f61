"""Placements, tasks, reasons, rounds and messages, as pages show them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.messages import (
    MessageDelivered,
    MessageFacts,
    MessageFailed,
    MessagePlanned,
    MessageSent,
    MessageUnknown,
)
from contracts.placements import PlacementConfirmed, PlacementEnded, PlacementEnding
from contracts.rounds import DrawOpened, DrawSealed, RequestExplained, RoundDecided
from contracts.tasks import TaskOpened, TaskSettled
from contracts.vocabulary import TaskKind
from services.ingest import store
from services.ingest.projection.proposals import CARRIERS, catch_up, confirm, wait_again
from services.ingest.projection.tables import draws, explanations, messages, placements, rounds, tasks

_ENVELOPE = set(Event.model_fields)
_ONE_DAY = timedelta(days=1)
PLANNED, SENT, DELIVERED, FAILED, UNKNOWN = "planned", "sent", "delivered", "failed", "unknown"
_ORDER = (PLANNED, SENT, UNKNOWN, FAILED, DELIVERED)


def on_placement_confirmed(tx: sa.Connection, event: PlacementConfirmed, now: datetime) -> None:
    row = {
        **event.model_dump(exclude={*_ENVELOPE, "slots", "period"}),
        "id": event.subject,
        "territory": event.territory,
        "slots": event.model_dump(mode="json", include={"slots"})["slots"],
        "start": event.period.start,
        "end": event.period.end,
        "confirmed_at": event.time,
    }
    store.put(tx, placements, {**row, "proposal": confirm(tx, event, event.proposal)})


def on_placement_ending(tx: sa.Connection, event: PlacementEnding, now: datetime) -> None:
    where = {"structure": event.structure, "section": event.section}
    _end(tx, event, **where, last_day=event.last_day, departure_reason=event.reason.value)


def on_placement_ended(tx: sa.Connection, event: PlacementEnded, now: datetime) -> None:
    facts = {"structure": event.structure, "last_day": event.last_day, "departure_reason": event.reason.value}
    _end(tx, event, **facts, ended_at=event.time)


def _end(tx: sa.Connection, event: Event, **values: Any) -> None:
    row = {"id": event.subject, "territory": event.territory, "end": values["last_day"] + _ONE_DAY, **values}
    store.put(tx, placements, row)


def on_task_opened(tx: sa.Connection, event: TaskOpened, now: datetime) -> None:
    facts = event.model_dump(exclude={*_ENVELOPE, "kind"})
    row = {"id": event.subject, "territory": event.territory, "kind": event.kind.value, "opened_at": event.time}
    store.put(tx, tasks, {**row, **facts}, only_new=True)
    if event.kind is TaskKind.RELEASE and event.proposal is not None:
        wait_again(tx, event.proposal)


def on_task_settled(tx: sa.Connection, event: TaskSettled, now: datetime) -> None:
    store.update(tx, tasks, event.subject, settled_at=event.time, settled_by=event.by)


def on_round_decided(tx: sa.Connection, event: RoundDecided, now: datetime) -> None:
    facts = event.model_dump(mode="json", exclude=_ENVELOPE)
    store.put(tx, rounds, {"id": event.subject, "territory": event.territory, "facts": facts, "at": event.time})


def on_draw_sealed(tx: sa.Connection, event: DrawSealed, now: datetime) -> None:
    row = {"territory": event.territory, "day": event.day, "commitment": event.commitment}
    store.put(tx, draws, {**row, "sealed_at": event.time})


def on_draw_opened(tx: sa.Connection, event: DrawOpened, now: datetime) -> None:
    row = {"territory": event.territory, "day": event.day, "commitment": event.commitment}
    store.put(tx, draws, {**row, "seed": event.seed, "opened_at": event.time})


def on_request_explained(tx: sa.Connection, event: RequestExplained, now: datetime) -> None:
    facts = event.model_dump(mode="json", exclude=_ENVELOPE)
    store.put(tx, explanations, {"request": event.subject, "territory": event.territory, **facts, "at": event.time})


def on_message_planned(tx: sa.Connection, event: MessagePlanned, now: datetime) -> None:
    _message(tx, event, event.about, PLANNED, send_at=event.send_at)


def on_message_sent(tx: sa.Connection, event: MessageSent, now: datetime) -> None:
    _message(tx, event, event.about, SENT, sent_at=event.sent_at, segments=event.segments)


def on_message_delivered(tx: sa.Connection, event: MessageDelivered, now: datetime) -> None:
    _message(tx, event, event.about, DELIVERED, delivered_at=event.delivered_at)


def on_message_failed(tx: sa.Connection, event: MessageFailed, now: datetime) -> None:
    _message(tx, event, event.about, FAILED, reason=event.reason)


def on_message_unknown(tx: sa.Connection, event: MessageUnknown, now: datetime) -> None:
    _message(tx, event, event.about, UNKNOWN, reason=event.reason)


def _message(tx: sa.Connection, event: Event, about: MessageFacts, state: str, **values: Any) -> None:
    """Keep the furthest that is known of a message: its events may come in any order."""
    known = store.find(tx, messages, about.message)
    further = state if known is None else max(state, known["state"], key=_ORDER.index)
    row = {"id": about.message, "territory": event.territory, "proposal": about.proposal, "contact": about.contact}
    store.put(tx, messages, {**row, "template": about.template.value, "state": further, **values})
    if about.proposal is not None and about.template in CARRIERS:
        catch_up(tx, about.proposal)
