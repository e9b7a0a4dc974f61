"""`berceau audit`: what was done is listed in French, and a trail that somebody retouched is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.bus import audit_chain
from services.bus.wiring import database_at
from services.cli import installation
from tests.cli.command import Command


@pytest.fixture
def lived(berceau: Command, tmp_path: Path) -> Command:
    """An installation on which a technician gave three accesses, sealed."""
    for person in ("P-lea", "P-noor"):
        assert berceau("link", "new", "--role", "administrator", "--territory", "t", "--person", person).code == 0
    assert berceau("api-key", "new", "--role", "coordinator", "--territory", "t", "--label", "essai").code == 0
    installation.run(seal())
    return berceau


async def seal() -> None:
    settings = installation.settings()
    database = database_at(settings, "ingest")
    await database.write(audit_chain.seal, audit_chain.chain_key(settings.key("link_key")))
    await database.close()


def meddle(tmp_path: Path, statement: str) -> None:
    with sqlite3.connect(tmp_path / "data" / "ingest.sqlite") as database:
        assert database.execute(statement).rowcount == 1


def test_what_was_done_is_listed_newest_first_by_person_and_for_programs(lived: Command) -> None:
    lines = lived("audit").out.splitlines()
    assert "berceau (Administration) a créé la clé d'un logiciel, K-" in lines[0]
    assert "a donné un accès à une personne, P-lea" in lines[-1]
    assert [row["about"] for row in lived("audit", "--file", "P-noor", "--json").json] == ["P-noor"]
    assert lived("audit", "--person", "P-nobody").out == "Rien n'est noté.\n"


def test_a_trail_that_nobody_touched_is_whole_and_an_end_that_was_noted_is_in_it(lived: Command) -> None:
    end = next(one["end"] for one in lived("audit", "--check", "--json").json if one["service"] == "ingest")
    assert end.startswith("ingest:3:")
    said = lived("audit", "--check", "--end", end)
    assert said.code == 0
    assert "ingest\u00a0: 3\u00a0lignes scellées" in said.out


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET who = 'P-lea' WHERE link = 2", "la ligne 2 a été modifiée"),
        ("DELETE FROM audit WHERE link = 2", "des lignes manquent avant la ligne 3"),
        ("DELETE FROM audit WHERE link = 3", "des lignes manquent après la ligne 2"),
    ],
)
def test_a_row_that_somebody_changed_or_took_away_is_named(
    lived: Command, tmp_path: Path, statement: str, found: str
) -> None:
    meddle(tmp_path, statement)
    said = lived("audit", "--check")
    assert said.code == 1
    assert f"ANOMALIE, ingest\u00a0: {found}." in said.out


def test_an_end_that_is_not_in_the_chain_is_said(lived: Command) -> None:
    said = lived("audit", "--check", "--end", f"ingest:2:{'0' * 64}")
    assert said.code == 1
    assert "la fin notée (ligne 2) n'est plus dans la chaîne" in said.out
    assert lived("audit", "--check", "--end", "ingest:2").code == 2
