"""Reading and writing the notifier's rows: one row for each message, with its intent before its effect."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql, sqlite

from contracts.base import EVENT_IDS
from contracts.messages import MessageFacts
from contracts.vocabulary import MessageTemplate, Slot
from services.bus import traces
from services.bus.tables import Instant
from services.notifier import tables as t

SLOTS = TypeAdapter(tuple[Slot, ...])

OFFERS = frozenset({MessageTemplate.PROPOSAL, MessageTemplate.ON_CALL, MessageTemplate.WAVE})
"""Texts that bring the proposal itself."""

ASKING = OFFERS | {MessageTemplate.REMINDER}
"""Texts that ask for an answer."""

LAST_WORDS = frozenset({MessageTemplate.CLOSED, MessageTemplate.STOPPED})
"""Acknowledgements that stay true whatever becomes of the proposal behind them."""

TO_WHO_WROTE = frozenset(
    {MessageTemplate.CALL_BACK, MessageTemplate.STOPPED, MessageTemplate.MISUNDERSTOOD, MessageTemplate.LATE_YES}
)
"""What nobody but the phone that wrote is told: the other parent has asked for no call, said nothing unclear and no
OUI, and gets texts as before. Where the phone takes none, the guichet has a call to make already."""


class State(StrEnum):
    """`SENDING` is the intent: from then on the text may have left. `DOUBTED`: it may have, and nobody wants it any
    more; what the gateway remembers decides, and it is never sent again."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    DOUBTED = "doubted"


@dataclass(frozen=True)
class Message:
    """A text to one family or professional. `reference` is ours, one for each contact that is tried."""

    message: str
    territory: str
    template: MessageTemplate
    proposal: str | None
    owner: str
    owner_kind: str
    wanted_contact: str | None
    limit_at: datetime | None
    not_after: datetime | None
    is_urgent: bool
    link: str | None
    state: State
    send_at: datetime
    started_at: datetime | None
    attempts: int
    tried: tuple[str, ...]
    in_doubt: bool
    contact: str | None
    traceparent: str | None

    @property
    def reference(self) -> str:
        return f"{self.message}-{len(self.tried)}"

    def about(self) -> MessageFacts:
        return MessageFacts(message=self.message, template=self.template, contact=self.contact, proposal=self.proposal)


def message_id(cause: str, template: MessageTemplate) -> str:
    """One text of a kind for one event: a repeated event finds the same row."""
    return str(uuid.uuid5(EVENT_IDS, f"message/{template}/{cause}"))


def plan(tx: sa.Connection, cause: str, template: MessageTemplate, **values: Any) -> str | None:
    """Write the text down to be sent. None if this event planned it before."""
    name = message_id(cause, template)
    row = {"wanted_contact": None, "limit_at": None, "not_after": None, "is_urgent": False, "link": None, **values}
    row["traceparent"] = traces.current()
    now = {"message": name, "template": template.value, "state": State.PLANNED.value, "attempts": 0, "tried": []}
    planned: str | None = tx.scalar(_PLAN[tx.dialect.name], {**now, **row})
    return planned


_PLAN = {
    dialect.name: module.insert(t.messages).on_conflict_do_nothing().returning(t.messages.c.message)
    for dialect, module in ((postgresql.dialect, postgresql), (sqlite.dialect, sqlite))
}


def _message(row: Any) -> Message:
    values = {name: row[name] for name in Message.__dataclass_fields__}
    values.update(template=MessageTemplate(row["template"]), state=State(row["state"]), tried=tuple(row["tried"]))
    return Message(**values)


def to_look_after(
    tx: sa.Connection, now: datetime, abandoned_after: timedelta, limit: int
) -> tuple[list[Message], list[Message]]:  # fmt: skip
    """What is left open, and what is due: see there. One look at the database, since most looks find nothing."""
    return left_open(tx, now, abandoned_after), due(tx, now, limit)


def due(tx: sa.Connection, now: datetime, limit: int) -> list[Message]:
    """Texts whose time has come, urgent ones first."""
    return [_message(row) for row in tx.execute(_DUE, {"now": now, "limit": limit}).mappings()]


def left_open(tx: sa.Connection, now: datetime, for_longer_than: timedelta) -> list[Message]:
    """Texts whose intent was written long enough ago for whoever wrote it to have died, and those in doubt."""
    return [_message(row) for row in tx.execute(_LEFT_OPEN, {"before": now - for_longer_than}).mappings()]


