"""Old rows go a few at a time, by dated rules, and never while what they guard against can still happen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from contracts.topics import EVENTS
from services.bus import retention
from services.bus.database import Database
from services.bus.delivery import Message
from services.bus.embedded import EmbeddedBus
from services.bus.retention import BATCH, HEARD, PUBLISHED, EarlyPurge, Entry, Kept, Purge, delivered, purge_once
from services.bus.tables import dead_letters, inbox, outbox
from services.bus.troubles import Troubles
from services.cli.retention import OF_THE_SERVICE
from services.ingest import finished
from tests.bus.harness import handled, many, reader_of, said, say, until

TODAY = date(2026, 11, 22)
LATER = datetime(2040, 1, 1, tzinfo=UTC)
INBOX = HEARD[0]
LATELY = {"event_id": "e-lately", "received_at": LATER - timedelta(days=5)}


def kept(**days: int) -> dict[str, Kept]:
    return {name: Kept.model_validate({"for": timedelta(days=n), "reason": "essai"}) for name, n in days.items()}


def rules(**days: int) -> list[Entry]:
    return [Entry(valid_from=TODAY, source="essai", kept=kept(**days))]


async def count(database: Database, table: sa.Table) -> int:
    return await database.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def test_every_rule_has_its_reason_and_its_purge_and_every_purge_its_rule() -> None:
    purges = {purge.package: set() for purge in (PUBLISHED, *HEARD, *OF_THE_SERVICE["ingest"])}  # type: ignore[var-annotated]
    for purge in (PUBLISHED, *HEARD, *OF_THE_SERVICE["ingest"]):
        purges[purge.package].add(purge.table.name)
    purges["services.bus"].add("audit")  # from the chain's beginning only: `audit_chain.drop_old`
    purges["services.ingest"] |= {finished.NOT_PLACED, finished.PLACED}  # rows stay, and name nobody any more
    for package, names in purges.items():
        said_of = retention.kept_on(package, TODAY)
        assert set(said_of) == names
        assert all(rule.reason for rule in said_of.values())
    assert set(retention.kept_on("services.bus", TODAY)["outbox"].always) <= set(EVENTS)


def test_the_rule_of_a_day_is_the_last_one_that_holds() -> None:
    entries = [*rules(outbox=10), Entry(valid_from=date(2027, 1, 1), source="essai", kept=kept(outbox=20))]
    assert retention.in_force(entries, date(2026, 12, 31))["outbox"].duration == timedelta(days=10)
    assert retention.in_force(entries, date(2027, 1, 1))["outbox"].duration == timedelta(days=20)
    with pytest.raises(LookupError):
        retention.in_force(entries, date(2026, 1, 1))


def test_rules_that_forget_what_can_still_come_back_are_refused() -> None:
    assert retention.in_force(rules(outbox=365, inbox=395), TODAY)
    with pytest.raises(EarlyPurge, match="395 days"):
        retention.in_force(rules(outbox=365, inbox=394), TODAY)


async def heard_again_after(database: Database, age: timedelta) -> list[str]:
    """The effects of an event that was heard, then comes again once rows of that age were purged."""
    reader = reader_of(database)
    message = Message("declarations", "declarations/1", said(1).model_dump_json().encode())
    await reader.take(message)
    await purge_once(database, [INBOX], reader.clock() + age)
    await reader.take(message)
    return await database.read(handled)


async def test_an_event_that_comes_again_on_the_last_day_takes_effect_once(heard: Database) -> None:
    last_day = retention.longest_redrive(retention.kept_on("services.bus", TODAY))
    assert len(await heard_again_after(heard, last_day)) == 1


async def test_an_early_purge_doubles_an_effect(heard: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the same redrive, under rules that were not checked."""
    early: Mapping[str, Kept] = kept(inbox=30)
    monkeypatch.setattr(retention, "kept_on", lambda package, day: early)
    last_day = retention.longest_redrive(kept(outbox=3650))
    assert len(await heard_again_after(heard, last_day)) == 2


async def test_old_rows_go_in_small_batches_and_a_writer_comes_in_between(heard: Database) -> None:
    old = [{"event_id": f"e-{n}", "received_at": datetime(2020, 1, 1, tzinfo=UTC)} for n in range(2 * BATCH + 1)]
    await heard.write(lambda tx: tx.execute(inbox.insert(), old) and None)
    left = []
    while await purge_once(heard, [INBOX], LATER):
        left.append(await count(heard, inbox))
        await reader_of(heard).take(
            Message("declarations", f"d/{len(left)}", said(len(left)).model_dump_json().encode())
        )
    assert left == [BATCH + 1, 2]
    assert len(await heard.read(handled)) == 2


