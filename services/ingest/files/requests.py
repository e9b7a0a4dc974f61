"""`demandes.csv`: one row is one request with its family's contacts, known by its identifier."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.vocabulary import Criterion, Period, RequestKind, Slot
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.needs import OLDEST, NeedBody
from services.ingest.declare.requests import amend_request, check_amendment, check_registration, register_request
from services.ingest.families import ContactBody, contacts_from
from services.ingest.files import cells
from services.ingest.files.cells import NBSP, WrongCell, plain
from services.ingest.files.columns import CONTACTS, WISHES
from services.ingest.files.row import Row
from services.ingest.files.vacancies import column_of_slot
from services.ingest.problems import Problem, Refused, refuse_if
from services.vault import Contact, ContactChannel, ContactRole

CHANNELS = {"sms": ContactChannel.SMS, "appel": ContactChannel.VOICE}
ROLES = {
    "parent": ContactRole.PARENT,
    "representant legal": ContactRole.GUARDIAN,
    "personne de confiance": ContactRole.TRUSTED,
}
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


def read_request(rows: list[Row], act: Act) -> Asked:
    """What a row says. Raises Refused."""
    (row,) = rows
    family = row.needed("Famille", cells.identifier, "?")
    child = row.needed("Enfant", cells.identifier, "?")
    first_name = row.maybe("Prénom", _first_name) or ""
    need = _read_need(row, act)
    bodies = [body for n in CONTACTS if (body := _read_contact(row, n)) is not None]
    row.settle()
    contacts = _contacts(family, bodies, [n for n in CONTACTS if _is_there(row, n)])
    return Asked(NeedBody(**need), family, child, first_name, contacts)


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
        "period": _from_today(period, act) if kind is RequestKind.REGULAR else period,
        "tolerance_days": row.maybe("Souplesse (jours)", cells.whole) or 0,
        "travel_minutes": row.maybe("Trajet (minutes)", cells.whole) or 0,
        "criteria": (*_read_criteria(row, "Critères validés"), *_read_criteria(row, "Critères à vérifier")),
        "needs_support": row.needed("Accueil adapté", cells.yes_no, False),
        "since": period.start,
        "prescriber": row.maybe("Prescripteur", cells.identifier),
        "urgent_sms_agreed": row.maybe("SMS urgents", cells.yes_no) or False,
        "file_complete": row.maybe("Dossier complet", cells.yes_no) or False,
    }


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
_channel = cells.word_of(CHANNELS, ("SMS", "appel"))
_role = cells.word_of(ROLES, ("parent", "représentant légal", "personne de confiance"))


def _is_there(row: Row, n: int) -> bool:
    return any(row.text(f"{column} {n}") for column in ("Contact", "Téléphone"))


def _read_contact(row: Row, n: int) -> ContactBody | None:
    """The contact number `n`; None where there is none, or a wrong one."""
    if not _is_there(row, n):
        if n == CONTACTS[0]:
            row.wrong("Téléphone 1", "contact_wanted", "Une famille a au moins un contact.", "Ajoutez un numéro.")
        return None
    facts = {
        "name": row.maybe(f"Contact {n}", _name) or "",
        "phone": row.needed(f"Téléphone {n}", _phone, ""),
        "channel": row.maybe(f"Joindre par {n}", _channel) or ContactChannel.SMS,
        "language": row.maybe(f"Langue {n}", _language) or "fr",
        "role": row.maybe(f"Rôle {n}", _role) or ContactRole.PARENT,
        "may_answer": row.maybe(f"Répond {n}", cells.yes_no) in (None, True),
    }
    return None if row.problems else ContactBody(**facts)


def _contacts(family: str, bodies: list[ContactBody], numbers: list[int]) -> tuple[Contact, ...]:
    """The contacts as the vault keeps them. Raises Refused in the words of the file's columns."""
    try:
        return contacts_from(family, bodies)
    except Refused as refused:
        named = [f"Téléphone {numbers[int(problem.field.split('.')[1])]}" for problem in refused.problems]
        pairs = zip(refused.problems, named, strict=True)
        raise Refused([replace(problem, field=column) for problem, column in pairs]) from refused


def _name(text: str) -> str:
    return _short(text, 80)


def _first_name(text: str) -> str:
    return _short(text, 60)


def _short(text: str, most: int) -> str:
    if len(text) > most or not text.isprintable():
        raise WrongCell("too_long", f"Le texte a {most} lettres au plus, sur une ligne.", "Raccourcissez-le.")
    return text


def _phone(text: str) -> str:
    """French Excel takes the first zero off a number: nine digits that begin with 1 to 9 had one."""
    digits = re.sub(r"[ .\-\u00a0]", "", text)
    if len(text) > 30:
        raise WrongCell("not_a_phone", "Ce numéro est trop long.", f"Écrivez-le ainsi{NBSP}: 06 39 98 56 78.")
    return f"0{digits}" if re.fullmatch(r"[1-9]\d{8}", digits) else text


def _language(text: str) -> str:
    code = plain(text)
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise WrongCell("not_a_language", "La langue a un code de deux ou trois lettres.", "Écrivez par exemple fr.")
    return code


def check_request(tx: sa.Connection, act: Act, request: str, asked: Asked) -> None:
    """Everything that would refuse the row, before its people are written. Raises Refused."""
    refuse_if(_check_commune(tx, act, asked.need.commune))
    if store.find(tx, store.requests, request) is None:
        check_registration(tx, act, asked.need, asked.family)
    else:
        check_amendment(tx, act, request, asked.need)


def _check_commune(tx: sa.Connection, act: Act, commune: str) -> Iterator[Problem]:
    """A family from elsewhere may ask; a file full of codes that Excel has touched is more often simply wrong."""
    territory = store.find(tx, store.territories, act.territory)
    known = {row["code"] for row in territory["facts"]["communes"]} if territory else {commune}
    if commune not in known:
        rule = "La commune fait partie du territoire."
        remedy = "Vérifiez le code Insee. Une famille d'ailleurs s'inscrit au guichet."
        yield Problem("commune", "commune_outside", rule, remedy)


def take_request(tx: sa.Connection, act: Act, request: str, asked: Asked) -> None:
    """Register the request, or amend one that was registered before. Raises Refused."""
    if store.find(tx, store.requests, request) is None:
        register_request(tx, act, asked.need, request=request, family=asked.family, child=asked.child)
    else:
        amend_request(tx, act, request, asked.need)


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