_M = t.messages.c
_DUE = (
    sa.select(t.messages)
    .where(_M.state == State.PLANNED.value, _M.send_at <= sa.bindparam("now", type_=Instant))
    .order_by(_M.is_urgent.desc(), _M.send_at, _M.message)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_LEFT_OPEN = (
    sa.select(t.messages)
    .where(
        _M.state.in_([State.SENDING.value, State.DOUBTED.value]),
        _M.started_at <= sa.bindparam("before", type_=Instant),
    )
    .order_by(_M.message)
)
"""Built once, like those below: each look, and each text, asks these."""


def next_due(tx: sa.Connection) -> datetime | None:
    return tx.scalar(_NEXT)


_NEXT = sa.select(_M.send_at).where(_M.state == State.PLANNED.value).order_by(_M.send_at).limit(1)


def named(tx: sa.Connection, message: str) -> Message | None:
    row = tx.execute(_NAMED, {"wanted": message}).mappings().first()
    return _message(row) if row else None


_NAMED = sa.select(t.messages).where(_M.message == sa.bindparam("wanted"))


def change(tx: sa.Connection, message: Message, after: State, **values: Any) -> bool:
    """Move the message on from the state in which it was read; False if somebody else was first."""
    same = {"_message": message.message, "_state": message.state.value, "_attempts": message.attempts}
    return tx.execute(_MOVE, {**same, "state": after.value, **values}).first() is not None


_MOVE = (
    t.messages.update()
    .where(
        _M.message == sa.bindparam("_message"),
        _M.state == sa.bindparam("_state"),
        _M.attempts == sa.bindparam("_attempts"),
    )
    .returning(_M.message)
)
"""What changes is named by the values that it is run with."""


def cancel_planned(tx: sa.Connection, proposal: str, keep: frozenset[MessageTemplate] = frozenset()) -> None:
    """Nothing more about this proposal leaves, except what already has, last words and texts of the kinds of `keep`.

    What may have left is not said to be cancelled: the gateway is asked.
    """
    planned = (
        t.messages.c.state == State.PLANNED.value,
        t.messages.c.template.not_in([kind.value for kind in keep | LAST_WORDS]),
    )
    after = sa.case((t.messages.c.in_doubt, State.DOUBTED.value), else_=State.CANCELLED.value)
    tx.execute(t.messages.update().where(t.messages.c.proposal == proposal, *planned).values(state=after))


def offer_may_have_left(tx: sa.Connection, proposal: str) -> bool:
    """True if a gateway was ever asked to carry the proposal."""
    tried = (t.messages.c.template.in_(sorted(OFFERS)), t.messages.c.contact.is_not(None))
    return tx.scalar(sa.select(t.messages.c.message).where(t.messages.c.proposal == proposal, *tried)) is not None


def is_last_text(tx: sa.Connection, template: MessageTemplate, contact: str) -> bool:
    """True if the last text given to a gateway for `contact` was of this kind, or one waits to be, about whichever
    proposal. A text behind it says that the number was corrected: it is somebody else's phone now."""
    waits = (_M.template == template.value, _M.state == State.PLANNED.value, _M.wanted_contact == contact)
    if tx.scalar(sa.select(_M.message).where(*waits).limit(1)) is not None:
        return True
    given = sa.select(_M.template).where(_M.contact == contact).order_by(_M.started_at.desc()).limit(1)
    return bool(tx.scalar(given) == template.value)


def count_of(tx: sa.Connection, proposal: str, template: MessageTemplate) -> int:
    """How many texts of a kind were ever planned about a proposal."""
    same = (t.messages.c.proposal == proposal, t.messages.c.template == template.value)
    return tx.scalar(sa.select(sa.func.count()).select_from(t.messages).where(*same)) or 0


def proposal(tx: sa.Connection, name: str, *, lock: bool = False) -> sa.RowMapping | None:
    return tx.execute(_LOCKED if lock else _PROPOSAL, {"wanted": name}).mappings().first()


def change_proposal(tx: sa.Connection, name: str, **values: Any) -> sa.RowMapping | None:
    """Change what is known of a proposal; its row as it is then, None where there is none."""
    return tx.execute(_CHANGE_PROPOSAL, {"_proposal": name, **values}).mappings().first()


def change_placement(tx: sa.Connection, name: str, **values: Any) -> None:
    tx.execute(t.placements.update().where(t.placements.c.placement == name).values(**values))


_PROPOSAL = sa.select(t.proposals).where(t.proposals.c.proposal == sa.bindparam("wanted"))
_LOCKED = _PROPOSAL.with_for_update()
_CHANGE_PROPOSAL = (
    t.proposals.update().where(t.proposals.c.proposal == sa.bindparam("_proposal")).returning(t.proposals)
)


def upsert(tx: sa.Connection, table: sa.Table, key: str, value: str, /, **values: Any) -> None:
    """The row whose `key` is `value` as it is now, whether or not it was there."""
    if tx.execute(table.update().where(table.c[key] == value).values(**values)).rowcount == 0:
        tx.execute(table.insert().values(**{key: value}, **values))


def bookmark(tx: sa.Connection, name: str) -> int:
    return tx.scalar(sa.select(t.bookmarks.c.position).where(t.bookmarks.c.name == name)) or 0
