"""`demandes.csv`: one row is one request with its family's contacts, known by its identifier."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.siblings import Together
from contracts.vocabulary import Criterion, Period, RequestKind, Slot
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.needs import MOST_DAYS, MOST_MINUTES, OLDEST, NeedBody
from services.ingest.declare.requests import amend_request, check_amendment, check_registration, register_request
from services.ingest.declare.siblings import SiblingsBody, ask_together
from services.ingest.duplicates import Newcomer, phones_of
from services.ingest.files import cells
from services.ingest.files.cells import NBSP, WrongCell
from services.ingest.files.columns import WISHES
from services.ingest.files.contacts import contacts_of, first_name, read_contacts
from services.ingest.files.row import Row
from services.ingest.files.vacancies import column_of_slot
from services.ingest.problems import Problem, Refused, refuse_if
from services.vault import Contact

COLUMN_OF = {
    "kind": "Type",
    "born": "Naissance",
    "is_born": "Né",
    "commune": "Code commune",
    "wishes": "Vœu 1",
    "patterns": "Autres semaines",
    "period.start": "Début",
    "period.end": "Fin",
    "period": "Fin",
    "since": "Début",
    "tolerance_days": "Souplesse (jours)",
    "travel_minutes": "Trajet (minutes)",
    "criteria": "Critères validés",
    "prescriber": "Prescripteur",
    "request": "Demande",
    "min_days": "Jours minimum",
    "accepts_partial": "Une partie aide",
    "accepts_split": "Deux structures",
    "within_minutes": "Partout (minutes)",
    "current": "Place actuelle",
    "requests": "Avec",
    "together": "Ensemble",
    "family": "Famille",
    "child": "Enfant",
}
_EQUAL, _LESS = "ou", "sinon"
_CHOICE = re.compile(rf"({_EQUAL}|{_LESS})\s*:\s*(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What a row says: the need, and who is asking, which goes to the vault and nowhere else."""

    need: NeedBody
    family: str
    child: str
    first_name: str
    contacts: tuple[Contact, ...]
    siblings: tuple[str, ...] = ()
    together: tuple[Together, ...] = ()


def newcomer(request: str, asked: Asked) -> Newcomer:
    """What tells whether its child seems to be registered already."""
    phones = phones_of(asked.contacts)
    return Newcomer(asked.need.born, phones, asked.family, request, asked.child, asked.siblings, asked.first_name)


def read_request(rows: list[Row], act: Act) -> Asked:
    """What a row says. Raises Refused."""
    (row,) = rows
    family = row.needed("Famille", cells.identifier, "?")
    child = row.needed("Enfant", cells.identifier, "?")
    name = row.maybe("Prénom", first_name) or ""
    need = _read_need(row, act)
    bodies = read_contacts(row)
    siblings, together = _read_siblings(row)
    row.settle()
    return Asked(NeedBody(**need), family, child, name, contacts_of(row, family, bodies), siblings, together)


def _read_siblings(row: Row) -> tuple[tuple[str, ...], tuple[Together, ...]]:
    """With whose requests this one is decided together, and what is asked of their places."""
    siblings = row.maybe("Avec", _identifiers) or ()
    together = row.maybe("Ensemble", _wishes_together) or ()
    if bool(siblings) is not bool(together):
        rule = f"Les colonnes «{NBSP}Avec{NBSP}» et «{NBSP}Ensemble{NBSP}» se remplissent toutes les deux."
        row.wrong("Ensemble", "wish_wanted", rule, "Remplissez l'autre, ou videz celle-ci.")
    return siblings, together


def _identifiers(text: str) -> tuple[str, ...]:
    return tuple(cells.identifier(part) for part in cells.several(text))


def _wishes_together(text: str) -> tuple[Together, ...]:
    return tuple(_together(part) for part in cells.several(text))


_together = cells.one_of(Together)


