"""The territory in figures: who waits, what was proposed, what the last rounds decided. No line is about one child."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import ProposalState, RequestKind
from services.ingest import store
from services.ingest.access import Seen, Thing, may_see
from services.ingest.actors import Actor
from services.ingest.projection.tables import WHOLE, proposals, rounds, tasks

LAST_ROUNDS = 10


def overview(tx: sa.Connection, actor: Actor, now: datetime) -> dict[str, Any]:
    """Counts for whoever may see the whole territory; empty for the figures that somebody may not see."""
    whole = Thing(actor.territory)
    sees = may_see(actor, Seen.PROPOSAL, whole)
    return {
        "structures": _number(tx, store.structures, store.structures.c.territory == actor.territory),
        "waiting": _waiting(tx, actor.territory) if sees else {},
        "proposals": _by_state(tx, actor.territory) if sees else {},
        "tasks": _open_tasks(tx, actor.territory) if may_see(actor, Seen.TASK, whole) else 0,
        "rounds": last_rounds(tx, actor) if may_see(actor, Seen.REASON, whole) else [],
    }


def last_rounds(tx: sa.Connection, actor: Actor) -> list[dict[str, Any]]:
    """What the last rounds decided, newest first."""
    mine = rounds.c.territory == actor.territory
    query = sa.select(rounds).where(mine).order_by(rounds.c.at.desc(), rounds.c.id).limit(LAST_ROUNDS)
    return [{"round": row["id"], "at": row["at"], **row["facts"]} for row in store.rows(tx, query)]


def _waiting(tx: sa.Connection, territory: str) -> dict[RequestKind, int]:
    """Open requests by kind."""
    table = store.requests
    mine = (table.c.territory == territory, table.c.state == store.OPEN)
    found = tx.execute(sa.select(table.c.kind, sa.func.count()).where(*mine).group_by(table.c.kind)).all()
    return {RequestKind(kind): number for kind, number in sorted(found)}


def _by_state(tx: sa.Connection, territory: str) -> dict[ProposalState, int]:
    """Proposals by state, in the order of a proposal's life."""
    mine = proposals.c.territory == territory
    query = sa.select(proposals.c.state, sa.func.count()).where(mine, WHOLE).group_by(proposals.c.state)
    found = {row[0]: row[1] for row in tx.execute(query)}
    return {state: found[state.value] for state in ProposalState if state.value in found}


def _open_tasks(tx: sa.Connection, territory: str) -> int:
    return _number(
        tx, tasks, tasks.c.territory == territory, tasks.c.settled_at.is_(None), tasks.c.handled_at.is_(None)
    )


def _number(tx: sa.Connection, table: sa.Table, *wanted: sa.ColumnElement[bool]) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(table).where(*wanted)) or 0
