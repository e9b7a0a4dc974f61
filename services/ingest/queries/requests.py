"""Requests as a counsellor, the guichet or the family itself follows them: where they stand, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import ProposalState
from services.ingest import store
from services.ingest.access import Seen, may_see, reveal
from services.ingest.actors import Actor, Role
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import need_of, thing_of
from services.ingest.inbound import known_to
from services.ingest.problems import unknown
from services.ingest.projection.tables import explanations
from services.ingest.queries.proposals import need_facts, notes_about, proposals_of


def file_number(request: str) -> str:
    """How a page names a file where it names nobody."""
    return request[-6:]


def requests_of(
    tx: sa.Connection, actor: Actor, now: datetime, *, state: str | None = None, after: str = "", limit: int = 200
) -> list[dict[str, Any]]:
    """The requests that the actor may see, by id; a counsellor's are its own files. `after` continues a list."""
    table = store.requests
    wanted = [table.c.territory == actor.territory, table.c.id > after]
    wanted += [table.c.prescriber == actor.id] if actor.role is Role.COUNSELLOR else []
    wanted += [table.c.id == actor.request] if actor.role is Role.FAMILY else []
    wanted += [table.c.state == state] if state else []
    rows = store.rows(tx, sa.select(table).where(*wanted).order_by(table.c.id).limit(limit))
    seen = [row for row in rows if may_see(actor, Seen.REASON, thing_of(row))]
    return [reveal(actor, thing_of(row), _facts(tx, row["id"], now)) for row in seen]


def request(tx: sa.Connection, actor: Actor, id_: str, now: datetime) -> dict[str, Any]:
    """One request with its reason and its proposals, newest first."""
    row = store.find(tx, store.requests, id_)
    if row is None or row["territory"] != actor.territory or not may_see(actor, Seen.REASON, thing_of(row)):
        raise unknown("request", "cette demande")
    own = proposals_of(tx, actor, now, request=id_)
    facts = {**_facts(tx, id_, now), **_whole_need(row), "notes": notes_about(tx, id_)}
    return {**reveal(actor, thing_of(row), facts), "proposals": own}


def told_of(tx: sa.Connection, family: str, request: str) -> ProposalState | None:
    """Where the newest proposal stands that the family was told of; None before there was one."""
    own = (row for row in known_to(tx, [family]) if row["request"] == request)
    return next((ProposalState(row["state"]) for row in own), None)


def is_placed(tx: sa.Connection, request: str) -> bool:
    """Whether the reason that was said last is that of a place, which the family may not have been told of yet."""
    return bool(tx.scalar(sa.select(explanations.c.placed).where(explanations.c.request == request)))


def hold(tx: sa.Connection, actor: Actor, id_: str) -> dict[str, Any]:
    """What became of a counsellor's hold: asked, given with its proposal, or denied with its reason."""
    row = store.find(tx, store.holds, id_)
    about = store.find(tx, store.requests, row["request"]) if row else None
    if row is None or about is None or not may_see(actor, Seen.REASON, thing_of(about)):
        raise unknown("hold", "cette réservation")
    state = "given" if row["proposal"] else "denied" if row["denied"] else "asked"
    names = ("request", "section", "by", "asked_at", "proposal", "denied")
    return {"hold": id_, "state": state, **{name: row[name] for name in names}}


def _whole_need(row: dict[str, Any]) -> dict[str, Any]:
    """The need as `PUT` takes it: sent back as it was read, it changes nothing."""
    need = NeedBody.model_validate(need_of(row)).model_dump(mode="json")
    return {"need": need, "urgent_sms_agreed": need["urgent_sms_agreed"]}


def _facts(tx: sa.Connection, id_: str, now: datetime) -> dict[str, Any]:
    why = tx.execute(sa.select(explanations).where(explanations.c.request == id_)).mappings().first()
    return {
        **need_facts(tx, id_, now),
        "phrases": why["phrases"] if why else (),
        "plain_phrases": why["plain_phrases"] if why else (),
        "family_phrases": why["family_phrases"] if why else (),
        "reason": why["reason"] if why else None,
        "explained_at": why["at"] if why else None,
        "first_name": None,
        "contacts": (),
    }
