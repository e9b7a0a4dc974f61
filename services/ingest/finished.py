"""Families with whom nothing goes on any more: what is known of them is erased by itself, by dated rules.

How long after the end, and why: `retention.yaml`. A request that waits keeps its family, however old it is: silence is
no refusal. When to modify: with whatever else keeps a family known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from contracts.vocabulary import ClosingReason, DepartureReason
from services.bus.retention import Kept, has_lived, has_rules, kept_on
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
    """Erase the families whose time is over, a bounded number of them. Before the first rules all are kept, and while
    the clock is not to be trusted (`has_lived`)."""
    if not has_rules(PACKAGE, local_day(now)) or not await guichet.database.read(has_lived, now):
        return
    acts = await guichet.database.write(_close, now, kept_on(PACKAGE, local_day(now)))
    for request, act in acts.values():
        await erase_if_unknown(guichet, act, request)


def _close(tx: sa.Connection, now: datetime, rules: Mapping[str, Kept]) -> dict[str, tuple[str, Act]]:
    """Erase the finished requests. Returns one of each family, with the act: of those that no other process erased."""
    acts = {}
    for row in store.rows(tx, finished(now, rules)):
        act = Act(Actor(BY_ITSELF, Role.PUBLIC, row["territory"]), now)
        if record_erasure(tx, act, row["id"]):
            acts[row["family"]] = row["id"], act
    return acts


def finished(now: datetime, rules: Mapping[str, Kept]) -> sa.Select[tuple[str, str, str]]:
    """Asks for the requests of families whose time is over."""
    asked = store.requests.c
    needed = sa.select(asked.family).where(store.is_kept(), _is_needed(now, rules))
    over = (store.is_kept(), asked.family.not_in(needed))
    return sa.select(asked.id, asked.territory, asked.family).where(*over).order_by(asked.id).limit(AT_ONCE)


def _is_needed(now: datetime, rules: Mapping[str, Kept]) -> sa.ColumnElement[bool]:
    """A child is there, or left lately; a request waits, for the missing days too, or was closed lately.

    A place with a term is left at its term: nobody says so. As after any departure, who leaves a part of its days waits
    for the others no more; who leaves it for another place may.
    """
    asked, there = store.requests.c, placements.c
    left_before = local_day(now) - rules[PLACED].duration
    placed = asked.id.in_(_placed(sa.or_(there.end.is_(None), there.end > left_before)))
    has_left = sa.and_(there.last_day.is_not(None), there.departure_reason != DepartureReason.OTHER_PLACE.value)
    waits = sa.and_(asked.state == store.OPEN, asked.id.not_in(_placed(sa.or_(sa.not_(there.partial), has_left))))
    had_a_place = asked.closing_reason == ClosingReason.PLACED.value
    closed_lately = sa.or_(
        asked.closed_at >= now - rules[NOT_PLACED].duration,
        sa.and_(had_a_place, asked.closed_at >= now - rules[PLACED].duration),
    )
    return sa.or_(placed, waits, closed_lately)


def _placed(how: sa.ColumnElement[bool]) -> sa.Select[tuple[str]]:
    return sa.select(placements.c.request).where(placements.c.request.is_not(None), how)
