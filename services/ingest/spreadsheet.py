"""Tables as French spreadsheets open them, with no cell that they would calculate: people type names into Berceau.

When to modify: whatever people typed and leaves as CSV is written here, by pages and commands alike, and read back by
`as_typed`. Only the files of the invented town are written beside it, as a town hall saves them (`territory.files`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int

EXCEL = "utf-8-sig"
"""Excel then opens the file with its accents, whatever the country."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet calculate a cell, or begins the cell anew with what follows."""


def as_csv(titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Semicolons, one line for each row below the titles."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in row] for row in (titles, *rows))
    return text.getvalue().encode(EXCEL)


def as_typed(cell: str) -> str:
    """The cell as it was before it was made harmless: a file that comes back is read as it was first sent."""
    return cell[1:] if cell.startswith("'") and _calculates(cell[1:]) else cell


def _harmless(cell: Cell) -> Cell:
    """A text that would be a formula is one no more behind an apostrophe. A number is none."""
    return f"'{cell}" if isinstance(cell, str) and _calculates(cell) else cell


def _calculates(cell: str) -> bool:
    return cell.lstrip(" \u00a0").startswith(FORMULA)
