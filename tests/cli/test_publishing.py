"""A technician gives the broker back what it lost: counted first, confirmed, and published by the relays."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta

import pytest

from services.bus import outbox
from services.bus.migrations import upgrade
from services.bus.settings import from_environment
from services.bus.wiring import database_at
from tests.bus.harness import many
from tests.cli.command import Command

LOST = datetime(2026, 11, 22, 8, tzinfo=UTC)
SINCE = ("--since", "2026-11-22T08:00+00:00")


@pytest.fixture
def lost(berceau: Command, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A guichet that said six things, all acknowledged by a broker that has lost the last three."""
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:1")

    async def say() -> None:
        database = database_at(from_environment(), "ingest")
        await upgrade(database, "ingest")
        for n, event in enumerate(many(6)):
            at = LOST + timedelta(hours=1 if n >= 3 else -1)
            await database.write(outbox.record, event.model_copy(update={"time": at}))
        await database.write(
            lambda tx: outbox.mark_published(tx, [r.position for r in outbox.unpublished(tx, 9)], LOST)
        )
        await database.close()

    asyncio.run(say())
    return berceau


def waiting() -> int:
    async def count() -> int:
        database = database_at(from_environment(), "ingest")
        rows = await database.read(outbox.unpublished, 10)
        await database.close()
        return len(rows)

    return asyncio.run(count())


def test_a_dry_run_counts_and_changes_nothing(lost: Command) -> None:
    said = lost("publish-again", *SINCE, "--dry-run", "--json")
    assert said.json["events"] == {"ingest": 3, "matcher": 0, "notifier": 0}
    assert (said.code, said.json["dry_run"], waiting()) == (0, True, 0)


@pytest.mark.parametrize(("typed", "published"), [("oui\n", 3), ("\n", 0), ("o\n", 0)])
def test_nothing_is_published_again_before_somebody_says_oui(
    lost: Command, typed: str, published: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    said = lost("publish-again", *SINCE)
    assert "ingest\u00a0: 3\u00a0événements à publier de nouveau." in said.out
    assert (said.code, waiting()) == (0 if published else 130, published)


def test_a_program_says_yes_beforehand(lost: Command) -> None:
    assert lost("publish-again", *SINCE, "--json").code == 2
    assert lost("publish-again", *SINCE, "--yes", "--json").json["events"]["ingest"] == 3
    assert waiting() == 3
    assert lost("publish-again", *SINCE, "--dry-run", "--json").json["events"]["ingest"] == 0


def test_an_instant_that_is_none_and_an_installation_without_a_broker_are_refused(berceau: Command) -> None:
    assert berceau("publish-again", "--since", "hier").code == 2
    said = berceau("publish-again", *SINCE)
    assert said.code == 3 and "courtier" in said.err