def _read_need(row: Row, act: Act) -> dict[str, object]:
    is_born = row.needed("Né", cells.yes_no, True)
    period = row.period(Period(start=act.today))
    return {
        "kind": (kind := row.needed("Type", cells.one_of(RequestKind), RequestKind.REGULAR)),
        "born": row.needed("Naissance", cells.day, act.today),
        "is_born": is_born,
        "commune": row.needed("Code commune", cells.commune, "?"),
        "wishes": tuple(_read_wishes(row)),
        "patterns": tuple(_read_patterns(row)),
        "period": _from_today(period, act) if kind.is_weekly else period,
        "tolerance_days": row.maybe("Souplesse (jours)", cells.whole) or 0,
        "travel_minutes": row.maybe("Trajet (minutes)", cells.whole) or 0,
        "criteria": (*_read_criteria(row, "Critères validés"), *_read_criteria(row, "Critères à vérifier")),
        "needs_support": row.needed("Accueil adapté", cells.yes_no, False),
        "since": period.start,
        "prescriber": row.maybe("Prescripteur", cells.identifier),
        "urgent_sms_agreed": row.maybe("SMS urgents", cells.yes_no) or False,
        "file_complete": row.maybe("Dossier complet", cells.yes_no) or False,
        "accepts_partial": row.maybe("Une partie aide", cells.yes_no) or False,
        "min_days": _least_days(row),
        "accepts_split": row.maybe("Deux structures", cells.yes_no) or False,
        "within_minutes": _within(row),
        "current": row.maybe("Place actuelle", cells.identifier),
    }


def _least_days(row: Row) -> int:
    """One where nothing is said; what is no number of days of a week comes back with its column."""
    found = row.maybe("Jours minimum", cells.whole)
    if found is not None and not 1 <= found <= MOST_DAYS:
        row.wrong("Jours minimum", "days_wanted", f"Le minimum va de 1 à {MOST_DAYS} jours.", "Écrivez un nombre.")
        return 1
    return found or 1


def _within(row: Row) -> int | None:
    """How far the family would go beside its wishes; none where nothing is said."""
    found = row.maybe("Partout (minutes)", cells.whole)
    if found is not None and not 1 <= found <= MOST_MINUTES:
        rule = f"Le trajet accepté va de 1 à {MOST_MINUTES} minutes."
        row.wrong("Partout (minutes)", "minutes_wanted", rule, "Écrivez un nombre, ou videz la case.")
        return None
    return found


def _from_today(period: Period, act: Act) -> Period:
    """A family that has waited since a date in the past asks from today on, and keeps its seniority."""
    waited = timedelta(0) < act.today - period.start <= OLDEST
    is_over = period.end is not None and period.end <= act.today
    return period.model_copy(update={"start": act.today}) if waited and not is_over else period


def _read_wishes(row: Row) -> Iterable[WishedStructure]:
    none: list[str] = []
    for rank, column in enumerate(WISHES, start=1):
        found = row.needed(column, _structures, none) if rank == 1 else row.maybe(column, _structures) or none
        for structure in found:
            yield WishedStructure(structure=structure, rank=rank)


def _structures(text: str) -> list[str]:
    """ "S-a / S-b": liked as much."""
    return [cells.identifier(part) for part in text.split("/")]


def _read_patterns(row: Row) -> list[AcceptedPattern]:
    first = row.week() + (row.maybe("Dates", cells.dated_hours) or [])
    if not first:
        rule = "Une demande a au moins une heure."
        row.wrong("Lundi", "slots_wanted", rule, f"Remplissez un jour de la semaine, ou «{NBSP}Dates{NBSP}».")
        return []
    others = row.maybe("Autres semaines", _other_weeks) or []
    return [AcceptedPattern(slots=tuple(first), rank=1), *others]


def _other_weeks(text: str) -> list[AcceptedPattern]:
    """ "ou : mardi 8h-17h, jeudi 8h-17h | sinon : mercredi 8h-12h": as good as the one before, or less."""
    rank, found = 1, []
    for part in cells.several(text):
        choice = _CHOICE.fullmatch(part)
        if choice is None:
            rule = f"Chaque choix commence par «{NBSP}ou{NBSP}:{NBSP}» ou «{NBSP}sinon{NBSP}:{NBSP}»."
            raise WrongCell("not_a_choice", rule, f"Écrivez par exemple ou{NBSP}: mardi 8h-17h.")
        rank += choice.group(1).lower() == _LESS
        found.append(AcceptedPattern(slots=tuple(cells.week_and_dates(choice.group(2))), rank=rank))
    return found


def _read_criteria(row: Row, column: str) -> list[DeclaredCriterion]:
    return row.maybe(column, _criteria_of(validated=column == "Critères validés")) or []


