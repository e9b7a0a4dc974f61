"""A gateway that remembers what it was asked, for tests of those who send."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from services.notifier.gateways.gateway import Gateway, Idempotency, Outcome, SendResult
from services.notifier.gsm7 import Encoding
from services.notifier.sending_hours import QuietHours


@dataclass(frozen=True)
class Sent:
    """One SMS that left."""

    reference: str
    to: str
    text: str
    encoding: Encoding


@dataclass
class FakeGateway:
    """Sends into `sent`, once for a reference where it knows keys. `next_results` are given first, in their order."""

    name: str = "fake"
    can_reply: bool = True
    can_link: bool = True
    quiet_hours: QuietHours | None = None
    idempotency: Idempotency = Idempotency.KEY
    replies_read_for: timedelta | None = timedelta(hours=48)
    sent: list[Sent] = field(default_factory=list)
    next_results: deque[SendResult] = field(default_factory=deque)

    async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        if self.next_results and self.next_results[0].outcome is not Outcome.SENT:
            return self.next_results.popleft()
        if self.idempotency is not Idempotency.KEY or await self.look_up(reference) is None:
            self.sent.append(Sent(reference, to, text, encoding))
        return self.next_results.popleft() if self.next_results else self._as_sent(reference)

    async def look_up(self, reference: str) -> SendResult | None:
        return self._as_sent(reference) if any(sent.reference == reference for sent in self.sent) else None

    def _as_sent(self, reference: str) -> SendResult:
        return SendResult(outcome=Outcome.SENT, provider_id=f"fake-{reference}")


def as_gateway(fake: FakeGateway) -> Gateway:
    """The type checker's word that the fake is a gateway."""
    return fake
