"""The example files are what the importer reads."""

from __future__ import annotations

import csv
from pathlib import Path

from services.cli.main import run
from services.territory.files import REQUEST_COLUMNS


def test_the_example_files_are_a_territory_with_three_lists_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(["example-files", str(tmp_path / name), "--size", "small", "--on", "2026-11-30"]) == 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(written) == {"territoire.json", "structures.csv", "places.csv", "demandes.csv"}
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert written["demandes.csv"].decode("utf-8-sig").splitlines()[0] == ";".join(REQUEST_COLUMNS)


def test_a_size_or_an_encoding_that_nobody_knows_writes_nothing(tmp_path: Path) -> None:
    assert run(["example-files", str(tmp_path / "no"), "--size", "huge"]) == 2
    assert run(["example-files", str(tmp_path / "no"), "--encoding", "ebcdic"]) == 2
    assert not (tmp_path / "no").exists()


def test_the_example_files_name_nothing_that_a_new_installation_does_not_know(tmp_path: Path) -> None:
    """No agreement and no counsellor: the guichet registers both, and the rows would be rejected."""
    assert run(["example-files", str(tmp_path), "--size", "full", "--on", "2026-11-30"]) == 0
    for name, column in (("places.csv", "Convention"), ("demandes.csv", "Prescripteur")):
        rows = list(csv.DictReader((tmp_path / name).read_text("utf-8-sig").splitlines(), delimiter=";"))
        assert len(rows) > 200 and {row[column] for row in rows} == {""}
