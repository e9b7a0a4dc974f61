"""Staff and children of a usual week, as a structure's row says them: "lundi 8h-18h, mardi 8h-18h = 4".

When to modify: when the places that may be free are computed from something else (`contracts.structures.Staffing`).
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.structures import OnDuty, Present, Staffing
from contracts.vocabulary import Slot, StaffMethod
from services.ingest.files import cells
from services.ingest.files.cells import NBSP, WrongCell
from services.ingest.files.row import Row

ADULTS, CHILDREN, METHOD = "Adultes présents", "Enfants présents", "Taux d'encadrement"
PEDT, HOLIDAYS = "PEDT", "Semaine de vacances"
BORN = ("nes", "nees", "ne", "nee")
COLUMNS = (ADULTS, CHILDREN, METHOD, PEDT, HOLIDAYS)


def read_staffing(row: Row) -> Staffing | None:
    """What the row says of it; None where it says nothing. What is wrong is left in the row."""
    on_duty, present = row.maybe(ADULTS, _on_duty), row.maybe(CHILDREN, _present)
    method = row.maybe(METHOD, cells.one_of(StaffMethod)) or StaffMethod.BY_WALKING
    pedt, holidays = (row.maybe(column, cells.yes_no) or False for column in (PEDT, HOLIDAYS))
    if on_duty is None:
        if not row.text(ADULTS) and any(row.text(column) for column in COLUMNS):
            rule = "Les autres cellules d'encadrement vont avec les adultes présents."
            row.wrong(ADULTS, "staff_wanted", rule, "Remplissez-la, ou videz les autres.")
        return None
    return Staffing(method=method, on_duty=on_duty, present=present or (), pedt=pedt, holidays=holidays)


def _on_duty(text: str) -> tuple[OnDuty, ...]:
    return tuple(OnDuty(slots=slots, adults=cells.whole(number)) for slots, number in _numbers(text, "4"))


def _present(text: str) -> tuple[Present, ...]:
    """Those who do not walk yet (under six in an accueil de loisirs), then the others: "= 3 + 7"; or their dates of
    birth: "= nés 03/11/2025, 12/05/2024"."""
    found = []
    for slots, number in _numbers(text, "3 + 7"):
        word, _, dates = number.strip().partition(" ")
        if cells.plain(word) in BORN:
            found.append(Present(slots=slots, born=tuple(sorted(map(cells.day, dates.split(","))))))
            continue
        younger, plus, older = number.partition("+")
        if not plus:
            rule = f"Les enfants s'écrivent en deux nombres{NBSP}: les plus jeunes, puis les autres."
            raise WrongCell("two_numbers_wanted", rule, "Écrivez par exemple mardi 8h-18h = 3 + 7.")
        found.append(Present(slots=slots, younger=cells.whole(younger), older=cells.whole(older)))
    return tuple(found)


def _numbers(text: str, example: str) -> Iterator[tuple[tuple[Slot, ...], str]]:
    """Hours with what stands after their sign."""
    for part in cells.several(text):
        when, sign, number = part.partition("=")
        if not sign:
            rule = f"Les heures sont suivies de «{NBSP}={NBSP}» et d'un nombre."
            raise WrongCell("number_wanted", rule, f"Écrivez par exemple mardi 8h-18h = {example}.")
        yield tuple(cells.week_and_dates(when)), number
