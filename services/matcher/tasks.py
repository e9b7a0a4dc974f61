"""What a person has to look at: opened once, settled once, and settled by itself when it has no object any more."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.tasks import TaskOpened, TaskSettled
from contracts.vocabulary import TaskKind
from services.matcher import store
from services.matcher import tables as t
from services.matcher.step import Step
from services.matcher.store import Proposal


def open_task(
    step: Step, kind: TaskKind, proposal: Proposal | None = None, *, territory: str = "", detail: str = "",
    due: datetime | None = None, **about: str | None,
) -> None:  # fmt: skip
    """Something for a person. One open task of a kind about a thing is enough."""
    facts: dict[str, str | None] = {"proposal": None, "request": None, "structure": None, **about}
    if proposal is not None:
        territory = proposal.territory
        structure = about.get("structure") or proposal.awaited_structure
        facts = {"proposal": proposal.proposal, "request": proposal.request, "structure": structure}
    if _is_open(step, kind, facts):
        return
    task = hashlib.sha256(f"{kind}/{sorted(facts.items())}/{step.cause}".encode()).hexdigest()[:16]
    step.insert(t.tasks, {"task": task, "territory": territory, "kind": kind.value, "opened_at": step.now, **facts})
    if facts["proposal"] is not None:
        step.sheet.note(f"task/{kind}", facts["proposal"])
    step.say(TaskOpened, task, territory, kind=kind, due=due, detail=detail, **facts)


def _is_open(step: Step, kind: TaskKind, facts: Mapping[str, str | None]) -> bool:
    if step.sheet.is_about_new(f"task/{kind}", facts["proposal"]) is False:
        return False
    return bool(store.open_tasks(step.tx, kind, **{k: v for k, v in facts.items() if v is not None}))


def settle_task(step: Step, task: str, territory: str, by: str) -> bool:
    done = step.tx.execute(
        t.tasks.update()
        .where(t.tasks.c.task == task, t.tasks.c.settled_at.is_(None))
        .values(settled_at=step.now)
        .returning(t.tasks.c.task)
    )
    if done.first() is None:
        return False
    step.say(TaskSettled, task, territory, by=by)
    return True


def settle(step: Step, kind: TaskKind, proposal: Proposal, by: str) -> None:
    if step.sheet.is_about_new(f"task/{kind}", proposal.proposal) is False:
        return
    for task in store.open_tasks(step.tx, kind, proposal=proposal.proposal):
        settle_task(step, task, proposal.territory, by)


ENDED = (
    TaskKind.RELEASE,
    TaskKind.UNDELIVERED,
    TaskKind.NO_MOBILE,
    TaskKind.CONTRADICTION,
    TaskKind.LATE_CONFIRMATION,
)
"""Tasks that have no object any more once a proposal is over. A family that asked for a call is still called."""

ANSWERED = (*ENDED, TaskKind.CALL_BACK, TaskKind.UNCLEAR_REPLY, TaskKind.TO_VERIFY)
"""Tasks that have no object any more once the family has answered."""


def settle_all(step: Step, proposal: Proposal, by: str, kinds: Sequence[TaskKind]) -> None:
    for kind in kinds:
        settle(step, kind, proposal, by)
