"""Families that ask for their children together, or for each by itself again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from contracts.siblings import SiblingsAsked, SiblingsParted
from contracts.vocabulary import WithdrawalReason
from services.bus.retries import WrongEvent
from services.matcher import endings, store
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.together import UNSENT


def on_siblings_asked(tx: sa.Connection, event: SiblingsAsked, now: datetime) -> None:
    """From the next round on they are decided together: what has not left yet is taken back for that."""
    step = step_for(tx, event, now)
    facts = {"territory": event.territory, "facts": event.model_dump(mode="json"), "is_parted": False}
    tx.execute(t.siblings.insert().values(siblings=event.subject, **facts))
    for request in event.requests:
        store.touch_request(tx, request)
    unsent = (t.proposals.c.request.in_(event.requests), t.proposals.c.state.in_(UNSENT))
    for proposal in store.live_proposals(tx, *unsent):
        endings.withdraw(step, proposal, WithdrawalReason.REQUEST_CHANGED)
    step.mark_due(event.territory, event.type)


def on_siblings_parted(tx: sa.Connection, event: SiblingsParted, now: datetime) -> None:
    step = step_for(tx, event, now)
    own = t.siblings.c.siblings == event.subject
    row = tx.execute(t.siblings.update().where(own).values(is_parted=True).returning(t.siblings.c.facts)).first()
    if row is None:
        raise WrongEvent(f"la fratrie {event.subject} est inconnue")
    for request in SiblingsAsked.model_validate(row.facts).requests:
        store.touch_request(tx, request)
    step.mark_due(event.territory, event.type)
