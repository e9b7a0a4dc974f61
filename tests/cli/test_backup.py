"""A backup made while the service runs comes back as the same state, and nothing is thrown away for it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest

from services.bus.database import open_postgresql, open_sqlite
from services.bus.kafka import open_broker
from services.bus.settings import from_environment
from services.bus.topics import admin, create_topics
from services.calendar import system_clock
from services.cli import backup_postgresql, backup_sqlite, checks_of_backups, embedded
from services.cli.backup import holds_events
from services.cli.backup_sqlite import is_running
from services.matcher.handlers import HANDLERS as MATCHER
from services.territory import MONTLUCON_SIZE
from tests.bus import harness
from tests.cli.command import Command
from tests.cli.conftest import KEYS
from tests.cli.lived import TERRITORY, live
from tests.connected import torture

SAME = {TERRITORY: True}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived")
    asyncio.run(live(from_environment({"BERCEAU_DATA": str(folder), **KEYS}), hours=3))
    return folder


@pytest.fixture
def data(environment: dict[str, str], town: Path) -> Path:
    """The data of this installation."""
    folder = Path(environment["BERCEAU_DATA"])
    shutil.copytree(town, folder)
    return folder


def saved(berceau: Command, folder: Path) -> Path:
    said = berceau("backup", folder, "--json")
    assert (said.code, said.err) == (0, "")
    return Path(said.json["backup"])


def test_last_nights_backup_comes_back_as_the_same_state_and_says_how_long_it_took(
    berceau: Command, data: Path, tmp_path: Path
) -> None:
    backup = saved(berceau, tmp_path / "backups")
    shutil.rmtree(data)
    said = berceau("restore", backup, "--json")
    assert (said.code, said.json["same"], said.json["aside"]) == (0, SAME, "")
    assert 0 < said.json["seconds"] < 120
    assert berceau("replay", "--check").code == 0


def test_a_restored_state_that_is_not_the_one_saved_is_said(berceau: Command, data: Path, tmp_path: Path) -> None:
    """The twin: the hash of the backup is made to be another's."""
    backup = saved(berceau, tmp_path / "backups")
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["states"][TERRITORY]["matcher"] = "another"
    (backup / "manifest.json").write_text(json.dumps(manifest))
    said = berceau("restore", backup, "--replace", "--json")
    assert (said.code, said.json["same"]) == (1, {TERRITORY: False})


def test_what_was_there_is_kept_in_the_only_folder_that_the_service_may_write(
    berceau: Command, data: Path, tmp_path: Path
) -> None:
    backup = saved(berceau, tmp_path / "backups")
    refused = berceau("restore", backup)
    assert (refused.code, "--replace" in refused.err) == (5, True)
    before = data / "avant-20261101-030000"
    before.mkdir()
    aside = Path(berceau("restore", backup, "--replace", "--json").json["aside"])
    assert {path.name for path in aside.glob("*.sqlite")} == {path.name for path in data.glob("*.sqlite")}
    assert {path for path in data.iterdir() if path.is_dir()} == {before, aside}


def test_nothing_is_restored_under_a_service_that_runs(berceau: Command, data: Path, tmp_path: Path) -> None:
    backup = saved(berceau, tmp_path / "backups")

    async def while_running() -> tuple[int, bool]:
        opened = open_sqlite(data / "matcher.sqlite")
        await opened.write(lambda tx: None)
        refused = await asyncio.to_thread(berceau, "restore", backup, "--replace")
        running = is_running(data)
        await opened.close()
        return refused.code, running

    assert asyncio.run(while_running()) == (5, True)
    assert not is_running(data)


