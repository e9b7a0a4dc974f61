"""Places that would wait too long for a later start: how many weeks is voted, and what goes beyond it is not offered.

When to modify: when a deliberation counts the wait otherwise. `verify` counts it in its own way (`waited.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from contracts.vocabulary import Id, Period
from services.matcher.solver.care import Care
from services.matcher.solver.cells import Span, atoms, grid_of
from services.matcher.solver.schema import Round

Cares = dict[Id, list[Care]]


def without_long_waits(round: Round, cares: Cares) -> Cares:
    """The same without care at hours that are free already in each of more weeks before its start than was voted."""
    weeks = round.policy.wait_weeks
    if weeks is None:
        return cares
    windows: dict[Id, dict[int, Span]] = defaultdict(dict)
    for care in (care for here in cares.values() for care in here):
        span = _weeks_before(care, weeks, round)
        if span is not None:
            windows[care.section.id][id(care)] = span
    late = {name for section, here in windows.items() for name in _free_throughout(round, section, here)}
    return {structure: [care for care in here if id(care) not in late] for structure, here in cares.items()}


def _weeks_before(care: Care, weeks: int, round: Round) -> Span | None:
    """These hours in one week more than a place may wait; None for single days, and where those weeks are not ahead."""
    first = care.period.start - timedelta(weeks=weeks + 1)
    if first < round.instant.date() or any(isinstance(slot.day, date) for slot in care.slots):
        return None
    return (care.slots, Period(start=first, end=care.period.start))


def _free_throughout(round: Round, section: Id, windows: dict[int, Span]) -> Iterable[int]:
    amounts = [((row.slots, row.period), row.places) for row in round.vacancies if row.section == section]
    amounts += [((row.slots, row.period), -row.units) for row in round.holds if row.section == section]
    grid = grid_of([*windows.values(), *(span for span, _ in amounts)])
    masks = [(grid.mask(*span), amount) for span, amount in amounts]
    free = 0
    for part in atoms(mask for mask, _ in masks):
        free |= part if sum(amount for mask, amount in masks if mask & part) > 0 else 0
    return (name for name, span in windows.items() if not grid.mask(*span) & ~free)
