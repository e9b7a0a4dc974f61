"""One row under reading: each cell by the name of its column, with all that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from contracts.vocabulary import WEEKDAYS, Period, Slot, Weekday
from services.ingest.files import cells
from services.ingest.files.cells import WrongCell
from services.ingest.files.columns import DAYS
from services.ingest.files.reading import Line, Sheet
from services.ingest.problems import Problem, refuse_if

T = TypeVar("T")


@dataclass
class Row:
    """Reads cells and remembers what it could not read. `settle` raises it all."""

    sheet: Sheet
    line: Line
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.line.fault is not None:
            self.problems.append(self.line.fault)

    def text(self, column: str) -> str:
        return self.sheet.cell(self.line, column)

    def has(self, column: str) -> bool:
        """Whether the file has this column at all."""
        return column in self.sheet.at

    def maybe(self, column: str, parse: Callable[[str], T]) -> T | None:
        """The cell's value; None where it is empty or wrong."""
        text = self.text(column)
        return self._parsed(column, text, parse) if text else None

    def needed(self, column: str, parse: Callable[[str], T], instead: T) -> T:
        """The cell's value. `instead` stands for one that is missing or wrong, until `settle` raises it."""
        text = self.text(column)
        if not text:
            self.wrong(column, "cell_wanted", "La cellule est obligatoire.", "Remplissez-la.")
            return instead
        found = self._parsed(column, text, parse)
        return instead if found is None else found

    def wrong(self, column: str, code: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(column, code, rule, remedy))

    def settle(self) -> None:
        """Raise Refused with everything that was wrong. A row that is cut short says only that."""
        refuse_if([self.line.fault] if self.line.fault else self.problems)

    def _parsed(self, column: str, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except WrongCell as error:
            self.wrong(column, error.code, error.rule, error.remedy)
            return None

    def week(self) -> list[Slot]:
        """The seven cells from Monday to Sunday."""
        found: list[Slot] = []
        for weekday, column in zip(WEEKDAYS, DAYS, strict=True):
            found += self.maybe(column, _hours_of(weekday)) or []
        return found

    def period(self, today_if_wrong: Period) -> Period:
        """From "Début" to "Fin", both included."""
        start = self.needed("Début", cells.day, today_if_wrong.start)
        last = self.maybe("Fin", cells.day)
        if last is not None and last < start:
            self.wrong("Fin", "days_reversed", "Le dernier jour suit le premier.", "Corrigez l'une des deux dates.")
            return today_if_wrong
        return cells.between(start, last)


def _hours_of(weekday: Weekday) -> Callable[[str], list[Slot]]:
    return lambda text: cells.hours(weekday, text)
