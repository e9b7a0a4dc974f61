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
    """What was written about a family that is erased goes with it: beside its proposals, its tasks, and of children
    placed by a person, whose gesture stays."""
    _erase(tx, store.requests.c.family == family)


def erase_words_left(tx: sa.Connection) -> None:
    """The same for every family of which no request is kept: somebody wrote of it since, beside the call that a
    withdrawn proposal asks for, or the process died between the closing and the words."""
    _erase(tx, store.requests.c.family.not_in(store.families_kept()))


def _erase(tx: sa.Connection, of_them: sa.ColumnElement[bool]) -> None:
    requests = sa.select(store.requests.c.id).where(of_them)
    theirs = sa.select(proposals.c.id).where(proposals.c.request.in_(requests))
    notes, gestures = store.notes.c, store.gestures.c
    tx.execute(sa.delete(store.notes).where(notes.about.in_(theirs) | notes.about.in_(requests)))
    told = (gestures.request.in_(requests), gestures.reason != ERASED)
    tx.execute(sa.update(store.gestures).where(*told).values(reason=ERASED))
    held = (proposals.c.id.in_(theirs), proposals.c.held_reason.is_not(None))
    tx.execute(sa.update(proposals).where(*held).values(held_reason=None))


ERASED = "Effacé avec la famille."
