"""What the doctor says of work that does not go on, and of rows that do not fit what is set, on both profiles."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.vacancies import VacancyReconfirmed
from contracts.vocabulary import MessageTemplate
from services.bus import outbox, topics
from services.bus.database import Database
from services.bus.links import fingerprint, proposal_token
from services.bus.settings import from_environment
from services.bus.wiring import open_database
from services.calendar import system_clock
from services.ingest.projection.tables import proposals
from services.matcher import tables as matcher
from services.notifier import store as texts
from tests.cli.command import Command

Write = Callable[[sa.Connection], Any]
PROFILES = ("embedded", pytest.param("cluster", marks=pytest.mark.connected))


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, berceau: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """An installation of either kind, with its tables; nobody works there."""
    if request.param == "cluster":
        monkeypatch.setattr(topics, "BOOTSTRAP_TIMEOUT_MS", 200)
        monkeypatch.setenv("BERCEAU_DATABASE", request.getfixturevalue("database_url"))
        monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:9")
    for name in ("ingest", "matcher", "notifier"):
        there(name, lambda _: None)
    return berceau


def there(name: str, *writes: Write) -> None:
    """Do this in the database of a service."""

    async def do() -> None:
        database: Database = await open_database(from_environment(), name)
        for write in writes:
            await database.write(write)
        await database.close()

    asyncio.run(do())


def said(berceau: Command, name: str) -> list[tuple[str, str]]:
    """What the doctor says under this name, each with its remedy."""
    found = [check for check in berceau("doctor", "--json").json if check["name"] == name]
    assert all(check["state"] == "failed" and check["remedy"] for check in found if "base" not in name)
    return [(check["detail"], check["remedy"]) for check in found]


def confirmed(when: datetime) -> Write:
    event = VacancyReconfirmed.say("V-1", cause=str(when), source="ingest", territory="t", time=when, said_by="P-1")
    return lambda tx: outbox.record(tx, event)


def due(since: timedelta, now: datetime) -> Write:
    row = {"territory": "t-1", "policy": "montlucon-modele", "automatic_release": False, "quiet_seconds": 60}
    return lambda tx: tx.execute(matcher.territories.insert().values(**row, due_at=now - since, due_marks=1))


def test_a_round_that_nobody_decides_is_said_with_the_command_that_does(profile: Command) -> None:
    now = system_clock()
    there("matcher", due(timedelta(minutes=3), now))
    assert said(profile, "attribution") == []
    late = {"kind": "expiry", "about": "p-1", "territory": "t-1", "due_at": now - timedelta(minutes=7)}
    there("matcher", lambda tx: tx.execute(matcher.timers.insert().values(late)))
    ((detail, remedy),) = said(profile, "attribution")
    assert detail == "le territoire t-1 attend une décision depuis 7\u00a0minutes"
    start = "worker matcher" if "BERCEAU_DATABASE" in os.environ else "serve"
    assert "Aucun processus ne le tient" in remedy and f"berceau {start}" in remedy


def test_a_holder_that_stands_still_is_named(profile: Command) -> None:
    """A lease that is renewed and a round that never comes: the process lives, and does nothing."""
    now = system_clock()
    lease = {"territory": "t-1", "member": "m-7", "life": "l", "token": 3, "taken_at": now}
    held = matcher.leases.insert().values(**lease, until=now + timedelta(hours=1))
    there("matcher", due(timedelta(hours=2), now), lambda tx: tx.execute(held))
    ((_, remedy),) = said(profile, "attribution")
    assert "m-7 le tient sans avancer" in remedy


def test_texts_whose_hour_is_over_are_counted(profile: Command) -> None:
    now = system_clock()
    facts = {"territory": "t-1", "proposal": "p-1", "owner": "F-1", "owner_kind": "family"}
    for n, minutes in enumerate((2, 6, 90)):
        at = now - timedelta(minutes=minutes)
        there("notifier", lambda tx, n=n, at=at: texts.plan(tx, str(n), MessageTemplate.PROPOSAL, send_at=at, **facts))  # type: ignore[misc]
    ((detail, remedy),) = said(profile, "envoi")
    assert detail == "2\u00a0SMS devaient partir, le premier depuis 1\u00a0heure"
    assert "berceau" in remedy


def test_a_clock_that_went_back_is_seen_by_what_was_noted_before(profile: Command) -> None:
    there("ingest", confirmed(system_clock() - timedelta(seconds=30)))
    assert len(profile("doctor", "--json").json) and ahead(profile) == []
    there("ingest", confirmed(system_clock() + timedelta(hours=1)))
    assert len(ahead(profile)) == 1


def ahead(berceau: Command) -> list[str]:
    checks = berceau("doctor", "--json").json
    return [check["remedy"] for check in checks if check["name"] == "horloge" and "a reculé" in check["detail"]]


def test_a_key_that_is_not_the_one_of_the_links_sent_is_seen(profile: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    now, key = system_clock(), from_environment().key("link_key")
    link = fingerprint(proposal_token(key, "p-1"))
    row = {"id": "p-1", "territory": "t-1", "state": "released", "made_at": now, "changed_at": now, "link": link}
    there("ingest", lambda tx: tx.execute(proposals.insert().values(row)))
    assert said(profile, "liens") == []
    monkeypatch.setenv("BERCEAU_LINK_KEY", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=")
    ((_, remedy),) = said(profile, "liens")
    assert "BERCEAU_LINK_KEY" in remedy


def test_in_one_process_an_event_that_a_reader_does_not_read_is_said(berceau: Command) -> None:
    now = system_clock()
    for name in ("ingest", "matcher", "notifier"):
        there(name, lambda _: None)
    there("ingest", confirmed(now - timedelta(seconds=20)))
    assert said(berceau, "lecture matcher") == []
    there("ingest", confirmed(now - timedelta(minutes=4)))
    there("matcher", lambda tx: tx.exec_driver_sql("INSERT INTO cursors VALUES ('declarations', 1)"))
    ((detail, remedy),) = said(berceau, "lecture matcher")
    assert detail == "un événement de ingest attend d'être lu depuis 4\u00a0minutes"
    assert "berceau serve" in remedy
    there("matcher", lambda tx: tx.exec_driver_sql("UPDATE cursors SET position = 2"))
    assert said(berceau, "lecture matcher") == []


def test_a_file_that_may_not_be_written_is_said(berceau: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    there("matcher", lambda _: None)
    monkeypatch.setattr("services.cli.checks.os.access", lambda path, mode: Path(path).name != "matcher.sqlite")
    ((detail, remedy),) = said(berceau, "base matcher")
    assert (detail, "BERCEAU_DATA" in remedy) == ("ce compte ne peut pas y écrire", True)


@pytest.mark.connected
def test_a_database_that_takes_nothing_is_said(
    berceau: Command, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "BOOTSTRAP_TIMEOUT_MS", 200)
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:9")
    name = database_url.rpartition("/")[2]
    there("matcher", lambda tx: tx.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    ((detail, remedy),) = said(berceau, "base matcher")
    assert detail == "répond, et refuse d'écrire" and "default_transaction_read_only" in remedy


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_authority_that_can_not_be_read_is_said_at_once(
    berceau: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("BERCEAU_KAFKA_CA", str(path))
    ((detail, _),) = said(berceau, "réglages")
    assert "KAFKA_CA" in detail
    assert berceau("lag").code == 3
