"""What every event carries, whoever says it.

The attributes are those of CloudEvents 1.0 (id, source, type, subject, time) with the territory as partition key, the
version of the contract and the W3C trace context. An event is a fact: frozen, past tense, never taken back.
"""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any, ClassVar, Self, get_args

from pydantic import AwareDatetime

from contracts.vocabulary import Frozen, Id

EVENT_IDS = uuid.UUID("b2b0f3a2-6d51-5c8f-9d0e-0f6d1c9a7e01")
"""Namespace of the ids derived from a cause: the same cause says the same event, so a repeat is seen as one."""


class Event(Frozen):
    """A fact about `subject` in one territory.

    `source` is the service that says it and `version` the version of the contract it was written with.
    """

    type: str
    id: Id
    source: Id
    subject: Id
    time: AwareDatetime
    territory: Id
    version: int = 1
    traceparent: str | None = None

    VERSION: ClassVar[int] = 1

    @classmethod
    def wire_type(cls) -> str:
        """The name on the wire, `noun.participle`."""
        return _wire_type(cls)

    @classmethod
    def say(cls, subject: str, *, cause: str | None = None, **data: Any) -> Self:
        """A new event about `subject`. With a `cause` its id is derived, so that a repeated cause repeats the id."""
        wire = cls.wire_type()
        name = uuid.uuid4() if cause is None else uuid.uuid5(EVENT_IDS, f"{wire}/{subject}/{cause}")
        return cls(type=wire, id=str(name), subject=subject, version=cls.VERSION, **data)


@cache
def _wire_type(event: type[Event]) -> str:
    """Looked up once: every event asks."""
    (value,) = get_args(event.model_fields["type"].annotation)
    return str(value)
