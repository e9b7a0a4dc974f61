"""Free places: opened, changed, withdrawn, confirmed again, or all declared at once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from contracts.vacancies import (
    SnapshotDeclared,
    VacancyChanged,
    VacancyOpened,
    VacancyReconfirmed,
    VacancyWithdrawn,
)
from contracts.vocabulary import ProposalState, TaskKind, VacancyKind, WithdrawalReason
from services.bus.retries import WrongEvent
from services.matcher import lifecycle, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.rules.capacity import given_beside, overfull, taken_from
from services.matcher.solver.schema import Hold, Vacancy
from services.matcher.step import Step
from services.matcher.store import Proposal


def on_vacancy_opened(tx: sa.Connection, event: VacancyOpened, now: datetime) -> None:
    step = step_for(tx, event, now)
    if not store.lock_section(tx, event.section):
        raise WrongEvent(f"la section {event.section} est inconnue : publiez d'abord la structure")
    tx.execute(
        t.vacancies.insert().values(
            vacancy=event.subject, territory=event.territory, structure=event.structure, section=event.section,
            kind=event.kind.value, slots=store.slots_json(event.slots), places=event.places,
            starts=event.period.start, ends=event.period.end, audience=event.audience.value,
            release_at=event.release_at, agreement=event.agreement, opened_at=event.time, confirmed_at=event.time,
            is_open=True,
        )
    )  # fmt: skip
    if event.release_at is not None and event.release_at > now:
        store.set_timer(tx, lifecycle.ROUND, event.subject, event.territory, event.release_at)
    step.mark_due(event.territory, event.type, at_once=event.kind is not VacancyKind.REGULAR)


def on_vacancy_changed(tx: sa.Connection, event: VacancyChanged, now: datetime) -> None:
    """The director's count is of what is left: what Berceau gave away comes on top of it."""
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    values: dict[str, object] = {
        "places": event.places + _given_away(tx, row),
        "confirmed_at": event.time,
        "is_open": True,
    }
    if event.period is not None:
        values.update(starts=event.period.start, ends=event.period.end)
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(**values))
    _withdraw_what_no_longer_fits(step, row["section"], WithdrawalReason.CAPACITY_REDUCED)
    step.mark_due(event.territory, event.type, at_once=row["kind"] != VacancyKind.REGULAR)


def on_vacancy_withdrawn(tx: sa.Connection, event: VacancyWithdrawn, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    given = _given_away(tx, row)
    values = {"places": given, "is_open": given > 0}
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(**values))
    _withdraw_what_no_longer_fits(step, row["section"], event.reason)


def on_vacancy_reconfirmed(tx: sa.Connection, event: VacancyReconfirmed, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(confirmed_at=event.time))
    step.mark_due(event.territory, event.type, at_once=row["kind"] == VacancyKind.OCCASIONAL)


def on_snapshot_declared(tx: sa.Connection, event: SnapshotDeclared, now: datetime) -> None:
    """Replace the section's ordinary vacancies by what is declared free beside its placements.

    Where live proposals hold more than that, a person decides: nobody's proposal is taken back in silence.
    """
    step = step_for(tx, event, now)
    if not store.lock_section(tx, event.section):
        raise WrongEvent(f"la section {event.section} est inconnue : publiez d'abord la structure")
    ordinary = (t.vacancies.c.section == event.section) & (t.vacancies.c.kind != VacancyKind.ON_CALL.value)
    tx.execute(t.vacancies.update().where(ordinary).values(is_open=False, places=0))
    declared = [_declared(event, n) for n in range(len(event.free))]
    besides = given_beside(declared, _placements(tx, event.section))
    for vacancy in declared:
        _insert_declared(tx, event, vacancy, vacancy.places + besides[vacancy.id])
    if _overfull_proposals(tx, event.section, now):
        tasks.open_task(step, TaskKind.SHORTFALL, territory=event.territory, structure=event.structure)
    step.mark_due(event.territory, event.type)


def _declared(event: SnapshotDeclared, n: int) -> Vacancy:
    free = event.free[n]
    name = f"{event.subject}.{n}"
    return Vacancy(id=name, section=event.section, slots=free.slots, places=free.places, period=free.period)


def _insert_declared(tx: sa.Connection, event: SnapshotDeclared, vacancy: Vacancy, places: int) -> None:
    tx.execute(
        t.vacancies.insert().values(
            vacancy=vacancy.id, territory=event.territory, structure=event.structure, section=event.section,
            kind=vacancy.kind.value, slots=store.slots_json(vacancy.slots), places=places,
            starts=vacancy.period.start, ends=vacancy.period.end, audience=vacancy.audience.value,
            opened_at=event.time, confirmed_at=event.as_of, is_open=places > 0,
        )
    )  # fmt: skip


def _lock_vacancy(tx: sa.Connection, vacancy: str) -> sa.RowMapping:
    """The vacancy's row, with its section locked."""
    row = tx.execute(sa.select(t.vacancies).where(t.vacancies.c.vacancy == vacancy)).mappings().first()
    if row is None:
        raise WrongEvent(f"la place {vacancy} est inconnue")
    store.lock_section(tx, row["section"])
    return row


def _placements(tx: sa.Connection, section: str) -> list[Hold]:
    return store.holds(tx, t.holds.c.section == section, t.holds.c.is_placement)


def _given_away(tx: sa.Connection, row: sa.RowMapping) -> int:
    """How many of this vacancy's places Berceau has given to children."""
    section = row["section"]
    pool = [store.as_vacancy(other) for other in store.open_vacancies(tx, t.vacancies.c.section == section)]
    return taken_from(store.as_vacancy(row), pool, _placements(tx, section))


def _withdraw_what_no_longer_fits(step: Step, section: str, reason: WithdrawalReason) -> None:
    """Take back the lowest claim until what is held fits; a OUI is taken back last, a placement never."""
    while short := _overfull_proposals(step.tx, section, step.now):
        lowest = max(short, key=lambda p: (p.state is not ProposalState.ACCEPTED, p.claim))
        if not lifecycle.withdraw(step, lowest, reason):
            return


def _overfull_proposals(tx: sa.Connection, section: str, now: datetime) -> list[Proposal]:
    """The live proposals that hold hours of which there are fewer than are held."""
    vacancies = [store.as_vacancy(row) for row in store.open_vacancies(tx, t.vacancies.c.section == section)]
    held = store.holds(tx, t.holds.c.section == section)
    short = []
    for proposal in store.live_proposals(tx, t.proposals.c.section == section):
        own = next((hold for hold in held if hold.id == proposal.proposal), None)
        if own and overfull(vacancies, [hold for hold in held if hold is not own], own, now):
            short.append(proposal)
    return short
