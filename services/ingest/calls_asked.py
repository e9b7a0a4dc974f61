"""A family asks to be called, from the page of its request: no proposal is there to answer with RAPPEL.

It stands beside the texts that answer nothing, in "À traiter", until somebody of the guichet has dealt with it.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from services.ingest import changes, store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import did
from services.ingest.inbound import inbound

CALL_ASKED = "call_asked"
"""The outcome of what is no text: somebody pressed a button."""


def ask_for_call(tx: sa.Connection, act: Act, family: str) -> None:
    """Once until it is dealt with, however often the button is pressed; a page sent again later asks no more.

    Raises Refused.
    """
    require(act.actor, Doing.REPLY, Thing(act.territory, request=act.actor.request))
    store.one_at_a_time(tx, family)
    call = act.new_id("Y")
    if is_asked(tx, family) or store.find(tx, inbound, call) is not None:
        return
    row = {"id": call, "territory": act.territory, "owner": family, "outcome": CALL_ASKED}
    tx.execute(inbound.insert().values(**row, received_at=act.now))
    did(tx, act, "call.asked", act.actor.request or family)
    changes.note(tx, (act.territory,))


def is_asked(tx: sa.Connection, family: str) -> bool:
    """Whether the guichet has yet to call this family."""
    waiting = (inbound.c.owner == family, inbound.c.outcome == CALL_ASKED, inbound.c.handled_at.is_(None))
    return tx.scalar(sa.select(inbound.c.id).where(*waiting).limit(1)) is not None


def files_of(tx: sa.Connection, families: Collection[str | None]) -> dict[str, str]:
    """An open request of each of these families: where whoever calls reads on."""
    asked = store.requests.c
    query = sa.select(asked.family, asked.id).where(asked.family.in_([f for f in families if f]), asked.state == "open")
    return {row.family: row.id for row in tx.execute(query.order_by(asked.id.desc()))}
