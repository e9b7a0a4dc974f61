"""What a text says, gathered at the moment it leaves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import MessageTemplate, Slot
from services.calendar import local_day
from services.notifier import store
from services.notifier import tables as t
from services.notifier.messages import Facts
from services.notifier.store import Message

SIGN_IN_MINUTES = 30
"""How long a one-time link opens; ingest holds to the same."""


class NotYetKnown(Exception):
    """A fact travels on another stream and has not arrived: the text waits for it."""


def facts_for(tx: sa.Connection, message: Message, sign_in_link: str, now: datetime) -> Facts:
    """The facts of `message`. Raises NotYetKnown where one has not arrived."""
    if message.template is MessageTemplate.SIGN_IN:
        return Facts(link=sign_in_link, minutes=SIGN_IN_MINUTES)
    wanted = {"wanted": message.proposal or "", "today": local_day(now)}
    proposal = tx.execute(_ABOUT, wanted).mappings().first()
    if proposal is None:
        raise NotYetKnown("proposal")
    slots = store.SLOTS.validate_python(proposal["slots"])
    first = _first_day(slots, proposal["starts"])
    return Facts(
        phone=_known(proposal, "guichet_phone"),
        structure=_known(proposal, "structure_name"),
        code=proposal["code"],
        days=frozenset(slot.weekday for slot in slots),
        starts_on=max(first, local_day(now)),  # a place for weeks that was offered late begins from now on
        day=first,
        start=min(slot.start for slot in slots),
        end=max(slot.end for slot in slots),
        limit=message.limit_at,
        sent_on=local_day(now),
        has_place=proposal["has_place"],
        **_other_half(proposal),
    )


def _other_half(proposal: sa.RowMapping) -> dict[str, Any]:
    """The second structure of a shared week, and its days."""
    if proposal["other_structure"] is None:
        return {}
    days = frozenset(slot.weekday for slot in store.SLOTS.validate_python(proposal["other_slots"]))
    return {"other_structure": _known(proposal, "other_name"), "other_days": days}


def _first_day(slots: tuple[Slot, ...], starts: date) -> date:
    """The first day of care: the first date where there are dates, else the start."""
    dates = [slot.day for slot in slots if isinstance(slot.day, date)]
    return min(dates, default=starts)


def _known(proposal: sa.RowMapping, name: str) -> str:
    if proposal[name] is None:
        raise NotYetKnown(name)
    return str(proposal[name])


_OTHER = t.structures.alias("other")
_NAMES = (t.structures.c.name.label("structure_name"), _OTHER.c.name.label("other_name"))
_P, _PLACED, _KEPT = t.proposals.c, t.placements.c, t.placements.alias("kept")
_OF_KEPT = sa.select(_KEPT.c.request).where(_KEPT.c.placement == _P.kept).correlate(t.proposals).scalar_subquery()
_HAS_PLACE = (
    sa.exists()
    .where(
        (_PLACED.request == _P.request) | (_PLACED.request == _OF_KEPT),
        ~_PLACED.is_over,
        _PLACED.ends.is_(None)
        | ((_PLACED.ends > sa.bindparam("today")) & ((_PLACED.proposal == _P.proposal) | (_PLACED.ends > _P.starts))),
    )
    .correlate(t.proposals)
    .label("has_place")
)
"""One of the child's places goes on: this one; or one of the same request, or the one it keeps (of a shared week, the
other half too), if it does not end before this one begins, since it is then told to nobody as what stays."""
_ABOUT = (
    sa.select(t.proposals, t.territories.c.guichet_phone, *_NAMES, _HAS_PLACE)
    .select_from(
        t.proposals.outerjoin(t.territories, t.territories.c.territory == t.proposals.c.territory)
        .outerjoin(t.structures, t.structures.c.structure == t.proposals.c.structure)
        .outerjoin(_OTHER, _OTHER.c.structure == t.proposals.c.other_structure)
    )
    .where(t.proposals.c.proposal == sa.bindparam("wanted"))
)
"""Built once: every text asks it."""
