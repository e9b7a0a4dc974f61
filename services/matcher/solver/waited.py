"""Places that would wait too long for a later start, as `verify` and `explain` read it.

Written without the solver, from the words of `schema.Policy`. When to modify: with those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from contracts.vocabulary import Id, Period
from services.matcher.solver.books import Cut
from services.matcher.solver.choices import Choice
from services.matcher.solver.schema import Hold, Round, Vacancy


class Waits:
    """Which choices would leave a place free for more weeks than it may wait."""

    def __init__(self, round: Round) -> None:
        self._weeks, self._today = round.policy.wait_weeks, round.instant.date()
        self._vacancies: dict[Id, list[Vacancy]] = defaultdict(list)
        self._holds: dict[Id, list[Hold]] = defaultdict(list)
        for vacancy in round.vacancies:
            self._vacancies[vacancy.section].append(vacancy)
        for hold in round.holds:
            self._holds[hold.section].append(hold)

    def too_long(self, choices: Iterable[Choice]) -> list[Choice]:
        """Those whose hours are free in each week of the voted number of weeks before the start, and in one more."""
        return [] if self._weeks is None else [choice for choice in choices if self._waits(choice, self._weeks + 1)]

    def _waits(self, choice: Choice, weeks: int) -> bool:
        since = choice.period.start - timedelta(days=7 * weeks)
        if since < self._today or any(isinstance(slot.day, date) for slot in choice.slots):
            return False
        window = Period(start=since, end=choice.period.start)
        vacancies, holds = self._vacancies[choice.section], self._holds[choice.section]
        spans = [(row.slots, row.period) for row in vacancies]
        cut = Cut([(choice.slots, window), *spans, *((row.slots, row.period) for row in holds)])
        offered = [(cut.cells(row.slots, row.period), row.places) for row in vacancies]
        held = [(cut.cells(row.slots, row.period), row.units) for row in holds]
        return all(
            sum(n for cells, n in offered if cell in cells) > sum(n for cells, n in held if cell in cells)
            for cell in cut.cells(choice.slots, window)
        )


def take_out(choices: dict[Id, list[Choice]], waits: Waits) -> dict[Id, list[Choice]]:
    """Takes the choices for which a place would wait too long out of those of each request; returns them."""
    found = {name: waits.too_long(own) for name, own in choices.items()}
    for name, late in found.items():
        choices[name] = [choice for choice in choices[name] if choice not in late]
    return found
