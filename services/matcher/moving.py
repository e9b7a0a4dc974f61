"""Children who have a place and get another: what they give up and when, and who waits for it.

A round may give a child the hours that another one leaves. Until that move is confirmed they are the other child's:
the proposal that needs them waits, unsent, and the hours are counted once, as a loan from the place that is left. So
what is accepted and placed never exceeds the places, in whatever order families and structures answer.

When to modify: when a child keeps, or gives up, another part of its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

import sqlalchemy as sa

from contracts.placements import PlacementEnding
from contracts.proposals import PlaceReopened
from contracts.vocabulary import Audience, DepartureReason, Id, Period, Weekday
from services.calendar import at, local_day
from services.matcher import moves, store
from services.matcher import tables as t
from services.matcher.rules.capacity import borrowed, sat_on
from services.matcher.rules.hours import Amount
from services.matcher.solver.schema import Hold, Outcome
from services.matcher.step import Step
from services.matcher.store import Proposal

_ONE_DAY = timedelta(days=1)
DEPARTURE = "departure"
"""What a step notes of a proposal that waits for one."""


@dataclass(frozen=True)
class Departure:
    """The child of `proposal` would leave what `hold` holds, from the day `start` on which its new place begins."""

    proposal: str
    hold: str
    start: date


@dataclass(frozen=True)
class Loan:
    """Hours of a new hold that count once, since the child of `departure` leaves them.

    `entitled_to` is the higher of both: up to the lower one, whoever may use less still counts there.
    """

    departure: Departure
    amount: Amount
    entitled_to: Audience

    def as_hold(self, hold: Hold) -> Hold:
        lent = {"slots": self.amount.slots, "period": self.amount.period, "units": -1, "entitled_to": self.entitled_to}
        return hold.model_copy(update={"id": f"{hold.id}.lent", **lent})


def loans(step: Step, hold: Hold, departures: Sequence[Departure]) -> list[Loan]:
    """What `hold` needs of the places that are left in its section; an hour of them is lent once.

    A child that keeps some of its hours needs no place for them twice: it leaves them to itself, so that the round may
    count on every place that it counted.
    """
    if not departures:
        return []
    leaving = {departure.hold: departure for departure in departures}
    left = store.holds(step.tx, t.holds.c.hold.in_(leaving), t.holds.c.section == hold.section)
    lenders = [row for held in left if (row := _from(held, leaving[held.id].start)) is not None]
    if not lenders:
        return []
    places, counted = store.places_in(step.tx, hold.section), store.counted(step.tx, hold.section)
    lent = store.loans(step.tx, t.holds.c.section == hold.section)
    own = next((departure.hold for departure in departures if departure.proposal == hold.id), "")
    found = borrowed(places, counted, hold, lenders, lent, step.now, own)
    return [Loan(leaving[lender.id], amount, _higher(lender, hold)) for lender, amount in found]


def _higher(one: Hold, other: Hold) -> Audience:
    return max(one.entitled_to, other.entitled_to, key=lambda audience: audience.level)


def _from(held: Hold, start: date) -> Hold | None:
    """What is held from `start` on; None if nothing."""
    first = max(start, held.period.start)
    if held.period.end is not None and held.period.end <= first:
        return None
    return held.model_copy(update={"period": Period(start=first, end=held.period.end)})


def note_loans(step: Step, hold: Hold, territory: str, found: Sequence[Loan], proposal: Id) -> None:
    """Keep the loans beside the hold of this proposal: with it they end, or with what they were lent from."""
    rows = [
        {
            "hold": f"{hold.id}.{n}", "territory": territory, "section": hold.section, "proposal": proposal,
            "is_placement": False, "slots": store.slots_json(loan.amount.slots), "starts": loan.amount.period.start,
            "ends": loan.amount.period.end, "units": -1, "entitled_to": loan.entitled_to.value,
            "lent_by": loan.departure.hold, "forced": None,
        }
        for n, loan in enumerate(found)
    ]  # fmt: skip
    step.insert(t.holds, *rows)


def await_departures(step: Step, proposal: str, departs: Collection[str]) -> None:
    """The proposal leaves once the children of these proposals have their new places."""
    step.insert(t.awaited, *({"proposal": proposal, "departs": name} for name in sorted(departs)))
    if departs:
        step.sheet.note(DEPARTURE, proposal)


def awaits(step: Step, proposal: str) -> bool:
    """True while a departure that the proposal needs is not sure."""
    if step.sheet.is_about_new(DEPARTURE, proposal) is False:
        return False
    awaited = sa.select(t.awaited.c.departs).where(t.awaited.c.proposal == proposal)
    return step.tx.execute(awaited.limit(1)).first() is not None


def waiting_for(tx: sa.Connection, departs: str) -> list[str]:
    """The proposals that need the child of this one to move."""
    query = sa.select(t.awaited.c.proposal).where(t.awaited.c.departs == departs)
    return list(tx.scalars(query.order_by(t.awaited.c.proposal)))


def arrived(step: Step, proposal: Proposal) -> None:
    """The child has its new place: the old one ends the day before it begins, and who waited for that waits no more."""
    for placement in _left_by(step.tx, proposal):
        _give_up(step, proposal, placement)
    for waiting in waiting_for(step.tx, proposal.proposal):
        same = (t.awaited.c.proposal == waiting, t.awaited.c.departs == proposal.proposal)
        step.tx.execute(t.awaited.delete().where(*same))
        if not awaits(step, waiting):
            store.set_timer(step.tx, moves.FREED, waiting, proposal.territory, step.now)


def _left_by(tx: sa.Connection, proposal: Proposal) -> list[str]:
    """The placement that this one replaces; of a week that two structures share, the other one too where the new place
    has some of its days: no child is in two places on one day."""
    row = placement_row(tx, proposal.replaces) if proposal.replaces is not None else None
    if row is None:
        return []
    of_child = (t.placements.c.request == row["request"], t.placements.c.request != proposal.request)
    beside = (*of_child, t.placements.c.placement != row["placement"], ~t.placements.c.is_over)
    others = tx.execute(sa.select(t.placements).where(*beside).order_by(t.placements.c.placement)).mappings()
    days = {slot.day for slot in proposal.slots}
    return [row["placement"], *(other["placement"] for other in others if days & _days(other))]


def _days(placement: sa.RowMapping) -> set[Weekday | date]:
    return {slot.day for slot in store.SLOTS.validate_python(placement["slots"])}


def _give_up(step: Step, proposal: Proposal, placement: str) -> None:
    row = placement_row(step.tx, placement)
    start = proposal.period.start
    if row is None or row["is_over"] or (row["ends"] is not None and row["ends"] <= start):
        return
    last_day = max(start, local_day(step.now)) - _ONE_DAY
    if row["last_day"] is not None and row["last_day"] <= last_day:
        return  # the child was leaving before
    store.lock_section(step.tx, row["section"])
    held = next(iter(store.holds(step.tx, t.holds.c.hold == placement)), None)
    if held is not None:
        let_go(step, row, held, start)
    end_placement(step, row, last_day, DepartureReason.OTHER_PLACE)


def placement_row(tx: sa.Connection, placement: str) -> sa.RowMapping | None:
    """The placement's row."""
    return tx.execute(sa.select(t.placements).where(t.placements.c.placement == placement)).mappings().first()


