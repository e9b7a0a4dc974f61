"""Families with whom nothing goes on any more: what is known of them is erased by itself, by dated rules.

How long after the end, and why: `retention.yaml`. A request that waits keeps its family, however old it is: silence is
no refusal. When to modify: with whatever else keeps a family known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from services.bus.retention import Kept, has_rules, kept_on
from services.calendar import local_day
from services.ingest import store
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.requests import record_erasure
from services.ingest.families import erase_if_unknown
from services.ingest.guichet import Guichet
from services.ingest.projection.tables import placements

PACKAGE = "services.ingest"
NOT_PLACED, PLACED = "families_not_placed", "families_placed"
"""The rules of `retention.yaml` that are read here."""

BY_ITSELF = "durees-de-conservation"
"""Who erased, in the audit trail and in the event."""

AT_ONCE = 200
"""Requests looked at in one turn: after an import of old files the others wait for the next."""


async def erase_finished(guichet: Guichet, now: datetime) -> None:
    """Erase the families whose time is over, a bounded number of them. Before the first rules all are kept."""
    if not has_rules(PACKAGE, local_day(now)):
        return
    acts = await guichet.database.write(_close, now, kept_on(PACKAGE, local_day(now)))
    for request, act in acts.values():
        await erase_if_unknown(guichet, act, request)


def _close(tx: sa.Connection, now: datetime, rules: Mapping[str, Kept]) -> dict[str, tuple[str, Act]]:
    """Erase the finished requests. Returns one of each family, with the act."""
    acts = {}
    for row in store.rows(tx, finished(now, rules)):
        act = Act(Actor(BY_ITSELF, Role.PUBLIC, row["territory"]), now)
        record_erasure(tx, act, row["id"])
        acts[row["family"]] = row["id"], act
    return acts


def finished(now: datetime, rules: Mapping[str, Kept]) -> sa.Select[tuple[str, str, str]]:
    """Asks for the requests of families whose time is over."""
    asked = store.requests.c
    needed = sa.select(asked.family).where(store.is_kept(), _is_needed(now, rules))
    over = (store.is_kept(), asked.family.not_in(needed))
    return sa.select(asked.id, asked.territory, asked.family).where(*over).order_by(asked.id).limit(AT_ONCE)


def _is_needed(now: datetime, rules: Mapping[str, Kept]) -> sa.ColumnElement[bool]:
    """A child is there, or left lately; a request waits, for the missing days too, or was closed lately."""
    asked, there = store.requests.c, placements.c
    left_lately = there.last_day >= local_day(now) - rules[PLACED].duration
    placed = asked.id.in_(_placed(sa.or_(there.ended_at.is_(None), left_lately)))
    waits = sa.and_(asked.state == store.OPEN, asked.id.not_in(_placed(sa.not_(there.partial))))
    return sa.or_(placed, waits, asked.closed_at >= now - rules[NOT_PLACED].duration)


def _placed(how: sa.ColumnElement[bool]) -> sa.Select[tuple[str]]:
    return sa.select(placements.c.request).where(placements.c.request.is_not(None), how)
