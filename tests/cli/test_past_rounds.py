"""Past rounds: listed, taken out, and decided again."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from services.bus.settings import from_environment
from tests.cli.command import Command
from tests.cli.conftest import KEYS
from tests.cli.lived import TERRITORY, live


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived")
    asyncio.run(live(from_environment({"BERCEAU_DATA": str(folder), **KEYS})))
    return folder


@pytest.fixture
def lived(berceau: Command, environment: dict[str, str], town: Path) -> Command:
    shutil.copytree(town, environment["BERCEAU_DATA"])
    return berceau


def one_that_proposed(lived: Command) -> str:
    return str(next(row["round"] for row in lived("rounds", "--json").json if row["proposed"]))


def test_every_round_is_listed_with_the_latest_first(lived: Command) -> None:
    rows = lived("rounds", "--json").json
    assert rows and all(row["is_kept"] for row in rows)
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert len(lived("rounds").out.splitlines()) == len(rows)
    assert len(lived("rounds", "--last", "1").out.splitlines()) == 1
    assert lived("rounds", "--territory", "nowhere").out == "Aucune attribution n'a encore eu lieu.\n"


def test_a_round_decided_again_gives_the_same_prints(lived: Command) -> None:
    for row in lived("rounds", "--json").json:
        said = lived("rounds", row["round"], "--check", "--json")
        assert (said.code, said.json["decided_again_the_same"]) == (0, True)


def test_a_round_whose_record_was_changed_is_found(lived: Command, environment: dict[str, str]) -> None:
    name = one_that_proposed(lived)
    with sqlite3.connect(Path(environment["BERCEAU_DATA"]) / "matcher.sqlite") as database:
        database.execute("UPDATE rounds SET outcome_hash = 'another' WHERE round = ?", [name])
    database.close()
    said = lived("rounds", name, "--check")
    assert said.code == 1
    assert "une AUTRE décision" in said.out


def test_a_round_is_taken_out_and_decided_by_anybody(lived: Command, tmp_path: Path) -> None:
    name, asked, outcome = one_that_proposed(lived), tmp_path / "round.json", tmp_path / "outcome.json"
    assert lived("rounds", name, "--out", str(asked)).code == 0
    assert json.loads(asked.read_text())["territory"] == TERRITORY
    assert lived("match", str(asked), "--out", str(outcome)).code == 0
    assert lived("verify", str(asked), str(outcome)).code == 0


def test_why_a_request_got_what_it_got_in_a_past_round_is_said_again_with_its_proofs(
    lived: Command, tmp_path: Path
) -> None:
    name, asked = one_that_proposed(lived), tmp_path / "round.json"
    lived("rounds", name, "--out", str(asked))
    told = {
        row["id"]: lived("rounds", name, "--explain", row["id"]).out
        for row in json.loads(asked.read_text())["requests"]
    }
    assert any(said.startswith("Reçoit une proposition.") for said in told.values())
    stranger = lived("rounds", name, "--explain", "nobody")
    assert stranger.code == 5
    assert "n'a pris aucune part" in stranger.err


def test_what_is_not_kept_any_more_is_said(lived: Command, environment: dict[str, str]) -> None:
    name = one_that_proposed(lived)
    with sqlite3.connect(Path(environment["BERCEAU_DATA"]) / "matcher.sqlite") as database:
        database.execute("DELETE FROM round_inputs WHERE round = ?", [name])
    database.close()
    assert "n'est plus gardé" in lived("rounds", name, "--check").err
    assert "n'est plus gardé" in lived("rounds").out
    assert "Aucune attribution inconnue" in lived("rounds", "inconnue").err


GRID = """
- valid_from: 2027-01-01
  title: "Grille d'essai"
  source: "Essai"
  lines:
    - {criterion: single_parent, points: 90}
    - {criterion: resident, points: 1}
"""


def test_a_round_decided_under_another_grid_says_for_whom_it_differs(lived: Command, tmp_path: Path) -> None:
    name, grid, table = one_that_proposed(lived), tmp_path / "grid.yaml", tmp_path / "profiles.csv"
    grid.write_text(GRID, encoding="utf-8")
    said = lived("rounds", name, "--under", str(grid), "--json", "--csv", str(table))
    assert (said.code, said.json["left"]) == (0, 0)
    assert said.json["total"]["before"] > 0
    assert table.read_text(encoding="utf-8-sig").splitlines()[0].startswith("Par;Profil")
    told = lived("rounds", name, "--under", "pessac-2022", "--mode", "most_children").out.splitlines()
    assert told[0].split()[0] == "Profil" and told[1].startswith("Toutes les demandes")


def test_under_its_own_grid_and_mode_a_round_is_the_same_for_everybody(lived: Command) -> None:
    total = lived("rounds", one_that_proposed(lived), "--under", "montlucon-modele", "--json").json["total"]
    assert total["before"] == total["after"] > 0
    assert [total[name] for name in ("gains", "loses", "better", "worse")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--under", "inconnue"), "Aucune grille inconnue"),
        (("--under", "absente.yaml"), "absente.yaml"),
        (("--mode", "autre"), "Choisissez parmi stable, strict, most_children"),
        (("--csv", "x.csv"), "Ajoutez --under ou --mode"),
    ],
)
def test_rules_that_are_not_there_are_said(lived: Command, arguments: tuple[str, str], words: str) -> None:
    assert words in lived("rounds", one_that_proposed(lived), *arguments).err
