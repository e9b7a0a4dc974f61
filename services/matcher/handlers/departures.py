"""Children who leave: the notice opens the hours from the day after the last one."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from contracts.confirmations import DepartureAnnounced
from contracts.vocabulary import Audience, Period, TaskKind
from services.bus.retries import WrongEvent
from services.calendar import date_in_full
from services.matcher import moving, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.rules.capacity import overfull
from services.matcher.solver.schema import Hold
from services.matcher.step import Step


def on_departure_announced(tx: sa.Connection, event: DepartureAnnounced, now: datetime) -> None:
    """A last day may be moved, later only while nobody else was promised the hours: else a person decides."""
    step = step_for(tx, event, now)
    row = moving.placement_row(tx, event.placement)
    if row is None:
        raise WrongEvent(f"le placement {event.placement} est inconnu")
    if row["is_over"] or row["last_day"] == event.last_day:
        return
    store.lock_section(tx, row["section"])
    if not _move_end(step, row, event):
        detail = f"Un départ est repoussé au {date_in_full(event.last_day)}. Sa place est déjà promise."
        tasks.open_task(step, TaskKind.SHORTFALL, territory=event.territory, structure=row["structure"], detail=detail)
        return
    moving.end_placement(step, row, event.last_day, event.reason)
    _ask_no_more(step, row)
    step.mark_due(event.territory, event.type)


def _ask_no_more(step: Step, row: sa.RowMapping) -> None:
    """A child that leaves the part of its days is not asked for the rest: as after any placement, it asks anew."""
    request = store.request_row(step.tx, row["request"])
    if request is not None and request["state"] in (store.WAITING, store.WITH_PERSON):
        store.touch_request(step.tx, row["request"], state=store.PLACED)


def _move_end(step: Step, row: sa.RowMapping, event: DepartureAnnounced) -> bool:
    """Hold the hours up to the last day only. False if that would be later and somebody else holds them by now."""
    after = max(event.last_day + timedelta(days=1), row["starts"])
    if row["ends"] is not None:
        after = min(after, row["ends"])
    held = next(iter(store.holds(step.tx, t.holds.c.hold == event.placement)), None)
    held_until = row["starts"] if held is None else held.period.end
    if held_until is not None and held_until < after:
        return _hold_longer(step, row, held, held_until, after)
    if held is not None and held_until != after:
        moving.let_go(step, row, held, after)
    return True


def _hold_longer(step: Step, row: sa.RowMapping, held: Hold | None, held_until: date, after: date) -> bool:
    """Hold the hours of `[held_until, after)` again, if they are still free."""
    longer = Hold(
        id=f"{row['placement']}.longer", section=row["section"], slots=store.SLOTS.validate_python(row["slots"]),
        period=Period(start=held_until, end=after), entitled_to=held.entitled_to if held else Audience.EVERYBODY,
    )  # fmt: skip
    others = store.counted(step.tx, row["section"])
    if held is None or overfull(store.places_in(step.tx, row["section"]), others, longer, step.now):
        return False
    step.tx.execute(t.holds.update().where(t.holds.c.hold == held.id).values(ends=after))
    return True
