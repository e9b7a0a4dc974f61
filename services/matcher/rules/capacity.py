"""Whether hours still fit in a section, and which places a placement took: plain sums, no solver.

A round counts capacity for itself. These sums are the second look, taken with the section's row locked when hours are
really held, and the first one when a director changes a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from contracts.vocabulary import Audience, Period, Slot
from services.matcher.solver.schema import Hold, Vacancy

ONE_DAY = timedelta(days=1)


def overfull(vacancies: Sequence[Vacancy], holds: Sequence[Hold], new: Hold, instant: datetime) -> tuple[Slot, ...]:
    """The hours of `new` that would not fit beside `holds`, as single days; empty if it fits.

    Places kept for an audience serve those entitled to it and to the ones above: for each audience, what is held by
    those who may use no more than it stays within what is open to them.
    """
    inside = [Period(start=b.start, end=b.end) for b in (*(v.period for v in vacancies), *(h.period for h in holds))]
    timetable = [slot for v in vacancies for slot in v.slots] + [slot for h in holds for slot in h.slots]
    full = []
    for slot in new.slots:
        others = [other for other in timetable if other.weekday == slot.weekday]
        for day in _days_to_look_at(slot, new.period, inside, others):
            for start, end in _pieces(slot, others):
                piece = Slot(day=day, start=start, end=end)
                if not _fits(vacancies, holds, new, piece, instant):
                    full.append(piece)
    return tuple(full)


def _fits(
    vacancies: Sequence[Vacancy], holds: Sequence[Hold], new: Hold, piece: Slot, instant: datetime
) -> bool:  # fmt: skip
    for audience in Audience:
        if new.entitled_to.level > audience.level:
            continue
        free = sum(v.places for v in vacancies if v.audience_at(instant).level <= audience.level and _covers(v, piece))
        held = sum(h.units for h in holds if h.entitled_to.level <= audience.level and _covers(h, piece))
        if held + new.units > free:
            return False
    return True


def _covers(row: Vacancy | Hold, piece: Slot) -> bool:
    """True if the row has its places, or takes them, during all of a single day's `piece`."""
    assert isinstance(piece.day, date)  # noqa: S101 - pieces are made with dates just above
    return row.period.contains(piece.day) and any(
        s.day in (piece.day, piece.weekday) and s.start <= piece.start and piece.end <= s.end for s in row.slots
    )


def _days_to_look_at(slot: Slot, period: Period, inside: Iterable[Period], others: Sequence[Slot]) -> Iterator[date]:
    """The first day of `slot` in each stretch of days over which the sums stay the same."""
    if isinstance(slot.day, date):
        yield slot.day
        return
    bounds = {period.start}
    for other in inside:
        bounds.update(day for day in (other.start, other.end) if day is not None)
    for other_slot in others:
        if isinstance(other_slot.day, date):
            bounds.update((other_slot.day, other_slot.day + ONE_DAY))
    days = {_on_or_after(day, slot.weekday.number) for day in bounds if period.contains(day)}
    yield from sorted(day for day in days if period.contains(day))


def _on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _pieces(slot: Slot, others: Iterable[Slot]) -> Iterator[tuple[time, time]]:
    """`slot` cut wherever another row begins or ends."""
    cuts = {slot.start, slot.end}
    for other in others:
        cuts.update(cut for cut in (other.start, other.end) if slot.start < cut < slot.end)
    ordered = sorted(cuts)
    yield from itertools.pairwise(ordered)


def taken_from(vacancy: Vacancy, vacancies: Sequence[Vacancy], placements: Sequence[Hold]) -> int:
    """How many of `vacancy`'s places Berceau gave away: a director's count is of what is left besides these.

    Vacancies of a section are one pool, so placements are counted against them in order, oldest placement first and
    the first vacancy that has the hours.
    """
    left = {v.id: v.places for v in vacancies}
    taken = 0
    for hold in sorted(placements, key=lambda hold: hold.id):
        giver = next((v for v in vacancies if left[v.id] > 0 and _could_give(v, hold)), None)
        if giver is not None:
            left[giver.id] -= hold.units
            taken += hold.units if giver.id == vacancy.id else 0
    return taken


def given_beside(vacancies: Sequence[Vacancy], placements: Sequence[Hold]) -> dict[str, int]:
    """For each vacancy just declared free, how many placed children are besides: each counts at the first it meets."""
    besides = {v.id: 0 for v in vacancies}
    for hold in placements:
        giver = next((v for v in vacancies if _could_give(v, hold)), None)
        if giver is not None:
            besides[giver.id] += hold.units
    return besides


def _could_give(vacancy: Vacancy, hold: Hold) -> bool:
    """True if some hours of `hold` lie in `vacancy`."""
    return any(
        slot.weekday == given.weekday and slot.start < given.end and given.start < slot.end and _same_day(slot, given)
        for slot in hold.slots
        for given in vacancy.slots
    ) and _overlap(vacancy.period, hold.period)


def _same_day(one: Slot, other: Slot) -> bool:
    return not (isinstance(one.day, date) and isinstance(other.day, date)) or one.day == other.day


def _overlap(one: Period, other: Period) -> bool:
    return (other.end is None or one.start < other.end) and (one.end is None or other.start < one.end)
