"""A cell is read as people write it, and a wrong one is refused with a rule and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from contracts.vocabulary import Period, RequestKind, Slot, StructureKind, Weekday
from services.ingest.files import cells

DAY = date(2026, 11, 3)


def slot(day: Weekday | date, start: tuple[int, int], end: tuple[int, int]) -> Slot:
    return Slot(day=day, start=time(*start), end=time(*end))


RIGHT: list[tuple[Callable[[str], Any], str, Any]] = [
    (cells.day, "03/11/2026", DAY),
    (cells.day, "3/11/26", DAY),
    (cells.day, "03-11-2026", DAY),
    (cells.day, "03.11.2026", DAY),
    (cells.day, "2026-11-03", DAY),
    (cells.day, "03/11/2026 00:00:00", DAY),
    (cells.hour, "8h", time(8)),
    (cells.hour, "8h30", time(8, 30)),
    (cells.hour, "8 h 30", time(8, 30)),
    (cells.hour, "08:30", time(8, 30)),
    (cells.hour, "08:30:00", time(8, 30)),
    (cells.dated_hours, "03/11/2026 8h-12h", [slot(DAY, (8, 0), (12, 0))]),
    (cells.dated_hours, "03/11/2026 8h-12h / 14h-17h", [slot(DAY, (8, 0), (12, 0)), slot(DAY, (14, 0), (17, 0))]),
    (cells.instant, "03/11/2026 18h", datetime(2026, 11, 3, 17, tzinfo=UTC)),
    (cells.instant, "03/07/2026 18h", datetime(2026, 7, 3, 16, tzinfo=UTC)),
    (cells.days_from_to, "03/11/2026 au 04/11/2026", Period(start=DAY, end=date(2026, 11, 5))),
    (cells.days_from_to, "03/11/2026", Period(start=DAY, end=date(2026, 11, 4))),
    (cells.whole, " 12 ", 12),
    (cells.yes_no, "OUI", True),
    (cells.yes_no, "Non", False),
    (cells.yes_no, "x", True),
    (cells.identifier, "S-les-petits", "S-les-petits"),
    (cells.commune, "03185", "03185"),
    (cells.commune, "3185", "03185"),
    (cells.commune, "2a004", "2A004"),
    (cells.one_of(StructureKind), "creche", StructureKind.CRECHE),
    (cells.one_of(StructureKind), "  MICRO-CRÈCHE ", StructureKind.MICRO_CRECHE),
    (cells.one_of(StructureKind), "Jardin d’enfants", StructureKind.JARDIN_ENFANTS),
    (cells.one_of(RequestKind), "demande  urgente (insertion)", RequestKind.URGENT),
    (cells.several, "a | b||  c ", ["a", "b", "c"]),
    (
        cells.week_and_dates,
        "mardi 8h-17h, 03/11/2026 8h30-12h",
        [slot(Weekday.TUE, (8, 0), (17, 0)), slot(DAY, (8, 30), (12, 0))],
    ),
]

WRONG: list[tuple[Callable[[str], Any], str, str]] = [
    (cells.day, "31/02/2027", "no_such_date"),
    (cells.day, "11/24/2026", "no_such_date"),
    (cells.day, "31/12/9999", "no_such_year"),
    (cells.day, "0001-01-01", "no_such_year"),
    (cells.day, "demain", "not_a_date"),
    (cells.day, "2026", "not_a_date"),
    (cells.hour, "8h75", "no_such_hour"),
    (cells.hour, "25h", "no_such_hour"),
    (cells.hour, "8", "not_an_hour"),
    (cells.dated_hours, "03/11/2026", "hours_wanted"),
    (cells.dated_hours, "03/11/2026 17h-8h", "hours_reversed"),
    (cells.dated_hours, "03/11/2026 8h", "not_hours"),
    (cells.instant, "03/11/2026", "not_an_instant"),
    (cells.days_from_to, "04/11/2026 au 03/11/2026", "days_reversed"),
    (cells.whole, "douze", "not_a_number"),
    (cells.whole, "-1", "not_a_number"),
    (cells.whole, "1,5", "not_a_number"),
    (cells.yes_no, "peut-être", "not_yes_or_no"),
    (cells.identifier, "les petits", "not_an_id"),
    (cells.identifier, "crèche", "not_an_id"),
    (cells.commune, "Montluçon", "not_a_commune"),
    (cells.one_of(StructureKind), "Place au soleil", "not_in_list"),
    (cells.week_and_dates, "lunedi 8h-17h", "not_in_list"),
]


@pytest.mark.parametrize(("parse", "text", "value"), RIGHT)
def test_a_cell_is_read_as_people_write_it(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "code"), WRONG)
def test_a_wrong_cell_says_its_rule_and_its_remedy(parse: Callable[[str], Any], text: str, code: str) -> None:
    with pytest.raises(cells.WrongCell) as caught:
        parse(text)
    assert caught.value.code == code
    assert caught.value.rule.endswith(".")
    assert caught.value.remedy.endswith(".")
