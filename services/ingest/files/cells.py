"""One cell as people write it, read into a value: French dates, hours, yes or no, labels, lists.

Every function raises `WrongCell` with a rule and a remedy in French; an empty cell is for the caller to judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from contracts.vocabulary import Id, Labelled, Period, Slot, Weekday
from services.calendar import at
from services.ingest.declare.bodies import YEARS

T = TypeVar("T")
L = TypeVar("L", bound=Labelled)

NBSP = "\u00a0"
_SO_WRITTEN = "Écrivez jour/mois/année, par exemple 03/11/2026."
ONE_DAY = timedelta(days=1)
_CENTURY = 2000
"""A year of two digits: nobody here was born or plans anything before 2000."""

_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?: 0?0:00(?::00)?)?")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00)?)?")
_HOUR = re.compile(r"(\d{1,2}) ?(?:h|:) ?(\d{2})?(?::00)?")
_IDS: TypeAdapter[str] = TypeAdapter(Id)


class WrongCell(ValueError):
    """What is written there can not be read. `code` is stable; rule and remedy are for people."""

    def __init__(self, code: str, rule: str, remedy: str) -> None:
        self.code, self.rule, self.remedy = code, rule, remedy
        super().__init__(code)


@lru_cache(4096)
def plain(text: str) -> str:
    """`text` without accents, case, double blanks and typographic signs: how two spellings are compared."""
    for sign, same in (("œ", "oe"), ("Œ", "oe"), ("’", "'"), ("–", "-"), ("—", "-")):
        text = text.replace(sign, same)
    letters = unicodedata.normalize("NFKD", text)
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).casefold().split())


def day(text: str) -> date:
    """ "03/11/2026", also "3/11/26", "03-11-2026" and "2026-11-03"."""
    given = " ".join(text.split())
    french, iso = _DATE.fullmatch(given), _ISO_DATE.fullmatch(given)
    if not french and not iso:
        raise WrongCell("not_a_date", "La cellule est une date.", _SO_WRITTEN)
    try:
        found = _day(*reversed(french.groups())) if french else date.fromisoformat(given[:10])
    except ValueError as error:
        raise WrongCell("no_such_date", f"La date «{NBSP}{given}{NBSP}» n'existe pas.", _SO_WRITTEN) from error
    if found.year not in YEARS:
        rule = f"L'année va de {YEARS.start} à {YEARS.stop - 1}."
        raise WrongCell("no_such_year", rule, "Corrigez-la. Sans date, laissez la cellule vide.")
    return found


def _day(years: str, months: str, days: str) -> date:
    return date(int(years) if len(years) > 2 else _CENTURY + int(years), int(months), int(days))


@lru_cache(512)
def hour(text: str) -> time:
    """ "8h", "8h30", "08:30", "8 h 30"."""
    found = _HOUR.fullmatch(plain(text))
    if found is None:
        raise WrongCell("not_an_hour", "Les heures s'écrivent 8h ou 8h30.", "Écrivez par exemple 8h30-16h30.")
    hours, minutes = int(found.group(1)), int(found.group(2) or 0)
    if hours > 23 or minutes > 59:
        rule = f"L'heure «{NBSP}{text.strip()}{NBSP}» n'existe pas."
        raise WrongCell("no_such_hour", rule, "Écrivez par exemple 8h30, de 0h à 23h59.")
    return time(hours, minutes)


def hours(when: Weekday | date, text: str) -> list[Slot]:
    """ "8h30-12h / 13h30-17h30" of one day."""
    return [_slot(when, part) for part in text.replace("–", "-").replace(" à ", "-").split("/")]


def _slot(when: Weekday | date, text: str) -> Slot:
    first, dash, last = text.partition("-")
    if not dash:
        raise WrongCell("not_hours", "Les heures d'un jour ont un début et une fin.", "Écrivez par exemple 7h30-18h30.")
    start, end = hour(first), hour(last)
    if end <= start:
        rule = "L'heure de fin suit l'heure de début."
        raise WrongCell("hours_reversed", rule, "Échangez-les, ou corrigez l'une des deux.")
    return Slot(day=when, start=start, end=end)


def dated_hours(text: str) -> list[Slot]:
    """ "04/11/2026 8h-12h | 06/11/2026 8h-12h / 14h-17h"."""
    found = []
    for part in several(text):
        when, blank, rest = part.partition(" ")
        if not blank:
            rule = "Un jour précis est suivi de ses heures."
            raise WrongCell("hours_wanted", rule, "Écrivez par exemple 04/11/2026 8h-12h.")
        found += hours(day(when), rest)
    return found


def instant(text: str) -> datetime:
    """ "03/11/2026 18h" on the French clock, as an instant in UTC."""
    when, blank, rest = " ".join(text.split()).partition(" ")
    if not blank:
        rule = "La cellule est une date suivie d'une heure."
        raise WrongCell("not_an_instant", rule, "Écrivez par exemple 03/11/2026 18h.")
    return at(day(when), hour(rest))


def days_from_to(text: str) -> Period:
    """ "03/08/2026 au 21/08/2026", last day included, or one date."""
    first, _, last = " ".join(text.split()).partition(" au ")
    return between(day(first), day(last or first))


def between(first: date, last: date | None) -> Period:
    """The days from `first` to `last`, both included; without `last`, until further notice."""
    if last is not None and last < first:
        raise WrongCell("days_reversed", "Le dernier jour suit le premier.", "Échangez-les, ou corrigez l'un des deux.")
    return Period(start=first, end=last + ONE_DAY if last is not None else None)


def whole(text: str) -> int:
    """A whole number of at most four digits."""
    if not re.fullmatch(r"\d{1,4}", text.strip()):
        raise WrongCell("not_a_number", "La cellule est un nombre entier.", "Écrivez par exemple 3.")
    return int(text)


def yes_no(text: str) -> bool:
    said = plain(text)
    if said in _YES:
        return True
    if said in _NO:
        return False
    rule = f"La cellule dit «{NBSP}oui{NBSP}» ou «{NBSP}non{NBSP}»."
    raise WrongCell("not_yes_or_no", rule, f"Écrivez «{NBSP}oui{NBSP}» ou «{NBSP}non{NBSP}».")


_YES = frozenset({"oui", "o", "x", "1", "vrai", "yes", "true"})
_NO = frozenset({"non", "n", "0", "faux", "no", "false"})


def identifier(text: str) -> str:
    """An id as the contracts have it."""
    try:
        return _IDS.validate_python(text.strip())
    except ValidationError as error:
        rule = "Un identifiant a 64 signes au plus : lettres sans accent, chiffres, « - », « . », « _ », « : »."
        raise WrongCell(
            "not_an_id", _typeset(rule), "Retirez les espaces, les accents et les autres signes."
        ) from error


def commune(text: str) -> str:
    """An Insee code; Excel takes the first zero off, which leaves four digits."""
    code = text.strip().upper()
    if not re.fullmatch(r"\d[0-9AB]\d{3}|\d{4}", code):
        raise WrongCell("not_a_commune", "Le code Insee a cinq signes.", "Écrivez par exemple 03185.")
    return code.zfill(5)


def several(text: str) -> list[str]:
    """What bars separate, without the empty ones."""
    return [" ".join(part.split()) for part in text.split("|") if part.strip()]


@cache
def one_of(kind: type[L]) -> Callable[[str], L]:
    """Reads a label of `kind`, however it is accented or capitalised."""
    known = {plain(member.label): member for member in kind}
    return word_of(known, [member.label for member in kind])


def word_of(known: dict[str, T], labels: Iterable[str]) -> Callable[[str], T]:
    """Reads one of these words; `known` has them in plain spelling."""

    def read(text: str) -> T:
        found = known.get(plain(text))
        if found is None:
            rule = f"«{NBSP}{text.strip()[:60]}{NBSP}» n'est pas dans la liste."
            raise WrongCell("not_in_list", rule, f"Choisissez parmi{NBSP}: {', '.join(labels)}.")
        return found

    return read


_weekday = one_of(Weekday)


def week_and_dates(text: str) -> list[Slot]:
    """ "mardi 8h-17h, jeudi 8h-17h" or "06/11/2026 8h30-12h"."""
    found = []
    for part in (" ".join(each.split()) for each in text.split(",")):
        when, _, rest = part.partition(" ")
        found += hours(day(when) if when[:1].isdigit() else _weekday(when), rest)
    return found


def _typeset(text: str) -> str:
    """Non-breaking spaces where French wants them."""
    for sign in (":", ";", "!", "?", "»"):
        text = text.replace(f" {sign}", f"{NBSP}{sign}")
    return text.replace("« ", f"«{NBSP}")
