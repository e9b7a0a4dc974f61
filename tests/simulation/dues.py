"""When something is due by itself, and whether there is anything to publish: looked up again once a row changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from services.bus.tables import outbox
from services.matcher import rounds, timers
from services.notifier import store as notifier
from services.notifier import tables
from services.notifier.gateways.gateway import SETTLING
from services.notifier.sending import ABANDONED_AFTER
from tests.simulation.processes import House

ONE_SECOND = timedelta(seconds=1)


@dataclass
class Dues:
    """What is due at each service, by its own tables."""

    house: House
    _seen: dict[str, tuple[int, list[datetime], bool]] = field(default_factory=dict)

    def at(self, service: str) -> list[datetime]:
        """When a timer, a round or a text is due, or an intent may be settled."""
        return self._look(service)[1]

    def has_unpublished(self, service: str) -> bool:
        return self._look(service)[2]

    def is_due(self, service: str, now: datetime) -> bool:
        return any(when <= now for when in self.at(service))

    def _look(self, service: str) -> tuple[int, list[datetime], bool]:
        changes = self.house.changes(service)
        if service not in self._seen or self._seen[service][0] != changes:
            with self.house.engines[service].connect() as tx:
                found = [when for when in _DUE[service](tx) if when]
                waiting = sa.select(outbox.c.position).where(outbox.c.published_at.is_(None)).limit(1)
                self._seen[service] = (changes, found, tx.scalar(waiting) is not None)
        return self._seen[service]


def _matcher(tx: sa.Connection) -> list[datetime | None]:
    return [timers.next_due(tx), rounds.next_due(tx)]


def _notifier(tx: sa.Connection) -> list[datetime | None]:
    """What is open is looked at with every tick, at least each second: here, once looking may have an end."""
    open_ = [notifier.State.SENDING.value, notifier.State.DOUBTED.value]
    intents = sa.select(tables.messages.c.started_at).where(tables.messages.c.state.in_(open_))
    settled = [ABANDONED_AFTER + ONE_SECOND, SETTLING + ONE_SECOND]
    return [notifier.next_due(tx), *[at + wait for at in tx.scalars(intents) if at for wait in settled]]


def _ingest(tx: sa.Connection) -> list[datetime | None]:
    return []


_DUE = {"ingest": _ingest, "matcher": _matcher, "notifier": _notifier}
