"""What limits a choice beside the places: those kept for families in insertion, and children who begin in one week.

Each limit is a row of numbers as the places are, so that nothing after this module knows of it. When to modify: when a
deliberation limits something more. `verify` reads the same limits in its own way (`limited.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from contracts.vocabulary import Audience, Id, Slot
from services.matcher.solver.cells import Span, atoms, grid_of
from services.matcher.solver.claims import Claim
from services.matcher.solver.problem import Option, Row, RowKind, Unit, uses_of
from services.matcher.solver.schema import Quota, Round, Rounding, Section

Options = dict[Id, list[Option]]
Taken = list[tuple[Option, int]]
"""Options, and what each takes of a limit, as bits."""


def within_limits(round: Round, options: Options, rows: list[Row]) -> Options:
    """The options of each request that the limits allow, with what they use of them. Adds the rows."""
    for quota in round.quotas:
        if quota.is_open(round.instant) and missing_places(quota, round):
            options = _with_row(options, rows, f"quota {quota.id}", *_kept_for_insertion(quota, round, options))
    for section in round.sections:
        if section.starts_per_week is not None:
            options = _with_row(options, rows, section.id, *_starts(section, section.starts_per_week, round, options))
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


def missing_places(quota: Quota, round: Round) -> int:
    """The places that a manager still owes to families in insertion."""
    share = quota.places * quota.percent
    owed = -(-share // 100) if quota.rounding is Rounding.UP else share // 100
    sections = _sections(quota, round)
    there = (hold.units for hold in round.holds if hold.section in sections and _counts(hold.entitled_to, hold.slots))
    return max(0, owed - quota.counted - sum(there))


def _counts(audience: Audience, slots: tuple[Slot, ...]) -> bool:
    return audience is not Audience.EVERYBODY and _is_weekly(slots)


def _sections(quota: Quota, round: Round) -> set[Id]:
    return {section.id for section in round.sections if section.structure in quota.structures}


def _is_weekly(slots: tuple[Slot, ...]) -> bool:
    return any(not isinstance(slot.day, date) for slot in slots)


def _kept_for_insertion(quota: Quota, round: Round, options: Options) -> tuple[tuple[int, ...], Taken]:
    """What the others may take together, cell by cell, and who they are. Who is there already takes nothing more."""
    sections, requests = _sections(quota, round), {request.id: request for request in round.requests}
    there = {hold.id for hold in round.holds if hold.section in sections}
    others = {
        name
        for name, request in requests.items()
        if request.entitled_to is Audience.EVERYBODY and request.current not in there
    }
    concerned = [(option, _span(option)) for option in _all(options, sections) if option.unit in others]
    amounts = [((row.slots, row.period), row.places) for row in round.vacancies if row.section in sections]
    amounts += [((row.slots, row.period), -row.units) for row in round.holds if row.section in sections]
    grid = grid_of([*(span for _, span in concerned), *(span for span, _ in amounts)])
    masks = [(option, grid.mask(*span)) for option, span in concerned]
    parts = atoms(sorted({mask for _, mask in masks}))
    free = [(grid.mask(*span), amount) for span, amount in amounts]
    owed = missing_places(quota, round)
    left = tuple(max(0, _least(part, free) - owed) for part in parts)
    return left, [(option, sum(1 << n for n, part in enumerate(parts) if part & mask)) for option, mask in masks]


def _least(part: int, amounts: list[tuple[int, int]]) -> int:
    """What these amounts come to in the scarcest cell of a part."""
    here = [(mask & part, amount) for mask, amount in amounts if mask & part]
    pieces = atoms([part, *(mask for mask, _ in here)])
    return min(sum(amount for mask, amount in here if mask & piece) for piece in pieces)


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


def _with_row(options: Options, rows: list[Row], place: Id, left: tuple[int, ...], taken: Taken) -> Options:
    """The options with their use of a new row; those for which it has nothing left are dropped."""
    full = sum(1 << cell for cell, amount in enumerate(left) if amount <= 0)
    rows.append(Row(RowKind.LIMIT, place, left))
    masks = {id(option): mask for option, mask in taken}
    number = len(rows) - 1
    return {
        name: [
            _using(option, number, masks.get(id(option), 0)) for option in own if not masks.get(id(option), 0) & full
        ]
        for name, own in options.items()
    }


def _using(option: Option, row: int, mask: int) -> Option:
    return option._replace(uses=(*option.uses, *uses_of([(row, mask)]))) if mask else option
