"""Reading and writing the matcher's rows. No rule lives here.

Rows of proposals come back as `Proposal`, so that a decision reads as the field speaks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from contracts.proposals import Half
from contracts.requests import NeedFacts, RequestAmended, RequestRegistered
from contracts.vocabulary import (
    Answer,
    Audience,
    Period,
    ProposalState,
    Slot,
    TaskKind,
    VacancyKind,
    WithdrawalReason,
)
from services.bus import traces
from services.matcher import tables as t
from services.matcher.rules.capacity import Owned
from services.matcher.rules.hours import Amount
from services.matcher.solver.schema import Hold, Vacancy

SLOTS = TypeAdapter(tuple[Slot, ...])
TableRow = sa.RowMapping | dict[str, Any]
"""A row by the names of its columns."""

WAITING, WITH_PERSON, PLACED, CLOSED = "waiting", "with_person", "placed", "closed"
"""States of a request here: it waits; a person looks at it before the next round; it has its place; a person closed it.

A placement that ends does not wake its request: the family's need has changed, so a person registers it anew.
"""

AMOUNTS = TypeAdapter(tuple[Amount, ...])


def slots_json(slots: Sequence[Slot]) -> Any:
    return SLOTS.dump_python(tuple(slots), mode="json")


@dataclass(frozen=True)
class Proposal:
    """A proposal as its referee knows it."""

    proposal: str
    territory: str
    round: str | None
    request: str
    family: str
    structure: str
    section: str
    kind: VacancyKind
    slots: tuple[Slot, ...]
    period: Period
    code: str
    state: ProposalState
    made_at: datetime
    tier: int
    points: int
    since: date
    needs_person: bool
    urgent: bool
    held_by: str | None
    answer_by: datetime | None
    counted_from: datetime | None
    deadline: datetime | None
    deadline_before_call: datetime | None
    call_asked_at: datetime | None
    answered_by: str | None
    answered_at: datetime | None
    answer: Answer | None
    was_sent: bool
    partial: bool
    replaces: str | None
    siblings: str | None
    wave: str | None
    withdrawn_for: WithdrawalReason | None
    other_half: Half | None
    confirmed_half: dict[str, dict[str, Any]] | None

    @property
    def awaited_structure(self) -> str:
        """The structure that has to act: of two that share the week, the one that has not confirmed."""
        first_said = self.other_half is not None and self.proposal in (self.confirmed_half or {})
        return self.other_half.structure if self.other_half is not None and first_said else self.structure


def as_proposal(row: TableRow) -> Proposal:
    """The proposal of a row that has all columns."""
    values = {name: row[name] for name in Proposal.__dataclass_fields__ if name != "period"}
    values.update(
        kind=VacancyKind(row["kind"]),
        slots=SLOTS.validate_python(row["slots"]),
        period=Period(start=row["starts"], end=row["ends"]),
        state=ProposalState(row["state"]),
        answer=Answer(row["answer"]) if row["answer"] else None,
        withdrawn_for=WithdrawalReason(row["withdrawn_for"]) if row["withdrawn_for"] else None,
        other_half=Half.model_validate(row["other_half"]) if row["other_half"] else None,
    )
    return Proposal(**values)


def proposal(tx: sa.Connection, proposal_id: str) -> Proposal | None:
    """The proposal, its row locked until the transaction ends."""
    row = tx.execute(_PROPOSAL, {"_name": proposal_id}).mappings().first()
    return as_proposal(row) if row else None


_NAME = sa.bindparam("_name", type_=sa.String)
_PROPOSAL = sa.select(t.proposals).where(t.proposals.c.proposal == _NAME).with_for_update()
"""Built once, as the others below: every proposal asks these, and to build one costs as much as to ask it."""


def live_proposals(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Proposal]:
    query = sa.select(t.proposals).where(t.IS_LIVE, *conditions).order_by(t.proposals.c.proposal)
    return [as_proposal(row) for row in tx.execute(query).mappings()]


def change_proposal(
    tx: sa.Connection, proposal_id: str, allowed: Iterable[ProposalState], **values: object
) -> bool:  # fmt: skip
    """Change the row if its state is one of `allowed`; False if somebody else was first."""
    changed = tx.execute(_CHANGE_PROPOSAL, {"_name": proposal_id, "_allowed": list(allowed), **values})
    return changed.first() is not None


_CHANGE_PROPOSAL = (
    t.proposals.update()
    .where(t.proposals.c.proposal == _NAME, t.proposals.c.state.in_(sa.bindparam("_allowed", expanding=True)))
    .returning(t.proposals.c.proposal)
)
"""What changes is named by the values that it is run with."""


def lock_section(tx: sa.Connection, section: str) -> bool:
    """Lock the section's row and count the change. Every change of what it holds or offers goes through here."""
    return bool(lock_sections(tx, [section]))


