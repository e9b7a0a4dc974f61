"""Words in free text beside an act: they stay in ingest's own database, and no event carries them.

The forms ask to name nobody, and somebody will. On the bus they would be in every service's log, in its backups and in
a replay, where no erasure reaches them. When to modify: with a new act that has a free text; an event says of it
nothing more than that it happened.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from contracts.base import Event
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.projection.tables import proposals

HELD_BACK = "release.suspended"


def keep_words(tx: sa.Connection, act: Act, beside: type[Event], about: Iterable[str], text: str) -> None:
    """Keep what somebody wrote beside an act of this kind, about each of `about`; nothing where it is empty."""
    if text:
        own = {"what": beside.wire_type(), "by": act.actor.id, "text": text, "at": act.now}
        name = act.new_id("B")
        store.put_many(tx, store.notes, [{"id": f"{name}-{n}", "about": one, **own} for n, one in enumerate(about)])


def why_held_back(tx: sa.Connection, proposal: str) -> str:
    """What somebody wrote who last kept this proposal back."""
    notes = store.notes.c
    own = (notes.about == proposal, notes.what == HELD_BACK)
    return tx.scalar(sa.select(notes.text).where(*own).order_by(notes.at.desc(), notes.id).limit(1)) or ""


def erase_words(tx: sa.Connection, family: str) -> None:
    """What was written about a family that is erased goes with it: beside its proposals, and of children placed by a
    person, whose gesture stays."""

    requests = sa.select(store.requests.c.id).where(store.requests.c.family == family)
    theirs = sa.select(proposals.c.id).where(proposals.c.request.in_(requests))
    tx.execute(sa.delete(store.notes).where(store.notes.c.about.in_(theirs) | store.notes.c.about.in_(requests)))
    tx.execute(sa.update(store.gestures).where(store.gestures.c.request.in_(requests)).values(reason=ERASED))
    tx.execute(sa.update(proposals).where(proposals.c.id.in_(theirs)).values(held_reason=None))


ERASED = "Effacé avec la famille."
