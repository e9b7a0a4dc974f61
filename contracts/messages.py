"""What was sent to families, without a word of what it said to whom."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from contracts.base import Event
from contracts.vocabulary import Frozen, Id, MessageTemplate


class MessageFacts(Frozen):
    """`contact` is an id of the vault; `proposal` is empty for a sign-in link."""

    message: Id
    template: MessageTemplate
    contact: Id | None
    proposal: Id | None = None


class MessagePlanned(Event):
    """It waits for the sending hours."""

    type: Literal["message.planned"]
    about: MessageFacts
    send_at: AwareDatetime


class MessageSent(Event):
    """The gateway took it."""

    type: Literal["message.sent"]
    about: MessageFacts
    sent_at: AwareDatetime
    segments: int
    encoding: str
    gateway: str


class MessageDelivered(Event):
    """The phone has it: the family's delay starts at `delivered_at`."""

    type: Literal["message.delivered"]
    about: MessageFacts
    delivered_at: AwareDatetime


class MessageFailed(Event):
    """It will not arrive. `last` is true where no other contact is left to try."""

    type: Literal["message.failed"]
    about: MessageFacts
    reason: str
    last: bool


class MessageUnknown(Event):
    """Nobody can tell whether it left: a person looks ("à vérifier"), it is never sent twice."""

    type: Literal["message.unknown"]
    about: MessageFacts
    reason: str
