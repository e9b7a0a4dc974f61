"""What every step of the matcher needs: the transaction, the instant, the cause, and the territory's policy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from services.bus import outbox
from services.matcher import store
from services.matcher.policy import Policy


@dataclass(frozen=True)
class Step:
    """One cause and its consequences. The ids of what is said derive from `cause`, so a repeat says the same event.

    Where one cause makes the same be said of one thing twice, each has an id of its own.
    """

    tx: sa.Connection
    now: datetime
    cause: str
    policy: Policy
    _said: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def say(self, event: type[Event], subject: str, territory: str, **data: Any) -> None:
        before = self._said[event.wire_type(), subject]
        self._said[event.wire_type(), subject] += 1
        cause = f"{self.cause}/{before}" if before else self.cause
        told = event.say(subject, cause=cause, source="matcher", territory=territory, time=self.now, **data)
        outbox.record(self.tx, told)

    def mark_due(self, territory: str, because: str, *, at_once: bool = False) -> None:
        """A round is due: at once for what is urgent, else after the territory's quiet period."""
        row = store.territory_row(self.tx, territory)
        if row is not None:
            wait = timedelta(0) if at_once else timedelta(seconds=row["quiet_seconds"])
            store.mark_due(self.tx, territory, self.now + wait, because)
