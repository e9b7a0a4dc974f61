"""Hours of care that would suit a request: its patterns with travel time, in the sections that take its age.

Nothing here looks at places. When to modify: when age, period or travel are counted otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

from contracts.vocabulary import Audience, Id, Period, Slot
from services.matcher.rules.eligibility import fits_ages
from services.matcher.solver.cells import Span
from services.matcher.solver.schema import Pattern, Request, Round, Section

Known = dict[tuple[tuple[Slot, ...], int], tuple[Slot, ...]]
"""Hours of care already worked out, by slots and minutes of travel."""


@dataclass(frozen=True, slots=True)
class Care:
    """A request, a section that takes its age, and hours of care: an option before its cells are known."""

    request: Request
    section: Section
    wish_rank: int
    pattern: int
    level: int
    slots: tuple[Slot, ...]
    period: Period

    @property
    def span(self) -> Span:
        return (self.slots, self.period)


def effective_audience(request: Request, section: Id) -> Audience:
    """On-call places count only where the agreement of that section fits the request."""
    if request.entitled_to is Audience.URGENT_INSERTION and section not in request.on_call_sections:
        return Audience.INSERTION
    return request.entitled_to


def hours_of_care(slots: tuple[Slot, ...], travel_minutes: int) -> tuple[Slot, ...]:
    """The hours with travel time on both sides, within the day; those that touch are joined."""
    found: list[Slot] = []
    for slot in sorted((_widened(slot, travel_minutes) for slot in slots), key=_by_day_and_hour):
        if found and found[-1].day == slot.day and slot.start <= found[-1].end:
            found[-1] = found[-1].model_copy(update={"end": max(found[-1].end, slot.end)})
        else:
            found.append(slot)
    return tuple(found)


def _widened(slot: Slot, minutes: int) -> Slot:
    if minutes == 0:
        return slot
    start = max(slot.start.hour * 60 + slot.start.minute - minutes, 0)
    end = min(slot.end.hour * 60 + slot.end.minute + minutes, 24 * 60 - 1)
    return Slot(day=slot.day, start=time(start // 60, start % 60), end=max(slot.end, time(end // 60, end % 60)))


def _by_day_and_hour(slot: Slot) -> tuple[int, str, time, time]:
    return (slot.weekday.number, str(slot.day), slot.start, slot.end)


def cares_by_structure(round: Round) -> dict[Id, list[Care]]:
    """For each structure, everything that would suit somebody there, whether or not there is a place."""
    sections: dict[Id, list[Section]] = defaultdict(list)
    for section in round.sections:
        sections[section.structure].append(section)
    found: dict[Id, list[Care]] = defaultdict(list)
    known: Known = {}
    for request in round.requests:
        for care in _cares(request, sections, known):
            found[care.section.structure].append(care)
    return found


def _cares(
    request: Request,
    sections: dict[Id, list[Section]],
    known: Known,
) -> Iterator[Care]:
    born, start = request.born, request.period.start
    patterns = _possible_patterns(request, known)
    wish_ranks = sorted({wish.rank for wish in request.wishes})
    pattern_ranks = sorted({pattern.rank for pattern in request.patterns})
    for wish in request.wishes:
        for section in sections[wish.structure]:
            if not fits_ages(born, start, section.age_from_months, section.age_to_months):
                continue
            for index, rank, slots in patterns:
                level = wish_ranks.index(wish.rank) * len(pattern_ranks) + pattern_ranks.index(rank) + 1
                if request.may_be_offered(section.id, slots):
                    yield Care(request, section, wish.rank, index, level, slots, request.period)


def _possible_patterns(request: Request, known: Known) -> list[tuple[int, int, tuple[Slot, ...]]]:
    """Position, rank and hours of care of the patterns whose single days all lie in the period."""
    found = []
    for index, pattern in enumerate(request.patterns):
        if _within(pattern, request):
            key = (pattern.slots, request.travel_minutes)
            if key not in known:
                known[key] = hours_of_care(*key)
            found.append((index, pattern.rank, known[key]))
    return found


def _within(pattern: Pattern, request: Request) -> bool:
    return all(not isinstance(slot.day, date) or request.period.contains(slot.day) for slot in pattern.slots)
