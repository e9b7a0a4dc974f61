"""A demo whose data stay: with their keys, so that they open again, and never over another demo's."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from services import vault
from services.bus.database import open_sqlite
from services.bus.settings import from_environment
from services.calendar import FixedClock
from services.cli.demo import KEYS, Plan, empty_town, first_morning, keep_keys, settings_of
from services.cli.failures import CommandFailed, Exit
from tests.cli.command import Command

ADA = vault.Contact(id="F-1-c1", phone="+33639980011", name="Ada Exemple")


async def test_what_a_demo_keeps_opens_again_with_the_keys_beside_it(tmp_path: Path) -> None:
    plan = Plan(keep=tmp_path / "gardé ici", port=8093)
    async with empty_town(plan, FixedClock(first_morning())) as town:
        keyring = town.guichet.keyring
        await town.databases["vault"].write(vault.put_contacts, keyring, "F-1", [ADA], first_morning().date())
    kept = tmp_path / "gardé ici" / KEYS
    assert kept.stat().st_mode & 0o077 == 0, "nobody else reads the keys"
    found = from_environment(dict(one.split("=", 1) for one in shlex.split(kept.read_text())))
    assert (found.data, found.port, found.rehearsal) == (tmp_path / "gardé ici", 8093, True)
    contacts = open_sqlite(found.data / "vault.sqlite")
    ring = vault.Keyring(found.key("vault_key"))
    assert [one.name for one in await contacts.read(vault.contacts_of, ring, "F-1")] == ["Ada Exemple"]
    await contacts.close()


async def test_the_keys_are_for_nobody_else_where_a_file_was_there_before(tmp_path: Path) -> None:
    (tmp_path / KEYS).write_text("left by a demo whose data were removed")
    (tmp_path / KEYS).chmod(0o644)
    async with empty_town(Plan(keep=tmp_path), FixedClock(first_morning())):
        assert (tmp_path / KEYS).stat().st_mode & 0o777 == 0o600


def test_the_remedy_opens_a_kept_demo_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder may have blanks in its name, or be the one that one stands in."""
    folder = tmp_path / "gardé ici"
    folder.mkdir()
    monkeypatch.chdir(folder)
    keep_keys(settings_of(Plan(), Path()))
    (folder / "ingest.sqlite").touch()
    with pytest.raises(CommandFailed) as failed:
        keep_keys(settings_of(Plan(), Path()))
    told = failed.value.remedy.partition("«\u00a0")[2].partition(" && berceau")[0]
    shell = subprocess.run(["sh", "-c", f"{told} && echo $BERCEAU_DATA"], cwd="/", capture_output=True, text=True)
    assert shell.stdout.strip() == str(folder), shell.stderr


async def test_a_demo_is_not_begun_over_another_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    plan = Plan(keep=tmp_path)
    async with empty_town(plan, FixedClock(first_morning())):
        before = (tmp_path / KEYS).read_text()
    with pytest.raises(CommandFailed) as failed:
        async with empty_town(plan, FixedClock(first_morning())):
            pass
    assert "contient déjà des données" in failed.value.cause and str(tmp_path / KEYS) in failed.value.remedy
    assert (tmp_path / KEYS).read_text() == before


def test_a_demo_on_a_cluster_keeps_nothing_in_a_folder(
    berceau: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("BERCEAU_KAFKA", "BERCEAU_DATABASE"):
        monkeypatch.setenv(name, "x")
    told = berceau("demo", "--cluster", "--keep", tmp_path)
    assert told.code == Exit.USAGE
    assert "les données sont dans PostgreSQL" in told.err
