"""No live proposal is ever nobody's: something is due by itself, or a person has it on a list.

A proposal holds its place. One that waits for nothing holds it until its period ends, and nobody knows. Whoever changes
what a proposal waits for calls `keep_watch`; `left_alone` is what must be empty after every step (tests and simulation
ask it).
"""

from __future__ import annotations

from types import MappingProxyType

import sqlalchemy as sa

from contracts.vocabulary import ProposalState, TaskKind
from services.matcher import moves, store, tasks
from services.matcher import tables as t
from services.matcher.step import Step
from services.matcher.store import Proposal

S = ProposalState

MOVES_IT = frozenset({moves.EXPIRY, moves.UNDO, moves.RECEIPT, moves.CONFIRMATION, moves.RESUME})
"""Timers that bring a proposal on. Its period's end (LAPSE) is no watch: until then the place would be held for nobody;
a reminder moves nothing."""

NO_WATCH = frozenset({TaskKind.TO_PREPARE, TaskKind.SHORTFALL})
"""Tasks about a proposal that leave it as it is."""

BY_STATE = MappingProxyType(
    {
        S.PREPARED: TaskKind.RELEASE,
        S.HELD: TaskKind.RELEASE,
        S.RELEASED: TaskKind.UNDELIVERED,
        S.SENT: TaskKind.UNDELIVERED,
        S.DELIVERED: TaskKind.CALL_BACK,
        S.UNDELIVERED: TaskKind.UNDELIVERED,
        S.FROZEN: TaskKind.CONTRADICTION,
        S.DECLINING: TaskKind.CALL_BACK,
        S.ACCEPTED: TaskKind.LATE_CONFIRMATION,
    }
)
"""What a person has to settle about a proposal in each live state."""


def keep_watch(step: Step, proposal_id: str) -> None:
    """Give a live proposal that nothing moves any more back to a person."""
    for proposal in left_alone(step.tx, t.proposals.c.proposal == proposal_id):
        tasks.open_task(step, BY_STATE[proposal.state], proposal)


def left_alone(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Proposal]:
    """Live proposals that have neither a timer that moves them nor an open or put-off task."""
    return [
        proposal
        for proposal in store.live_proposals(tx, *conditions)
        if not (_is_timed(tx, proposal) or _is_on_a_list(tx, proposal))
    ]


def _is_timed(tx: sa.Connection, proposal: Proposal) -> bool:
    own = (t.timers.c.about == proposal.proposal, t.timers.c.kind.in_(MOVES_IT))
    return tx.scalar(sa.select(t.timers.c.kind).where(*own).limit(1)) is not None


def _is_on_a_list(tx: sa.Connection, proposal: Proposal) -> bool:
    births = (t.tasks.c.kind == TaskKind.BIRTH_TO_CONFIRM.value) & (t.tasks.c.request == proposal.request)
    put_off = sa.select(t.timers.c.about).where(t.timers.c.kind == moves.AGAIN)
    query = sa.select(t.tasks.c.task).where(
        (t.tasks.c.proposal == proposal.proposal) | births,
        t.tasks.c.kind.not_in([kind.value for kind in NO_WATCH]),
        t.tasks.c.settled_at.is_(None) | t.tasks.c.task.in_(put_off),
    )
    return tx.scalar(query.limit(1)) is not None
