"""The table of the long tests is made from their lines, never written by hand."""

from __future__ import annotations

from tests.connected import torture


def test_the_table_of_the_long_tests_is_what_their_lines_give() -> None:
    assert torture.TABLE.read_text(encoding="utf-8") == torture.rendered(torture.read())


def test_a_line_that_has_only_its_twin_shows_a_dash_for_the_rest() -> None:
    table = torture.rendered({"T10": {"twin": "150 perdus"}})
    rows = table.removesuffix(torture.FOUND.read_text(encoding="utf-8"))
    assert rows.splitlines()[-1].startswith("| T10 | – | – | 150 perdus | –")
