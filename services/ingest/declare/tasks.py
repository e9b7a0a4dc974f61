"""A person says that a task is done, or puts it off. Where a place is held, only a gesture settles it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.tasks import TaskHandled
from contracts.vocabulary import Id, ProposalState, TaskKind
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared, did
from services.ingest.declare.bodies import Body, Words
from services.ingest.inbound import inbound
from services.ingest.problems import conflict, unknown
from services.ingest.projection.tables import proposals, tasks
from services.ingest.words import keep_words

S = ProposalState


class HandledBody(Body):
    """Done, or with `again_in_hours` put off: the task comes back then."""

    note: Words = ""
    again_in_hours: Annotated[int, Field(ge=1, le=72)] | None = None


_ASKED = frozenset(state for state in ProposalState if state.waits_for_family) | {S.FROZEN, S.DECLINING}

ACT_FIRST = MappingProxyType(
    {
        TaskKind.RELEASE: frozenset({S.PREPARED}),
        TaskKind.LATE_CONFIRMATION: frozenset({S.ACCEPTED}),
        TaskKind.WRONG_NUMBER: frozenset({S.UNDELIVERED, S.FROZEN}),
        **dict.fromkeys(
            (
                TaskKind.CALL_BACK,
                TaskKind.UNCLEAR_REPLY,
                TaskKind.UNDELIVERED,
                TaskKind.NO_MOBILE,
                TaskKind.CONTRADICTION,
                TaskKind.TO_VERIFY,
            ),
            _ASKED,
        ),
    }
)
"""Tasks that hold a place while their proposal is in one of these states: only a gesture settles them, never a tick."""


def handle_task(tx: sa.Connection, act: Act, task: Id, body: HandledBody) -> None:
    """The task leaves the list at once; the matcher settles it."""
    row = store.find(tx, tasks, task)
    if row is None or row["territory"] != act.territory:
        raise unknown("task", "cette tâche")
    require(act.actor, Doing.HANDLE_TASK, Thing(act.territory, structure=row["structure"]))
    if row["settled_at"] is not None or row["handled_at"] is not None:
        raise conflict("task", "already_handled", "Cette tâche est déjà faite.", "Rechargez la liste.")
    if body.again_in_hours is None:
        _require_gesture(tx, row)
    again_at = act.now + timedelta(hours=body.again_in_hours) if body.again_in_hours else None
    store.update(tx, tasks, task, handled_at=act.now, handled_by=act.actor.id)
    keep_words(tx, act, TaskHandled, (row["proposal"] or row["request"] or task,), body.note)
    declared(tx, act, act.say(TaskHandled, task, by=act.actor.id, again_at=again_at))


def _require_gesture(tx: sa.Connection, row: Mapping[str, Any]) -> None:
    """Raise Refused where a tick would leave a proposal that holds its place and waits for nobody."""
    proposal = store.find(tx, proposals, row["proposal"]) if row["proposal"] else None
    if proposal is not None and proposal["state"] in ACT_FIRST.get(TaskKind(row["kind"]), frozenset()):
        rule = "Cette proposition tient une place : la tâche ne se coche pas seule."
        remedy = "Enregistrez la réponse ou l'appel, rendez la place, ou reportez la tâche (again_in_hours)."
        raise conflict("task", "gesture_wanted", rule.replace(" :", "\u00a0:"), remedy)


def handle_text(tx: sa.Connection, act: Act, text: str) -> None:
    """An SMS that is no answer was read by a person; it leaves the list and its words are erased."""
    row = store.find(tx, inbound, text)
    if row is None or row["territory"] != act.territory:
        raise unknown("text", "ce SMS")
    require(act.actor, Doing.HANDLE_TASK, Thing(act.territory))
    store.update(tx, inbound, text, handled_at=act.now, handled_by=act.actor.id, words=None)
    did(tx, act, "text.handled", row["proposal"] or row["owner"] or act.territory)
