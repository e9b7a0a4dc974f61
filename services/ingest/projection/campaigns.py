"""Drafts of an intake, whom a forced placement touches, and what became of a campaign, as pages show them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from contracts.base import Event
from contracts.campaigns import CampaignClosed, DraftDecided, ForceWeighed, RequestDrafted
from services.ingest import store
from services.ingest.awaited import OVER
from services.ingest.projection.tables import drafted, drafts

_ENVELOPE = set(Event.model_fields)


def on_draft_decided(tx: sa.Connection, event: DraftDecided, now: datetime) -> None:
    """Requests that are not of the intake any more leave the list."""
    facts = event.model_dump(mode="json", exclude=_ENVELOPE)
    row = {"id": event.subject, "territory": event.territory, "campaign": event.campaign, "number": event.number}
    store.put(tx, drafts, {**row, "facts": facts, "at": event.time})
    gone = (drafted.c.campaign == event.campaign, drafted.c.request.in_(event.gone))
    tx.execute(sa.delete(drafted).where(*gone))


def on_request_drafted(tx: sa.Connection, event: RequestDrafted, now: datetime) -> None:
    facts = event.model_dump(mode="json", exclude=_ENVELOPE)
    row = {"request": event.subject, "territory": event.territory, "campaign": event.campaign, "draft": event.draft}
    store.put(tx, drafted, {**row, "facts": facts})


def on_force_weighed(tx: sa.Connection, event: ForceWeighed, now: datetime) -> None:
    said = event.model_dump(mode="json", include={"possible", "touched"})
    store.update(tx, store.gestures, event.subject, weighed=said)


def on_campaign_closed(tx: sa.Connection, event: CampaignClosed, now: datetime) -> None:
    said = event.model_dump(mode="json", exclude=_ENVELOPE)
    store.update(tx, store.campaigns, event.subject, state=OVER, ended_at=event.time, closed=said)
