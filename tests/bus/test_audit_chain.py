"""The audit trail: a row of each act, sealed into a chain in which a later change, drop or insertion shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.bus import audit, audit_chain, dead_letters
from services.bus.audit import Entry
from services.bus.audit_chain import Broken
from services.bus.database import Database, sqlite_engine
from services.bus.tables import audit as rows
from services.bus.tables import audit_chain as chains
from services.bus.tables import inbox, metadata
from services.bus.troubles import Troubles
from tests.bus.harness import NOW

KEY = audit_chain.chain_key(b"k" * 32)


def entry(n: int, **changes: Any) -> Entry:
    """The n-th act, of an invented person."""
    facts = {"who": "P-lea", "role": "coordinator", "did": "task.handled", "about": f"T-{n}", "territory": "t"}
    return Entry(**{"at": NOW + timedelta(minutes=n), **facts, **changes})


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    """Seven acts, five of them sealed in two goes."""
    engine = sqlite_engine(durability="OFF")
    metadata.create_all(engine)
    with engine.connect() as tx:
        audit.note(tx, *(entry(n) for n in range(3)))
        assert audit_chain.seal(tx, KEY) == 3
        audit.note(tx, *(entry(n, file="R-1") for n in range(3, 5)))
        assert audit_chain.seal(tx, KEY) == 2
        audit.note(tx, *(entry(n) for n in range(5, 7)))
        yield tx


def broken(tx: sa.Connection, key: bytes = KEY) -> list[Broken]:
    return list(audit_chain.check(tx, key).broken)


def test_a_chain_that_nobody_touched_is_whole_and_says_what_is_not_sealed_yet(tx: sa.Connection) -> None:
    checked = audit_chain.check(tx, KEY)
    assert (checked.sealed, checked.unsealed, checked.broken) == (5, 2, ())
    assert audit_chain.seal(tx, KEY) == 2
    assert audit_chain.seal(tx, KEY) == 0
    assert broken(tx) == []


def test_sealing_many_rows_asks_the_database_no_more_often_than_sealing_one(tx: sa.Connection) -> None:
    def asked_while_sealing() -> int:
        asked: list[str] = []
        note = lambda *told: asked.append(told[2])  # noqa: E731 - what the event wants
        sa.event.listen(tx.engine, "before_cursor_execute", note)
        audit_chain.seal(tx, KEY)
        sa.event.remove(tx.engine, "before_cursor_execute", note)
        return len(asked)

    of_two = asked_while_sealing()
    audit.note(tx, *(entry(n) for n in range(7, 40)))
    assert asked_while_sealing() == of_two
    assert broken(tx) == []


CHANGES: dict[str, Any] = {
    "at": NOW, "who": "P-noor", "role": "committee", "did": "release.given", "about": "T-9", "file": "R-9",
    "territory": "u", "seal": "0" * 64,
}  # fmt: skip


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_a_sealed_row_of_which_one_column_was_changed_is_found(tx: sa.Connection, column: str) -> None:
    tx.execute(rows.update().where(rows.c.link == 4).values({column: CHANGES[column]}))
    assert Broken("changed", 4) in broken(tx)


@pytest.mark.parametrize("most", [1, 2, 9])
def test_the_end_of_a_chain_is_made_again_by_itself(tx: sa.Connection, most: int) -> None:
    end = audit_chain.check_end(tx, KEY, most)
    assert (end.first, end.last, end.unsealed, end.broken) == (max(1, 6 - most), 5, 2, ())
    assert end.last_at == NOW + timedelta(minutes=4)


@pytest.mark.parametrize(("link", "is_found"), [(4, True), (2, False)])
def test_what_was_changed_behind_the_end_that_is_made_again_is_left_to_the_whole_check(
    tx: sa.Connection, link: int, is_found: bool
) -> None:
    tx.execute(rows.update().where(rows.c.link == link).values(who="P-noor"))
    assert (Broken("changed", link) in audit_chain.check_end(tx, KEY, 2).broken) == is_found
    assert Broken("changed", link) in broken(tx)


def test_an_end_of_a_chain_that_lost_its_last_row_is_found(tx: sa.Connection) -> None:
    tx.execute(rows.delete().where(rows.c.link == 5))
    assert [wrong.kind for wrong in audit_chain.check_end(tx, KEY, 2).broken] == ["end"]


def drop_the_second(tx: sa.Connection) -> None:
    tx.execute(rows.delete().where(rows.c.link == 2))


def drop_the_first(tx: sa.Connection) -> None:
    tx.execute(rows.delete().where(rows.c.link == 1))


def drop_the_last(tx: sa.Connection) -> None:
    tx.execute(rows.delete().where(rows.c.link == 5))


def unseal_the_last(tx: sa.Connection) -> None:
    tx.execute(rows.update().where(rows.c.link == 5).values(link=None, seal=None))


def drop_everything(tx: sa.Connection) -> None:
    tx.execute(rows.delete())


def drop_the_last_and_shorten_the_chain(tx: sa.Connection) -> None:
    drop_the_last(tx)
    tx.execute(chains.update().values(last=4, last_seal=audit_chain.seal_at(tx, 4)))


def let_the_chain_begin_later(tx: sa.Connection) -> None:
    tx.execute(rows.delete().where(rows.c.link <= 2))
    tx.execute(chains.update().values(first=2, first_seal="0" * 64))


def insert_one(tx: sa.Connection) -> None:
    tx.execute(rows.insert().values(**entry(9).__dict__, link=6, seal="0" * 64))
    tx.execute(chains.update().values(last=6, last_seal="0" * 64))


def seal_with_another_key(tx: sa.Connection) -> None:
    tx.execute(rows.update().values(who="P-noor", link=None, seal=None))
    tx.execute(chains.delete())
    audit_chain.seal(tx, audit_chain.chain_key(b"guessed"))


MEDDLERS = {
    drop_the_second: Broken("missing", 3),
    drop_the_first: Broken("missing", 2),
    drop_the_last: Broken("end", 4),
    unseal_the_last: Broken("end", 4),
    drop_everything: Broken("end", 0),
    drop_the_last_and_shorten_the_chain: Broken("chain", 4),
    let_the_chain_begin_later: Broken("chain", 5),
    insert_one: Broken("changed", 6),
    seal_with_another_key: Broken("chain", 7),
}


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_whoever_has_the_database_alone_can_not_drop_insert_or_seal_unseen(
    tx: sa.Connection, meddle: Callable[[sa.Connection], None]
) -> None:
    meddle(tx)
    assert MEDDLERS[meddle] in broken(tx)


def test_old_rows_go_from_the_chains_beginning_and_what_is_left_is_whole(tx: sa.Connection) -> None:
    assert audit_chain.drop_old(tx, KEY, NOW + timedelta(minutes=2)) == 2
    assert audit_chain.drop_old(tx, KEY, NOW + timedelta(minutes=2)) == 0
    checked = audit_chain.check(tx, KEY)
    assert (checked.chain.first, checked.sealed, checked.broken) == (2, 3, ())
    assert checked.chain.first_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(("lived", "left"), [(timedelta(days=1), 3), (timedelta(days=5), 0)])
async def test_old_rows_go_by_themselves_but_not_by_a_clock_that_has_jumped(
    heard: Database, lived: timedelta, left: int
) -> None:
    ahead, stop = NOW + timedelta(days=2000), asyncio.Event()

    def fill(tx: sa.Connection) -> None:
        tx.execute(inbox.insert(), [{"event_id": "e-1", "received_at": ahead - lived}])
        audit.note(tx, *(entry(n) for n in range(3)))

    def clock() -> datetime:
        stop.set()
        return ahead

    await heard.write(fill)
    await audit_chain.keep_sealed(heard, KEY, clock, Troubles("matcher"), stop)
    assert len(await heard.read(lambda tx: tx.execute(sa.select(rows.c.id)).all())) == left


def test_an_end_that_was_noted_stays_in_the_chain(tx: sa.Connection) -> None:
    noted = audit_chain.check(tx, KEY).chain
    audit_chain.seal(tx, KEY)
    assert audit_chain.seal_at(tx, noted.last) == noted.last_seal


def test_a_trail_is_read_by_person_and_by_file_newest_first(tx: sa.Connection) -> None:
    audit.note(tx, entry(8, who="P-noor", about="R-1"))
    assert [kept.about for kept in audit.entries(tx, file="R-1")] == ["R-1", "T-4", "T-3"]
    assert [kept.about for kept in audit.entries(tx, who="P-lea", limit=2)] == ["T-6", "T-5"]


def test_the_same_read_within_the_hour_is_noted_once(tx: sa.Connection) -> None:
    read = entry(10, did="contact.read", about="R-1")
    assert audit.unnoted(tx, [read, read]) == [read]
    audit.note(tx, read)
    later = entry(60, did="contact.read", about="R-1")
    assert audit.unnoted(tx, [later]) == []
    assert audit.unnoted(tx, [entry(71, did="contact.read", about="R-1")]) != []
    assert audit.unnoted(tx, [entry(60, did="health.read", about="R-1")]) != []


def test_a_letter_that_somebody_settled_is_in_the_trail_once(tx: sa.Connection) -> None:
    facts = {"body": b"x", "type_": None, "reason": "wrong", "error": "", "tries": 1, "now": NOW}
    dead_letters.park(tx, stream="decisions", origin="decisions/0/1", **facts)  # type: ignore[arg-type]
    (letter,) = dead_letters.waiting(tx)
    for _ in range(2):
        dead_letters.settle(tx, letter.id, by="berceau", note="essai", now=NOW + timedelta(hours=1))
    found = audit.entries(tx, who="berceau")
    assert [(kept.did, kept.role, kept.about) for kept in found] == [
        ("dead_letter.discarded", audit.TECHNICIAN, str(letter.id))
    ]
