"""Reads the three files back into what they were written from: a second, independent reading of `docs/fichiers.md`."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.structures import SectionFacts
from contracts.vocabulary import (
    WEEKDAYS,
    Audience,
    AwardMode,
    Criterion,
    Labelled,
    LimitReason,
    Period,
    RequestKind,
    Slot,
    StructureKind,
    Tariff,
    VacancyKind,
    Weekday,
)
from services.calendar import at
from services.territory import Child, Contact, Request, Structure, Vacancy

Row = dict[str, str]
L = TypeVar("L", bound=Labelled)


def rows_of(data: bytes, encoding: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode(encoding), newline=""), delimiter=";"))


def labelled(kind: type[L], label: str) -> L:
    return next(member for member in kind if member.label == label)


def day(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 (a day has no zone)


def hour(text: str) -> time:
    hours, minutes = text.split("h")
    return time(int(hours), int(minutes or 0))


def hours(when: Weekday | date, text: str) -> Slot:
    start, end = text.split("-")
    return Slot(day=when, start=hour(start), end=hour(end))


def several(text: str) -> list[str]:
    return text.split(" | ") if text else []


def week(row: Row) -> list[Slot]:
    cells = [(weekday, row[weekday.label.capitalize()]) for weekday in WEEKDAYS]
    return [hours(weekday, part) for weekday, cell in cells if cell for part in cell.split(" / ")]


def single_days(text: str) -> list[Slot]:
    pairs = [each.split(" ") for each in several(text)]
    return [hours(day(when), part) for when, part in pairs]


def period(row: Row) -> Period:
    end = day(row["Fin"]) + timedelta(days=1) if row["Fin"] else None
    return Period(start=day(row["Début"]), end=end)


def closed(text: str) -> Period:
    first, _, last = text.partition(" au ")
    return Period(start=day(first), end=day(last or first) + timedelta(days=1))


def structures(rows: list[Row]) -> list[Structure]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["Structure"]].append(row)
    return [structure(identity, group) for identity, group in groups.items()]


def structure(identity: str, group: list[Row]) -> Structure:
    row = group[0]
    support = row["Accueils adaptés préparés"]
    return Structure(
        id=identity,
        name=row["Nom"],
        kind=labelled(StructureKind, row["Type"]),
        commune=row["Code commune"],
        address=row["Adresse"],
        phone=row["Téléphone"],
        award_mode=labelled(AwardMode, row["Attribution"]),
        tariff=labelled(Tariff, row["Tarif"]),
        avip=row["AVIP"] == "oui",
        capacity=int(row["Capacité"]),
        sections=tuple(section(each) for each in group),
        opening=tuple(week(row) + single_days(row["Ouvertures exceptionnelles"])),
        closures=tuple(closed(each) for each in several(row["Fermetures"])),
        prepared_support=int(support) if support else None,
        support_until=day(until) if (until := row["Accueils adaptés jusqu'au"]) else None,
        support_reason=labelled(LimitReason, why) if (why := row["Motif de la limite"]) else None,
        person=f"P-{identity.removeprefix('S-')}",
    )


def section(row: Row) -> SectionFacts:
    return SectionFacts(
        section=row["Section"],
        name=row["Nom de section"],
        age_from_months=int(row["Âge mini (mois)"]),
        age_to_months=int(row["Âge maxi (mois)"]),
        places=int(row["Places"]),
    )


def vacancy(row: Row) -> Vacancy:
    until = row["Réservée jusqu'au"].split(" ")
    return Vacancy(
        id=row["Place"],
        structure=row["Structure"],
        section=row["Section"],
        kind=labelled(VacancyKind, row["Type"]),
        slots=tuple(week(row) + single_days(row["Dates"])),
        places=int(row["Nombre"]),
        period=period(row),
        audience=labelled(Audience, row["Public"]),
        release_at=at(day(until[0]), hour(until[1])) if len(until) > 1 else None,
        agreement=row["Convention"] or None,
        said_by=f"P-{row['Structure'].removeprefix('S-')}",
    )


def request(row: Row) -> Request:
    return Request(
        id=row["Demande"],
        family=row["Famille"],
        child=row["Enfant"],
        kind=labelled(RequestKind, row["Type"]),
        born=day(row["Naissance"]),
        is_born=row["Né"] == "oui",
        commune=row["Code commune"],
        wishes=tuple(wishes(row)),
        patterns=tuple(patterns(row)),
        period=period(row),
        tolerance_days=int(row["Souplesse (jours)"]),
        travel_minutes=int(row["Trajet (minutes)"]),
        criteria=tuple(criteria(row["Critères validés"], True) + criteria(row["Critères à vérifier"], False)),
        needs_support=row["Accueil adapté"] == "oui",
        since=day(row["Début"]),
        prescriber=row["Prescripteur"] or None,
        urgent_sms_agreed=row["SMS urgents"] == "oui",
        file_complete=row["Dossier complet"] == "oui",
        accepts_partial=row["Une partie aide"] == "oui",
        min_days=int(row["Jours minimum"]),
        accepts_split=row["Deux structures"] == "oui",
        within_minutes=int(row["Partout (minutes)"]) if row["Partout (minutes)"] else None,
    )


def wishes(row: Row) -> list[WishedStructure]:
    cells = [(rank, row[f"Vœu {rank}"]) for rank in range(1, 6)]
    return [WishedStructure(structure=each, rank=rank) for rank, cell in cells if cell for each in cell.split(" / ")]


def patterns(row: Row) -> list[AcceptedPattern]:
    found = [AcceptedPattern(slots=tuple(week(row) + single_days(row["Dates"])), rank=1)]
    for each in several(row["Autres semaines"]):
        word, _, text = each.partition(" : ")
        rank = found[-1].rank + (word == "sinon")
        found.append(AcceptedPattern(slots=tuple(pattern_slot(part) for part in text.split(", ")), rank=rank))
    return found


def pattern_slot(text: str) -> Slot:
    when, part = text.split(" ")
    return hours(day(when) if "/" in when else labelled(Weekday, when), part)


def criteria(text: str, validated: bool) -> list[DeclaredCriterion]:
    pairs = [each.partition(" @ ") for each in several(text)]
    return [
        DeclaredCriterion(criterion=labelled(Criterion, label), validated=validated, structure=where or None)
        for label, _, where in pairs
    ]


def child(row: Row) -> Child:
    return Child(id=row["Enfant"], first_name=row["Prénom"], born=day(row["Naissance"]), is_born=row["Né"] == "oui")


ROLES = {"parent": "parent", "représentant légal": "guardian", "personne de confiance": "trusted"}


def contacts(row: Row) -> list[Contact]:
    filled = [n for n in (1, 2, 3) if row[f"Contact {n}"]]
    return [
        Contact.model_validate(
            {
                "id": f"C-{row['Famille'].removeprefix('F-')}-{n}",
                "name": row[f"Contact {n}"],
                "phone": "+33" + row[f"Téléphone {n}"].replace(" ", "")[1:],
                "channel": {"SMS": "sms", "appel": "voice"}[row[f"Joindre par {n}"]],
                "language": row[f"Langue {n}"],
                "role": ROLES[row[f"Rôle {n}"]],
                "may_answer": row[f"Répond {n}"] == "oui",
            }
        )
        for n in filled
    ]
