"""A round without any server: decided, written as JSON and CSV, explained in French."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from services.cli import rounds
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver.solve import decide
from services.matcher.solver.verify import verify
from tests.cli.command import Command


@pytest.fixture
def example(tmp_path: Path, berceau: Command) -> Path:
    """The round that the command shows, as a file."""
    path = tmp_path / "round.json"
    path.write_text(berceau("match", "--example").out, encoding="utf-8")
    return path


@pytest.fixture
def decided(tmp_path: Path, berceau: Command, example: Path) -> Path:
    path = tmp_path / "outcome.json"
    assert berceau("match", example, "--out", path).code == 0
    return path


def edited(path: Path, change: Any) -> Path:
    """A copy of a file with something changed in it."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    copy = path.with_name(f"edited-{path.name}")
    copy.write_text(json.dumps(data), encoding="utf-8")
    return copy


def test_the_example_is_decided_as_the_engine_decides_it(example: Path, decided: Path) -> None:
    asked = Round.model_validate_json(example.read_bytes())
    outcome = Outcome.model_validate_json(decided.read_bytes())
    assert outcome.certificate is not None
    assert outcome.model_copy(update={"certificate": None}) == decide(asked)
    assert verify(asked, outcome) == ()
    assert {row.request: row.section for row in outcome.placed} == {
        "R-1": "S-cailloux-grands",
        "R-2": "S-tilleuls-tous",
        "R-3": "S-cailloux-grands",
    }


def test_without_a_file_to_write_the_outcome_goes_to_the_screen(berceau: Command, example: Path, decided: Path) -> None:
    said = berceau("match", example)
    assert said.json == json.loads(decided.read_text(encoding="utf-8"))
    assert "3\u00a0demandes, 3\u00a0propositions." in said.err


def test_the_csv_has_a_line_for_each_request_and_says_why(berceau: Command, tmp_path: Path, example: Path) -> None:
    path = tmp_path / "outcome.csv"
    berceau("match", example, "--csv", path)
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert [line["Demande"] for line in lines] == ["R-1", "R-2", "R-3"]
    assert lines[2]["Jours"] == "jeudi 9h-12h | vendredi 9h-12h"
    assert lines[1]["Début"] == "04/01/2027"
    assert lines[0]["Explication"].startswith("Reçoit une proposition.")


@pytest.mark.parametrize("name", ["round", "outcome"])
def test_the_published_schema_is_what_the_code_says(berceau: Command, name: str) -> None:
    published = (rounds.PUBLISHED / f"{name}.json").read_text(encoding="utf-8")
    assert published == rounds.rendered(rounds.schema_of(name))
    assert berceau("match", "--schema", name).out == published


def test_the_example_says_only_what_the_schema_knows(example: Path) -> None:
    asked = Round.model_validate_json(example.read_bytes())
    assert rounds.unknown_fields(example, asked) == []


def test_a_field_that_nothing_reads_is_pointed_out(berceau: Command, example: Path) -> None:
    def misspell(data: Any) -> None:
        data["requests"][0]["point"] = 99
        data["mood"] = "bonne"

    said = berceau("match", edited(example, misspell))
    assert said.code == 0
    assert "requests.0.point" in said.err and "mood" in said.err


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda data: data.pop("territory"), "territory\u00a0: Ce champ est obligatoire."),
        (lambda data: data["requests"][0].update(born="hier"), "requests.0.born\u00a0: La valeur est une date."),
        (lambda data: data["vacancies"][0].update(section="S-nulle-part"), "nomme la section inconnue"),
        (lambda data: data["requests"].append(data["requests"][0]), "figure deux fois"),
    ],
)
def test_a_round_that_can_not_be_decided_says_why(berceau: Command, example: Path, change: Any, cause: str) -> None:
    said = berceau("match", edited(example, change))
    assert said.code == 5
    assert cause in said.err
    assert "docs/formats.md" in said.err


@pytest.mark.parametrize("content", ["", "{", "[1, 2"])
def test_a_file_that_is_no_json_says_so(berceau: Command, tmp_path: Path, content: str) -> None:
    path = tmp_path / "round.json"
    path.write_text(content, encoding="utf-8")
    said = berceau("match", path, "--json")
    assert said.code == 5
    assert said.error["remedy"]


def test_a_file_that_is_not_there_says_so_in_french(berceau: Command, tmp_path: Path) -> None:
    said = berceau("match", tmp_path / "nowhere.json")
    assert said.code == 5
    assert "il n'existe pas" in said.err


def test_a_request_is_explained_in_french(berceau: Command, example: Path, decided: Path) -> None:
    told = berceau("explain", decided, "R-2", "--round", example).out.splitlines()
    assert told[0] == "Reçoit une proposition."
    assert "S-cailloux" in told[1] and "complet" in told[1]


def test_an_explanation_without_the_round_still_names_every_wish(berceau: Command, decided: Path) -> None:
    told = berceau("explain", decided, "R-2").out
    assert "S-cailloux" in told and "S-tilleuls" in told


def test_a_program_reads_the_explanation_with_its_facts(berceau: Command, example: Path, decided: Path) -> None:
    facts = berceau("explain", decided, "R-3", "--round", example, "--json").json
    assert (facts["request"], facts["placed"]) == ("R-3", True)
    assert facts["offer"]["pattern"] == 1
    assert facts["reason"]["wishes"][0]["why"] == "offered"
    assert facts["phrases"]


def test_an_outcome_that_somebody_edited_is_not_explained(berceau: Command, decided: Path) -> None:
    def favour(data: Any) -> None:
        data["reasons"][1]["placed"] = False

    said = berceau("explain", edited(decided, favour), "R-2")
    assert said.code == 5
    assert "a été modifiée" in said.err


def test_an_outcome_is_not_explained_by_another_round(berceau: Command, example: Path, decided: Path) -> None:
    def later(data: Any) -> None:
        data["requests"][0]["points"] = 1

    said = berceau("explain", decided, "R-2", "--round", edited(example, later))
    assert said.code == 5
    assert "ne vient pas de cette attribution" in said.err


def test_a_request_that_nobody_knows_is_not_explained(berceau: Command, decided: Path) -> None:
    assert berceau("explain", decided, "R-99").code == 5
