"""What became of the messages. A message that never arrived is not a silence: its delay does not run.

A text about no proposal, a sign-in link, is nobody's business here: whoever waits for it asks for another one. Its
receipt may even be read before the territory, which comes by another stream.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from contracts.messages import MessageDelivered, MessageFacts, MessageFailed, MessageSent, MessageUnknown
from contracts.vocabulary import MessageTemplate, TaskKind
from services.matcher import lifecycle, store, tasks
from services.matcher.handlers.territory import step_for
from services.matcher.propose import deadline_from
from services.matcher.store import Proposal

OFFERS = frozenset({MessageTemplate.PROPOSAL, MessageTemplate.ON_CALL, MessageTemplate.WAVE})
"""The messages that a family has to have read before its delay runs."""

BESIDE_A_CALL = frozenset(
    {
        *(MessageTemplate.REMINDER, MessageTemplate.MISUNDERSTOOD, MessageTemplate.LATE_YES),
        *(MessageTemplate.CALL_BACK, MessageTemplate.STOPPED, MessageTemplate.CLOSED),
    }
)
"""Messages that nobody has to make up for: the offer was read before a reminder, whoever wrote FIN has ended it all,
and beside the others the guichet has the family to call already. Whoever writes STOP is not to be called twice."""

NO_CONTACT = "no_contact"
"""The reason by which the notifier says that a family has no number to write to."""


def on_message_sent(tx: sa.Connection, event: MessageSent, now: datetime) -> None:
    if event.about.proposal is None:
        return
    step = step_for(tx, event, now)
    if proposal := _offer(tx, event.about):
        lifecycle.sent(step, proposal)


def on_message_delivered(tx: sa.Connection, event: MessageDelivered, now: datetime) -> None:
    if event.about.proposal is None:
        return
    step = step_for(tx, event, now)
    if proposal := _offer(tx, event.about):
        lifecycle.reached(step, proposal, event.delivered_at, deadline_from(step, proposal, event.delivered_at))


def on_message_failed(tx: sa.Connection, event: MessageFailed, now: datetime) -> None:
    if not event.last or event.about.proposal is None:
        return
    why = TaskKind.NO_MOBILE if event.reason == NO_CONTACT else TaskKind.UNDELIVERED
    step = step_for(tx, event, now)
    if proposal := _offer(tx, event.about):
        lifecycle.not_reached(step, proposal, why)
    elif event.about.template not in BESIDE_A_CALL and (told := store.proposal(tx, event.about.proposal)):
        tasks.open_task(step, why, told, detail=event.about.template.value)


def on_message_unknown(tx: sa.Connection, event: MessageUnknown, now: datetime) -> None:
    if event.about.proposal is None:
        return
    step = step_for(tx, event, now)
    proposal = store.proposal(tx, event.about.proposal)
    if offer := _offer(tx, event.about):
        lifecycle.family_may_know(step, offer)
    tasks.open_task(step, TaskKind.TO_VERIFY, proposal, territory=event.territory, detail=event.about.template.value)


def _offer(tx: sa.Connection, about: MessageFacts) -> Proposal | None:
    if about.template not in OFFERS or about.proposal is None:
        return None
    return store.proposal(tx, about.proposal)
