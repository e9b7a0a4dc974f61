"""What a person has to look at, and that it was done."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from contracts.base import Event
from contracts.vocabulary import Id, TaskKind


class TaskOpened(Event):
    """Something a machine must not decide. The subject is the task; the rest says what it is about."""

    type: Literal["task.opened"]
    kind: TaskKind
    proposal: Id | None = None
    request: Id | None = None
    structure: Id | None = None
    due: AwareDatetime | None = None
    detail: str = ""


class TaskSettled(Event):
    type: Literal["task.settled"]
    by: Id


class TaskHandled(Event):
    """A person says that a task is done, or puts it off: it comes back at `again_at`.

    The `note` is not written any more: free words stay with the guichet.
    """

    type: Literal["task.handled"]
    by: Id
    note: str = ""
    again_at: AwareDatetime | None = None
