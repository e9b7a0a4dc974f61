"""What goes wrong in a file that people keep by hand: rows broken on purpose, each with what is wrong about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.territory.chance import Chance, seeded
from services.territory.files import TownFile

HEADER_LINES = 1


@dataclass(frozen=True)
class Fault:
    """`line` counts from 1 with the header, as a spreadsheet shows it; `what` is for people."""

    line: int
    column: str
    what: str


@dataclass(frozen=True)
class Slip:
    """One way to get a cell wrong. `only_if` says in which cells it is wrong indeed."""

    column: str
    what: str
    write: Callable[[str], str]
    only_if: Callable[[str], bool] = bool


def _always(value: str) -> Callable[[str], str]:
    return lambda _: value


def _any_cell(cell: str) -> bool:
    return True


COMMON = (
    Slip("Code commune", "la commune n'est pas du territoire", _always("75056")),
    Slip("Début", "cette date n'existe pas", _always("31/02/2027")),
    Slip("Début", "la date manque", _always("")),
    Slip("Début", "la date est écrite à l'américaine", _always("11/24/2026")),
    Slip("Lundi", "l'heure de fin précède l'heure de début", _always("17h-8h")),
    Slip("Jeudi", "l'heure n'existe pas", _always("8h75-17h")),
    Slip("Capacité", "ce n'est pas un nombre", _always("douze")),
    Slip("Âge mini (mois)", "l'âge minimum dépasse l'âge maximum", _always("200")),
    Slip("Nombre", "il faut une place au moins", _always("0")),
    Slip("Nombre", "ce n'est pas un nombre", _always("une")),
    Slip("Structure", "l'identifiant manque", _always("")),
    Slip("Section", "la section est inconnue", _always("S-nulle-part-bebes")),
    Slip("Type", "ce type n'est pas dans la liste", _always("Place au soleil")),
    Slip("Naissance", "cette date n'existe pas", _always("29/02/2025")),
    Slip("Vœu 1", "cette structure est inconnue", _always("S-nulle-part")),
    Slip("Téléphone 1", "ce numéro n'est pas valable", _always("06 12")),
    Slip("Critères validés", "ce critère n'est pas dans la liste", _always("Ami du maire"), _any_cell),
    Slip("Accueil adapté", "il faut «\u00a0oui\u00a0» ou «\u00a0non\u00a0»", _always("peut-être")),
)
"""All that is wrong wherever the column exists and its cell is filled."""

NOT_WRONG_IN = {"structures.csv": {"Section"}}
"""Columns in which a slip of COMMON would be no fault: a structures file names its own sections."""

CUT_SHORT = "il manque des colonnes"


def with_faults(file: TownFile, share: float, seed: int) -> tuple[TownFile, tuple[Fault, ...]]:
    """The file with about `share` of its rows wrong, and what is wrong, by line. At least one row if `share` > 0."""
    draw = seeded(seed).of("faults", file.name)
    many = min(len(file.rows), max(1, round(share * len(file.rows)))) if share > 0 else 0
    chosen = sorted(draw.shuffled("rows", range(len(file.rows)))[:many])
    rows, faults = list(file.rows), []
    for index in chosen:
        rows[index], column, what = broken(file, index, draw.of(index))
        faults.append(Fault(index + 1 + HEADER_LINES, column, what))
    return replace(file, rows=tuple(rows)), tuple(faults)


def broken(file: TownFile, index: int, draw: Chance) -> tuple[tuple[str, ...], str, str]:
    """A row of the file got wrong, the column that shows it, and how."""
    row = file.rows[index]
    if draw.happens("cut", 0.1):
        return row[: len(row) // 2], file.columns[len(row) // 2], CUT_SHORT
    slip = draw.pick("slip", _slips(file, row))
    cell = file.columns.index(slip.column)
    return (*row[:cell], slip.write(row[cell]), *row[cell + 1 :]), slip.column, slip.what


def _slips(file: TownFile, row: tuple[str, ...]) -> list[Slip]:
    cells = dict(zip(file.columns, row, strict=True))
    spared = NOT_WRONG_IN.get(file.name, set())
    return [s for s in COMMON if s.column in cells and s.column not in spared and s.only_if(cells[s.column])]
