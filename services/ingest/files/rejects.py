"""What an import comes to, and the file that gives the bad rows back, each with its reason and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.ingest.duplicates import SEEMS_KNOWN
from services.ingest.files.cells import NBSP, plain
from services.ingest.files.columns import REASON, REMEDY
from services.ingest.files.reading import Line
from services.ingest.problems import Problem
from services.ingest.spreadsheet import as_csv


@dataclass(frozen=True)
class Rejected:
    """A row that was not taken. A problem's `field` is the column, as the file writes it."""

    line: Line
    problems: tuple[Problem, ...]

    @property
    def reason(self) -> str:
        return " | ".join(f"{problem.field}{NBSP}: {problem.rule}" for problem in self.problems)

    @property
    def remedy(self) -> str:
        return " | ".join(dict.fromkeys(problem.remedy for problem in self.problems))

    def as_json(self) -> dict[str, Any]:
        """The line's number and what is wrong with it. What stood in its cells is not repeated: it may name people."""
        return {"line": self.line.number, "problems": [problem.as_json() for problem in self.problems]}


@dataclass(frozen=True)
class Warned:
    """A row that was taken, and that somebody should look at: its child seems to be registered already."""

    line: int
    requests: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"line": self.line, **SEEMS_KNOWN.as_json(), "requests": list(self.requests)}


@dataclass(frozen=True)
class Summary:
    """An import, counted in rows: `read` is `taken`, `known` and the rejected together.

    `known` rows were imported before and have not changed since. `unread`: columns whose name is not in
    `docs/fichiers.md`. In a dry run `taken` is what would be, and nothing is written.
    """

    kind: str
    dry_run: bool
    read: int
    taken: int
    known: int
    rejected: tuple[Rejected, ...]
    header: tuple[str, ...]
    unread: tuple[str, ...]
    encoding: str
    separator: str
    warned: tuple[Warned, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What a program reads of it: no cell of the file."""
        counts = {"read": self.read, "taken": self.taken, "known": self.known, "rejected": len(self.rejected)}
        how = {"encoding": self.encoding, "separator": self.separator, "unread_columns": list(self.unread)}
        rows = [rejected.as_json() for rejected in self.rejected]
        warned = [row.as_json() for row in self.warned]
        return {"kind": self.kind, "dry_run": self.dry_run, **counts, **how, "rejects": rows, "warnings": warned}


def rejects_csv(summary: Summary) -> bytes:
    """The rejected rows as they were, reason and remedy first, ready to be put right and imported again."""
    header = [REASON, REMEDY, *(name for _, name in _kept(summary.header))]
    rows = ([told.reason, told.remedy, *_cells(summary.header, told.line)] for told in summary.rejected)
    return as_csv(header, rows)


def _kept(header: tuple[str, ...]) -> list[tuple[int, str]]:
    """The columns of the file, without the two that an earlier rejects file added."""
    ours = {plain(REASON), plain(REMEDY)}
    return [(n, name) for n, name in enumerate(header) if plain(name) not in ours]


def _cells(header: tuple[str, ...], line: Line) -> list[str]:
    """The cells in the header's order; those beyond it stay at the end."""
    cells = [*line.cells, *[""] * (len(header) - len(line.cells))]
    return [cells[n] for n, _ in _kept(header)] + cells[len(header) :]
