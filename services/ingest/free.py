"""How many places are free at which hours: what was posted minus what is held. For pages; a round counts for itself.

Posted places of one section and kind are one pool, as they are for a round. They are cut into the pieces of time and
dates over which the sum stays the same, and equal neighbours are joined again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from contracts.vocabulary import Period, Slot

SHORTEST_SHOWN = timedelta(hours=1)
"""A quarter of an hour left beside a child's day is no place."""

_FAR = date.max


@dataclass(frozen=True)
class Posted:
    """Places of one vacancy. `counted_at`: the count is of what was left then."""

    id: str
    slots: tuple[Slot, ...]
    period: Period
    places: int
    counted_at: datetime


@dataclass(frozen=True)
class Held:
    """What a live proposal (`placed_at` none) or a placement takes."""

    id: str
    slots: tuple[Slot, ...]
    period: Period
    placed_at: datetime | None = None


@dataclass(frozen=True)
class Piece:
    """`free` places at one slot on the days of `period`."""

    slot: Slot
    period: Period
    free: int


Joins = Callable[[Piece, Piece], Piece | None]


def pieces(posted: Sequence[Posted], held: Sequence[Held]) -> list[Piece]:
    """The hours posted, cut where the number free changes. Hours with nothing free are there too, with 0."""
    found = [
        Piece(slot, period, _free(posted, held, slot, period))
        for slot in _slots(posted, held)
        for period in _periods(posted, held, slot)
        if any(_covers(vacancy, slot, period) for vacancy in posted)
    ]
    return _joined(found)


def free_in(vacancy: Posted, found: Sequence[Piece]) -> int:
    """How many children could still take the whole of a vacancy: the least that is free at any of its hours."""
    own = [piece.free for piece in found if _covers(vacancy, piece.slot, piece.period)]
    return min([vacancy.places, *own])


def most_free_in(vacancy: Posted, found: Sequence[Piece]) -> int:
    """How many children could take some hours of a vacancy: the most that is free at any of them."""
    own = [piece.free for piece in found if _covers(vacancy, piece.slot, piece.period)]
    return min(vacancy.places, max(own, default=0))


def most_days_free_in(vacancy: Posted, found: Sequence[Piece]) -> int:
    """How many children could take a whole day of a vacancy, the best of its days: hours at the edges are no place."""
    return min(vacancy.places, _most_of_a_day(vacancy, found))


def free_among(vacancy: Posted, found: Sequence[Piece]) -> tuple[int, int, int]:
    """The places free at the hours of a vacancy, those of other vacancies there among them: the least, the most that a
    whole day has, and the most."""
    own = [piece.free for piece in found if _covers(vacancy, piece.slot, piece.period)] or [vacancy.places]
    return min(own), max(min(own), _most_of_a_day(vacancy, found)), max(own)


def _most_of_a_day(vacancy: Posted, found: Sequence[Piece]) -> int:
    """The least at the hours of each slot posted, on each date from which it may differ; then the most of these."""
    own = [piece for piece in found if _covers(vacancy, piece.slot, piece.period)]
    days = [[piece for piece in own if _lies_in(piece.slot, slot)] for slot in vacancy.slots]
    least = [min(piece.free for piece in day if _lasts_on(piece, one.period.start)) for day in days for one in day]
    return max(least, default=0)


def _lies_in(slot: Slot, posted: Slot) -> bool:
    return slot.day == posted.day and posted.start <= slot.start and slot.end <= posted.end


def _lasts_on(piece: Piece, day: date) -> bool:
    return piece.period.start <= day and (piece.period.end is None or day < piece.period.end)


def takes_from(vacancy: Posted, hold: Held) -> bool:
    """True if `hold` lies, in part at least, in this vacancy and is not yet taken off its count."""
    return _counts(hold, vacancy.counted_at) and any(
        overlap(one, other, vacancy.period, hold.period) for one in vacancy.slots for other in hold.slots
    )


def overlap(one: Slot, other: Slot, one_period: Period, other_period: Period) -> bool:
    """True if both share a moment of some day."""
    same_hours = one.start < other.end and other.start < one.end
    common = _common(_days(one, one_period), _days(other, other_period))
    return same_hours and one.weekday is other.weekday and common is not None


