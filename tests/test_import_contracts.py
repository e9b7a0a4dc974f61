"""Each import contract bites: one forbidden line in a copy of the code, and the linter names the broken contract."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent

# contract -> the file that breaks it and the line that does
FORBIDDEN = {
    "independent": ("services/notifier/planted.py", "import services.matcher"),
    "layers": ("services/bus/planted.py", "import services.vault"),
    "contracts": ("contracts/planted.py", "import sqlalchemy"),
    "vault": ("services/matcher/planted.py", "from services import vault"),
    "pure": ("services/matcher/rules/planted.py", "import sqlalchemy"),
    "ortools": ("services/matcher/planted.py", "from ortools.sat.python import cp_model"),
    "checkers": ("services/matcher/solver/verify.py", "from services.matcher.solver import variables"),
    "reading": ("services/matcher/solver/constraints.py", "from services.matcher.solver.facts import Facts"),
    "product": ("services/ingest/planted.py", "from deploy.servers import Kafka"),
}

# The same, where the forbidden module is only reached through a third one that may import it.
ROUNDABOUT = {
    "independent": {
        "services/cli.py": "import services.matcher",
        "services/notifier/planted.py": "import services.cli",
    },
    "vault": {
        "services/ingest/planted.py": "import services.vault",
        "services/matcher/planted.py": "import services.ingest.planted",
    },
    "pure": {
        "services/matcher/planted.py": "import services.bus",
        "services/matcher/solver/planted.py": "import services.matcher.planted",
    },
}


def names() -> dict[str, str]:
    """Every contract of .importlinter with the sentence that names it."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    contracts = [section for section in parser.sections() if section.startswith("importlinter:contract:")]
    return {section.rpartition(":")[2]: parser[section]["name"] for section in contracts}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("contracts", "services", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def broken_contracts(checkout: Path) -> set[str]:
    """The sentences that the linter calls broken in this copy."""
    run = subprocess.run(
        [str(SCRIPTS / "lint-imports"), "--no-cache"],
        cwd=checkout,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
    )
    verdicts = re.findall(r"^(.+?) (KEPT|BROKEN)\b", run.stdout, re.MULTILINE)
    assert len(verdicts) == len(names()), run.stdout + run.stderr
    return {name for name, verdict in verdicts if verdict == "BROKEN"}


def add_line(checkout: Path, file: str, line: str) -> None:
    path = checkout / file
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}\n{line}\n")


def test_the_code_as_it_stands_keeps_every_import_contract(copy: Path) -> None:
    assert broken_contracts(copy) == set()


@pytest.mark.parametrize("contract", sorted(FORBIDDEN))
def test_one_forbidden_import_breaks_its_contract_by_name(copy: Path, contract: str) -> None:
    add_line(copy, *FORBIDDEN[contract])
    assert names()[contract] in broken_contracts(copy)


@pytest.mark.parametrize("contract", sorted(ROUNDABOUT))
def test_a_forbidden_import_through_a_third_module_breaks_the_contract_too(copy: Path, contract: str) -> None:
    for file, line in ROUNDABOUT[contract].items():
        add_line(copy, file, line)
    assert names()[contract] in broken_contracts(copy)


def test_a_new_package_of_services_must_be_given_its_layer(copy: Path) -> None:
    (copy / "services" / "shared").mkdir()
    add_line(copy, "services/shared/__init__.py", "")
    assert names()["layers"] in broken_contracts(copy)


def test_every_import_contract_is_named_by_a_sentence_and_shown_to_bite() -> None:
    assert set(names()) == set(FORBIDDEN)
    assert all(re.fullmatch(r"[A-Z](\S+ ){4,}\S+", name) for name in names().values())
