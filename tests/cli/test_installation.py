"""Imports, keys, links and the doctor on an embedded installation."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.bus import dead_letters, topics
from services.bus.database import Database, open_sqlite
from services.bus.migrations import upgrade
from services.calendar import system_clock
from services.cli import checks, installation
from services.cli.failures import CommandFailed, Exit
from services.ingest import credentials
from services.ingest.actors import Role
from services.territory import synthesise
from services.territory.faults import with_faults
from services.territory.files import TownFile, structures_csv
from services.vault import Keyring, OwnerKind, contacts_of
from tests.cli.command import Command
from tests.ingest.files.town import TINY, move_in

ROOT = Path(__file__).resolve().parents[2]
IN = ("--territory", "montlucon")


@pytest.fixture
def file() -> TownFile:
    return structures_csv(synthesise(7, system_clock().date(), TINY))


def written(folder: Path, file: TownFile, name: str = "structures.csv") -> Path:
    path = folder / name
    path.write_bytes(file.encoded("cp1252"))
    return path


def database(environment: dict[str, str], name: str) -> Database:
    return open_sqlite(Path(environment["BERCEAU_DATA"]) / f"{name}.sqlite")


async def reading(environment: dict[str, str], name: str, do: Any, *args: Any) -> Any:
    opened = database(environment, name)
    try:
        return await opened.read(do, *args)
    finally:
        await opened.close()


def test_simulated_phones_reply_to_the_public_address_unless_told_another(environment: dict[str, str]) -> None:
    """Three services on trial have no operator; a family that answers OUI is heard all the same."""
    public = {**environment, "BERCEAU_PUBLIC_URL": "https://garde.exemple.fr"}
    assert installation.settings(public).door_of_replies == "https://garde.exemple.fr"
    inside = {**public, "BERCEAU_INBOUND_URL": "http://127.0.0.1:8080"}
    assert installation.settings(inside).door_of_replies == "http://127.0.0.1:8080"


@pytest.fixture
def published(environment: dict[str, str]) -> None:
    """The territory is there before its files come."""
    asyncio.run(publish(environment))


async def publish(environment: dict[str, str]) -> None:
    guichet = database(environment, "ingest")
    try:
        await upgrade(guichet, "ingest")
        await move_in(guichet, synthesise(7, system_clock().date(), TINY))
    finally:
        await guichet.close()


@pytest.mark.usefixtures("published")
def test_a_file_is_imported_once(berceau: Command, tmp_path: Path, file: TownFile) -> None:
    path = written(tmp_path, file)
    first, second = (berceau("import", "structures", path, *IN, "--json") for _ in range(2))
    assert (first.code, first.json["taken"], first.json["rejected"]) == (0, len(file.rows), 0)
    assert (second.code, second.json["taken"], second.json["known"]) == (0, 0, len(file.rows))


def test_a_new_installation_publishes_its_territory_from_a_file_and_then_imports_its_lists(
    berceau: Command, tmp_path: Path
) -> None:
    """As a technician does it on the first day, each command as the guide has it."""
    assert berceau("example-files", tmp_path, "--size", "small").code == 0
    town, lists = tmp_path / "territoire.json", tmp_path / "structures.csv"
    assert berceau("import", "structures", lists, *IN).code == 1
    assert "berceau import territory" in (tmp_path / "structures-rejets.csv").read_text("utf-8-sig")
    tried = berceau("import", "territory", town, *IN, "--dry-run")
    assert (tried.code, "rien n'est écrit" in tried.out) == (0, True)
    done = berceau("import", "territory", town, *IN, "--json")
    assert done.json == {"territory": "montlucon", "name": json.loads(town.read_text())["name"], "published": True}
    assert berceau("import", "structures", lists, "--json").json["rejected"] == 0, "the only territory needs no name"
    for kind, name in (("vacancies", "places.csv"), ("requests", "demandes.csv")):
        said = berceau("import", kind, tmp_path / name, "--json").json
        assert (said["rejected"], said["taken"] > 20) == (0, True), "what Berceau writes itself, it takes whole"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Le contenu n'est pas du JSON."),
        ('{"name": "Ici"}', "(guichet_phone)"),
        ("outlines", "Des contours se publient avec leur source."),
        ("policy", "Ces règles n'existent pas"),
    ],
)
@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_a_territory_that_is_not_right_is_named_field_by_field_and_not_published(
    berceau: Command, tmp_path: Path, content: str, said: str, extra: tuple[str, ...]
) -> None:
    town = tmp_path / "territoire.json"
    berceau("example-files", tmp_path, "--size", "small")
    wrong = {"outlines": {"outlines_source": ""}, "policy": {"policy": "nulle-part"}}.get(content)
    town.write_text(json.dumps({**json.loads(town.read_text()), **wrong}) if wrong else content)
    refused = berceau("import", "territory", town, *IN, *extra)
    assert (refused.code, said in refused.err) == (5, True)
    assert berceau("link", "new", "--role", "coordinator").code == 5, "no territory is there"


@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
@pytest.mark.parametrize("name", ["Montluçon", "x" * 65, "", "a/b"])
def test_a_territory_is_not_named_as_no_territory_can_be(
    berceau: Command, tmp_path: Path, name: str, extra: tuple[str, ...]
) -> None:
    berceau("example-files", tmp_path, "--size", "small")
    refused = berceau("import", "territory", tmp_path / "territoire.json", "--territory", name, *extra)
    assert (refused.code, "n'est pas un nom de territoire" in refused.err) == (2, True)


def test_a_territory_is_published_again_as_an_editor_that_marks_its_files_saves_it(
    berceau: Command, tmp_path: Path
) -> None:
    berceau("example-files", tmp_path, "--size", "small")
    town = tmp_path / "territoire.json"
    assert berceau("import", "territory", town, *IN).code == 0
    facts = {**json.loads(town.read_text()), "guichet_phone": "04 65 71 00 01"}
    town.write_text(json.dumps(facts), encoding="utf-8-sig")
    assert berceau("import", "territory", town).code == 0, "it is the only one by now"


def test_a_mistyped_territory_makes_no_second_one_unless_that_is_meant(berceau: Command, tmp_path: Path) -> None:
    berceau("example-files", tmp_path, "--size", "small")
    town = tmp_path / "territoire.json"
    assert berceau("import", "territory", town, *IN).code == 0
    slip = ("import", "territory", town, "--territory", "montlucom")
    for extra in ((), ("--dry-run",)):
        refused = berceau(*slip, *extra)
        assert (refused.code, "Territoires publiés\u00a0: montlucon." in refused.err) == (5, True)
        assert "--one-more" in refused.err
    assert berceau("import", "territory", town).code == 0, "there is one only"
    assert berceau(*slip, "--one-more").code == 0
    assert berceau("link", "new", "--role", "coordinator").code == 5, "there are two now"


def test_one_more_is_refused_beside_a_file_of_anything_but_a_territory(
    berceau: Command, tmp_path: Path, file: TownFile
) -> None:
    refused = berceau("import", "structures", str(written(tmp_path, file)), "--one-more")
    assert (refused.code, "--one-more publie un territoire" in refused.err) == (Exit.USAGE, True)


def test_rejected_rows_are_written_beside_the_file_for_its_owner_only(
    berceau: Command, tmp_path: Path, file: TownFile
) -> None:
    broken, _ = with_faults(file, 0.2, 3)
    said = berceau("import", "structures", written(tmp_path, broken), *IN)
    rejects = tmp_path / "structures-rejets.csv"
    assert said.code == 1
    assert rejects.read_bytes().startswith(b"\xef\xbb\xbfMotif du rejet;Que faire;Structure;")
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert str(rejects) in said.out and "ligne 3\u00a0:" in said.out
    berceau("import", "structures", written(tmp_path, broken), *IN)
    assert (tmp_path / "structures-rejets1.csv").exists(), "somebody's corrections are never written over"


def test_the_rejects_never_take_the_place_of_the_file(berceau: Command, tmp_path: Path, file: TownFile) -> None:
    broken, _ = with_faults(file, 0.2, 3)
    path = written(tmp_path, broken)
    said = berceau("import", "structures", path, *IN, "--rejects", path)
    assert said.code == 5
    assert path.read_bytes() == broken.encoded("cp1252")


@pytest.mark.usefixtures("published")
def test_a_dry_run_leaves_the_rows_to_be_imported(berceau: Command, tmp_path: Path, file: TownFile) -> None:
    path = written(tmp_path, file)
    tried = berceau("import", "structures", path, *IN, "--dry-run")
    assert "à blanc, rien n'est écrit" in tried.out
    assert berceau("import", "structures", path, *IN, "--json").json["taken"] == len(file.rows)


def test_a_file_without_its_columns_says_which_one_is_missing(berceau: Command, tmp_path: Path, file: TownFile) -> None:
    path = written(tmp_path, replace(file, columns=("X", *file.columns[1:])))
    said = berceau("import", "structures", path, *IN)
    assert said.code == 5
    assert "Il manque la colonne «\u00a0Structure\u00a0»." in said.err and "docs/fichiers.md" in said.err


def test_without_a_territory_the_command_asks_for_its_name(berceau: Command, tmp_path: Path, file: TownFile) -> None:
    said = berceau("import", "structures", written(tmp_path, file))
    assert said.code == 5
    assert "--territory" in said.err


def test_without_secrets_a_command_names_the_variables(
    berceau: Command, tmp_path: Path, file: TownFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BERCEAU_VAULT_KEY")
    said = berceau("import", "structures", written(tmp_path, file), *IN)
    assert said.code == 3
    assert "BERCEAU_VAULT_KEY" in said.err and "berceau key new --all" in said.err


def test_a_database_that_is_away_has_an_exit_code_of_its_own(
    berceau: Command, tmp_path: Path, file: TownFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_DATABASE", "postgresql+asyncpg://berceau@127.0.0.1:9/berceau")
    said = berceau("import", "structures", written(tmp_path, file), *IN)
    assert said.code == 4
    assert "berceau doctor" in said.err


def test_a_key_has_32_bytes_and_is_never_the_same(berceau: Command) -> None:
    keys = {berceau("key", "new").out.strip() for _ in range(3)}
    assert len(keys) == 3
    assert {len(base64.b64decode(key)) for key in keys} == {32}


def test_a_whole_set_of_secrets_is_ready_for_a_file(berceau: Command) -> None:
    block = berceau("key", "new", "--all").out
    made = dict(line.split("=", 1) for line in block.splitlines() if not line.startswith("#"))
    assert set(made) == {"BERCEAU_VAULT_KEY", "BERCEAU_LINK_KEY", "BERCEAU_INBOUND_SECRET"}
    assert made["BERCEAU_VAULT_KEY"] != made["BERCEAU_LINK_KEY"]
    assert set(berceau("key", "new", "--all", "--json").json) == set(made)


def test_the_first_link_lets_somebody_in_once(berceau: Command, environment: dict[str, str]) -> None:
    made = berceau("link", "new", "--role", "coordinator", *IN, "--email", "lea@exemple.fr", "--json").json
    token = made["link"].rpartition("/connexion/")[2]

    async def used_twice() -> tuple[str | None, str | None, Any, Any]:
        opened, vault = database(environment, "ingest"), database(environment, "vault")
        first = await opened.write(credentials.open_session, token, system_clock())
        second = await opened.write(credentials.open_session, token, system_clock())
        actor = await opened.read(credentials.actor_of_session, first or "", system_clock())
        kept = await vault.read(contacts_of, Keyring(b"v" * 32), made["person"], OwnerKind.STAFF)
        await opened.close()
        await vault.close()
        return first, second, actor, kept

    first, second, actor, kept = asyncio.run(used_twice())
    assert first is not None and second is None
    assert (actor.role, actor.territory, actor.id) == (Role.COORDINATOR, "montlucon", made["person"])
    assert [contact.email for contact in kept] == ["lea@exemple.fr"]


def test_a_first_link_says_whether_the_next_ones_can_come_by_sms(berceau: Command, environment: dict[str, str]) -> None:
    """With an address alone, the page said that an SMS comes, and none ever did."""
    line = ("link", "new", "--role", "coordinator", *IN, "--person", "P-lea")
    assert "aucun lien par SMS" in berceau(*line, "--email", "lea@exemple.fr").err
    assert berceau(*line, "--email", "lea@exemple.fr", "--phone", "06 39 98 12 34").err == ""
    assert berceau(*line).err == "", "the phone is known from before"
    assert berceau(*line, "--phone", "12").code == 5

    async def kept() -> list[Any]:
        vault = database(environment, "vault")
        found = await vault.read(contacts_of, Keyring(b"v" * 32), "P-lea", OwnerKind.STAFF)
        await vault.close()
        return [(contact.channel, contact.email, contact.phone) for contact in found]

    assert asyncio.run(kept()) == [("sms", "lea@exemple.fr", "+33639981234")]


def test_a_person_gets_only_so_many_links_at_once(berceau: Command) -> None:
    line = ("link", "new", "--role", "coordinator", *IN, "--person", "P-lea")
    assert [berceau(*line).code for _ in range(credentials.LINKS_AT_ONCE + 1)] == [0] * 5 + [5]


@pytest.mark.parametrize("command", [("link", "new"), ("api-key", "new", "--label", "essai")])
def test_the_role_of_a_structure_needs_a_structure(berceau: Command, command: tuple[str, ...]) -> None:
    said = berceau(*command, "--role", "structure", *IN)
    assert said.code == 5
    assert "va avec une structure" in said.err


def test_an_api_key_opens_the_api_and_is_kept_as_a_fingerprint(berceau: Command, environment: dict[str, str]) -> None:
    made = berceau("api-key", "new", "--role", "coordinator", "--label", "essai", *IN, "--json").json
    actor = asyncio.run(reading(environment, "ingest", credentials.actor_of_key, made["secret"]))
    assert (actor.id, actor.role) == (made["id"], Role.COORDINATOR)
    bytes_on_disk = b"".join(path.read_bytes() for path in Path(environment["BERCEAU_DATA"]).iterdir())
    assert made["secret"].encode() not in bytes_on_disk and made["signing_secret"].encode() not in bytes_on_disk


def states(found: list[dict[str, str]]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in found}


def test_the_doctor_finds_a_new_installation_in_order(berceau: Command) -> None:
    said = berceau("doctor", "--json")
    assert said.code == 0
    found = states(said.json)
    assert found["réglages"] == found["secrets"] == found["courtier"] == "ok"
    assert found["base ingest"] == "warning"
    assert all(check["remedy"] for check in said.json if check["state"] != "ok")


def test_the_doctor_writes_nothing(berceau: Command, environment: dict[str, str]) -> None:
    berceau("doctor")
    assert not Path(environment["BERCEAU_DATA"]).exists()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"BERCEAU_LINK_KEY": base64.b64encode(b"v" * 32).decode()}, "secrets"),
        ({"BERCEAU_VAULT_KEY": "court"}, "réglages"),
        ({"BERCEAU_CLOCK_FILE": "/nowhere"}, "horloge"),
        ({"BERCEAU_PUBLIC_URL": "http://berceau.example.org"}, "adresse"),
        ({"BERCEAU_GATEWAY": "http", "BERCEAU_INBOUND_SECRET": "x" * 20}, "passerelle SMS"),
        ({"BERCEAU_GATEWAY": "http"}, "secrets"),
        ({"BERCEAU_DATABASE": "postgresql+asyncpg://berceau@127.0.0.1:9/berceau"}, "base ingest"),
        ({"BERCEAU_DATABASE": "postgresql+asyncpg://berceau@127.0.0.1:9/berceau"}, "courtier"),
        ({"BERCEAU_KAFKA": "127.0.0.1:9"}, "courtier"),
    ],
)
def test_the_doctor_names_each_fault_and_its_remedy(
    berceau: Command, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    monkeypatch.setattr(topics, "BOOTSTRAP_TIMEOUT_MS", 300)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    said = berceau("doctor", "--json")
    assert said.code == 1
    assert states(said.json)[name] == "failed"
    assert next(check for check in said.json if check["name"] == name)["remedy"]


def test_the_doctor_says_when_the_key_is_not_the_vaults(berceau: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    berceau("link", "new", "--role", "coordinator", *IN, "--email", "lea@exemple.fr")
    assert states(berceau("doctor", "--json").json)["coffre"] == "ok"
    monkeypatch.setenv("BERCEAU_VAULT_KEY", base64.b64encode(b"x" * 32).decode())
    assert states(berceau("doctor", "--json").json)["coffre"] == "failed"


def test_the_doctor_tells_an_old_python() -> None:
    assert checks.python((3, 10)).state == "failed"
    assert checks.python((3, 11)).state == "ok"


def parked(environment: dict[str, str], body: bytes, origin: str = "declarations/7") -> None:
    """Park one message with the matcher."""

    async def park() -> None:
        opened = database(environment, "matcher")
        await upgrade(opened, "matcher")
        facts = {"type_": "vacancy.opened", "reason": "other", "error": "KeyError: 'x'", "tries": 5}
        where = {"stream": "declarations", "origin": origin, "body": body, "now": system_clock()}
        await opened.write(dead_letters.park, **where, **facts)
        await opened.close()

    asyncio.run(park())


def test_a_parked_message_is_listed_shown_and_discarded(berceau: Command, environment: dict[str, str]) -> None:
    parked(environment, b"not an event")
    listed = berceau("dead-letters")
    assert (listed.code, "matcher 1" in listed.out) == (1, True)
    assert berceau("dead-letters", "show", "matcher", 1, "--json").json["body"] == "not an event"
    assert states(berceau("doctor", "--json").json)["messages matcher"] == "warning"
    assert berceau("dead-letters", "redrive", "matcher", 1).code == 5
    assert berceau("dead-letters", "--json").json[0]["id"] == 1, "a redrive that fails leaves it where it was"
    assert berceau("dead-letters", "discard", "matcher", 1, "--note", "illisible").code == 0
    assert berceau("dead-letters").code == 0
    assert berceau("dead-letters", "discard", "matcher", 1, "--note", "encore").code == 5


def test_a_parked_message_is_handled_again_once_its_cause_is_mended(
    berceau: Command, environment: dict[str, str]
) -> None:
    parked(environment, example("structure.published"), "declarations/1")
    refused = berceau("dead-letters", "redrive", "matcher", 1)
    assert refused.code == 5
    assert "le territoire montlucon n'est pas publié" in refused.err
    territory = example("territory.published").replace(b"montlucon-modele-2026", b"montlucon-modele")
    parked(environment, territory, "declarations/0")
    for number in (2, 1):
        said = berceau("dead-letters", "redrive", "matcher", number, "--note", "territoire publié")
        assert (said.code, said.err) == (0, "")
        assert "traité" in said.out
    assert berceau("dead-letters").code == 0


def example(event: str) -> bytes:
    """A golden event of the stream `declarations`."""
    return (ROOT / "contracts" / "examples" / "declarations" / f"{event}.json").read_bytes()


async def in_tasks(*errors: Exception) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as parts:
        for error in errors:
            parts.create_task(fail(error))


def test_a_database_that_goes_away_under_several_tasks_ends_a_command_with_its_remedy() -> None:
    with pytest.raises(CommandFailed) as caught:
        installation.run(in_tasks(ConnectionRefusedError("partie"), TimeoutError("muette")))
    assert (caught.value.code, "connexion est refusée" in caught.value.cause) == (Exit.AWAY, True)
    assert "berceau doctor" in caught.value.remedy


@pytest.mark.parametrize(
    ("error", "cause", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "le disque est plein", "Libérez de la place"),
        (PermissionError(errno.EACCES, "Permission denied"), "l'accès au fichier est refusé", "droit d'y lire"),
    ],
)
def test_a_full_disk_and_a_file_of_somebody_else_are_not_said_to_be_a_server_that_is_away(
    error: OSError, cause: str, remedy: str
) -> None:
    with pytest.raises(CommandFailed) as caught:
        installation.run(in_tasks(error))
    assert cause in caught.value.cause and remedy in caught.value.remedy
    assert "courtier" not in caught.value.cause


def test_a_fault_of_ours_beside_a_database_that_is_away_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup):
        installation.run(in_tasks(ConnectionRefusedError("partie"), ZeroDivisionError()))