def end_placement(step: Step, row: sa.RowMapping, last_day: date, reason: DepartureReason) -> None:
    """Note the last day and say it; that it is over is said by itself once the day has passed."""
    placement = row["placement"]
    values = {"last_day": last_day, "reason": reason.value}
    step.tx.execute(t.placements.update().where(t.placements.c.placement == placement).values(**values))
    step.say(
        PlacementEnding, placement, row["territory"],
        structure=row["structure"], section=row["section"], last_day=last_day, reason=reason,
    )  # fmt: skip
    store.set_timer(step.tx, moves.DEPARTURE, placement, row["territory"], at(last_day + _ONE_DAY, time()))


def let_go(step: Step, row: sa.RowMapping, held: Hold, after: date) -> None:
    """The hours from `after` on are free; whoever says so stands for it that they are."""
    _shorten(step.tx, t.holds.c.hold == held.id, after)
    _shorten(step.tx, t.holds.c.lent_by == held.id, after)  # what is no longer held can not be lent
    rows = store.open_vacancies(step.tx, t.vacancies.c.section == row["section"])
    for vacancy in sat_on(store.pool(rows), [held], step.now):
        step.tx.execute(
            t.vacancies.update().where(t.vacancies.c.vacancy == vacancy).values(confirmed_at=step.now)
        )  # fmt: skip
    step.say(
        PlaceReopened, row["placement"], row["territory"],
        section=row["section"], slots=held.slots, period=Period(start=after, end=held.period.end),
    )  # fmt: skip


def _shorten(tx: sa.Connection, which: sa.ColumnElement[bool], after: date) -> None:
    """Hold these hours up to the day before `after` only."""
    tx.execute(t.holds.delete().where(which, t.holds.c.starts >= after))
    tx.execute(t.holds.update().where(which, t.holds.c.ends.is_(None) | (t.holds.c.ends > after)).values(ends=after))


def in_a_circle(outcome: Outcome) -> Id | None:
    """A child who waits, directly or not, for its own move; the last by name, None where nobody does."""
    waits = {row.request: row.after for row in outcome.placed}
    return max((name for name in waits if _reaches(name, waits)), default=None)


def _reaches(name: Id, waits: Mapping[Id, tuple[Id, ...]]) -> bool:
    seen: set[Id] = set()
    ahead = list(waits[name])
    while ahead:
        other = ahead.pop()
        if other == name:
            return True
        if other not in seen:
            seen.add(other)
            ahead += waits.get(other, ())
    return False
