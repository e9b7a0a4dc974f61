""" "À traiter": what a person has to look at, with all that the one gesture needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import ProposalState, TaskKind
from services.ingest import store
from services.ingest.access import Seen, Thing, may_see, reveal
from services.ingest.actors import Actor, Role
from services.ingest.declare.releases import MOST_AT_ONCE
from services.ingest.inbound import RECORDED, inbound
from services.ingest.problems import unknown
from services.ingest.projection.tables import proposals, tasks
from services.ingest.queries.proposals import notes_about, proposal, proposals_of
from services.ingest.queries.requests import request


def to_handle(tx: sa.Connection, actor: Actor, now: datetime) -> dict[TaskKind, list[dict[str, Any]]]:
    """Open tasks by kind, each with its proposal or request, the most urgent first. Kinds without any are left out."""
    rows = [row for row in _open(tx, actor) if may_see(actor, Seen.TASK, _thing(tx, row))]
    views = [_view(tx, actor, row, now) for row in rows]
    return {TaskKind(kind): list(group) for kind, group in groupby(views, key=lambda view: view["task_kind"])}


def task(tx: sa.Connection, actor: Actor, id_: str, now: datetime) -> dict[str, Any]:
    """One task, open or not. What was written beside one that is about no family is here, and else beside the family's
    proposal or request."""
    row = store.find(tx, tasks, id_)
    if row is None or row["territory"] != actor.territory or not may_see(actor, Seen.TASK, _thing(tx, row)):
        raise unknown("task", "cette tâche")
    return {**_view(tx, actor, row, now), **reveal(actor, _thing(tx, row), {"notes": notes_about(tx, id_)})}


CALLED = (TaskKind.CALL_BACK, TaskKind.UNCLEAR_REPLY, TaskKind.LATE_YES, TaskKind.STRUCTURE_REFUSED)
"""Tasks that are done by a call to the family."""


def is_to_be_called(tx: sa.Connection, proposal: str) -> bool:
    """Whether the guichet has yet to call the family about its proposal."""
    waiting = (tasks.c.proposal == proposal, tasks.c.settled_at.is_(None), tasks.c.handled_at.is_(None))
    return tx.scalar(sa.select(tasks.c.id).where(*waiting, tasks.c.kind.in_(CALLED)).limit(1)) is not None


def to_release(tx: sa.Connection, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Prepared proposals, held ones included, for the coordinator or the commission: as many as one gesture takes.

    `on_its_way`: somebody has just let it leave. One that has not left after a minute waits for somebody again.
    """
    views = proposals_of(tx, actor, now, states={ProposalState.PREPARED, ProposalState.HELD}, limit=MOST_AT_ONCE)
    lately = (store.releases.c.territory == actor.territory, store.releases.c.at > now - SOON_HEARD)
    leaving = set(tx.scalars(sa.select(store.releases.c.id).where(*lately)))
    return [{**view, "on_its_way": view["proposal"] in leaving} for view in views]


SOON_HEARD = timedelta(minutes=1)
"""Within this the matcher has long heard of a release (choice); what it could not let leave is shown again after it."""


def unclear_texts(tx: sa.Connection, actor: Actor) -> list[dict[str, Any]]:
    """SMS that are no answer, oldest first, with their words while they are kept: for the coordinator only."""
    if not may_see(actor, Seen.NOTE, Thing(actor.territory)):
        return []
    waiting = (inbound.c.outcome != RECORDED, inbound.c.handled_at.is_(None), inbound.c.territory == actor.territory)
    return store.rows(tx, sa.select(inbound).where(*waiting).order_by(inbound.c.received_at, inbound.c.id))


def _open(tx: sa.Connection, actor: Actor) -> list[dict[str, Any]]:
    wanted = [tasks.c.territory == actor.territory, tasks.c.settled_at.is_(None), tasks.c.handled_at.is_(None)]
    wanted += [tasks.c.structure == actor.structure] if actor.role is Role.STRUCTURE else []
    order = (tasks.c.kind, sa.func.coalesce(tasks.c.due, tasks.c.opened_at), tasks.c.id)
    return store.rows(tx, sa.select(tasks).where(*wanted).order_by(*order))


def _view(tx: sa.Connection, actor: Actor, row: dict[str, Any], now: datetime) -> dict[str, Any]:
    facts = {"task": row["id"], "task_kind": row["kind"], "structure": row["structure"]}
    facts |= {name: row[name] for name in ("due", "detail", "opened_at", "settled_at", "handled_at")}
    view = reveal(actor, _thing(tx, row), facts)
    about = _about(tx, actor, row, now)
    return {**view, **about, **(_to_call(tx, row["structure"]) if row["structure"] else {})}


def _to_call(tx: sa.Connection, structure: str) -> dict[str, Any]:
    """The structure as the public directory names it: many tasks are settled by a call to it."""
    row = store.find(tx, store.structures, structure)
    return {} if row is None else {"structure_name": row["name"], "structure_phone": row["facts"]["phone"]}


def _about(tx: sa.Connection, actor: Actor, row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The proposal or request that the task is about, under the actor's own eyes."""
    made = store.find(tx, proposals, row["proposal"]) if row["proposal"] else None
    if made is not None:
        return {"about": proposal(tx, actor, _as_seen_by(tx, actor, made), now)}
    if row["request"] and actor.role is not Role.STRUCTURE and store.find(tx, store.requests, row["request"]):
        return {"about": request(tx, actor, row["request"], now)}
    return {"about": None}


def _as_seen_by(tx: sa.Connection, actor: Actor, made: dict[str, Any]) -> str:
    """The proposal; of a shared week, a structure sees its own half."""
    other = store.find(tx, proposals, made["other_half"]) if made["other_half"] else None
    is_its_own = other is not None and other["structure"] == actor.structure and actor.role is Role.STRUCTURE
    return str(other["id"] if other is not None and is_its_own else made["id"])


def _thing(tx: sa.Connection, row: dict[str, Any]) -> Thing:
    made = store.find(tx, proposals, row["proposal"]) if row["proposal"] else None
    id_ = row["request"] or (made["request"] if made else None)
    asked = store.find(tx, store.requests, id_) if id_ else None
    return Thing(row["territory"], structure=row["structure"], prescriber=asked["prescriber"] if asked else None)
