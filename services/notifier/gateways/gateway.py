"""What a gateway is: it declares what it can do, sends one text under our reference, and says what became of it.

The promise "never twice" rests on our reference. A gateway with idempotency keys may be asked again at any time; one
with look-up is asked what it knows first; one with neither is never asked twice: what is unknown goes to a person.

When to modify: a new ability needs a line here and an honest answer in every gateway.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import AwareDatetime

from contracts.vocabulary import Frozen
from services.notifier.gsm7 import Encoding
from services.notifier.sending_hours import QuietHours


class Idempotency(StrEnum):
    """How a gateway lets us ask again without sending twice."""

    KEY = "key"
    LOOKUP = "lookup"
    NEITHER = "neither"


class Outcome(StrEnum):
    """`LATER`: not known to have left, and safe to send again under the same reference.

    `UNKNOWN`: it may have left, or not; with a `retry_after`, `settled` can tell more then, without one nobody can.
    """

    SENT = "sent"
    FAILED = "failed"
    LATER = "later"
    UNKNOWN = "unknown"


class SendResult(Frozen):
    """What became of one attempt. `reason` holds no phone number and no text; `retry_after` is how long to wait.

    `in_doubt` with `LATER`: it may have left all the same. Sending it again is safe; taking it back is not.
    """

    outcome: Outcome
    provider_id: str = ""
    reason: str = ""
    retry_after: timedelta | None = None
    in_doubt: bool = False


class Receipt(Frozen):
    """The operator's word on a text that was sent: the phone has it (`delivered`), or will not get it."""

    reference: str
    delivered: bool
    at: AwareDatetime
    provider_id: str = ""
    reason: str = ""


class Gateway(Protocol):
    """One way out.

    `can_reply`: the family can answer the SMS. `can_link`: links pass. `quiet_hours`: local hours in which it sends
    nothing. `replies_read_for`: later replies are lost; None means never.
    """

    @property
    def name(self) -> str: ...
    @property
    def can_reply(self) -> bool: ...
    @property
    def can_link(self) -> bool: ...
    @property
    def quiet_hours(self) -> QuietHours | None: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def replies_read_for(self) -> timedelta | None: ...

    async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        """Send `text` to `to` (E.164) once for `reference`, and say what became of it. Never raises for the network."""

    async def look_up(self, reference: str) -> SendResult | None:
        """What it knows of `reference`; None if it has none such. Only where `idempotency` is LOOKUP, or KEY."""


async def settled(gateway: Gateway, reference: str, started_at: datetime, now: datetime) -> SendResult:
    """What a crash or a lost answer left open, as far as the gateway can tell.

    Found: what it says. Not found: `LATER`, the text may be sent again, but only once `SETTLING` is over, since a slow
    request may still arrive. A gateway that knows neither keys nor look-up: `UNKNOWN` for good, a person looks.
    """
    if gateway.idempotency is Idempotency.KEY:
        return SendResult(outcome=Outcome.LATER, reason="reprise avec la même clé", in_doubt=True)
    if gateway.idempotency is Idempotency.NEITHER:
        return SendResult(outcome=Outcome.UNKNOWN, reason="l'opérateur ne sait pas dire si le SMS est parti")
    found = await gateway.look_up(reference)
    if found is not None:
        return found
    if now - started_at < SETTLING:
        return SendResult(outcome=Outcome.UNKNOWN, reason="peut encore arriver", retry_after=SETTLING)
    return SendResult(outcome=Outcome.LATER, reason="inconnu de l'opérateur")


async def remembered(gateway: Gateway, reference: str, started_at: datetime, now: datetime) -> SendResult:
    """What became of a text that nobody wants any more and that may have left: asked, and never sent again.

    Not found once `SETTLING` is over: `LATER`, it never left. A gateway that only promises keys may have forgotten the
    reference, or never answer such a question: `UNKNOWN` for good, a person looks.
    """
    found = await gateway.look_up(reference)
    if found is not None:
        return found
    if now - started_at < SETTLING:
        return SendResult(outcome=Outcome.UNKNOWN, reason="peut encore arriver", retry_after=SETTLING)
    if gateway.idempotency is Idempotency.LOOKUP:
        return SendResult(outcome=Outcome.LATER, reason="inconnu de l'opérateur")
    return SendResult(outcome=Outcome.UNKNOWN, reason="l'opérateur ne retrouve pas le SMS, qui est peut-être parti")


SETTLING = timedelta(minutes=2)
"""Longer than any request of ours lives: its time-outs are seconds."""
