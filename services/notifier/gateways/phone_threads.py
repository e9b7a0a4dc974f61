"""Simulated phones and their threads: tables of the notifier's database, shown by a page and read by the tests.

When to modify: the demo needs phones that behave in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from contracts.vocabulary import Frozen, Labelled
from services.bus.tables import Instant, Position
from services.notifier.gateways.gateway import Outcome, Receipt, SendResult
from services.notifier.gsm7 import encoding_of, segments
from services.vault import is_fiction

metadata = sa.MetaData()


class PhoneState(Labelled):
    """`OFF`: texts wait until it is switched on. `UNASSIGNED`: nobody has this number, the operator says so."""

    ON = "on", "Allumé"
    OFF = "off", "Éteint"
    UNASSIGNED = "unassigned", "Numéro non attribué"


class Direction(StrEnum):
    TO_PHONE = "to_phone"
    FROM_PHONE = "from_phone"


phones = sa.Table(
    "simulated_phones",
    metadata,
    sa.Column("number", sa.String(16), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
)

texts = sa.Table(
    "simulated_texts",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("reference", sa.String(64), nullable=False, unique=True),
    sa.Column("number", sa.String(16), nullable=False, index=True),
    sa.Column("direction", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
)

receipts = sa.Table(
    "simulated_receipts",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("reference", sa.String(64), nullable=False, unique=True),
    sa.Column("delivered", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
)


class PhoneText(Frozen):
    """One text on a phone. `segments` is what an operator would bill; `delivered_at` None while it waits."""

    reference: str
    direction: Direction
    text: str
    at: datetime
    delivered_at: datetime | None
    segments: int
    encoding: str


class Phone(Frozen):
    """One phone with its thread, oldest text first."""

    number: str
    state: PhoneState
    thread: tuple[PhoneText, ...]


def deliver(tx: sa.Connection, reference: str, number: str, text: str, now: datetime) -> SendResult:
    """Bring `text` to the phone `number`, once for a `reference` however often it is asked."""
    if not is_fiction(number):
        return SendResult(outcome=Outcome.FAILED, reason="les téléphones simulés n'ont que des numéros de fiction")
    row = {"reference": reference, "number": number, "direction": Direction.TO_PHONE, "text": text, "at": now}
    if _inserted(tx, texts, row):
        _arrive(tx, [reference], state_of(tx, number), now)
    return _as_sent(reference)


def known(tx: sa.Connection, reference: str) -> SendResult | None:
    """What became of `reference`, or None."""
    found = tx.scalar(sa.select(texts.c.reference).where(texts.c.reference == reference))
    return None if found is None else _as_sent(reference)


def write_reply(tx: sa.Connection, message: str, number: str, text: str, now: datetime) -> bool:
    """The owner of the phone writes `text`; False if the message of that id was written before."""
    row = {
        "reference": message,
        "number": number,
        "direction": Direction.FROM_PHONE,
        "text": text,
        "at": now,
        "delivered_at": now,
    }
    return _inserted(tx, texts, row)


def state_of(tx: sa.Connection, number: str) -> PhoneState:
    """A phone that nobody has touched is on."""
    value = tx.scalar(sa.select(phones.c.state).where(phones.c.number == number))
    return PhoneState.ON if value is None else _state(value)


def switch(tx: sa.Connection, number: str, state: PhoneState, now: datetime) -> None:
    """Switch a phone on or off, or take its number away; texts that waited arrive, or are given up."""
    tx.execute(sa.delete(phones).where(phones.c.number == number))
    tx.execute(sa.insert(phones).values(number=number, state=state))
    waiting = sa.select(texts.c.reference).where(
        texts.c.number == number,
        texts.c.direction == Direction.TO_PHONE,
        texts.c.reference.not_in(sa.select(receipts.c.reference)),
    )
    _arrive(tx, tx.scalars(waiting.order_by(texts.c.position)).all(), state, now)


def all_phones(tx: sa.Connection) -> tuple[Phone, ...]:
    """Every phone that has a text, sorted by number, with its thread."""
    rows = tx.execute(sa.select(texts).order_by(texts.c.number, texts.c.position)).all()
    return tuple(
        Phone(number=number, state=state_of(tx, number), thread=tuple(map(_text, thread)))
        for number, thread in groupby(rows, key=lambda row: str(row.number))
    )


def phone(tx: sa.Connection, number: str) -> Phone:
    """One phone; its thread is empty if it never had a text."""
    rows = tx.execute(sa.select(texts).where(texts.c.number == number).order_by(texts.c.position)).all()
    return Phone(number=number, state=state_of(tx, number), thread=tuple(map(_text, rows)))


def receipts_after(tx: sa.Connection, position: int) -> list[tuple[int, Receipt]]:
    """Receipts with their positions, oldest first, after `position` (0 for all): the reader keeps its own place."""
    rows = tx.execute(sa.select(receipts).where(receipts.c.position > position).order_by(receipts.c.position))
    return [(row.position, _receipt(row)) for row in rows]


def _arrive(tx: sa.Connection, references: Sequence[str], state: PhoneState, now: datetime) -> None:
    if state is PhoneState.OFF:
        return
    _one_writer_of_receipts(tx)
    delivered = state is PhoneState.ON
    for reference in references:
        tx.execute(sa.insert(receipts).values(reference=reference, delivered=delivered, at=now))
        if delivered:
            tx.execute(sa.update(texts).where(texts.c.reference == reference).values(delivered_at=now))


def _one_writer_of_receipts(tx: sa.Connection) -> None:
    """Who reads by position must not meet a lower one that commits later. SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text(f"LOCK TABLE {receipts.name} IN EXCLUSIVE MODE"))


def _inserted(tx: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    note = insert(table).values(row).on_conflict_do_nothing().returning(table.c.reference)
    return tx.scalar(note) is not None


def _as_sent(reference: str) -> SendResult:
    return SendResult(outcome=Outcome.SENT, provider_id=f"phone-{reference}")


def _text(row: sa.Row[Any]) -> PhoneText:
    return PhoneText(
        reference=row.reference,
        direction=Direction(row.direction),
        text=row.text,
        at=row.at,
        delivered_at=row.delivered_at,
        segments=segments(row.text),
        encoding=encoding_of(row.text),
    )


def _receipt(row: sa.Row[Any]) -> Receipt:
    reason = "" if row.delivered else PhoneState.UNASSIGNED.label
    return Receipt(reference=row.reference, delivered=row.delivered, at=row.at, reason=reason)


def _state(value: str) -> PhoneState:
    return {state.value: state for state in PhoneState}[value]