async def test_an_event_that_no_broker_has_acknowledged_stays_however_old(writer: Database) -> None:
    await say(writer, *many(3))
    await writer.write(
        lambda tx: tx.execute(outbox.update().where(outbox.c.position < 3).values(published_at=LATER)) and None
    )
    await purge_once(writer, [PUBLISHED], LATER)
    assert await count(writer, outbox) == 1


async def test_an_event_that_a_reader_has_not_read_stays_however_old(writer: Database, heard: Database) -> None:
    bus = EmbeddedBus({"ingest": writer, "notifier": heard}, [reader_of(heard)])
    await say(writer, *many(2))
    await bus.drain()
    await say(writer, said(7))
    await purge_once(writer, [delivered(await bus.read_by_all("ingest"))], LATER)
    assert await count(writer, outbox) == 1
    assert await bus.drain() == 1


async def test_a_standing_fact_is_never_dropped_from_the_log(writer: Database) -> None:
    await say(writer, said(1), said(2))
    standing = outbox.update().where(outbox.c.position == 1).values(type="structure.published")
    await writer.write(lambda tx: tx.execute(standing) and None)
    await purge_once(writer, [delivered(2)], LATER)
    assert await writer.read(lambda tx: list(tx.scalars(sa.select(outbox.c.type)))) == ["structure.published"]


async def test_only_letters_that_somebody_settled_are_dropped(heard: Database) -> None:
    row = {"stream": "declarations", "body": b"", "reason": "wrong", "error": "", "tries": 1}
    then = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [{**row, "origin": str(n), "parked_at": then, "settled_at": then if n else None} for n in range(3)]
    await heard.write(lambda tx: tx.execute(dead_letters.insert(), rows) and None)
    await purge_once(heard, HEARD, LATER)
    assert await heard.read(lambda tx: list(tx.scalars(sa.select(dead_letters.c.origin)))) == ["0"]


async def test_the_job_goes_on_by_itself_and_ends_when_asked(heard: Database) -> None:
    old = [{"event_id": f"e-{n}", "received_at": datetime(2020, 1, 1, tzinfo=UTC)} for n in range(BATCH + 1)]
    await heard.write(lambda tx: tx.execute(inbox.insert(), [*old, LATELY]) and None)
    stop = asyncio.Event()

    async def purges() -> list[Purge]:
        return [INBOX]

    job = asyncio.create_task(retention.run_purges(heard, purges, lambda: LATER, Troubles("matcher"), stop))

    async def empty() -> bool:
        return await count(heard, inbox) == 1

    await until(empty)
    assert not job.done()
    stop.set()
    await asyncio.wait_for(job, 5)


@pytest.mark.parametrize(("lived", "left"), [(timedelta(days=2), 2), (timedelta(days=4), 1), (timedelta(days=11), 2)])
async def test_where_nothing_happened_some_days_ago_the_clock_may_have_jumped_and_all_is_kept(
    heard: Database, lived: timedelta, left: int
) -> None:
    times = {"old": datetime(2020, 1, 1, tzinfo=UTC), "last": LATER - lived}
    rows = [{"event_id": name, "received_at": when} for name, when in times.items()]
    await heard.write(lambda tx: tx.execute(inbox.insert(), rows) and None)
    stop = asyncio.Event()

    async def purges() -> list[Purge]:
        return [INBOX]

    async def looked() -> bool:
        return purging.done() or await count(heard, inbox) == left

    purging = asyncio.create_task(retention.run_purges(heard, purges, lambda: LATER, Troubles("matcher"), stop))
    await asyncio.sleep(0.1)
    await until(looked)
    stop.set()
    await asyncio.wait_for(purging, 5)
    assert await count(heard, inbox) == left


async def test_before_the_first_rules_everything_is_kept_and_a_fault_ends_no_process(heard: Database) -> None:
    """A rehearsal may run on a clock of last year; a fault of ours is told at `/readyz` and tried again."""
    stop, troubles, asked = asyncio.Event(), Troubles("matcher"), []

    async def purges() -> tuple[Purge, ...]:
        asked.append(len(asked))
        if len(asked) == 1:
            raise ZeroDivisionError("a fault of ours")
        stop.set()
        return HEARD

    then = datetime(2020, 1, 1, tzinfo=UTC)
    lately = {"event_id": "e-lately", "received_at": then - timedelta(days=5)}
    await heard.write(lambda tx: tx.execute(inbox.insert(), [lately]) and None)
    await retention.run_purges(heard, purges, lambda: then, troubles, stop)
    assert len(asked) == 2
    assert troubles.causes == {}
