"""The draws that a territory published, for whoever wants to check one."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from services.ingest.projection.tables import draws


def published(tx: sa.Connection, territory: str, since: date) -> list[dict[str, Any]]:
    """The draws from `since` on, the latest first: `day`, `commitment`, and `seed` once the day is over."""
    query = sa.select(draws.c.day, draws.c.commitment, draws.c.seed).where(draws.c.territory == territory)
    return [dict(row._mapping) for row in tx.execute(query.where(draws.c.day >= since).order_by(draws.c.day.desc()))]