def test_a_backup_that_lost_a_byte_is_refused(berceau: Command, data: Path, tmp_path: Path) -> None:
    backup = saved(berceau, tmp_path / "backups")
    with (backup / "matcher.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    said = berceau("restore", backup, "--replace")
    assert (said.code, "abîmée" in said.err) == (5, True)
    assert data.exists()


def test_a_backup_of_another_key_is_refused_and_holds_no_key(
    berceau: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = saved(berceau, tmp_path / "backups")
    everything = b"".join(path.read_bytes() for path in backup.iterdir())
    for key in KEYS.values():
        assert key.encode() not in everything and base64.b64decode(key) not in everything
    monkeypatch.setenv("BERCEAU_VAULT_KEY", base64.b64encode(b"x" * 32).decode())
    said = berceau("restore", backup, "--replace")
    assert (said.code, "La clé du coffre" in said.err) == (5, True)


async def test_copies_are_of_one_instant_while_people_write(data: Path, tmp_path: Path) -> None:
    """A writer adds to two files, the vault first; no copy may hold the second without the first."""
    one, two = open_sqlite(data / "vault.sqlite"), open_sqlite(data / "ingest.sqlite")
    await one.write(lambda tx: tx.exec_driver_sql("CREATE TABLE ticks (n INTEGER)") and None)
    await two.write(lambda tx: tx.exec_driver_sql("CREATE TABLE ticks (n INTEGER)") and None)
    stop = asyncio.Event()

    async def write() -> int:
        n = 0
        while not stop.is_set():
            n += 1
            for database in (one, two):
                await database.write(lambda tx, n=n: tx.exec_driver_sql(f"INSERT INTO ticks VALUES ({n})") and None)
        return n

    writing = asyncio.create_task(write())
    for turn in range(5):
        folder = tmp_path / f"copy{turn}"
        folder.mkdir()
        await asyncio.to_thread(backup_sqlite.copy, data, folder)
        counts = [await count(folder / f"{name}.sqlite") for name in ("vault", "ingest")]
        assert 0 <= counts[0] - counts[1] <= 1
    stop.set()
    assert await writing > 5
    await one.close()
    await two.close()


async def count(path: Path) -> int:
    opened = open_sqlite(path)
    found = await opened.read(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM ticks").scalar_one())
    await opened.close()
    return int(found)


def test_the_doctor_asks_for_a_backup_and_says_when_the_last_one_is_old(
    berceau: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_backup(berceau) == "warning"
    monkeypatch.setenv("BERCEAU_BACKUPS", str(tmp_path / "backups"))
    assert of_backup(berceau) == "failed"
    backup = Path(berceau("backup", "--json").json["backup"])
    assert of_backup(berceau) == "ok"
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["made_at"] = str(system_clock() - checks_of_backups.OLDEST - timedelta(minutes=1))
    (backup / "manifest.json").write_text(json.dumps(manifest))
    assert of_backup(berceau) == "failed"


def of_backup(berceau: Command) -> str:
    found = {check["name"]: check for check in berceau("doctor", "--json").json}["sauvegarde"]
    assert found["state"] == "ok" or found["remedy"]
    return str(found["state"])


def test_a_dump_of_postgresql_comes_back_as_the_same_state(
    berceau: Command, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    with pytest.MonkeyPatch.context() as patched:  # the same services in one process, on schemas in place of files
        patched.setattr(embedded, "open_sqlite", lambda path, durability: open_postgresql(database_url, path.stem))
        asyncio.run(live(from_environment(), hours=2))
    backup = saved(berceau, tmp_path / "backups")
    assert b"berceau.dump" in b" ".join(os.fsencode(path.name) for path in backup.iterdir())
    assert berceau("restore", backup).code == 5, "the schemas are there"
    said = berceau("restore", backup, "--replace", "--json")
    assert (said.code, said.json["same"]) == (0, SAME)
    assert said.json["aside"].startswith("_avant_")
    assert said.json["published_again"] == 0, "every reader had heard everything"
    assert asyncio.run(published_again_where_one_was_not_heard(database_url)) == 1
    assert asyncio.run(refused_beside_a_service(berceau, database_url, backup)) == 5


async def refused_beside_a_service(berceau: Command, url: str, backup: Path) -> int:
    service = open_postgresql(url, "matcher")
    await service.write(lambda tx: None)
    said = await asyncio.to_thread(berceau, "restore", backup, "--replace")
    await service.close()
    assert "tourne encore" in said.err
    return said.code


async def test_nothing_is_restored_over_topics_that_hold_newer_events(kafka_bootstrap: str, topic_prefix: str) -> None:
    settings = harness.settings(kafka=kafka_bootstrap, kafka_prefix=topic_prefix)
    with admin(settings) as client:
        create_topics(client, settings, partitions=1, replicas=1)
    assert not await asyncio.to_thread(holds_events, settings), "a new prefix has topics of its own"
    broker = open_broker(settings)
    async with broker:
        await broker.publish(b"{}", f"{topic_prefix}decisions", key=b"t1")
    assert await asyncio.to_thread(holds_events, settings)


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_a_week_of_the_whole_territory_is_restored_and_replayed_within_minutes(
    berceau: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    """T15: the recovery time is in the table."""
    begun = time.monotonic()
    asyncio.run(live(from_environment(), hours=7 * 24, size=MONTLUCON_SIZE))
    backup = saved(berceau, tmp_path / "backups")
    shutil.rmtree(environment["BERCEAU_DATA"])
    said = berceau("restore", backup, "--json").json
    events = berceau("replay", "--check", "--json").json["events"]
    assert said["same"] == SAME
    torture.record(
        "T15", f"une semaine de tout le territoire, {events} événements, restaurée et rejouée",
        f"même état, de retour en {said['seconds']} s", begun=begun, on=torture.sqlite(),
        twin="un autre état que celui sauvé est dit (à chaque `make test`)",
    )  # fmt: skip


async def published_again_where_one_was_not_heard(url: str) -> int:
    """Everything was published, and the matcher has not heard of one structure."""
    ingest, matcher = open_postgresql(url, "ingest"), open_postgresql(url, "matcher")
    await ingest.write(lambda tx: tx.exec_driver_sql("UPDATE outbox SET published_at = recorded_at") and None)
    one = "DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM ingest.outbox WHERE type = 'territory.published')"
    await matcher.write(lambda tx: tx.exec_driver_sql(one) and None)
    for database in (ingest, matcher):
        await database.close()
    return await backup_postgresql.publish_again(url, {"ingest": {}, "matcher": MATCHER, "notifier": {}})


def test_a_backup_is_in_the_audit_trail_of_the_installation_and_a_failed_one_is_not(
    berceau: Command, data: Path, tmp_path: Path
) -> None:
    backup = saved(berceau, tmp_path / "backups")
    (tmp_path / "file").write_text("in the way")
    assert berceau("backup", tmp_path / "file").code != 0
    acts = [row for row in berceau("audit", "--person", "berceau", "--json").json if row["did"] == "backup.made"]
    assert [(row["role"], row["about"]) for row in acts] == [("technician", backup.name)]
    assert "a sauvegardé les bases" in berceau("audit", "--person", "berceau").out
