"""Events of the matcher and the notifier about one invented proposal, as ingest hears them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from contracts.base import Event
from contracts.messages import MessageDelivered, MessageFacts, MessageSent
from contracts.placements import PlacementConfirmed
from contracts.proposals import CountedPoints, ProposalAccepted, ProposalMade, ProposalReleased
from contracts.vocabulary import Channel, MessageTemplate, VacancyKind
from services.ingest import changes
from services.ingest.projection import handlers
from tests.ingest.people import CRECHE, GRANDS, NOW, TERM, TERRITORY, TUESDAY

E = TypeVar("E", bound=Event)
LINK_KEY = b"k" * 32
HANDLERS = handlers(LINK_KEY)
CONTACT = "F-R-1:1"


def event(event_type: type[E], subject: str, now: datetime = NOW, **data: Any) -> E:
    return event_type.say(subject, source="matcher", time=now, territory=TERRITORY, **data)


def hear(tx: sa.Connection, *events: Event) -> None:
    """Hand each event to its handler, and tell open pages last, as a reader does."""
    for said in events:
        HANDLERS[type(said)](tx, said, said.time)
    changes.note(tx, {said.territory for said in events})


def made(proposal: str = "O-1", request: str = "R-1", now: datetime = NOW, **changes: Any) -> ProposalMade:
    facts: dict[str, Any] = {
        "round": "T-1",
        "request": request,
        "family": f"F-{request}",
        "structure": CRECHE,
        "section": GRANDS,
        "slots": (TUESDAY,),
        "period": TERM,
        "kind": VacancyKind.REGULAR,
        "code": "4821",
        "tier": 2,
        "points": 60,
        "reasons": (
            CountedPoints(criterion="single_parent", label="Parent isolé", points=30),
            CountedPoints(criterion="disability", label="Accueil adapté demandé", points=30),
        ),
        "rank": 1,
    }
    return event(ProposalMade, proposal, now, **{**facts, **changes})


def released(proposal: str = "O-1", now: datetime = NOW) -> ProposalReleased:
    return event(ProposalReleased, proposal, now, answer_by=now + timedelta(hours=44), by="P-coordinatrice")


def facts(proposal: str = "O-1", contact: str = CONTACT) -> MessageFacts:
    message = f"M-{proposal}"
    return MessageFacts(message=message, template=MessageTemplate.PROPOSAL, contact=contact, proposal=proposal)


def sent(proposal: str = "O-1", now: datetime = NOW, contact: str = CONTACT) -> MessageSent:
    how = {"sent_at": now, "segments": 1, "encoding": "gsm7", "gateway": "phone"}
    return event(MessageSent, f"M-{proposal}", now, about=facts(proposal, contact), **how)


def delivered(proposal: str = "O-1", now: datetime = NOW) -> MessageDelivered:
    return event(MessageDelivered, f"M-{proposal}", now, about=facts(proposal), delivered_at=now)


def accepted(proposal: str = "O-1", now: datetime = NOW) -> ProposalAccepted:
    how = {"answered_by": CONTACT, "channel": Channel.SMS, "received_at": now, "confirm_by": now + timedelta(days=2)}
    return event(ProposalAccepted, proposal, now, **how)


def placed(proposal: str = "O-1", placement: str = "L-1", now: datetime = NOW) -> PlacementConfirmed:
    where = {"structure": CRECHE, "section": GRANDS, "slots": (TUESDAY,), "period": TERM}
    return event(PlacementConfirmed, placement, now, proposal=proposal, request="R-1", **where)
