"""What ingest keeps of what people declared, rebuilt from the events alone.

Ingest writes these rows at its doors, beside the event; here they follow from the event. Two ways to the same rows: a
difference means that one of the two is wrong. When to modify: with a column of `services/ingest/store.py` that an
event fills.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.replies import HoldRequested, ReplyReceived
from contracts.requests import NeedFacts, RequestAmended, RequestClosed, RequestRegistered
from contracts.siblings import SiblingsAsked, SiblingsParted
from contracts.structures import AgreementEnded, AgreementSigned, StructurePublished
from contracts.tasks import TaskHandled
from contracts.territories import TerritoryPublished
from contracts.vacancies import (
    FreePlaces,
    SnapshotDeclared,
    VacancyChanged,
    VacancyOpened,
    VacancyReconfirmed,
    VacancyWithdrawn,
)
from contracts.vocabulary import Audience, VacancyKind
from services.ingest import store
from services.ingest.projection.tables import tasks, verdicts

_ENVELOPE = set(Event.model_fields)


def _facts(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json", exclude=_ENVELOPE)


def _territory(tx: sa.Connection, event: TerritoryPublished) -> None:
    facts = {name: value for name, value in _facts(event).items() if name != "time_zone"}
    store.put(tx, store.territories, {"id": event.subject, "facts": facts, "published_at": event.time})


def _structure(tx: sa.Connection, event: StructurePublished) -> None:
    facts = _facts(event)
    columns = {name: facts[name] for name in ("name", "commune", "kind", "award_mode")}
    row = {"id": event.subject, "territory": event.territory, "facts": facts, "published_at": event.time, **columns}
    store.put(tx, store.structures, row)
    mine = store.sections.c.structure == event.subject
    tx.execute(sa.update(store.sections).where(mine).values(closed=True))
    for section in event.sections:
        own = {"id": section.section, "structure": event.subject, "territory": event.territory, "closed": False}
        store.put(tx, store.sections, {**own, **section.model_dump(exclude={"section", "starts_per_week"})})


def _agreement(tx: sa.Connection, event: AgreementSigned) -> None:
    row = {"id": event.subject, "territory": event.territory, "signed_at": event.time}
    store.put(tx, store.agreements, {**row, **event.model_dump(exclude=_ENVELOPE)})


def _agreement_ended(tx: sa.Connection, event: AgreementEnded) -> None:
    store.update(tx, store.agreements, event.subject, ended_at=event.time)


def _vacancy(tx: sa.Connection, event: VacancyOpened) -> None:
    free = FreePlaces(slots=event.slots, places=event.places, period=event.period)
    row = {
        **_posted(event, event.section, event.structure, event.kind, free, event.said_by),
        "audience": event.audience.value,
        "release_at": event.release_at,
        "agreement": event.agreement,
    }
    store.put(tx, store.vacancies, {**row, "id": event.subject, "counted_at": event.time})


def _posted(
    event: Event, section: str, structure: str, kind: VacancyKind, free: FreePlaces, said_by: str
) -> dict[str, Any]:  # fmt: skip
    return {
        "territory": event.territory,
        "structure": structure,
        "section": section,
        "kind": kind.value,
        "slots": [slot.model_dump(mode="json") for slot in free.slots],
        "places": free.places,
        "start": free.period.start,
        "end": free.period.end,
        "audience": Audience.EVERYBODY.value,
        "said_by": said_by,
        "opened_at": event.time,
    }


def _vacancy_changed(tx: sa.Connection, event: VacancyChanged) -> None:
    moved = {"start": event.period.start, "end": event.period.end} if event.period else {}
    store.update(tx, store.vacancies, event.subject, places=event.places, counted_at=event.time, **moved)


def _vacancy_withdrawn(tx: sa.Connection, event: VacancyWithdrawn) -> None:
    values = {"withdrawn_at": event.time, "withdrawal_reason": event.reason.value}
    store.update(tx, store.vacancies, event.subject, **values)


def _snapshot(tx: sa.Connection, event: SnapshotDeclared) -> None:
    store.replace_snapshot(tx, event.section, event.time)
    store.put(tx, store.snapshots, {"id": event.subject, "section": event.section, "as_of": event.as_of})
    for n, free in enumerate(event.free):
        row = _posted(event, event.section, event.structure, VacancyKind.REGULAR, free, event.said_by)
        own = {"id": f"{event.subject}-{n}", "snapshot": event.subject, "counted_at": event.as_of}
        store.put(tx, store.vacancies, {**row, **own})


def _request(tx: sa.Connection, event: RequestRegistered) -> None:
    row = {"id": event.subject, "territory": event.territory, "state": store.OPEN, "registered_at": event.time}
    store.put(tx, store.requests, {**row, **_need(event)})


def _request_amended(tx: sa.Connection, event: RequestAmended) -> None:
    store.update(tx, store.requests, event.subject, amended_at=event.time, **_need(event))


def _need(event: NeedFacts) -> dict[str, Any]:
    facts = _facts(event)
    return {**{name: facts[name] for name in ("family", "child", "kind", "prescriber")}, "need": facts}


def _request_closed(tx: sa.Connection, event: RequestClosed) -> None:
    values = {"state": store.CLOSED, "closing_reason": event.reason.value, "closed_at": event.time}
    store.update(tx, store.requests, event.subject, **values)


def _siblings_asked(tx: sa.Connection, event: SiblingsAsked) -> None:
    row = {"id": event.subject, "territory": event.territory, "asked_at": event.time}
    store.put(tx, store.siblings, {**row, **_facts(event)})


def _siblings_parted(tx: sa.Connection, event: SiblingsParted) -> None:
    store.update(tx, store.siblings, event.subject, parted_at=event.time)


def _hold(tx: sa.Connection, event: HoldRequested) -> None:
    row = {"id": event.subject, "territory": event.territory, "request": event.request, "section": event.section}
    store.put(tx, store.holds, {**row, "by": event.by, "asked_at": event.time})


def _reply(tx: sa.Connection, event: ReplyReceived) -> None:
    facts = event.model_dump(include={"proposal", "answer", "received_at", "channel", "answered_by"})
    store.put(tx, verdicts, {"reply": event.subject, **facts}, only_new=True)


def _task_handled(tx: sa.Connection, event: TaskHandled) -> None:
    store.update(tx, tasks, event.subject, handled_at=event.time, handled_by=event.by)


def _nothing(_tx: sa.Connection, _event: Event) -> None:
    """A reconfirmation moves only `confirmed_at`, which is not compared: a refusal by the structure moves it too."""


FIRST: Mapping[type[Event], Callable[[sa.Connection, Any], None]] = MappingProxyType(
    {
        TerritoryPublished: _territory,
        StructurePublished: _structure,
        AgreementSigned: _agreement,
        AgreementEnded: _agreement_ended,
        VacancyOpened: _vacancy,
        VacancyChanged: _vacancy_changed,
        VacancyWithdrawn: _vacancy_withdrawn,
        VacancyReconfirmed: _nothing,
        SnapshotDeclared: _snapshot,
        RequestRegistered: _request,
        RequestAmended: _request_amended,
        RequestClosed: _request_closed,
        SiblingsAsked: _siblings_asked,
        SiblingsParted: _siblings_parted,
        HoldRequested: _hold,
        ReplyReceived: _reply,
    }
)
"""Applied before anything that follows from it, so that no clock decides the order."""

LAST: Mapping[type[Event], Callable[[sa.Connection, Any], None]] = MappingProxyType({TaskHandled: _task_handled})
"""Applied once the tasks are there."""
