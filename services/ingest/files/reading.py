"""From the bytes of a file to its lines, whatever program saved it: encoding and separator are found, not asked.

When to modify: when a town hall brings a file that opens in its spreadsheet and not here.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.ingest.files.cells import NBSP, plain
from services.ingest.files.columns import Columns
from services.ingest.problems import Problem, Refused
from services.ingest.spreadsheet import as_typed

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODINGS = ("utf-8", "cp1252", "mac_roman")
"""Without a mark at the beginning: what programs write today, what French Excel writes, what Excel for Mac wrote."""

SEPARATORS = (";", ",", "\t")
MOST_BYTES = 50_000_000
LONGEST_HEADER = 20_000
LONGEST_RECORD = 20
"""Lines that one record may have inside quotes: a quote that nobody closed must not swallow the file."""

FILE = "fichier"
_FIRST = 1


@dataclass(frozen=True)
class Line:
    """`number` as a spreadsheet shows it, header included; `cells` as they are written. `fault`: not one a column."""

    number: int
    cells: tuple[str, ...]
    fault: Problem | None = None


@dataclass(frozen=True)
class Sheet:
    """A file that could be read. `at` says in which cell each column is; `unread` are columns that nobody knows."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]
    at: Mapping[str, int]
    unread: tuple[str, ...]
    encoding: str
    separator: str

    def cell(self, line: Line, column: str) -> str:
        """What is written there, without blanks around; nothing where the column is missing."""
        n = self.at.get(column)
        return line.cells[n].strip() if n is not None and n < len(line.cells) else ""


def read_sheet(data: bytes, columns: Columns) -> Sheet:
    """The lines of a file. Raises Refused where it can not be read as a whole."""
    if len(data) > MOST_BYTES:
        raise _refused("too_large", "Le fichier fait 50 Mo au plus.", "Coupez-le en plusieurs fichiers.")
    encoding, separator, text = _as_text(data, columns)
    records = _records(text, separator)
    _, header = next(records, (_FIRST, []))
    names = _places(header, columns)
    lines = tuple(_line(n, cells, len(header)) for n, cells in records if any(cell.strip() for cell in cells))
    known = {plain(name) for name in columns.known}
    unread = tuple(name for name in header if name.strip() and plain(name) not in known)
    return Sheet(tuple(header), lines, names, unread, encoding, separator)


def _as_text(data: bytes, columns: Columns) -> tuple[str, str, str]:
    """The reading that knows most of the columns; the usual one where several do."""
    readings = [
        (_recognised(text, separator, columns), encoding, separator, text)
        for encoding, text in _texts(data)
        for separator in SEPARATORS
    ]
    if not readings:
        rule = "Le fichier n'est pas un CSV que nous savons lire."
        raise _refused("unknown_encoding", rule, f"Dans Excel, choisissez «{NBSP}CSV UTF-8{NBSP}».")
    _, encoding, separator, text = max(readings, key=lambda reading: reading[0])
    return encoding, separator, text


def _texts(data: bytes) -> Iterator[tuple[str, str]]:
    marked = next((encoding for mark, encoding in BOMS if data.startswith(mark)), None)
    without_mark = ("utf-16-le",) if b"\0" in data[1:200:2] else ENCODINGS
    for encoding in (marked,) if marked else without_mark:
        try:
            yield encoding, data.decode(encoding)
        except UnicodeDecodeError:
            continue


def _recognised(text: str, separator: str, columns: Columns) -> int:
    _, header = next(_records(text[:LONGEST_HEADER], separator), (_FIRST, []))
    return len({plain(name) for name in header} & {plain(name) for name in columns.known})


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each record, header first. Excel's own first line `sep=;` is none."""
    number = 0
    for record in _quoted_together(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if number == 0 and record.lower().startswith("sep="):
            continue
        number += 1
        is_odd = len(record) > csv.field_size_limit()
        cells = record.split(separator) if is_odd else next(csv.reader([record], delimiter=separator), [])
        yield number, [as_typed(cell) for cell in cells]


def _quoted_together(lines: list[str]) -> Iterator[str]:
    """Lines, those of one quoted cell joined. Where a quote is never closed, its line stays alone."""
    n = 0
    while n < len(lines):
        end = _end_of_record(lines, n)
        yield "\n".join(lines[n:end])
        n = end


def _end_of_record(lines: list[str], start: int) -> int:
    quotes = 0
    for end in range(start, min(len(lines), start + LONGEST_RECORD)):
        quotes += lines[end].count('"')
        if quotes % 2 == 0:
            return end + 1
    return start + 1


def _places(header: list[str], columns: Columns) -> dict[str, int]:
    """Where each column is. Raises Refused where one is missing or stands there twice."""
    written = [plain(name) for name in header]
    wanted = {name: plain(name) for name in columns.read}
    twice = [name for name, spelling in wanted.items() if written.count(spelling) > 1]
    missing = [name for name in columns.needed if wanted[name] not in written]
    problems = [
        *(_problem("column_missing", f"Il manque la colonne «{NBSP}{name}{NBSP}».", _HEADER) for name in missing),
        *(_problem("column_twice", f"La colonne «{NBSP}{name}{NBSP}» est là deux fois.", _ONE) for name in twice),
    ]
    if problems:
        raise Refused(problems)
    return {name: written.index(spelling) for name, spelling in wanted.items() if spelling in written}


_HEADER = "Écrivez les titres de la première ligne comme dans docs/fichiers.md."
_ONE = "Retirez l'une des deux."


def _line(number: int, cells: list[str], width: int) -> Line:
    """A line that is cut short, or too long, is wrong as a whole: its cells may have moved."""
    fault = None
    if len(cells) < width:
        rule = f"La ligne a {len(cells)} cellules sur {width}."
        fault = Problem("ligne", "cut_short", rule, "Recopiez la ligne entière, avec tous ses séparateurs.")
    elif any(cell.strip() for cell in cells[width:]):
        rule = f"La ligne a {len(cells)} cellules pour {width} colonnes."
        fault = Problem("ligne", "too_long", rule, "Mettez entre guillemets une cellule qui contient le séparateur.")
    return Line(number, tuple(cells), fault)


def _problem(code: str, rule: str, remedy: str) -> Problem:
    return Problem(FILE, code, rule, remedy)


def _refused(code: str, rule: str, remedy: str) -> Refused:
    return Refused([_problem(code, rule, remedy)])
