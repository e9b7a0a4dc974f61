"""The intake as persons lead it: opened, drafted, places kept back, children placed, released or given up.

What is asked here is decided by the next round of the territory (`intake.py`).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from contracts.campaigns import (
    CampaignClosed,
    CampaignEnded,
    CampaignOpened,
    CampaignReleased,
    DraftAsked,
    ForceAsked,
    ForceConfirmed,
    GestureUndone,
    PlaceHeld,
)
from services.bus.retries import WrongEvent
from services.calendar import at
from services.matcher import campaigns as c
from services.matcher import moves, store
from services.matcher import tables as t
from services.matcher.draws import commitment
from services.matcher.handlers.territory import step_for
from services.matcher.step import Step


def on_campaign_opened(tx: sa.Connection, event: CampaignOpened, now: datetime) -> None:
    step = step_for(tx, event, now)
    tx.execute(
        t.campaigns.insert().values(
            campaign=event.subject, territory=event.territory, starts=event.starts.start, ends=event.starts.end,
            requests_until=event.requests_until, commission_on=event.commission_on, opened_at=event.time, state=c.OPEN,
        )
    )  # fmt: skip
    all_asked = at(event.requests_until + timedelta(days=1), time())
    store.set_timer(tx, moves.ROUND, event.subject, event.territory, all_asked)
    step.mark_due(event.territory, event.type)


def on_campaign_ended(tx: sa.Connection, event: CampaignEnded, now: datetime) -> None:
    """Nothing waits any more, and what its commission had decided beside the list is as if it had never been."""
    step = step_for(tx, event, now)
    row = _campaign(tx, event.subject)
    if not _move(tx, event.subject, (c.OPEN,), c.OVER):
        return
    own = (t.gestures.c.campaign == event.subject, t.gestures.c.state != c.UNDONE)
    for section in list(tx.scalars(sa.select(t.gestures.c.section).where(*own).order_by(t.gestures.c.section))):
        store.lock_section(tx, section)
    tx.execute(t.gestures.update().where(*own).values(state=c.UNDONE))
    seed = row["seed"] or ""
    step.say(
        CampaignClosed, event.subject, event.territory, seed=seed, seed_commitment=commitment(seed) or None
    )  # fmt: skip
    step.mark_due(event.territory, event.type)


def on_campaign_released(tx: sa.Connection, event: CampaignReleased, now: datetime) -> None:
    step = step_for(tx, event, now)
    released = {"draft": event.draft, "released_by": event.by, "note": event.note}
    if _move(tx, event.subject, (c.OPEN,), c.RELEASING, **released):
        step.mark_due(event.territory, event.type, at_once=True)


def on_draft_asked(tx: sa.Connection, event: DraftAsked, now: datetime) -> None:
    step = step_for(tx, event, now)
    if _campaign(tx, event.campaign)["state"] != c.OPEN:
        return
    before = tx.scalar(sa.select(sa.func.count()).where(t.drafts.c.campaign == event.campaign)) or 0
    row = {"draft": event.subject, "territory": event.territory, "campaign": event.campaign}
    tx.execute(t.drafts.insert().values(**row, number=before + 1, at=now))
    step.mark_due(event.territory, event.type, at_once=True)


def on_place_held(tx: sa.Connection, event: PlaceHeld, now: datetime) -> None:
    step = step_for(tx, event, now)
    if not store.lock_section(tx, event.section):
        raise WrongEvent(f"la section {event.section} est inconnue : publiez d'abord la structure")
    _keep(step, event, c.HOLD, c.IN_FORCE)
    over = at(event.until + timedelta(days=1), time())
    store.set_timer(tx, moves.ROUND, event.subject, event.territory, over)
    step.mark_due(event.territory, event.type)


def on_force_asked(tx: sa.Connection, event: ForceAsked, now: datetime) -> None:
    step = step_for(tx, event, now)
    if _campaign(tx, event.campaign)["state"] == c.OPEN:
        _keep(step, event, c.FORCE, c.ASKED)
        step.mark_due(event.territory, event.type, at_once=True)


def on_force_confirmed(tx: sa.Connection, event: ForceConfirmed, now: datetime) -> None:
    step_for(tx, event, now)
    weighed = (t.gestures.c.gesture == event.subject, t.gestures.c.state == c.POSSIBLE)
    tx.execute(t.gestures.update().where(*weighed).values(state=c.IN_FORCE))


def on_gesture_undone(tx: sa.Connection, event: GestureUndone, now: datetime) -> None:
    step = step_for(tx, event, now)
    _undo(tx, event.subject)
    step.mark_due(event.territory, event.type)


def _undo(tx: sa.Connection, gesture: str) -> None:
    own = t.gestures.c.gesture == gesture
    section = tx.scalar(sa.select(t.gestures.c.section).where(own))
    if section is None:
        raise WrongEvent(f"le geste {gesture} est inconnu")
    store.lock_section(tx, section)
    store.drop_timers(tx, gesture, moves.ROUND)
    tx.execute(t.gestures.update().where(own).values(state=c.UNDONE))


def _keep(step: Step, event: PlaceHeld | ForceAsked, kind: str, state: str) -> None:
    request = event.request if isinstance(event, ForceAsked) else None
    until = event.until if isinstance(event, PlaceHeld) else None
    step.tx.execute(
        t.gestures.insert().values(
            gesture=event.subject, territory=event.territory, campaign=event.campaign, kind=kind,
            section=event.section, request=request, facts=event.model_dump(mode="json"), until=until, state=state,
            at=step.now,
        )
    )  # fmt: skip


def _campaign(tx: sa.Connection, campaign: str) -> sa.RowMapping:
    row = tx.execute(sa.select(t.campaigns).where(t.campaigns.c.campaign == campaign)).mappings().first()
    if row is None:
        raise WrongEvent(f"la campagne {campaign} est inconnue")
    return row


def _move(tx: sa.Connection, campaign: str, only: tuple[str, ...], state: str, **values: object) -> bool:
    """The one conditional update: a campaign is released, or given up, once."""
    own = (t.campaigns.c.campaign == campaign, t.campaigns.c.state.in_(only))
    return tx.execute(t.campaigns.update().where(*own).values(state=state, **values)).rowcount > 0
