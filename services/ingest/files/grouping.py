"""The rows of a file by identifier: one row each, or the rows of one structure.

When to modify: for another file whose rows belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.ingest.files import cells
from services.ingest.files.kinds import Kind
from services.ingest.files.reading import Line, Sheet
from services.ingest.files.rejects import Rejected
from services.ingest.files.row import Row
from services.ingest.problems import Problem


@dataclass(frozen=True)
class Group:
    """The rows of one identifier, as they were found."""

    key: str
    lines: tuple[Line, ...]


@dataclass
class Grouping:
    """Iterating gives the groups in the file's order; `rejected` are the rows without an identifier of their own."""

    kind: Kind
    sheet: Sheet
    rejected: list[Rejected] = field(default_factory=list)
    _first_seen: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Group]:
        by_key: dict[str, list[Line]] = {}
        for line in self.sheet.lines:
            key = self._key(line)
            if key is not None and self._is_first(key, line):
                by_key.setdefault(key, []).append(line)
        return (Group(key, tuple(lines)) for key, lines in by_key.items())

    def _key(self, line: Line) -> str | None:
        """The row's identifier. A structure's row that lacks it is told by its name: it must not be left behind."""
        row = Row(self.sheet, line)
        key = row.needed(self.kind.columns.key, cells.identifier, "")
        if key and (self.kind.grouped_by or not line.fault):
            return key
        sibling = self._sibling(line)
        if sibling is None:
            self.rejected.append(Rejected(line, (line.fault,) if line.fault else tuple(row.problems)))
        return sibling

    def _sibling(self, line: Line) -> str | None:
        name = self.sheet.cell(line, self.kind.grouped_by) if self.kind.grouped_by else ""
        if not name:
            return None
        others = (other for other in self.sheet.lines if self.sheet.cell(other, str(self.kind.grouped_by)) == name)
        named = (self.sheet.cell(other, self.kind.columns.key) for other in others)
        return next((key for key in named if key), None)

    def _is_first(self, key: str, line: Line) -> bool:
        first = self._first_seen.setdefault(key, line.number)
        if first == line.number or self.kind.grouped_by is not None:
            return True
        rule = f"Cet identifiant est déjà celui de la ligne {first}."
        remedy = "Gardez une seule ligne, ou donnez un autre identifiant."
        problem = Problem(self.kind.columns.key, "twice_in_file", rule, remedy)
        self.rejected.append(Rejected(line, (problem,)))
        return False
