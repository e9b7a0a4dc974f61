"""What families answer, and what a person at the guichet records for them. Only the matcher judges an answer."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.base import Event
from contracts.vocabulary import Answer, Channel, Id


class ReplyReceived(Event):
    """An answer to a proposal, counted by when it was received.

    `answered_by` is a contact of the family or the person who records it; `consent` is true where a professional
    answers for the family and its agreement is recorded. `understood` is false where the words were not one of the
    answers: they are taken as RAPPEL and never guessed. `stop` is true where they were STOP: nothing more is sent to
    that number, which refuses no place.
    """

    type: Literal["reply.received"]
    proposal: Id
    answer: Answer
    received_at: AwareDatetime
    channel: Channel
    answered_by: Id
    consent: bool = False
    understood: bool = True
    stop: bool = False


class ReplyUndone(Event):
    """The family takes its NON back, in time or not: the matcher judges."""

    type: Literal["reply.undone"]
    proposal: Id
    received_at: AwareDatetime
    channel: Channel
    answered_by: Id


class CallRecorded(Event):
    """Somebody of the guichet called. Where the family was reached the delay starts then."""

    type: Literal["call.recorded"]
    proposal: Id
    reached: bool
    called_at: AwareDatetime
    by: Id


class HoldRequested(Event):
    """A counsellor keeps an on-call place for one client's request, for `hours`, to answer for the family."""

    type: Literal["hold.requested"]
    request: Id
    section: Id
    pattern: int = Field(default=0, ge=0)
    by: Id
    hours: float = Field(default=2, gt=0, le=2)
