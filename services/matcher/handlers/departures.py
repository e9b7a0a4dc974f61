"""Children who leave: the notice opens the hours from the day after the last one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from contracts.confirmations import DepartureAnnounced
from contracts.placements import PlacementEnding
from contracts.proposals import PlaceReopened
from contracts.vocabulary import Audience, Period, TaskKind
from services.bus.retries import WrongEvent
from services.calendar import at
from services.matcher import moves, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.rules.capacity import overfull, sat_on
from services.matcher.solver.schema import Hold
from services.matcher.step import Step


def on_departure_announced(tx: sa.Connection, event: DepartureAnnounced, now: datetime) -> None:
    """A last day may be moved, later only while nobody else was promised the hours: else a person decides."""
    step = step_for(tx, event, now)
    row = tx.execute(sa.select(t.placements).where(t.placements.c.placement == event.placement)).mappings().first()
    if row is None:
        raise WrongEvent(f"le placement {event.placement} est inconnu")
    if row["is_over"] or row["last_day"] == event.last_day:
        return
    store.lock_section(tx, row["section"])
    if not _move_end(step, row, event):
        tasks.open_task(step, TaskKind.SHORTFALL, territory=event.territory, structure=row["structure"])
        return
    values = {"last_day": event.last_day, "reason": event.reason.value}
    tx.execute(t.placements.update().where(t.placements.c.placement == event.placement).values(**values))
    step.say(
        PlacementEnding, event.placement, event.territory,
        structure=row["structure"], section=row["section"], last_day=event.last_day, reason=event.reason,
    )  # fmt: skip
    due = at(event.last_day + timedelta(days=1), time())
    store.set_timer(tx, moves.DEPARTURE, event.placement, event.territory, due)
    step.mark_due(event.territory, event.type)


def _move_end(step: Step, row: sa.RowMapping, event: DepartureAnnounced) -> bool:
    """Hold the hours up to the last day only. False if that would be later and somebody else holds them by now."""
    after = max(event.last_day + timedelta(days=1), row["starts"])
    if row["ends"] is not None:
        after = min(after, row["ends"])
    held = next(iter(store.holds(step.tx, t.holds.c.proposal == event.placement)), None)
    held_until = row["starts"] if held is None else held.period.end
    if held_until is not None and held_until < after:
        return _hold_longer(step, row, held, held_until, after)
    if held is not None and held_until != after:
        _let_go(step, row, held, after)
    return True


def _let_go(step: Step, row: sa.RowMapping, held: Hold, after: date) -> None:
    """The hours from `after` on are free; the notice is the structure's word that they are."""
    own = t.holds.c.hold == held.id
    if after <= held.period.start:
        step.tx.execute(t.holds.delete().where(own))
    else:
        step.tx.execute(t.holds.update().where(own).values(ends=after))
    rows = store.open_vacancies(step.tx, t.vacancies.c.section == row["section"])
    for vacancy in sat_on(store.pool(rows), [held], step.now):
        step.tx.execute(
            t.vacancies.update().where(t.vacancies.c.vacancy == vacancy).values(confirmed_at=step.now)
        )  # fmt: skip
    step.say(
        PlaceReopened, row["placement"], row["territory"],
        section=row["section"], slots=held.slots, period=Period(start=after, end=held.period.end),
    )  # fmt: skip


def _hold_longer(step: Step, row: sa.RowMapping, held: Hold | None, held_until: date, after: date) -> bool:
    """Hold the hours of `[held_until, after)` again, if they are still free."""
    longer = Hold(
        id=f"{row['placement']}.longer", section=row["section"], slots=store.SLOTS.validate_python(row["slots"]),
        period=Period(start=held_until, end=after), entitled_to=held.entitled_to if held else Audience.EVERYBODY,
    )  # fmt: skip
    others = store.holds(step.tx, t.holds.c.section == row["section"])
    if held is None or overfull(store.places_in(step.tx, row["section"]), others, longer, step.now):
        return False
    step.tx.execute(t.holds.update().where(t.holds.c.hold == held.id).values(ends=after))
    return True
