"""Free places: opened, changed, withdrawn, confirmed again, or all declared at once."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.vacancies import (
    SnapshotDeclared,
    VacancyChanged,
    VacancyOpened,
    VacancyReconfirmed,
    VacancyWithdrawn,
)
from contracts.vocabulary import Answer, Audience, ProposalState, TaskKind, VacancyKind, WithdrawalReason
from services.bus.retries import WrongEvent
from services.calendar import counted
from services.matcher import declared_capacity, draws, endings, halves, moves, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from services.matcher.rules.capacity import sat_on, short_holds
from services.matcher.rules.hours import Amount, Cell, Hours, as_amounts
from services.matcher.solver.claims import draw
from services.matcher.solver.schema import Hold
from services.matcher.step import Step
from services.matcher.store import Proposal


def on_vacancy_opened(tx: sa.Connection, event: VacancyOpened, now: datetime) -> None:
    step = step_for(tx, event, now)
    if not store.lock_section(tx, event.section):
        raise WrongEvent(f"la section {event.section} est inconnue : publiez d'abord la structure")
    tx.execute(t.vacancies.insert(), {
        "vacancy": event.subject, "territory": event.territory, "structure": event.structure, "section": event.section,
        "kind": event.kind.value, "slots": store.slots_json(event.slots), "places": event.places,
        "starts": event.period.start, "ends": event.period.end, "audience": event.audience.value,
        "release_at": event.release_at, "agreement": event.agreement, "opened_at": event.time,
        "confirmed_at": event.time, "is_open": True, "sat_on": [],
    })  # fmt: skip
    if event.release_at is not None and event.release_at > now:
        store.set_timer(tx, moves.ROUND, event.subject, event.territory, event.release_at)
    declared_capacity.check(step, event.structure)
    step.mark_due(event.territory, event.type, at_once=event.kind is not VacancyKind.REGULAR)


def on_vacancy_changed(tx: sa.Connection, event: VacancyChanged, now: datetime) -> None:
    """The director's count is of what is left: what Berceau gave away comes on top of it."""
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    taken = _sat_on(tx, row, now)
    values: dict[str, object] = {
        "places": event.places, "sat_on": taken, "confirmed_at": event.time, "is_open": bool(event.places or taken),
    }  # fmt: skip
    if event.period is not None:
        values.update(starts=event.period.start, ends=event.period.end)
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(**values))
    _withdraw_what_no_longer_fits(step, row["section"], WithdrawalReason.CAPACITY_REDUCED)
    declared_capacity.check(step, row["structure"])
    step.mark_due(event.territory, event.type, at_once=row["kind"] != VacancyKind.REGULAR)


def on_vacancy_withdrawn(tx: sa.Connection, event: VacancyWithdrawn, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    taken = _sat_on(tx, row, now)
    values = {"places": 0, "sat_on": taken, "is_open": bool(taken)}
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(**values))
    _withdraw_what_no_longer_fits(step, row["section"], event.reason)
    declared_capacity.check(step, row["structure"])


def on_vacancy_reconfirmed(tx: sa.Connection, event: VacancyReconfirmed, now: datetime) -> None:
    step = step_for(tx, event, now)
    row = _lock_vacancy(tx, event.subject)
    tx.execute(t.vacancies.update().where(t.vacancies.c.vacancy == event.subject).values(confirmed_at=event.time))
    step.mark_due(event.territory, event.type, at_once=row["kind"] == VacancyKind.OCCASIONAL)


def on_snapshot_declared(tx: sa.Connection, event: SnapshotDeclared, now: datetime) -> None:
    """Replace the section's regular vacancies by what is declared free, beside the children whom it knows of.

    Where live proposals hold more than that, a person decides: nobody's proposal is taken back in silence.
    """
    step = step_for(tx, event, now)
    if not store.lock_section(tx, event.section):
        raise WrongEvent(f"la section {event.section} est inconnue : publiez d'abord la structure")
    known = _seats(tx, _known_to_the_structure(tx, event))
    regular = (t.vacancies.c.section == event.section) & (t.vacancies.c.kind == VacancyKind.REGULAR.value)
    tx.execute(t.vacancies.update().where(regular).values(is_open=False, places=0, sat_on=[]))
    for n, free in enumerate(event.free):
        declared = Amount(free.slots, free.period, free.places)
        _insert_declared(tx, event, n, declared, known if n == 0 else [])  # the first carries the children
    if not event.free and known:
        _insert_declared(tx, event, 0, Amount(known[0].slots, known[0].period, 0), known)
    if short := _short_proposals(tx, event.section, now):
        fewer = _fewer_declared(len(short))
        tasks.open_task(step, TaskKind.SHORTFALL, territory=event.territory, structure=event.structure, detail=fewer)
    declared_capacity.check(step, event.structure)
    step.mark_due(event.territory, event.type)


