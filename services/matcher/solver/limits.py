"""What limits a choice beside the places: those kept for families in insertion, and children who begin in one week.

Each limit is a row of numbers as the places are, so that nothing after this module knows of it. When to modify: when a
deliberation limits something more. `verify` reads the same limits in its own way (`limited.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from contracts.vocabulary import Audience, Id, Slot
from services.matcher.solver.cells import Grid, Parts, Span, atoms, grid_of
from services.matcher.solver.claims import Claim
from services.matcher.solver.current import Current, Kept
from services.matcher.solver.problem import Option, Row, RowKind, Unit, uses_of
from services.matcher.solver.schema import Hold, Quota, Round, Rounding, Section

Options = dict[Id, list[Option]]
Taken = list[tuple[Option, int]]
"""Options, and what each takes of a limit, as bits."""
Stays = list[tuple[Current, Callable[[Span], int]]]
"""Places that children may give up, each with what of its hours counts in a limit, as bits."""


class Limited(NamedTuple):
    """How much of a limit is left in each cell, who would take of it, and who does as long as it stays."""

    left: tuple[int, ...]
    taken: Taken
    stays: Stays


def within_limits(round: Round, options: Options, rows: list[Row], kept: Kept, places: Sequence[Current]) -> Options:
    """The options of each request that the limits allow, with what they use of them.

    Adds the rows, and to `kept` what children use of them while they stay in the `places` that they may give up.
    """
    for quota in round.quotas:
        if may_bind(quota, round):
            options = _with_row(options, rows, f"quota {quota.id}", _Guarantee(quota, round, places).of(options), kept)
    for section in round.sections:
        if section.starts_per_week is not None:
            left, taken = _starts(section, section.starts_per_week, round, options)
            options = _with_row(options, rows, section.id, Limited(left, taken, []), kept)
    return options


def ranked_in_limits(units: dict[Id, Unit], ordinary: dict[Id, Claim], rows: Sequence[Row]) -> dict[Id, list[Id]]:
    """For each limit that is not of one section, the units that use it, highest ordinary claim first."""
    found: dict[Id, set[Id]] = defaultdict(set)
    if not any(row.kind is RowKind.LIMIT for row in rows):
        return {}
    for name, unit in units.items():
        for row in {use.row for option in unit.options for use in option.uses}:
            if rows[row].kind is RowKind.LIMIT:
                found[rows[row].place].add(name)
    return {place: sorted(users, key=ordinary.__getitem__) for place, users in sorted(found.items())}


def may_bind(quota: Quota, round: Round) -> bool:
    """True if places are kept now, or would be once the children in insertion who may leave had left."""
    return quota.is_open(round.instant) and _owed(quota, round, but={row.current for row in round.requests}) > 0


def _owed(quota: Quota, round: Round, but: Collection[Id | None]) -> int:
    """The places that a manager owes to families in insertion beside the children who are there, without those `but`;
    below 0 where more are there than it owes."""
    share = quota.places * quota.percent
    owed = -(-share // 100) if quota.rounding is Rounding.UP else share // 100
    there = (hold.units for hold in _counted(quota, round) if hold.id not in but)
    return owed - quota.counted - sum(there)


def _counted(quota: Quota, round: Round) -> list[Hold]:
    """What children in insertion hold in the structures of a quota."""
    sections = _sections(quota, round)
    return [hold for hold in round.holds if hold.section in sections and _counts(hold.entitled_to, hold.slots)]


def _counts(audience: Audience, slots: tuple[Slot, ...]) -> bool:
    return audience is not Audience.EVERYBODY and _is_weekly(slots)


def _sections(quota: Quota, round: Round) -> set[Id]:
    return {section.id for section in round.sections if section.structure in quota.structures}


def _is_weekly(slots: tuple[Slot, ...]) -> bool:
    return any(not isinstance(slot.day, date) for slot in slots)


class _Guarantee:
    """A quota in a round: what is kept hour by hour, and what that leaves to the others.

    Children who may give up a place are not held: in insertion, their hours are kept once they have left; any other
    is one of the others for as long as it stays, and what it leaves is theirs.
    """

    def __init__(self, quota: Quota, round: Round, places: Sequence[Current]) -> None:
        self.sections, self.round = _sections(quota, round), round
        counted = {hold.id for hold in _counted(quota, round)}
        here = [place for place in places if place.hold.section in self.sections]
        self.public = [place for place in here if place.hold.id in counted]
        self.others = [place for place in here if place.hold.entitled_to is Audience.EVERYBODY]
        leaving = {place.hold.id for place in (*self.public, *self.others)}
        self.owed = _owed(quota, round, but=())
        holds = [row for row in round.holds if row.section in self.sections and row.id not in leaving]
        offered = [row for row in round.vacancies if row.section in self.sections]
        self.amounts = [((row.slots, row.period), row.places) for row in offered]
        self.amounts += [((row.slots, row.period), -row.units) for row in holds]

    def of(self, options: Options) -> Limited:
        """The limit: what the others may take together, cell by cell, who they are, and who of them is there."""
        others = {row.id for row in self.round.requests if row.entitled_to is Audience.EVERYBODY}
        concerned = [(option, _span(option)) for option in _all(options, self.sections) if option.unit in others]
        spans = [span for place in (*self.public, *self.others) for span in place.spans]
        grid = grid_of([*(span for _, span in concerned), *(span for span, _ in self.amounts), *spans])
        own = {place.request: grid.mask(*place.span) for place in (*self.public, *self.others)}
        parts = Parts(sorted({grid.mask(*span) for span in (*spans, *(span for _, span in concerned))}))
        left, closed = self._left(parts.masks, grid)
        free = {place.request: own[place.request] for place in self.public}
        free |= {place.request: own[place.request] & closed for place in self.others}
        taken = [(option, parts.within(grid.mask(*span) & ~free.get(option.unit, 0))) for option, span in concerned]
        return Limited(left, taken, [(place, lambda s: parts.within(grid.mask(*s) & ~closed)) for place in self.others])

    def _left(self, parts: Sequence[int], grid: Grid) -> tuple[tuple[int, ...], int]:
        """What is left to the others in each part, in its scarcest cell; and the cells with more of them than that."""
        amounts = [(grid.mask(*span), amount) for span, amount in self.amounts]
        public, others = ([grid.mask(*place.span) for place in rows] for rows in (self.public, self.others))
        left = [_least(part, amounts, public, self.owed) for part in parts]
        closed = [sum(1 for mask in others if mask & part) > least for part, least in zip(parts, left, strict=True)]
        found = tuple(0 if shut else max(least, 0) for least, shut in zip(left, closed, strict=True))
        return found, sum(part for part, shut in zip(parts, closed, strict=True) if shut)


def _least(part: int, amounts: list[tuple[int, int]], public: list[int], owed: int) -> int:
    """What these amounts leave in the scarcest cell of a part, less what is kept there: as much as is owed, and the
    place of each child in insertion who may leave it."""
    here = [(mask & part, amount) for mask, amount in amounts if mask & part]
    pieces = atoms([part, *(mask for mask, _ in here), *(mask & part for mask in public if mask & part)])
    return min(
        sum(amount for mask, amount in here if mask & piece) - max(0, owed + sum(1 for mask in public if mask & piece))
        for piece in pieces
    )


def _starts(section: Section, most: int, round: Round, options: Options) -> tuple[tuple[int, ...], Taken]:
    """How many more may begin week by week, and who would begin when."""
    there = {hold.id for hold in round.holds if hold.section == section.id}
    stay = {request.id for request in round.requests if request.current in there}
    concerned = [option for option in _all(options, {section.id}) if _begins(option, stay)]
    weeks = sorted({_monday(option.seats[0].period.start) for option in concerned})
    held = [hold for hold in round.holds if hold.section == section.id and _is_weekly(hold.slots)]
    begun = [sum(hold.units for hold in held if _monday(hold.period.start) == week) for week in weeks]
    taken = [(option, 1 << weeks.index(_monday(option.seats[0].period.start))) for option in concerned]
    return tuple(max(0, most - count) for count in begun), taken


def _begins(option: Option, stay: set[Id]) -> bool:
    """False for single days, and for who is in the section already."""
    return _is_weekly(option.seats[0].slots) and option.unit not in stay


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _all(options: Options, sections: set[Id]) -> Iterator[Option]:
    return (option for own in options.values() for option in own if option.seats[0].section in sections)


def _span(option: Option) -> Span:
    return (option.seats[0].slots, option.seats[0].period)


def _with_row(options: Options, rows: list[Row], place: Id, limited: Limited, kept: Kept) -> Options:
    """The options with their use of a new row; those for which it has nothing left are dropped."""
    full = sum(1 << cell for cell, amount in enumerate(limited.left) if amount <= 0)
    rows.append(Row(RowKind.LIMIT, place, limited.left))
    masks = {id(option): mask for option, mask in limited.taken}
    number = len(rows) - 1
    for current, mask in limited.stays:
        kept.note(current, {number: ~0}, mask)
    return {
        name: [
            _using(option, number, masks.get(id(option), 0)) for option in own if not masks.get(id(option), 0) & full
        ]
        for name, own in options.items()
    }


def _using(option: Option, row: int, mask: int) -> Option:
    return option._replace(uses=(*option.uses, *uses_of([(row, mask)]))) if mask else option
