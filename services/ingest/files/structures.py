"""`structures.csv`: one row is one section; the rows of a structure are taken together, or not at all.

Publishing a structure without one of its sections would close that section: so one wrong row gives them all back.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contracts.structures import SectionFacts
from contracts.vocabulary import AwardMode, LimitReason, Period, Slot, StructureKind, Tariff
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.files import cells, staffing
from services.ingest.files.cells import WrongCell
from services.ingest.files.columns import DAYS
from services.ingest.files.row import Row
from services.ingest.problems import Refused

ITS_OWN = (
    *("Nom", "Type", "Code commune", "Adresse", "Téléphone", "Attribution", "Tarif", "AVIP", "Capacité", *DAYS),
    *("Ouvertures exceptionnelles", "Fermetures", "Accueils adaptés préparés"),
    *("Accueils adaptés jusqu'au", "Motif de la limite"),
    *("Gestionnaire", *staffing.COLUMNS),
)
"""What belongs to the structure and is repeated on each of its rows."""

COLUMN_OF = {
    "name": "Nom",
    "kind": "Type",
    "commune": "Code commune",
    "address": "Adresse",
    "phone": "Téléphone",
    "award_mode": "Attribution",
    "tariff": "Tarif",
    "avip": "AVIP",
    "capacity": "Capacité",
    "opening": "Lundi",
    "closures": "Fermetures",
    "prepared_support": "Accueils adaptés préparés",
    "support_until": "Accueils adaptés jusqu'au",
    "support_reason": "Motif de la limite",
    "manager": "Gestionnaire",
    "staffing": staffing.ADULTS,
    "structure": "Structure",
    "sections": "Section",
}
_COLUMN_OF_SECTION = {
    "section": "Section",
    "name": "Nom de section",
    "age_from_months": "Âge mini (mois)",
    "age_to_months": "Âge maxi (mois)",
    "places": "Places",
    "starts_per_week": "Débuts par semaine",
}
_PUBLISHED_OTHERWISE = ("manager", "insertion_children", "staffing")
"""What a file may not speak of at all: then it stays as the structure, or its software, published it."""


def read_structure(rows: list[Row], act: Act) -> StructureBody:
    """What the rows of one structure say. Raises Refused, with the problems left in their rows."""
    sections = tuple(_read_section(row) for row in rows)
    first = rows[0]
    for row in rows[1:]:
        _check_same(first, row)
    facts = _read_its_own(first)
    if any(row.problems for row in rows):
        raise Refused(())
    return StructureBody(**facts, sections=sections)


def _read_its_own(row: Row) -> dict[str, Any]:
    return {
        "name": row.needed("Nom", str, "?"),
        "kind": row.needed("Type", cells.one_of(StructureKind), StructureKind.CRECHE),
        "commune": row.needed("Code commune", cells.commune, "?"),
        "address": row.text("Adresse"),
        "phone": row.text("Téléphone"),
        "award_mode": row.needed("Attribution", cells.one_of(AwardMode), AwardMode.AWARDED),
        "tariff": row.needed("Tarif", cells.one_of(Tariff), Tariff.PSU),
        "avip": row.needed("AVIP", cells.yes_no, False),
        "capacity": row.needed("Capacité", cells.whole, 0),
        "opening": tuple(_read_opening(row)),
        "closures": tuple(row.maybe("Fermetures", _closures) or []),
        "prepared_support": row.maybe("Accueils adaptés préparés", cells.whole),
        "support_until": row.maybe("Accueils adaptés jusqu'au", cells.day),
        "support_reason": row.maybe("Motif de la limite", cells.one_of(LimitReason)),
        **({"manager": row.maybe("Gestionnaire", cells.identifier)} if row.has("Gestionnaire") else {}),
        **({"staffing": staffing.read_staffing(row)} if row.has(staffing.ADULTS) else {}),
    }


def _read_opening(row: Row) -> list[Slot]:
    opening = row.week() + (row.maybe("Ouvertures exceptionnelles", cells.dated_hours) or [])
    if not opening and not row.problems:
        rule = "Une structure ouvre un jour au moins."
        row.wrong("Lundi", "opening_wanted", rule, "Remplissez les heures d'un jour.")
    return opening


def _closures(text: str) -> list[Period]:
    return [cells.days_from_to(part) for part in cells.several(text)]


def _read_section(row: Row) -> SectionFacts:
    row.needed("Structure", cells.identifier, "?")
    return SectionFacts(
        section=row.needed("Section", cells.identifier, "S"),
        name=row.needed("Nom de section", str, "?"),
        age_from_months=row.needed("Âge mini (mois)", _months, 0),
        age_to_months=row.needed("Âge maxi (mois)", _months, 0),
        places=row.needed("Places", cells.whole, 0),
        **({"starts_per_week": row.maybe(_STARTS, _starts)} if row.has(_STARTS) else {}),
    )


_STARTS = "Débuts par semaine"


def _starts(text: str) -> int:
    starts = cells.whole(text)
    if starts < 1:
        rule = "Une section accueille un début par semaine au moins."
        raise WrongCell("no_starts", rule, "Videz la cellule pour ne rien limiter.")
    return starts


def _months(text: str) -> int:
    months = cells.whole(text)
    if months > _OLDEST_MONTHS:
        rule = f"L'âge est de {_OLDEST_MONTHS} mois au plus."
        raise WrongCell("too_old", rule, "Écrivez l'âge en mois.")
    return months


_OLDEST_MONTHS = 216


def _check_same(first: Row, row: Row) -> None:
    for column in ITS_OWN:
        if row.text(column) != first.text(column):
            rule = f"Les lignes d'une structure disent la même chose\u00a0; la ligne {first.line.number} dit autrement."
            row.wrong(column, "said_twice", rule, "Recopiez la même valeur sur chaque ligne de la structure.")


def take_structure(tx: sa.Connection, act: Act, structure: str, body: StructureBody) -> None:
    """Publish the structure as the file has it, and as it was where the file has no such column. Raises Refused."""
    before = store.find(tx, store.structures, structure)
    publish_structure(tx, act, structure, _completed(body, before["facts"]) if before else body)


def _completed(body: StructureBody, before: dict[str, Any]) -> StructureBody:
    unsaid = {name for name in _PUBLISHED_OTHERWISE if name not in body.model_fields_set}
    starts = {section["section"]: section["starts_per_week"] for section in before["sections"]}
    sections = tuple(
        section
        if "starts_per_week" in section.model_fields_set
        else section.model_copy(update={"starts_per_week": starts.get(section.section)})
        for section in body.sections
    )
    kept = StructureBody.model_validate(before)
    return body.model_copy(update={"sections": sections, **{name: getattr(kept, name) for name in unsaid}})


def column_of(_body: StructureBody | None, path: str) -> str:
    """The column that a path of `StructureBody` comes from."""
    parts = path.split(".")
    if parts[0] == "sections" and len(parts) > 2:
        return _COLUMN_OF_SECTION.get(parts[2], "Section")
    return staffing.CHILDREN if path == "staffing.present" else COLUMN_OF.get(parts[0], "ligne")


def section_of(path: str) -> int | None:
    """Which of the structure's rows a path is about; None where it is about the structure."""
    parts = path.split(".")
    return int(parts[1]) if parts[0] == "sections" and len(parts) > 1 and parts[1].isdigit() else None