def _fewer_declared(short: int) -> str:
    concerned = counted(short, "proposition est concernée", "propositions sont concernées")
    return f"Son logiciel déclare moins de places. {concerned}."


def _seats(tx: sa.Connection, known: list[Hold]) -> list[Amount]:
    """The places on which these children sit: who said OUI to another place sits, at one hour, on one of the two.
    What is lent is lent within its section."""
    names = [hold.id for hold in known]
    theirs = sa.select(t.holds.c.proposal).where(t.holds.c.hold.in_(names))
    twice = [loan for _, loan in store.loans(tx, t.holds.c.proposal.in_(theirs), t.holds.c.lent_by.in_(names))]
    if not twice:
        return [Amount(hold.slots, hold.period, hold.units) for hold in known]
    hours, sat = Hours([*known, *twice]), Counter[Cell]()
    for hold in (*known, *twice):
        for cell in hours.cells(hold):
            sat[cell] += hold.units
    return list(as_amounts(+sat))


def _known_to_the_structure(tx: sa.Connection, event: SnapshotDeclared) -> list[Hold]:
    """The children of regular places whose OUI it had seen at that instant: it takes them off by itself."""
    of_them = sa.select(t.proposals.c.proposal).where(
        halves.in_section(event.section),
        t.proposals.c.kind == VacancyKind.REGULAR.value,
        t.proposals.c.answer == Answer.OUI.value,
        t.proposals.c.answered_at <= event.as_of,
    )
    return store.holds(tx, t.holds.c.section == event.section, t.holds.c.proposal.in_(of_them))


def _insert_declared(
    tx: sa.Connection, event: SnapshotDeclared, n: int, free: Amount, known: list[Amount]
) -> None:  # fmt: skip
    name = f"{event.subject}-{n}"  # as ingest names it
    tx.execute(
        t.vacancies.insert().values(
            vacancy=name, territory=event.territory, structure=event.structure, section=event.section,
            kind=VacancyKind.REGULAR.value, slots=store.slots_json(free.slots), places=free.places,
            sat_on=store.AMOUNTS.dump_python(tuple(known), mode="json"), starts=free.period.start,
            ends=free.period.end, audience=Audience.EVERYBODY.value, opened_at=event.time, confirmed_at=event.as_of,
            is_open=bool(free.places or known),
        )
    )  # fmt: skip


def _lock_vacancy(tx: sa.Connection, vacancy: str) -> sa.RowMapping:
    """The vacancy's row, with its section locked."""
    row = tx.execute(sa.select(t.vacancies).where(t.vacancies.c.vacancy == vacancy)).mappings().first()
    if row is None:
        raise WrongEvent(f"la place {vacancy} est inconnue")
    store.lock_section(tx, row["section"])
    return row


def _sat_on(tx: sa.Connection, row: sa.RowMapping, now: datetime) -> list[dict[str, Any]]:
    """The places of this vacancy on which placed children sit, as the row keeps them."""
    section = row["section"]
    pool = store.pool(store.open_vacancies(tx, t.vacancies.c.section == section))
    placed = store.holds(tx, t.holds.c.section == section, t.holds.c.is_placement)
    found: list[dict[str, Any]] = store.AMOUNTS.dump_python(
        sat_on(pool, placed, now).get(row["vacancy"], ()), mode="json"
    )
    return found


def _withdraw_what_no_longer_fits(step: Step, section: str, reason: WithdrawalReason) -> None:
    """Take back the lowest claim until what is held fits; a OUI is taken back last, a placement never.

    A NON that could still be undone is final instead.
    """
    while short := _short_proposals(step.tx, section, step.now):
        seed = draws.seed_of(step.tx, short[0].territory, step.now)
        lowest = max(short, key=lambda proposal: _goes(proposal, seed))
        if lowest.state is ProposalState.DECLINING:
            done = endings.decline(step, lowest, Answer.NON, lowest.answered_by or "matcher")
        else:
            done = endings.withdraw(step, lowest, reason)
        if not done:
            return


def _goes(proposal: Proposal, seed: str) -> tuple[int, int, int, date, bytes]:
    """The highest goes first: whoever said NON, then the lowest claim, those who said OUI last. Ties by the draw."""
    last = {ProposalState.DECLINING: 2, ProposalState.ACCEPTED: 0}.get(proposal.state, 1)
    return (last, proposal.tier, -proposal.points, proposal.since, draw(seed, proposal.request))


def _short_proposals(tx: sa.Connection, section: str, now: datetime) -> list[Proposal]:
    """The live proposals that hold hours of which there are fewer than are held."""
    short = short_holds(store.places_in(tx, section), store.counted(tx, section), now)
    return [p for p in store.live_proposals(tx, halves.in_section(section)) if halves.holds_of(p) & short.keys()]
