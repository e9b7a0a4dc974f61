"""`places.csv`: one row is one vacancy, known by its identifier from one import to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Audience, Period, Slot, VacancyKind, Weekday
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.vacancies import ChangeBody, VacancyBody, change_vacancy, open_vacancy
from services.ingest.files import cells
from services.ingest.files.columns import DAYS
from services.ingest.files.row import Row
from services.ingest.problems import Problem, conflict, refuse_if

COLUMN_OF = {
    "section": "Section",
    "kind": "Type",
    "slots": "Dates",
    "places": "Nombre",
    "period.start": "Début",
    "period.end": "Fin",
    "period": "Fin",
    "audience": "Public",
    "release_at": "Réservée jusqu'au",
    "agreement": "Convention",
    "vacancy": "Place",
    "structure": "Structure",
}
_FIXED = ("section", "kind", "slots", "audience", "release_at", "agreement")
"""What a vacancy never changes: a place with another week is another place."""


@dataclass(frozen=True)
class Posted:
    """What a row says: the vacancy, and the structure that its section should be of."""

    vacancy: VacancyBody
    structure: str


def read_vacancy(rows: list[Row], act: Act) -> Posted:
    """What a row says. Raises Refused."""
    (row,) = rows
    facts = {
        "section": row.needed("Section", cells.identifier, "?"),
        "kind": row.needed("Type", cells.one_of(VacancyKind), VacancyKind.REGULAR),
        "places": row.needed("Nombre", cells.whole, 1),
        "period": row.period(Period(start=act.today)),
        "slots": tuple(row.week() + (row.maybe("Dates", cells.dated_hours) or [])),
        "audience": row.maybe("Public", cells.one_of(Audience)) or Audience.EVERYBODY,
        "release_at": row.maybe("Réservée jusqu'au", cells.instant),
        "agreement": row.maybe("Convention", cells.identifier),
    }
    structure = row.needed("Structure", cells.identifier, "?")
    _check(row, facts)
    row.settle()
    return Posted(VacancyBody(**facts), structure)


def _check(row: Row, facts: dict[str, Any]) -> None:
    if facts["places"] < 1:
        row.wrong("Nombre", "no_place", "Il y a une place au moins.", "Retirez la ligne, ou corrigez le nombre.")
    if not facts["slots"] and not row.problems:
        rule = "Une place a au moins une heure."
        row.wrong("Lundi", "slots_wanted", rule, "Remplissez un jour de la semaine, ou «\u00a0Dates\u00a0».")


def take_vacancy(tx: sa.Connection, act: Act, vacancy: str, posted: Posted) -> None:
    """Open the vacancy, or say what changed of one that was opened before. Raises Refused."""
    body = posted.vacancy
    refuse_if(_check_structure(tx, body.section, posted.structure))
    row = store.find(tx, store.vacancies, vacancy)
    if row is None:
        open_vacancy(tx, act, body, vacancy=vacancy)
        return
    if row["territory"] != act.territory:
        raise conflict("vacancy", "taken", "Cet identifiant est déjà pris.", "Choisissez-en un autre.")
    refuse_if(_check_unmoved(row, body))
    change_vacancy(tx, act, vacancy, ChangeBody(places=body.places, period=body.period))


def _check_structure(tx: sa.Connection, section: str, structure: str) -> Iterator[Problem]:
    row = store.find(tx, store.sections, section)
    if row is not None and row["structure"] != structure:
        rule = "La section est une section de cette structure."
        yield Problem("section", "section_elsewhere", rule, "Corrigez la structure ou la section.")


def _check_unmoved(row: dict[str, Any], body: VacancyBody) -> Iterator[Problem]:
    said = {name: getattr(body, name) for name in _FIXED}
    said["slots"] = [slot.model_dump(mode="json") for slot in body.slots]
    for name in _FIXED:
        if said[name] != row[name]:
            rule = "Seuls le nombre et les dates d'une place changent."
            remedy = "Retirez l'ancienne place, et donnez à celle-ci un nouvel identifiant."
            yield Problem(name, "not_changeable", rule, remedy)


def column_of(posted: Posted | None, path: str) -> str:
    """The column that a path of `VacancyBody` comes from."""
    name, _, rest = path.partition(".")
    if posted is not None and name == "slots" and rest.split(".")[0].isdigit():
        return column_of_slot(posted.vacancy.slots[int(rest.split(".")[0])])
    return COLUMN_OF.get(path) or COLUMN_OF.get(name, "ligne")


def column_of_slot(slot: Slot) -> str:
    return DAYS[slot.day.number] if isinstance(slot.day, Weekday) else "Dates"