def lock_sections(tx: sa.Connection, sections: Collection[str]) -> list[str]:
    """The same for several at once: those that are known. Whoever locks several has the territory's lock."""
    return list(tx.scalars(_LOCK_SECTIONS, {"_names": sections}))


_LOCK_SECTIONS = (
    t.sections.update()
    .where(t.sections.c.section.in_(sa.bindparam("_names", expanding=True)))
    .values(version=t.sections.c.version + 1)
    .returning(t.sections.c.section)
)


def open_vacancies(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[sa.RowMapping]:
    """Vacancies that have places, or places on which children sit; the oldest first."""
    return list(tx.execute(in_their_order(sa.select(t.vacancies), *conditions)).mappings())


def in_their_order(query: sa.Select[Any], *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The same question about open vacancies, the oldest first."""
    open_ones = query.where(t.vacancies.c.is_open, *conditions)
    return open_ones.order_by(t.vacancies.c.opened_at, t.vacancies.c.vacancy)


def places_of(row: TableRow) -> list[Vacancy]:
    """The places of a vacancy as a round counts them: those on which children sat when it was counted come first."""
    own = own_places(row)
    return [*beside(own, AMOUNTS.validate_python(row["sat_on"])), *([own] if own.places else [])]


def own_places(row: TableRow) -> Vacancy:
    """The places that the director counted."""
    return Vacancy(
        id=row["vacancy"],
        section=row["section"],
        kind=VacancyKind(row["kind"]),
        slots=SLOTS.validate_python(row["slots"]),
        places=row["places"],
        period=Period(start=row["starts"], end=row["ends"]),
        audience=Audience(row["audience"]),
        release_at=row["release_at"],
    )


def beside(vacancy: Vacancy, amounts: Sequence[Amount]) -> list[Vacancy]:
    """The places on which children sit, as rows of their own."""
    return [
        vacancy.model_copy(update={"id": f"{vacancy.id}.{n}", "slots": a.slots, "period": a.period, "places": a.places})
        for n, a in enumerate(amounts)
    ]


def pool(rows: Iterable[TableRow]) -> list[Owned]:
    """The places of some vacancies in the order in which children sit on them: where they sat before comes first."""
    owned = [(row["vacancy"], vacancy) for row in rows for vacancy in places_of(row)]
    return sorted(owned, key=lambda pair: pair[0] == pair[1].id)  # stable: a vacancy's own count behind the others


def places_in(tx: sa.Connection, section: str) -> list[Vacancy]:
    """All the places that a section has, whether or not somebody confirmed them lately."""
    return [vacancy for row in open_vacancies(tx, t.vacancies.c.section == section) for vacancy in places_of(row)]


def holds(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Hold]:
    """What is held. What a child would lend to another by moving is not taken off here."""
    query = sa.select(t.holds).where(t.holds.c.lent_by.is_(None), *conditions).order_by(t.holds.c.hold)
    return [hold(row) for row in tx.execute(query).mappings()]


def loans(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[tuple[str, Hold]]:
    """Hours that count once although two hold them, as -1, each with the hold that gives them up."""
    query = sa.select(t.holds).where(t.holds.c.lent_by.is_not(None), *conditions).order_by(t.holds.c.hold)
    return [(row["lent_by"], hold(row)) for row in tx.execute(query).mappings()]


def counted(tx: sa.Connection, section: str) -> list[Hold]:
    """All that counts against the places of a section: what is held, and what of it is lent."""
    return all_counted(tx, t.holds.c.section == section)


def all_counted(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Hold]:
    """What is held, and what of it is lent, of these."""
    return [hold(row) for row in tx.execute(in_counted_order(sa.select(t.holds).where(*conditions))).mappings()]


def in_counted_order(query: sa.Select[Any]) -> sa.Select[Any]:
    """The same question about holds: first what is held, then what of it is lent."""
    return query.order_by(t.holds.c.lent_by.is_not(None), t.holds.c.hold)


def hold(row: TableRow) -> Hold:
    """What a row holds."""
    return Hold(
        id=row["hold"],
        section=row["section"],
        slots=SLOTS.validate_python(row["slots"]),
        period=Period(start=row["starts"], end=row["ends"]),
        units=row["units"],
        entitled_to=Audience(row["entitled_to"]),
        reason="placement" if row["is_placement"] else "proposal",
        **({"by_person": True, "forced": row["forced"]} if row["forced"] and not row["is_placement"] else {}),
    )


def need(row: sa.RowMapping) -> NeedFacts:
    """The need of a request's row, as it was last declared."""
    facts = row["need"]
    return (RequestAmended if facts["type"] == RequestAmended.wire_type() else RequestRegistered).model_validate(facts)


def request_row(tx: sa.Connection, request: str) -> sa.RowMapping | None:
    return tx.execute(_REQUEST, {"_name": request}).mappings().first()


_REQUEST = sa.select(t.requests).where(t.requests.c.request == _NAME).with_for_update()


def touch_request(tx: sa.Connection, request: str, **values: object) -> None:
    """Change a request and count the change."""
    tx.execute(
        t.requests.update()
        .where(t.requests.c.request == request)
        .values(version=t.requests.c.version + 1, **values)
    )  # fmt: skip


def touch_requests(tx: sa.Connection, requests: Collection[str]) -> None:
    """Count a change of each of these."""
    tx.execute(_TOUCH, {"_names": requests})


_TOUCH = (
    t.requests.update()
    .where(t.requests.c.request.in_(sa.bindparam("_names", expanding=True)))
    .values(version=t.requests.c.version + 1)
)


def read_anew(tx: sa.Connection, territory: str) -> None:
    """Count a change of each request that waits there: what they are read against is no longer the same."""
    waiting = (t.requests.c.territory == territory, t.requests.c.state == WAITING)
    tx.execute(t.requests.update().where(*waiting).values(version=t.requests.c.version + 1))


def territory_row(tx: sa.Connection, territory: str, *, lock: bool = False) -> sa.RowMapping | None:
    """The territory. With `lock`, until the transaction ends nobody else decides there.

    Handlers, timers and rounds take this lock first, so they never wait for each other in a circle.
    """
    return tx.execute(_LOCK_TERRITORY if lock else _TERRITORY, {"_name": territory}).mappings().first()


_TERRITORY = sa.select(t.territories).where(t.territories.c.territory == _NAME)
_LOCK_TERRITORY = _TERRITORY.with_for_update()


def mark_due(
    tx: sa.Connection, territory: str, at: datetime, because: str, row: sa.RowMapping | None = None
) -> None:  # fmt: skip
    """A round of `territory`, whose row may be known, is due at `at`, or earlier if it was already."""
    row = row or territory_row(tx, territory)
    if row is None:
        return
    sooner = row["due_at"] is None or at < row["due_at"]
    if sooner:
        traces.remember(f"round/{territory}")
    values = {"due_at": at, "due_because": because} if sooner else {}
    tx.execute(_MARK_DUE, {"_name": territory, **values})


_MARK_DUE = (
    t.territories.update()
    .where(t.territories.c.territory == _NAME)
    .values(due_marks=t.territories.c.due_marks + 1)
)  # fmt: skip


def set_timer(tx: sa.Connection, kind: str, about: str, territory: str, due_at: datetime) -> None:
    """Set, or move, the one timer of this kind about this thing."""
    drop_timers(tx, about, kind)
    tx.execute(t.timers.insert().values(kind=kind, about=about, territory=territory, due_at=due_at))


def has_timer(tx: sa.Connection, kind: str, about: str) -> bool:
    same = (t.timers.c.kind == kind, t.timers.c.about == about)
    return tx.scalar(sa.select(t.timers.c.about).where(*same)) is not None


def drop_timers(tx: sa.Connection, about: str, *kinds: str) -> None:
    query = t.timers.delete().where(t.timers.c.about == about)
    tx.execute(query.where(t.timers.c.kind.in_(kinds)) if kinds else query)


def open_tasks(tx: sa.Connection, kind: TaskKind, **about: str) -> list[str]:
    return list(tx.scalars(_open_tasks(frozenset(about)), {"kind": kind.value, **about}))


@cache
def _open_tasks(about: frozenset[str]) -> sa.Select[str]:
    """Of one kind, about what these columns name."""
    same = [t.tasks.c[name] == sa.bindparam(name) for name in ("kind", *sorted(about))]
    return sa.select(t.tasks.c.task).where(*same, t.tasks.c.settled_at.is_(None)).order_by(t.tasks.c.task)
