"""The rows behind each text: planned once, taken by one sender, urgent ones first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.vocabulary import MessageTemplate
from services.bus.database import sqlite_engine
from services.notifier import store
from services.notifier import tables as t
from services.notifier.store import State

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
OFFER, REMINDER = MessageTemplate.PROPOSAL, MessageTemplate.REMINDER


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    engine = sqlite_engine(durability="OFF")
    with engine.begin() as connection:
        t.metadata.create_all(connection)
        yield connection


def plan(tx: sa.Connection, cause: str, template: MessageTemplate = OFFER, **facts: Any) -> str | None:
    row = {"territory": "t", "proposal": "p-1", "owner": "F-1", "owner_kind": "family", "send_at": NOW, **facts}
    return store.plan(tx, cause, template, **row)


def planned(tx: sa.Connection, cause: str, template: MessageTemplate = OFFER, **facts: Any) -> store.Message:
    name = plan(tx, cause, template, **facts)
    assert name is not None
    message = store.named(tx, name)
    assert message is not None
    return message


def test_one_cause_plans_each_kind_of_text_once(tx: sa.Connection) -> None:
    first = planned(tx, "e-1")
    assert plan(tx, "e-1") is None, "an event heard twice writes to nobody twice"
    others = {plan(tx, "e-1", REMINDER), plan(tx, "e-2")}
    assert len(others - {None, first.message}) == 2
    assert store.count_of(tx, "p-1", OFFER) == 2 and store.count_of(tx, "p-2", OFFER) == 0


def test_a_planned_text_is_in_no_hurry_and_was_never_tried(tx: sa.Connection) -> None:
    message = planned(tx, "e-1")
    assert (message.state, message.is_urgent, message.attempts, message.tried) == (State.PLANNED, False, 0, ())
    assert message.reference == f"{message.message}-0"
    assert planned(tx, "e-2", is_urgent=True).is_urgent


def test_of_two_senders_who_read_the_same_text_one_takes_it(tx: sa.Connection) -> None:
    message = planned(tx, "e-1")
    other = planned(tx, "e-2")
    assert store.change(tx, message, State.SENDING, attempts=1)
    assert not store.change(tx, message, State.SENDING, attempts=1)
    found = [store.named(tx, name) for name in (message.message, other.message)]
    assert [(m.state, m.attempts) for m in found if m] == [(State.SENDING, 1), (State.PLANNED, 0)]


def test_who_read_an_earlier_try_does_not_change_the_one_that_followed(tx: sa.Connection) -> None:
    """Planned again meanwhile, after a gateway that was away: its state is the same, and it is not the same try."""
    read = planned(tx, "e-1")
    tx.execute(t.messages.update().values(attempts=1))
    assert not store.change(tx, read, State.SENDING, attempts=1)
    tx.execute(t.messages.update().values(attempts=0, state=State.CANCELLED.value))
    assert not store.change(tx, read, State.SENDING, attempts=1)


def test_urgent_texts_leave_first_then_the_oldest_and_only_so_many(tx: sa.Connection) -> None:
    late = planned(tx, "e-1")
    later = planned(tx, "e-2", send_at=NOW - timedelta(minutes=5))
    urgent = planned(tx, "e-3", is_urgent=True)
    planned(tx, "e-4", send_at=NOW + timedelta(seconds=1))
    wanted = [urgent.message, later.message, late.message]
    assert [m.message for m in store.due(tx, NOW, 10)] == wanted
    assert [m.message for m in store.due(tx, NOW, 2)] == wanted[:2]
    same = sorted([late.message, planned(tx, "e-5").message])
    assert [m.message for m in store.due(tx, NOW, 10)] == [*wanted[:2], *same]
    assert store.next_due(tx) == NOW - timedelta(minutes=5)
    store.change(tx, later, State.SENT)
    assert store.next_due(tx) == NOW


def test_an_intent_is_left_open_once_it_is_old_enough(tx: sa.Connection) -> None:
    names = []
    for n, state in enumerate((State.SENDING, State.DOUBTED, State.SENT)):
        message = planned(tx, f"e-{n}")
        assert store.change(tx, message, state, started_at=NOW - timedelta(minutes=2))
        names.append(message.message)
    assert [m.message for m in store.left_open(tx, NOW, timedelta(minutes=2))] == sorted(names[:2])
    assert store.left_open(tx, NOW, timedelta(minutes=3)) == []


def test_only_an_offer_of_this_proposal_that_had_a_contact_may_have_left(tx: sa.Connection) -> None:
    planned(tx, "e-1")
    other = planned(tx, "e-2", proposal="p-2")
    store.change(tx, other, State.SENT, contact="c-1")
    assert (store.offer_may_have_left(tx, "p-1"), store.offer_may_have_left(tx, "p-2")) == (False, True)


def test_a_row_is_written_once_and_then_changed_and_no_other(tx: sa.Connection) -> None:
    for phone in ("01", "02"):
        store.upsert(tx, t.territories, "territory", "t", guichet_phone=phone)
    store.upsert(tx, t.territories, "territory", "other", guichet_phone="03")
    rows = {row.territory: row.guichet_phone for row in tx.execute(sa.select(t.territories))}
    assert rows == {"t": "02", "other": "03"}


def test_a_bookmark_is_at_the_start_until_it_was_moved(tx: sa.Connection) -> None:
    store.upsert(tx, t.bookmarks, "name", "receipts", position=7)
    assert (store.bookmark(tx, "receipts"), store.bookmark(tx, "others")) == (7, 0)
