"""`berceau bench way` on a real broker and database: each part beside its floor. No figure is a condition."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.command import Command

BUS = {"relay", "consume"}


@pytest.mark.parametrize(
    "parts", [BUS, pytest.param(BUS | {"door", "text", "burst"}, marks=pytest.mark.torture)], ids=["bus", "all"]
)
def test_each_part_of_the_way_is_shown_beside_its_floor(
    parts: set[str], berceau: Command, monkeypatch: pytest.MonkeyPatch, kafka_bootstrap: str, database_url: str,
    figure: Callable[[str], None],
) -> None:  # fmt: skip
    monkeypatch.setenv("BERCEAU_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    few = ["--bus-only"] if parts == BUS else []
    said = berceau("bench", "way", "--events", "100", "--turns", "1", "--texts", "2", "--burst", "2", "--json", *few)
    assert said.code == 0, said.err
    rows = {row["part"]: row for row in said.json}
    assert set(rows) == parts
    for part, row in rows.items():
        assert row["ours"] > 0 and row["floor"] > 0
        assert row["ratio"] == pytest.approx(row["ours"] / row["floor"])
        figure(f"{part}: {row['ours']:.0f} {row['unit']}, floor {row['floor']:.0f}, ratio {row['ratio']:.2f}")


def test_without_a_broker_the_measure_says_what_it_needs(berceau: Command) -> None:
    said = berceau("bench", "way")
    assert said.code == 3
    assert "BERCEAU_KAFKA" in said.err
