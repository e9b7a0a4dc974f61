"""The three files of a town hall: semicolons, French dates and hours, Excel's encodings. `docs/fichiers.md` says how.

The writers only: reading such files, with all that people do to them, is the business of ingest.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.vocabulary import WEEKDAYS, Period, Slot, Weekday
from services.calendar import local
from services.territory.calendars import ONE_DAY
from services.territory.people import Child, Contact, Family
from services.territory.requests import Request
from services.territory.siblings import AskedTogether
from services.territory.structures import Structure
from services.territory.territory import Territory
from services.territory.vacancies import Vacancy

EXCEL = "cp1252"
"""What French Excel writes as "CSV (séparateur : point-virgule)"."""
EXCEL_UTF8 = "utf-8-sig"
"""What it writes as "CSV UTF-8"."""

DAYS = tuple(day.label.capitalize() for day in WEEKDAYS)
WISHES = tuple(f"Vœu {n}" for n in range(1, 6))
CONTACTS = tuple(
    f"{column} {n}" for n in (1, 2, 3) for column in ("Contact", "Téléphone", "Joindre par", "Langue", "Rôle", "Répond")
)
CHANNELS = {"sms": "SMS", "voice": "appel"}
ROLES = {"parent": "parent", "guardian": "représentant légal", "trusted": "personne de confiance"}
LABEL = "synthétique"

STRUCTURE_COLUMNS = (
    *("Structure", "Nom", "Type", "Code commune", "Adresse", "Téléphone", "Attribution", "Tarif", "AVIP", "Capacité"),
    *("Section", "Nom de section", "Âge mini (mois)", "Âge maxi (mois)", "Places"),
    *DAYS,
    *("Ouvertures exceptionnelles", "Fermetures", "Accueils adaptés préparés"),
    *("Accueils adaptés jusqu'au", "Motif de la limite", "Remarque"),
)
VACANCY_COLUMNS = (
    *("Place", "Structure", "Section", "Type", "Nombre", "Début", "Fin"),
    *DAYS,
    *("Dates", "Public", "Réservée jusqu'au", "Convention", "Remarque"),
)
REQUEST_COLUMNS = (
    *("Demande", "Famille", "Enfant", "Prénom", "Naissance", "Né", "Type", "Code commune"),
    *WISHES,
    *DAYS,
    *("Dates", "Autres semaines", "Début", "Fin", "Souplesse (jours)", "Trajet (minutes)"),
    *("Critères validés", "Critères à vérifier", "Accueil adapté", "Prescripteur", "SMS urgents", "Dossier complet"),
    *("Une partie aide", "Jours minimum", "Deux structures", "Partout (minutes)", "Avec", "Ensemble"),
    *CONTACTS,
    "Remarque",
)


@dataclass(frozen=True)
class TownFile:
    """A file before it is written: every row has as many cells as there are columns."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def encoded(self, encoding: str = EXCEL_UTF8) -> bytes:
        """The bytes as Excel saves them. Raises UnicodeEncodeError where the encoding lacks a letter."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        writer.writerows([self.columns, *self.rows])
        return text.getvalue().encode(encoding)


def structures_csv(territory: Territory) -> TownFile:
    """One row for each section; what belongs to the structure is repeated."""
    rows = (row for structure in territory.structures for row in _structure_rows(structure))
    return TownFile("structures.csv", STRUCTURE_COLUMNS, tuple(rows))


def vacancies_csv(territory: Territory) -> TownFile:
    """One row for each vacancy."""
    return TownFile("places.csv", VACANCY_COLUMNS, tuple(_vacancy_row(each) for each in territory.vacancies))


def requests_csv(territory: Territory) -> TownFile:
    """One row for each request, with the first name and the contacts that go to the vault and nowhere else."""
    families = {family.id: family for family in territory.families}
    together = {request: asked for asked in territory.siblings for request in asked.requests}
    rows = tuple(_request_row(each, families[each.family], together.get(each.id)) for each in territory.requests)
    return TownFile("demandes.csv", REQUEST_COLUMNS, rows)


def _structure_rows(structure: Structure) -> Iterator[tuple[str, ...]]:
    about = (
        *(structure.id, structure.name, structure.kind.label, structure.commune, structure.address, structure.phone),
        *(structure.award_mode.label, structure.tariff.label, yes_no(structure.avip), str(structure.capacity)),
    )
    support = (
        "" if structure.prepared_support is None else str(structure.prepared_support),
        "" if structure.support_until is None else french_date(structure.support_until),
        "" if structure.support_reason is None else structure.support_reason.label,
    )
    for section in structure.sections:
        ages = (str(section.age_from_months), str(section.age_to_months), str(section.places))
        shut = listed(french_period(period) for period in structure.closures)
        opening = (*week(structure.opening), dated(structure.opening))
        yield (*about, section.section, section.name, *ages, *opening, shut, *support, LABEL)


def _vacancy_row(vacancy: Vacancy) -> tuple[str, ...]:
    return (
        *(vacancy.id, vacancy.structure, vacancy.section, vacancy.kind.label, str(vacancy.places)),
        *(french_date(vacancy.period.start), last_day(vacancy.period)),
        *(*week(vacancy.slots), dated(vacancy.slots), vacancy.audience.label),
        *(french_instant(vacancy.release_at), vacancy.agreement or "", LABEL),
    )


def _request_row(request: Request, family: Family, together: AskedTogether | None) -> tuple[str, ...]:
    child = next(each for each in family.children if each.id == request.child)
    first, *others = request.patterns
    return (
        *(request.id, *_child_cells(family, child), request.kind.label, request.commune),
        *(*wish_cells(request.wishes), *week(first.slots), dated(first.slots), other_weeks(first.rank, others)),
        *(french_date(request.period.start), last_day(request.period)),
        *(str(request.tolerance_days), str(request.travel_minutes)),
        *(criteria(request.criteria, validated=True), criteria(request.criteria, validated=False)),
        *(yes_no(request.needs_support), request.prescriber or "", yes_no(request.urgent_sms_agreed)),
        *(yes_no(request.file_complete), yes_no(request.accepts_partial), str(request.min_days)),
        *(yes_no(request.accepts_split), str(request.within_minutes or "")),
        *siblings_cells(request, together),
        *(*contact_cells(family.contacts), LABEL),
    )


def siblings_cells(request: Request, together: AskedTogether | None) -> tuple[str, str]:
    """The requests of its brothers and sisters, and what is asked of all their places."""
    if together is None:
        return ("", "")
    others = listed(other for other in together.requests if other != request.id)
    return (others, listed(wish.label for wish in together.together))


def _child_cells(family: Family, child: Child) -> tuple[str, ...]:
    return (family.id, child.id, child.first_name, french_date(child.born), yes_no(child.is_born))


def french_date(day: date) -> str:
    """ "03/11/2026"."""
    return f"{day:%d/%m/%Y}"


def french_hour(hour: time) -> str:
    """ "8h", "8h30"."""
    return f"{hour.hour}h{hour.minute:02}" if hour.minute else f"{hour.hour}h"


def french_instant(instant: datetime | None) -> str:
    """ "03/11/2026 18h" on the French clock, or nothing."""
    return f"{french_date(local(instant).date())} {french_hour(local(instant).time())}" if instant else ""


def french_hours(slot: Slot) -> str:
    """ "8h30-16h30"."""
    return f"{french_hour(slot.start)}-{french_hour(slot.end)}"


def last_day(period: Period) -> str:
    """The last day, included, as people write it; empty without an end."""
    return french_date(period.end - ONE_DAY) if period.end else ""


def french_period(period: Period) -> str:
    """ "03/08/2026 au 23/08/2026", or one date."""
    first, last = french_date(period.start), last_day(period)
    return first if first == last else f"{first} au {last}"


def yes_no(fact: bool) -> str:
    return "oui" if fact else "non"


def listed(items: Iterable[str]) -> str:
    """Several things in one cell."""
    return " | ".join(items)


def week(slots: Sequence[Slot]) -> tuple[str, ...]:
    """Seven cells, Monday to Sunday: "8h30-12h", "8h30-12h / 13h30-17h30", or nothing."""
    return tuple(" / ".join(french_hours(slot) for slot in slots if slot.day is day) for day in WEEKDAYS)


def dated(slots: Sequence[Slot]) -> str:
    """Single days with their hours: "04/11/2026 8h-12h | 06/11/2026 8h-12h"."""
    single = [(slot.day, slot) for slot in slots if not isinstance(slot.day, Weekday)]
    return listed(f"{french_date(day)} {french_hours(slot)}" for day, slot in single)


def other_weeks(first_rank: int, patterns: Sequence[AcceptedPattern]) -> str:
    """What would do as well ("ou : ") or less well ("sinon : ") than the pattern before it."""
    written, before = [], first_rank
    for pattern in patterns:
        written.append(f"{'ou' if pattern.rank == before else 'sinon'} : {pattern_text(pattern)}")
        before = pattern.rank
    return listed(written)


def pattern_text(pattern: AcceptedPattern) -> str:
    """ "lundi 8h-17h, mardi 8h-17h" or "04/11/2026 8h-12h"."""
    return ", ".join(f"{_day_text(slot.day)} {french_hours(slot)}" for slot in pattern.slots)


def _day_text(day: Weekday | date) -> str:
    return day.label if isinstance(day, Weekday) else french_date(day)


def wish_cells(wishes: Sequence[WishedStructure]) -> tuple[str, ...]:
    """Five cells; structures that are liked as much share one: "S-a / S-b"."""
    ranks = sorted({wish.rank for wish in wishes})
    cells = [" / ".join(wish.structure for wish in wishes if wish.rank == rank) for rank in ranks]
    return tuple(cells + [""] * (len(WISHES) - len(cells)))


def criteria(declared: Sequence[DeclaredCriterion], *, validated: bool) -> str:
    """Labels; a criterion that holds in one structure only is followed by it: "Frère … structure @ S-a"."""
    chosen = [each for each in declared if each.validated is validated]
    return listed(f"{c.criterion.label} @ {c.structure}" if c.structure else c.criterion.label for c in chosen)


def contact_cells(contacts: Sequence[Contact]) -> tuple[str, ...]:
    """Six cells for each of three contacts; a missing one leaves them empty."""
    cells = [_contact(contact) for contact in contacts]
    empty = [("",) * 6] * (3 - len(cells))
    return tuple(cell for group in cells + empty for cell in group)


def _contact(contact: Contact) -> tuple[str, str, str, str, str, str]:
    national = "0" + contact.phone.removeprefix("+33")
    spaced = " ".join(national[n : n + 2] for n in range(0, len(national), 2))
    return (
        *(contact.name, spaced, CHANNELS[contact.channel]),
        *(contact.language, ROLES[contact.role], yes_no(contact.may_answer)),
    )


WRITERS: tuple[Callable[[Territory], TownFile], ...] = (structures_csv, vacancies_csv, requests_csv)
"""In the order in which a town hall sends them: a place names its structure, a request its wishes."""
