"""The units and the compose file are what systemd and Compose read, and start what there is to start.

The units are checked by `systemd-analyze`, the compose file by the schema of its specification; neither is run here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from services.bus.settings import PREFIX, Settings
from services.cli.main import BY_NAME
from services.cli.serve_command import Name

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
TIMERS = sorted((ROOT / "deploy" / "systemd").glob("*.timer"))
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8"))
SPECIFICATION = json.loads((Path(__file__).parent / "vendor" / "compose-spec.json").read_text())
WIDEST = 2.0
"""systemd's own measure of what a unit may still do, from 0 to 10; without any option it is 9.6."""

OFFICIAL = re.compile(r"postgres:\d+|apache/kafka:[\d.]+|berceau:[\d.]+")
NAMES = {PREFIX + field.upper() for field in Settings.model_fields}


def named(path: Path) -> str:
    return path.name


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as on a machine where /opt/berceau is there."""
    for path in (*UNITS, *TIMERS):
        text = path.read_text(encoding="utf-8").replace("/opt/berceau/bin/berceau", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing; install it with: sudo apt-get install -y systemd"
    return subprocess.run([program, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("unit", [*UNITS, *TIMERS], ids=named)
def test_systemd_reads_each_unit_without_a_word(installed: Path, unit: Path) -> None:
    done = analyzed("verify", str(installed / unit.name))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_says_what_is_wrong_with_a_unit(installed: Path) -> None:
    """The twin."""
    broken = installed / "berceau.service"
    broken.write_text(broken.read_text().replace("ProtectSystem=strict", "ProtectSystem=very"))
    assert "very" in analyzed("verify", str(broken)).stderr


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_a_unit_may_do_little_beside_its_work(installed: Path, unit: Path) -> None:
    done = analyzed("security", "--offline=true", f"--threshold={int(WIDEST * 10)}", str(installed / unit.name))
    assert done.returncode == 0, done.stdout[-300:]
    bare = installed / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyzed("security", "--offline=true", f"--threshold={int(WIDEST * 10)}", str(bare)).returncode != 0


def commands() -> list[list[str]]:
    """Every command line of Berceau that a unit or a container starts."""
    found = []
    for path in UNITS:
        parser = RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read_string(path.read_text(encoding="utf-8"))
        found.append(shlex.split(parser["Service"]["ExecStart"])[1:])
    return found + [service["command"] for service in COMPOSE["services"].values() if "command" in service]


@pytest.mark.parametrize("line", commands(), ids=" ".join)
def test_what_is_started_is_a_command_of_berceau(line: list[str]) -> None:
    assert line[0] in BY_NAME
    assert line[0] != "worker" or line[1] in {name.value for name in Name}


def test_each_service_of_the_cluster_is_started_by_a_unit_and_by_a_container() -> None:
    started = [line[1] for line in commands() if line[0] == "worker"]
    assert sorted(started) == sorted([name.value for name in Name] * 2)


def test_the_command_of_the_technician_has_the_settings_and_the_account_of_the_service(tmp_path: Path) -> None:
    runs_as = tmp_path / "runuser"
    runs_as.write_text('#!/bin/sh\necho "$*" "$BERCEAU_DATA" "$BERCEAU_VAULT_KEY" "$(umask)"\n', encoding="utf-8")
    runs_as.chmod(0o755)
    (tmp_path / "berceau.env").write_text(f"BERCEAU_DATA={tmp_path}\n", encoding="utf-8")
    (tmp_path / "secrets.env").write_text("BERCEAU_VAULT_KEY=une-cle=\n", encoding="utf-8")
    own = {"PATH": f"{tmp_path}:/usr/bin:/bin", "BERCEAU_SETTINGS": str(tmp_path)}
    command = [str(ROOT / "deploy" / "systemd" / "berceau"), "restore", "/var/backups/a b"]
    said = subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
    assert said == f"-u berceau -- /opt/berceau/bin/berceau restore /var/backups/a b {tmp_path} une-cle= 0077\n"
    (tmp_path / "secrets.env").unlink()
    assert subprocess.run(command, env=own, capture_output=True).returncode != 0, "never without its keys"


@pytest.mark.parametrize("path", [*UNITS, ROOT / "deploy" / "systemd" / "berceau.env"], ids=named)
def test_each_variable_of_a_unit_is_a_setting(path: Path) -> None:
    assert set(re.findall(r"\bBERCEAU_[A-Z_]+", path.read_text(encoding="utf-8"))) <= NAMES


def test_each_variable_of_a_container_is_a_setting_that_is_understood() -> None:
    given = COMPOSE["x-settings"]
    assert set(given) <= NAMES
    key = "bGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGw="
    own = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    assert Settings.model_validate({**own, "vault_key": key, "link_key": key}).profile == "cluster"


def test_the_compose_file_is_what_its_specification_says() -> None:
    valid = jsonschema_rs.validator_for(SPECIFICATION)
    assert [error.message for error in valid.iter_errors(COMPOSE)] == []
    broken: dict[str, Any] = {**COMPOSE, "services": {"a": {"image": "postgres:17", "port": ["80"]}}}
    assert not valid.is_valid(broken)


def test_images_are_official_and_the_broker_is_the_one_that_is_tested() -> None:
    images = {service["image"] for service in COMPOSE["services"].values()}
    assert all(OFFICIAL.fullmatch(image) for image in images)
    tested = re.search(r"kafka_2.13</artifactId>\s*<version>([\d.]+)<", (ROOT / "deploy/kafka/pom.xml").read_text())
    assert tested and f"apache/kafka:{tested[1]}" in images


def test_no_container_of_berceau_is_open_to_the_network_or_more_than_a_user() -> None:
    ours = [service for service in COMPOSE["services"].values() if service["image"].startswith("berceau")]
    assert len(ours) == 4
    for service in ours:
        assert service["cap_drop"] == ["ALL"] and service["read_only"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_a_setting_of_the_guide_may_be_copied_into_the_file_that_systemd_reads() -> None:
    """There a comment takes a line of its own: behind a value it would be a part of the value."""
    guide = (ROOT / "docs" / "exploitation.md").read_text(encoding="utf-8")
    settings = [line for line in guide.splitlines() if re.match(r"BERCEAU_\w+=", line)]
    assert settings
    assert not [line for line in settings if re.search(r"\s#", line)]


@pytest.mark.parametrize("own", [None, "file", "link"])
def test_keeping_a_provider_from_starting_leaves_an_administrators_own_unit_alone(
    tmp_path: Path, own: str | None
) -> None:
    """It was overwritten by a link to nothing."""
    unit, theirs = tmp_path / "glewlwyd.service", tmp_path / "theirs"
    if own == "file":
        unit.write_text("[Service]")
    elif own == "link":
        unit.symlink_to(theirs)
    script = 'source deploy/needs.sh; as_root() { "$@"; }; keep_from_starting python3 glewlwyd'
    subprocess.run(["bash", "-c", script], cwd=ROOT, env={**os.environ, "UNITS": str(tmp_path)}, check=True)
    if own == "file":
        assert unit.read_text() == "[Service]"
    else:
        assert unit.readlink() == (theirs if own else Path("/dev/null"))
