"""Which places wait for a commission: regular ones whose first day is one of the open campaign's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Period, RequestKind, VacancyKind
from services.ingest import store

OVER = "over"


@dataclass(frozen=True)
class Awaited:
    """The first days of care that wait, the last day on which a request still joins them, and the commission's day."""

    starts: Period
    commission_on: date
    requests_until: date

    def covers(self, row: Mapping[str, Any]) -> bool:
        """True for a vacancy's row that waits."""
        return bool(row["kind"] == VacancyKind.REGULAR and self.starts.contains(row["start"]))

    def hears(self, kind: RequestKind, start: date, registered_on: date) -> bool:
        """True for weeks of care that are wanted from a day of the campaign, asked for in time."""
        return kind.is_weekly and self.starts.contains(start) and registered_on <= self.requests_until

    def said(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What is said beside places that these vacancies give: the commission's day, if all or a part of them wait."""
        waiting = [row for row in rows if self.covers(row)]
        return {
            "awaits_commission": self.commission_on if waiting else None,
            "awaits_in_part": 0 < len(waiting) < len(rows),
        }


NOTHING_AWAITED = {"awaits_commission": None, "awaits_in_part": False}


def awaited(tx: sa.Connection, territory: str) -> Awaited | None:
    """What waits in the territory; None where no campaign is open."""
    row = current(tx, territory)
    if row is None:
        return None
    return Awaited(Period(start=row["starts"], end=row["ends"]), row["commission_on"], row["requests_until"])


def current(tx: sa.Connection, territory: str) -> dict[str, Any] | None:
    """The campaign of the territory that is not over, or None."""
    c = store.campaigns.c
    query = sa.select(store.campaigns).where(c.territory == territory, c.state != OVER)
    return next(iter(store.rows(tx, query.order_by(c.opened_at.desc()).limit(1))), None)
