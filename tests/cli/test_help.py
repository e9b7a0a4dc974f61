"""The help is in French, complete, and there at once."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.main import COMMANDS
from tests.cli.command import Command

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = re.compile(
    r"\b(Usage: |Options:|Commands|Show this|Try |Error|required|default|Install completion|Missing)\b"
)
HEAVY = ("sqlalchemy", "ortools", "fastapi", "faststream", "aiokafka", "pydantic")
LINES = [
    *((named.name,) for named in COMMANDS),
    *(("key", "new"), ("link", "new"), ("api-key", "new"), ("bench", "match"), ("bench", "country")),
    *(("dead-letters", "show"), ("dead-letters", "redrive"), ("dead-letters", "discard")),
]


@pytest.mark.parametrize("line", [(), *LINES], ids=" ".join)
def test_every_command_explains_itself_in_french(berceau: Command, line: tuple[str, ...]) -> None:
    said = berceau(*line, "--help")
    assert said.code == 0
    assert "Affiche cette aide." in said.out
    assert not ENGLISH.search(said.out), said.out


def test_the_list_of_commands_names_each_one_with_a_sentence(berceau: Command) -> None:
    told = berceau("--help").out
    for named in COMMANDS:
        assert re.search(rf"\b{named.name}\b", told)
        assert named.help.endswith(".")


def test_without_a_command_the_help_is_shown_and_the_exit_code_says_so(berceau: Command) -> None:
    said = berceau()
    assert said.code == 2
    assert said.out.count("Usage\u00a0: berceau") == 1


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (("demonstration",), "La commande demonstration n'existe pas."),
        (("match", "--nowhere"), "L'option --nowhere n'existe pas."),
        (("explain",), "Il manque «\u00a0OUTCOME.json\u00a0»."),
        (("api-key", "new", "--role", "mayor", "--label", "x"), "La valeur de --role ne convient pas"),
        (("import", "families", "x.csv"), "La valeur de «\u00a0QUOI\u00a0» ne convient pas"),
    ],
)
def test_a_wrong_command_line_says_cause_and_remedy(berceau: Command, line: tuple[str, ...], cause: str) -> None:
    said = berceau(*line)
    assert said.code == 2
    assert said.err.startswith(f"Erreur\u00a0: {cause}")
    assert "Remède\u00a0: Tapez" in said.err and "En savoir plus\u00a0: docs/" in said.err


def test_a_program_is_told_of_a_wrong_line_in_json(berceau: Command) -> None:
    error = berceau("explain", "--json").error
    assert error["exit_code"] == 2
    assert set(error) == {"cause", "remedy", "see", "exit_code"}


def test_the_help_imports_neither_solver_nor_database() -> None:
    loaded = f"[name for name in {HEAVY} if name in sys.modules]"
    code = f"import sys; from services.cli.main import run; run(['--help']); print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_the_demo_in_one_process_loads_no_brokers_client_and_no_solver() -> None:
    """The solver is another process's; a client of Kafka is nobody's here, and costs a tenth of the start."""
    heavy = {"faststream", "aiokafka", "kafka", "ortools"}
    code = f"import sys, services.cli.demo_command; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_help_costs_little_more_than_python_and_typer(figure: Callable[[str], None]) -> None:
    bare = seconds("-c", "import typer, typer.rich_utils")
    whole = seconds("-m", "services.cli", "--help")
    figure(f"`berceau --help` in {whole:.2f} s, of which typer {bare:.2f} s")
    assert whole < 3 * bare


def seconds(*arguments: str) -> float:
    """The median of five runs, in seconds."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["nowhere"], 2), (["doctor"], 1), (["lag"], 3)])
def test_the_exit_codes_are_those_of_a_real_process(arguments: list[str], code: int) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("BERCEAU_")}
    done = subprocess.run([sys.executable, "-m", "services.cli", *arguments], cwd=ROOT, capture_output=True, env=bare)
    assert done.returncode == code, done.stderr


def test_completion_proposes_the_commands() -> None:
    asked = {**os.environ, "_BERCEAU_COMPLETE": "complete_bash", "COMP_WORDS": "berceau dea", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from services.cli import main; main()"],
        cwd=ROOT, env=asked, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["dead-letters"]


def test_every_document_that_an_error_names_is_there() -> None:
    named = {
        found
        for path in (ROOT / "services" / "cli").glob("*.py")
        for found in re.findall(r"docs/[a-z]+\.md", path.read_text(encoding="utf-8"))
    }
    assert named and all((ROOT / name).is_file() for name in named), named