def _criteria_of(*, validated: bool) -> Callable[[str], list[DeclaredCriterion]]:
    def read(text: str) -> list[DeclaredCriterion]:
        pairs = [part.partition("@") for part in cells.several(text)]
        return [
            DeclaredCriterion(
                criterion=_criterion(label), validated=validated, structure=cells.identifier(where) if where else None
            )
            for label, _, where in pairs
        ]

    return read


_criterion = cells.one_of(Criterion)


def check_requests(tx: sa.Connection, act: Act, asked: Mapping[str, Asked]) -> dict[str, Refused]:
    """Everything that would refuse these rows, before their people are written; by request."""
    mine = sa.select(store.requests).where(store.requests.c.id.in_(asked))
    known = {row["id"]: row for row in store.rows(tx, mine)}
    communes = _communes(tx, act)
    refused: dict[str, Refused] = {}
    for request, body in asked.items():
        try:
            _check_request(tx, act, request, body, known.get(request), communes)
        except Refused as refusal:
            refused[request] = refusal
    return refused


def _check_request(
    tx: sa.Connection, act: Act, request: str, asked: Asked, known: Mapping[str, Any] | None, communes: frozenset[str]
) -> None:  # fmt: skip
    refuse_if(_check_commune(asked.need.commune, communes))
    if known is None:
        check_registration(tx, act, asked.need, asked.family)
    else:
        check_amendment(tx, act, request, asked.need)
        refuse_if(_check_same_family(known, asked))


def _communes(tx: sa.Connection, act: Act) -> frozenset[str]:
    """The territory's; none while it is not published."""
    territory = store.find(tx, store.territories, act.territory)
    return frozenset(row["code"] for row in territory["facts"]["communes"]) if territory else frozenset()


def _check_commune(commune: str, communes: frozenset[str]) -> Iterator[Problem]:
    """A family from elsewhere may ask; a file full of codes that Excel has touched is more often simply wrong."""
    if communes and commune not in communes:
        rule = "La commune fait partie du territoire."
        remedy = "Vérifiez le code Insee. Une famille d'ailleurs s'inscrit au guichet."
        yield Problem("commune", "commune_outside", rule, remedy)


def _check_same_family(known: Mapping[str, Any], asked: Asked) -> Iterator[Problem]:
    """A request stays its family's: contacts written under another would reach the wrong people."""
    for name, said in (("family", asked.family), ("child", asked.child)):
        if known[name] != said:
            rule = f"Cette demande est enregistrée avec l'identifiant {known[name]}."
            yield Problem(name, "other_family", rule, "Reprenez cet identifiant, ou donnez un autre à la demande.")


def take_request(tx: sa.Connection, act: Act, request: str, asked: Asked) -> None:
    """Register the request, or amend one that was registered before. Raises Refused.

    The last row of a family's children makes them be decided together.
    """
    if store.find(tx, store.requests, request) is None:
        register_request(tx, act, asked.need, request=request, family=asked.family, child=asked.child)
    else:
        amend_request(tx, act, request, asked.need)
    if asked.siblings and all(store.find(tx, store.requests, other) for other in asked.siblings):
        ask_together(tx, act, SiblingsBody(requests=(request, *asked.siblings), together=asked.together))


def column_of(asked: Asked | None, path: str) -> str:
    """The column that a path of `NeedBody` comes from."""
    parts = path.split(".")
    if asked is not None and len(parts) > 1 and parts[1].isdigit():
        return _column_of_item(asked.need, parts[0], int(parts[1]), parts[2:])
    return COLUMN_OF.get(path) or COLUMN_OF.get(parts[0], "ligne")


def _column_of_item(need: NeedBody, name: str, n: int, rest: list[str]) -> str:
    if name == "wishes":
        return WISHES[need.wishes[n].rank - 1]
    if name == "criteria":
        return "Critères validés" if need.criteria[n].validated else "Critères à vérifier"
    if name == "patterns" and n == 0:
        return _column_of_first(need.patterns[0].slots, rest)
    return COLUMN_OF.get(name, "ligne")


def _column_of_first(slots: tuple[Slot, ...], rest: list[str]) -> str:
    """The day that is meant, or the first one of the week."""
    at = int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 0
    return column_of_slot(slots[at])
