"""The gateway to simulated phones, for the demo and the tests.

Texts and numbers are kept in clear, so only numbers of fiction (06 39 98 xx xx) are taken: a town hall that forgot to
choose its gateway is told so by its first message, and nobody's number is stored.

When to modify: a gateway learns a new ability and the demo is to show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.bus.database import Database
from services.calendar import Clock
from services.notifier.gateways.gateway import Idempotency, SendResult
from services.notifier.gateways.phone_threads import deliver, known
from services.notifier.gsm7 import Encoding
from services.notifier.sending_hours import QuietHours


@dataclass(frozen=True)
class PhoneGateway:
    """Writes to the notifier's database in a transaction of its own: never call it inside another one."""

    database: Database
    clock: Clock
    name: str = "phone"
    can_reply: bool = True
    can_link: bool = True
    quiet_hours: QuietHours | None = None
    idempotency: Idempotency = Idempotency.KEY
    replies_read_for: timedelta | None = None

    async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        return await self.database.write(deliver, reference, to, text, self.clock())

    async def look_up(self, reference: str) -> SendResult | None:
        return await self.database.read(known, reference)
