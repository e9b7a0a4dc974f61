"""A person says that a task is done."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.tasks import TaskHandled
from contracts.vocabulary import Id
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared, did
from services.ingest.declare.bodies import Body, Words
from services.ingest.inbound import inbound
from services.ingest.problems import conflict, unknown
from services.ingest.projection.tables import tasks


class HandledBody(Body):
    note: Words = ""


def handle_task(tx: sa.Connection, act: Act, task: Id, body: HandledBody) -> None:
    """The task leaves the list at once; the matcher settles it."""
    row = store.find(tx, tasks, task)
    if row is None or row["territory"] != act.territory:
        raise unknown("task", "cette tâche")
    require(act.actor, Doing.HANDLE_TASK, Thing(act.territory, structure=row["structure"]))
    if row["settled_at"] is not None or row["handled_at"] is not None:
        raise conflict("task", "already_handled", "Cette tâche est déjà faite.", "Rechargez la liste.")
    store.update(tx, tasks, task, handled_at=act.now, handled_by=act.actor.id)
    declared(tx, act, act.say(TaskHandled, task, by=act.actor.id, note=body.note))


def handle_text(tx: sa.Connection, act: Act, text: str) -> None:
    """An SMS that is no answer was read by a person; it leaves the list and its words are erased."""
    row = store.find(tx, inbound, text)
    if row is None or row["territory"] != act.territory:
        raise unknown("text", "ce SMS")
    require(act.actor, Doing.HANDLE_TASK, Thing(act.territory))
    store.update(tx, inbound, text, handled_at=act.now, handled_by=act.actor.id, words=None)
    did(tx, act, "text.handled", row["proposal"] or row["owner"] or act.territory)