def is_worth_showing(piece: Piece) -> bool:
    return piece.free > 0 and _length(piece.slot) >= SHORTEST_SHOWN


def _free(posted: Sequence[Posted], held: Sequence[Held], slot: Slot, period: Period) -> int:
    here = [vacancy for vacancy in posted if _covers(vacancy, slot, period)]
    since = min((vacancy.counted_at for vacancy in here), default=None)
    taken = sum(
        any(overlap(slot, other, period, hold.period) for other in hold.slots)
        for hold in held
        if since is not None and _counts(hold, since)
    )
    return max(0, sum(vacancy.places for vacancy in here) - taken)


def _counts(hold: Held, counted_at: datetime) -> bool:
    """A placement made before the count is taken off by whoever counted."""
    return hold.placed_at is None or hold.placed_at > counted_at


def _covers(vacancy: Posted, slot: Slot, period: Period) -> bool:
    return vacancy.period.covers(period) and any(_lies_in(slot, own) for own in vacancy.slots)


def _slots(posted: Sequence[Posted], held: Sequence[Held]) -> Iterator[Slot]:
    """The hours posted, cut wherever anything begins or ends on that day of the week."""
    rows: list[Posted | Held] = [*posted, *held]
    everything = [slot for row in rows for slot in row.slots]
    for day in sorted({slot.day for vacancy in posted for slot in vacancy.slots}, key=str):
        sample = next(slot for slot in everything if slot.day == day)
        cuts = {cut for s in everything if s.weekday is sample.weekday for cut in (s.start, s.end)}
        for start, end in pairwise(sorted(cuts)):
            yield Slot(day=day, start=start, end=end)


def _periods(posted: Sequence[Posted], held: Sequence[Held], slot: Slot) -> Iterator[Period]:
    """The dates of the vacancies, cut wherever one of them or something held begins or ends."""
    rows: list[Posted | Held] = [*posted, *held]
    mine = [row.period for row in rows if any(own.weekday is slot.weekday for own in row.slots)]
    cuts = sorted({day for period in mine for day in (period.start, period.end or _FAR)})
    for start, end in pairwise(cuts):
        yield Period(start=start, end=None if end == _FAR else end)


def _days(slot: Slot, period: Period) -> tuple[date, date]:
    """First day, and the day after the last."""
    if isinstance(slot.day, date):
        return slot.day, slot.day + timedelta(days=1)
    return period.start, period.end or _FAR


def _common(one: tuple[date, date], other: tuple[date, date]) -> tuple[date, date] | None:
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None


def _joined(found: Iterable[Piece]) -> list[Piece]:
    """Neighbours in time, then in dates, that have as many free places."""
    by_time = sorted(found, key=lambda p: (str(p.slot.day), p.period.start, p.slot.start))
    by_date = sorted(_merge(by_time, _next_hour), key=lambda p: (str(p.slot.day), p.slot.start, p.period.start))
    return _merge(by_date, _next_day)


def _merge(found: Sequence[Piece], joins: Joins) -> list[Piece]:
    merged: list[Piece] = []
    for piece in found:
        last = merged[-1] if merged else None
        joined = joins(last, piece) if last is not None else None
        if joined is None:
            merged.append(piece)
        else:
            merged[-1] = joined
    return merged


def _next_hour(one: Piece, other: Piece) -> Piece | None:
    same = one.slot.day == other.slot.day and one.period == other.period and one.free == other.free
    if same and one.slot.end == other.slot.start:
        return replace(one, slot=Slot(day=one.slot.day, start=one.slot.start, end=other.slot.end))
    return None


def _next_day(one: Piece, other: Piece) -> Piece | None:
    if one.slot == other.slot and one.free == other.free and one.period.end == other.period.start:
        return replace(one, period=Period(start=one.period.start, end=other.period.end))
    return None


def _length(slot: Slot) -> timedelta:
    return _of_day(slot.end) - _of_day(slot.start)


def _of_day(hour: time) -> timedelta:
    return timedelta(hours=hour.hour, minutes=hour.minute)
