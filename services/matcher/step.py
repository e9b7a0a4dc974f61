"""What every step of the matcher needs: the transaction, the instant, the cause, and the territory's policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from services.bus import outbox
from services.matcher import store
from services.matcher.policy import Policy


@dataclass(frozen=True)
class Step:
    """One cause and its consequences. The ids of what is said derive from `cause`, so a repeat says the same event."""

    tx: sa.Connection
    now: datetime
    cause: str
    policy: Policy

    def say(self, event: type[Event], subject: str, territory: str, **data: Any) -> None:
        told = event.say(subject, cause=self.cause, source="matcher", territory=territory, time=self.now, **data)
        outbox.record(self.tx, told)

    def mark_due(self, territory: str, because: str, *, at_once: bool = False) -> None:
        """A round is due: at once for what is urgent, else after the territory's quiet period."""
        row = store.territory_row(self.tx, territory)
        if row is not None:
            wait = timedelta(0) if at_once else timedelta(seconds=row["quiet_seconds"])
            store.mark_due(self.tx, territory, self.now + wait, because)
