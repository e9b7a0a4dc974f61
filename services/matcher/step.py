"""What every step of the matcher needs: the transaction, the instant, the cause, and the territory's policy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from services.matcher import store
from services.matcher import tables as t
from services.matcher.policy import Policy
from services.matcher.sheet import Row, Sheet, Shelf, read_shelves


@dataclass(frozen=True)
class Step:
    """One cause and its consequences. The ids of what is said derive from `cause`, so a repeat says the same event.

    Where one cause makes the same be said of one thing twice, each has an id of its own. Whoever gives it a `sheet`
    that gathers ends it with `done`. `locked` are territories as they were read when this step locked them, each
    until the step marks it.
    """

    connection: sa.Connection
    now: datetime
    cause: str
    policy: Policy
    sheet: Sheet = field(default_factory=Sheet)
    locked: dict[str, sa.RowMapping] = field(default_factory=dict)
    _said: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    @property
    def tx(self) -> sa.Connection:
        """The transaction, in which everything is written by now that was to be written before."""
        self.done()
        return self.connection

    def done(self) -> None:
        """Write what was gathered."""
        self.sheet.write(self.connection)

    def say(self, event: type[Event], subject: str, territory: str, **data: Any) -> None:
        before = self._said[event.wire_type(), subject]
        self._said[event.wire_type(), subject] += 1
        cause = f"{self.cause}/{before}" if before else self.cause
        self.sheet.say(event.say(subject, cause=cause, source="matcher", territory=territory, time=self.now, **data))
        self._written()

    def insert(self, table: sa.Table, *rows: Row) -> None:
        if rows:
            self.sheet.add(table, rows)
            self._written()

    def propose(self, row: Row) -> None:
        """Insert a proposal that nobody knows of yet."""
        self.sheet.add_proposal(row)
        self.sheet.touch(row["request"])
        self._written()

    def shelf(self, section: str) -> Shelf | None:
        """The section, locked, as it is with all that this step holds in it. None where it is not known."""
        known = self.sheet.shelves
        if section in known:
            return known[section]
        if not store.lock_section(self.tx, section):
            return None
        found = read_shelves(self.tx, [section])[section]
        return known.setdefault(section, found) if self.sheet.gathers else found

    def _written(self) -> None:
        if not self.sheet.gathers:
            self.done()

    def set_timer(self, kind: str, about: str, territory: str, due_at: datetime) -> None:
        """Set, or move, the one timer of this kind about this thing."""
        if self.sheet.is_about_new(kind, about) is False:
            self.insert(t.timers, {"kind": kind, "about": about, "territory": territory, "due_at": due_at})
        else:
            store.set_timer(self.tx, kind, about, territory, due_at)
        self.sheet.note(kind, about)

    def drop_timer(self, kind: str, about: str) -> None:
        if self.sheet.is_about_new(kind, about) is not False:
            store.drop_timers(self.tx, about, kind)

    def mark_due(self, territory: str, because: str, *, at_once: bool = False) -> None:
        """A round is due: at once for what is urgent, else after the territory's quiet period."""
        row = self.locked.pop(territory, None) or store.territory_row(self.tx, territory)
        if row is not None:
            wait = timedelta(0) if at_once else timedelta(seconds=row["quiet_seconds"])
            store.mark_due(self.tx, territory, self.now + wait, because, row)
